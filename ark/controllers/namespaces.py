"""
Empties namespaces that are being deleted, and then lets them go.

Follows C{k8s.io/kubernetes/pkg/controller/namespace}; contract 21.1.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import orjson
from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger

from ark.authentication.userinfo import MASTERS_GROUP, UserInfo
from ark.controllers.conditions import Remaining, conditions_after
from ark.meta.gvk import GroupResource
from ark.meta.options import DeleteOptions
from ark.meta.records import Range
from ark.meta.status import APIStatus
from ark.meta.time import rfc3339
from ark.registry.core import NAMESPACE_FINALIZER
from ark.registry.store import Store, WriteContext
from ark.registry.stores import Stores

USER = UserInfo("system:serviceaccount:kube-system:namespace-controller", groups=(MASTERS_GROUP,))
PAGE = 100
FIRST_RETRY = 0.1
LAST_RETRY = 5.0
AFTERMATH = 2.0

_log = Logger()


class NamespaceController:
    """
    Is told of every state of every namespace, and works on those that are terminating.

    One coroutine a namespace: it deletes what it finds, waits for what finalizers hold,
    and looks again, less and less often.  When nothing is left it takes the finalizer
    off.  A write that was admitted while the namespace still lived may come after that;
    so it looks once more a little later.

    @param now: the time of day.
    """

    def __init__(self, stores: Stores, reactor: Any, now: Callable[[], float]) -> None:
        namespaces = stores.of_resource("namespaces")
        if namespaces is None:
            raise ValueError("no kind of this server is the namespace")
        self._namespaces = namespaces
        self._content = [
            store
            for kind in stores.resources()
            if kind.namespaced and (store := stores.of_resource(kind.resource))
        ]
        self._reactor = reactor
        self._now = now
        self._working: dict[str, Deferred[None]] = {}
        self._stopped = False

    def observe(self, text: bytes) -> None:
        """
        Take note of a namespace's state.

        @param text: the object, JSON.
        """
        # Most states of a namespace do not have the word.
        if self._stopped or b'"deletionTimestamp"' not in text:
            return
        metadata = orjson.loads(text)["metadata"]
        name = metadata["name"]
        if metadata.get("deletionTimestamp") and name not in self._working:
            work = self._working[name] = Deferred.fromCoroutine(self._terminate(name))
            work.addErrback(self._failed, name)
            work.addBoth(self._done, name)

    def stop(self) -> None:
        """
        Leave everything as it is.
        """
        self._stopped = True
        for work in list(self._working.values()):
            work.cancel()

    def _done(self, _result: object, name: str) -> None:
        self._working.pop(name, None)

    def _failed(self, failure: Any, name: str) -> None:
        if not failure.check(CancelledError):
            _log.failure("cannot terminate namespace {name}", failure, name=name)

    async def _terminate(self, name: str) -> None:
        delay = FIRST_RETRY
        while True:
            remaining = await self._empty(name)
            try:
                if remaining.empty:
                    await self._finalize(name)
                    break
                await self._report(name, remaining)
            except APIStatus as status:
                if status.code == 404:
                    break
                _log.warn("namespace {name}: {message}", name=name, message=status.message)
            await self._sleep(delay)
            delay = min(delay * 2, LAST_RETRY)
        await self._sleep(AFTERMATH)
        await self._clean_up(name)

    async def _sleep(self, seconds: float) -> None:
        done: Deferred[None] = Deferred(lambda _: timer.cancel())
        timer = self._reactor.callLater(seconds, done.callback, None)
        await done

    async def _clean_up(self, name: str) -> None:
        if await self._namespaces.cacher.get(self._namespaces.key("", name), None) is None:
            await self._empty(name)

    async def _empty(self, name: str) -> Remaining:
        """
        Delete everything in a namespace, and return what is still there.
        """
        resources: Counter[GroupResource] = Counter()
        finalizers: Counter[str] = Counter()
        errors = []
        for store in self._content:
            try:
                await self._empty_one(store, name, resources, finalizers)
            except CancelledError:
                raise
            except Exception as error:
                # One resource that fails must not keep the others from going.
                errors.append(f"{store.kind.gr}: {error}")
        return Remaining(resources, finalizers, errors)

    async def _empty_one(
        self, store: Store, namespace: str, resources: Counter[GroupResource], finalizers: Counter[str]
    ) -> None:
        after: tuple[str, str] | None = None
        while True:
            page = await store.cacher.list(Range(store.kind.resource, namespace, after), PAGE, None)
            for version in page.versions:
                text = await self._delete(store, namespace, version.key.name)
                if text is not None:
                    resources[store.kind.gr] += 1
                    finalizers.update(orjson.loads(text)["metadata"].get("finalizers") or ())
            if not page.more or not page.versions:
                return
            last = page.versions[-1].key
            after = (last.namespace, last.name)

    async def _delete(self, store: Store, namespace: str, name: str) -> bytes | None:
        """
        Delete one object.

        @return: its text, when finalizers hold it.
        """
        options = DeleteOptions(propagation_policy="Background")
        try:
            deleted = await store.delete(namespace, name, options, WriteContext(user=USER, options=options))
        except APIStatus as status:
            if status.code == 404:
                return None
            raise
        return None if deleted.gone else deleted.text

    async def _finalize(self, name: str) -> None:
        def without_finalizer(old: dict[str, Any] | None) -> dict[str, Any]:
            spec = (old or {}).get("spec") or {}
            kept = [entry for entry in spec.get("finalizers") or () if entry != NAMESPACE_FINALIZER]
            return {**(old or {}), "spec": {**spec, "finalizers": kept}}

        await self._namespaces.update("", name, without_finalizer, WriteContext(user=USER), "finalize")

    async def _report(self, name: str, remaining: Remaining) -> None:
        def with_conditions(old: dict[str, Any] | None) -> dict[str, Any]:
            status = (old or {}).get("status") or {}
            now = rfc3339(self._now())
            conditions = conditions_after(status.get("conditions") or (), remaining, now)
            return {**(old or {}), "status": {**status, "conditions": conditions}}

        await self._namespaces.update("", name, with_conditions, WriteContext(user=USER), "status")
