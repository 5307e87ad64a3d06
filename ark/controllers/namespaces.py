"""
Empties namespaces that are being deleted, and then lets them go.

Follows C{k8s.io/kubernetes/pkg/controller/namespace}; contract 21.1.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from typing import Any, NamedTuple

import orjson
from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger

from ark.authentication.userinfo import MASTERS_GROUP, UserInfo
from ark.controllers.conditions import Remaining, conditions_after
from ark.controllers.together import together
from ark.meta.gvk import GroupResource
from ark.meta.options import DeleteOptions
from ark.meta.records import MODIFIED, Range, Version
from ark.meta.status import APIStatus
from ark.meta.time import rfc3339
from ark.registry.core import NAMESPACE_FINALIZER
from ark.registry.store import Store, Transform, WriteContext
from ark.registry.stores import Stores
from ark.storage.errors import StorageError
from ark.watch.events import WatchEvent

USER = UserInfo("system:serviceaccount:kube-system:namespace-controller", groups=(MASTERS_GROUP,))
FIELD_MANAGER = "kube-controller-manager"
PAGE = 100
FIRST_RETRY = 0.1
LAST_RETRY = 60.0
AFTERMATH = 2.0

_log = Logger()


class _Condemned(NamedTuple):
    name: str
    uid: str


Guard = Callable[[_Condemned], Awaitable[bool]]


class NamespaceController:
    """
    Is told of every state of every namespace, and works on those that are terminating.

    One coroutine a namespace: it deletes what it finds, waits for what finalizers hold,
    and looks again when something has gone, or has failed a while ago.  When nothing is
    left it takes the finalizer off.  A write that was admitted while the namespace still
    lived may come after that; so it looks once more a little later.

    @param now: the time of day.
    """

    def __init__(self, stores: Stores, reactor: Any, now: Callable[[], float]) -> None:
        namespaces = stores.of_resource("namespaces")
        if namespaces is None:
            raise ValueError("no kind of this server is the namespace")
        self._namespaces = namespaces
        self._stores = stores
        self._reactor = reactor
        self._now = now
        self._working: dict[_Condemned, Deferred[None]] = {}
        self._timers: dict[str, Any] = {}
        self._stopped = False
        self._unlisten = namespaces.cacher.hub.listen(self)

    def observe(self, text: bytes) -> None:
        """
        Take note of a namespace's state.

        @param text: the object, JSON.
        """
        # Most states of a namespace do not have the word.
        if self._stopped or b'"deletionTimestamp"' not in text:
            return
        metadata = orjson.loads(text)["metadata"]
        if metadata.get("deletionTimestamp"):
            self._begin(_Condemned(metadata["name"], metadata["uid"]), self._terminate)

    def stop(self) -> None:
        """
        Leave everything as it is.
        """
        self._stopped = True
        self._unlisten()
        for work in list(self._working.values()):
            work.cancel()

    def entered(self, event: WatchEvent) -> None:
        """
        Look soon at a namespace in which something has come or gone.
        """
        timer = self._timers.get(event.version.key.namespace)
        if timer is None or event.version.event == MODIFIED:
            return
        if timer.getTime() - self._reactor.seconds() > FIRST_RETRY:
            # Much may go at the same time.
            timer.reset(FIRST_RETRY)

    def lost(self) -> None:
        """
        Whatever went unseen is seen at the next look.
        """

    def _begin(self, condemned: _Condemned, work: Callable[[_Condemned], Coroutine[Any, Any, None]]) -> None:
        if condemned in self._working:
            return
        running = self._working[condemned] = Deferred.fromCoroutine(work(condemned))
        running.addErrback(self._failed, condemned)
        running.addBoth(self._done, condemned)

    def _done(self, _result: object, condemned: _Condemned) -> None:
        self._working.pop(condemned, None)

    def _failed(self, failure: Any, condemned: _Condemned) -> None:
        if not failure.check(CancelledError):
            _log.failure("cannot terminate namespace {name}", failure, name=condemned.name)

    async def _terminate(self, condemned: _Condemned) -> None:
        delay = FIRST_RETRY
        while True:
            try:
                if not await self._is_terminating(condemned):
                    break
                remaining = await self._empty(condemned, self._is_terminating)
                await self._report(condemned, remaining)
                if remaining.empty:
                    await self._finalize(condemned)
                    break
            except APIStatus as status:
                if status.code == 404:
                    break
                _log.warn("namespace {name}: {message}", name=condemned.name, message=status.message)
            except StorageError as error:
                _log.warn("namespace {name}: {error}", name=condemned.name, error=error)
            await self._sleep(delay, condemned.name)
            delay = min(delay * 2, LAST_RETRY)
        await self._sleep(AFTERMATH)
        await self._empty(condemned, self._has_gone)

    async def _is_terminating(self, condemned: _Condemned) -> bool:
        """
        Whether the very namespace is still there; another one of its name may live by now.
        """
        version = await self._namespace(condemned)
        return version is not None and version.uid == condemned.uid

    async def _has_gone(self, condemned: _Condemned) -> bool:
        return await self._namespace(condemned) is None

    async def _namespace(self, condemned: _Condemned) -> Version | None:
        store = self._namespaces
        return await store.cacher.get(store.key("", condemned.name), None)

    async def _sleep(self, seconds: float, name: str = "") -> None:
        """
        @param name: a namespace whose changes may end it early.
        """
        done: Deferred[None] = Deferred(lambda _: timer.cancel())
        timer = self._reactor.callLater(seconds, done.callback, None)
        if name:
            self._timers[name] = timer
        try:
            await done
        finally:
            if self._timers.get(name) is timer:
                del self._timers[name]

    def _content(self) -> list[Store]:
        """
        The stores of all that can be in a namespace now.
        """
        stores = self._stores
        return [
            store
            for kind in stores.resources()
            if kind.namespaced and (store := stores.of_resource(kind.resource))
        ]

    async def _empty(self, condemned: _Condemned, still: Guard) -> Remaining:
        """
        Delete everything in a namespace, and return what is still there.

        @param still: asked after each look at what there is: what was there then, and
            only that, may go when the answer is yes.
        """
        resources: Counter[GroupResource] = Counter()
        finalizers: Counter[str] = Counter()
        errors = []
        for store in self._content():
            try:
                async for text in self._empty_one(store, condemned, still):
                    resources[store.kind.gr] += 1
                    finalizers.update(orjson.loads(text)["metadata"].get("finalizers") or ())
            except CancelledError:
                raise
            except Exception as error:
                # One resource that fails must not keep the others from going.
                errors.append(f"{store.kind.gr}: {error}")
        return Remaining(resources, finalizers, errors)

    async def _empty_one(self, store: Store, condemned: _Condemned, still: Guard) -> AsyncIterator[bytes]:
        """
        Delete the objects of one resource; give the texts of those that finalizers hold.
        """
        after: tuple[str, str] | None = None
        while True:
            page = await store.cacher.list(Range(store.kind.resource, condemned.name, after), PAGE, None)
            if not page.versions or not await still(condemned):
                return
            for text in await together(self._delete(store, version) for version in page.versions):
                if text is not None:
                    yield text
            if not page.more:
                return
            last = page.versions[-1].key
            after = (last.namespace, last.name)

    async def _delete(self, store: Store, version: Version) -> bytes | None:
        """
        Delete one object.

        @return: its text, when finalizers hold it.
        """
        options = DeleteOptions(propagation_policy="Background", precondition_uid=version.uid)
        context = WriteContext(user=USER, field_manager=FIELD_MANAGER, options=options)
        try:
            deleted = await store.delete(version.key.namespace, version.key.name, options, context)
        except APIStatus as status:
            if status.code == 404:
                return None
            if status.code == 409:
                # Another one of its name has come: the next look tells.
                return version.body
            raise
        return None if deleted.gone else deleted.text

    async def _finalize(self, condemned: _Condemned) -> None:
        def without_finalizer(old: dict[str, Any] | None) -> dict[str, Any]:
            spec = (old or {}).get("spec") or {}
            kept = [entry for entry in spec.get("finalizers") or () if entry != NAMESPACE_FINALIZER]
            return {**(old or {}), "spec": {**spec, "finalizers": kept}}

        await self._update(condemned, without_finalizer, "finalize")

    async def _report(self, condemned: _Condemned, remaining: Remaining) -> None:
        def with_conditions(old: dict[str, Any] | None) -> dict[str, Any]:
            status = (old or {}).get("status") or {}
            now = rfc3339(self._now())
            conditions = conditions_after(status.get("conditions") or (), remaining, now)
            return {**(old or {}), "status": {**status, "phase": "Terminating", "conditions": conditions}}

        await self._update(condemned, with_conditions, "status")

    async def _update(self, condemned: _Condemned, transform: Transform, subresource: str) -> None:
        context = WriteContext(user=USER, field_manager=FIELD_MANAGER)
        await self._namespaces.update(
            "", condemned.name, transform, context, subresource=subresource, uid=condemned.uid
        )
