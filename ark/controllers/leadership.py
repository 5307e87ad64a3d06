"""
One of several servers runs the controllers: the one that holds a C{Lease}.

Follows C{k8s.io/client-go/tools/leaderelection}: a lease is held for as long as its holder
renews it, and who waits for it measures by his own clock how long it stood still.  The times
that a lease tells are for people, so that clocks may show what they want; only that they go at
about the same speed is relied on.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from twisted.internet.defer import CancelledError, Deferred, TimeoutError
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from ark.controllers.instances import USER
from ark.meta.status import APIStatus
from ark.meta.time import rfc3339_micro
from ark.registry.store import Store, WriteContext

NAMESPACE = "kube-system"
NAME = "ark-controllers"
LEASE_SECONDS = 15.0
RENEW_SECONDS = 10.0
RETRY_SECONDS = 2.0

Work = Callable[[], Awaitable[None]]


class Leadership:
    """
    Holds the lease when nobody else does.

    @param store: of leases.
    @param identity: who this is; different for each server.
    @param begin: is awaited when the lease was gained.
    @param end: is awaited when it was lost, or is given up.
    @ivar leads: whether it is held.
    """

    _log = Logger()

    def __init__(
        self, store: Store, identity: str, clock: tuple[Any, Callable[[], float]], begin: Work, end: Work
    ) -> None:
        self._store = store
        self._identity = identity
        self._reactor, self._now = clock
        self._begin = begin
        self._end = end
        self._seen: tuple[Any, ...] | None = None
        self._seen_at = 0.0
        self._renewed_at = 0.0
        self.leads = False
        self._loop = LoopingCall(self._try)
        self._loop.clock = self._reactor
        self._trying: Deferred[None] | None = None

    def start(self) -> None:
        """
        Begin to try.
        """
        self._loop.start(RETRY_SECONDS)

    async def stop(self) -> None:
        """
        Give the lease up, so that the next one need not wait.
        """
        if self._loop.running:
            self._loop.stop()
        if self._trying is not None:
            ended: Deferred[None] = Deferred()
            self._trying.addBoth(lambda _: ended.callback(None))
            await ended
        if self.leads:
            await self._step_down()
            try:
                await self._write(holder="")
            except APIStatus as status:
                self._log.warn("The lease of the controllers was not given up: {why}", why=status.message)

    def _try(self) -> Deferred[None]:
        self._trying = Deferred.fromCoroutine(self._once())
        self._trying.addBoth(self._tried)
        return self._trying

    def _tried(self, _: Any) -> None:
        self._trying = None

    async def _once(self) -> None:
        asked_at = self._reactor.seconds()
        left = self._renewed_at + RENEW_SECONDS - asked_at
        if self.leads and left <= 0:
            self._log.warn("This server has slept, and runs the controllers no more")
            await self._step_down()
        lost = "another one holds the lease"
        try:
            # Others are not kept waiting by what this one waits for.
            attempt = Deferred.fromCoroutine(self._hold())
            held = await attempt.addTimeout(left if self.leads else RENEW_SECONDS, self._reactor)
        except CancelledError:
            raise
        except Exception as error:
            why = "there was no answer in time" if isinstance(error, TimeoutError) else error
            self._log.warn("The lease of the controllers cannot be had: {why}", why=why)
            lost = "its lease was not renewed in time"
            held = self.leads and self._reactor.seconds() - self._renewed_at < RENEW_SECONDS
        else:
            if held:
                self._renewed_at = asked_at
        if held and not self.leads:
            self.leads = True
            self._log.info("This server runs the controllers")
            await self._begin()
        elif self.leads and not held:
            self._log.warn("This server runs the controllers no more: {why}", why=lost)
            await self._step_down()

    async def _step_down(self) -> None:
        self.leads = False
        await self._end()

    async def _hold(self) -> bool:
        """
        Take the lease or renew it.

        @return: whether it is held now.
        """
        try:
            spec = orjson.loads(await self._store.get(NAMESPACE, NAME))["spec"]
        except APIStatus as status:
            if status.code != 404:
                raise
            return await self._taken(self._create())
        holder = spec.get("holderIdentity") or ""
        state = (holder, spec.get("renewTime"), spec.get("leaseTransitions"))
        now = self._reactor.seconds()
        if state != self._seen:
            self._seen, self._seen_at = state, now
        seconds = spec.get("leaseDurationSeconds") or LEASE_SECONDS
        if holder not in ("", self._identity) and now - self._seen_at < seconds:
            return False
        return await self._taken(self._write(self._identity, expected=state))

    async def _taken(self, writing: Awaitable[None]) -> bool:
        try:
            await writing
        except APIStatus as status:
            if status.code in (404, 409):
                return False
            raise
        return True

    async def _create(self) -> None:
        body = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": NAME, "namespace": NAMESPACE},
            "spec": self._spec({}, self._identity),
        }
        await self._store.create(NAMESPACE, body, self._context())

    async def _write(self, holder: str, expected: tuple[Any, ...] | None = None) -> None:
        def held(lease: dict[str, Any] | None) -> dict[str, Any]:
            if lease is None:
                raise self._store.not_found(NAME)
            spec = lease.get("spec") or {}
            found = (spec.get("holderIdentity") or "", spec.get("renewTime"), spec.get("leaseTransitions"))
            if found != expected if expected is not None else found[0] != self._identity:
                raise APIStatus(409, "Conflict", "another server was quicker")
            return {**lease, "spec": self._spec(spec, holder)}

        await self._store.update(NAMESPACE, NAME, held, self._context())

    def _spec(self, old: dict[str, Any], holder: str) -> dict[str, Any]:
        time = rfc3339_micro(self._now())
        changes = holder != (old.get("holderIdentity") or "")
        spec = {
            **old,
            "holderIdentity": holder,
            "leaseDurationSeconds": int(LEASE_SECONDS),
            "renewTime": time,
            "leaseTransitions": old.get("leaseTransitions", 0) + int(changes and bool(old) and bool(holder)),
        }
        if changes:
            spec["acquireTime"] = time
        return spec

    def _context(self) -> WriteContext:
        return WriteContext(user=USER, field_manager="ark-server")
