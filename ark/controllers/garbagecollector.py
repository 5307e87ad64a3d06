"""
Deletes what only objects that have gone own, and sees deletions through that wait for
dependents (contract 8, 21.4).

Follows C{k8s.io/kubernetes/pkg/controller/garbagecollector}.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import orjson
from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from ark.controllers.events import WARNING, EventRecorder
from ark.controllers.garbageactions import GarbageActions
from ark.controllers.garbagegraph import Graph
from ark.controllers.garbagenodes import (
    PLAIN,
    Node,
    ObjectReference,
    Observed,
    OwnerReference,
    observed_of,
    owners_of,
)
from ark.controllers.garbageowners import Live, NamespacedOwner, OwnerLookup, UnknownKind
from ark.controllers.monitor import Monitor
from ark.controllers.together import together
from ark.controllers.workqueue import WorkQueue
from ark.meta.gvk import GroupResource
from ark.meta.records import DELETED, Version
from ark.registry.deletion import FOREGROUND, ORPHAN
from ark.registry.store import Store
from ark.registry.stores import Stores
from ark.watch.cacher import Cacher
from ark.watch.events import WatchEvent

COMPONENT = "garbage-collector-controller"
IGNORED = frozenset((GroupResource("", "events"), GroupResource("events.k8s.io", "events")))
"""What is neither collected nor has dependents (C{DefaultIgnoredResources})."""

_ORPHANS_AT_ONCE = 50

_log = Logger()


class GarbageCollector:
    """
    Follows all objects of all kinds, and deletes those whose owners have gone.

    What it knows of an object is where it is and who owns it; before it writes it looks
    at the object itself.
    """

    def __init__(self, stores: Stores, cacher: Cacher, reactor: Any, recorder: EventRecorder) -> None:
        """
        @param recorder: tells people of references that can never be right.
        """
        self._stores = stores
        self._recorder = recorder
        self._deletions: WorkQueue[Node] = WorkQueue("garbage", self._attempt_to_delete, reactor)
        self._orphanings: WorkQueue[Node] = WorkQueue("orphans", self._attempt_to_orphan, reactor)
        self.graph = Graph(self._deletions.add, self._orphanings.add, self._report)
        self._lookup = OwnerLookup(self._store_for, self.graph.absent)
        self._actions = GarbageActions(self._lookup)
        self._kinds: dict[tuple[str, str], Store] = {}
        self._followed: dict[str, Store] = {}
        self._monitor = Monitor(cacher, reactor, self)
        self._starting: Deferred[None] | None = None
        self._unsubscribe: Callable[[], None] | None = None

    @property
    def idle(self) -> bool:
        """
        Whether nothing is under way, nor waits to be tried again.
        """
        return not self._deletions and not self._orphanings

    def start(self) -> None:
        """
        Begin to collect when all objects are known.
        """
        self._unsubscribe = self._stores.subscribe(self._refresh)
        self._refresh()
        self._starting = Deferred.fromCoroutine(self._start())
        self._starting.addErrback(_stopped)

    async def _start(self) -> None:
        await self._monitor.synced()
        self._deletions.start()
        self._orphanings.start()

    def stop(self) -> None:
        """
        Leave everything as it is.
        """
        if self._unsubscribe is None:
            return
        self._unsubscribe()
        self._unsubscribe = None
        if self._starting is not None:
            self._starting.cancel()
        self._deletions.stop()
        self._orphanings.stop()
        self._monitor.stop()

    # Kinds

    def _refresh(self, _change: object = None) -> None:
        """
        Follow the kinds that there are now, and no others.
        """
        self._kinds = {_type(store): store for store in self._stores}
        wanted = {
            kind.resource: store
            for kind in self._stores.resources()
            if kind.gr not in IGNORED and (store := self._stores.of_resource(kind.resource))
        }
        for resource, store in self._followed.items():
            if resource not in wanted or wanted[resource].kind.gvk != store.kind.gvk:
                self._monitor.unfollow(resource)
                for node in self._seen(store):
                    self.graph.forget(node)
        self._followed = wanted
        for resource in wanted:
            self._monitor.follow(resource)
        # What failed because a kind was not known may succeed now.
        self._deletions.retry_all()

    def _store_for(self, api_version: str, kind: str) -> Store | None:
        return self._kinds.get((api_version, kind))

    def _seen(self, store: Store) -> list[Node]:
        type = _type(store)
        return [node for node in self.graph.nodes() if node.type == type and not node.virtual]

    # What the monitor tells

    def present(self, version: Version) -> None:
        """
        An object is there.
        """
        self.graph.observe(self._reference(version), _observed(version))

    def complete(self, resource: str, present: set[str]) -> None:
        """
        Those of a resource that were not told of have gone.
        """
        store = self._followed.get(resource)
        if store is None:
            return
        if self.graph.seen(_type(store)) == len(present):
            return
        for node in self._seen(store):
            if node.uid not in present:
                self.graph.remove(node.uid)

    def changed(self, event: WatchEvent) -> None:
        """
        An object is new, has changed or has gone.
        """
        version = event.version
        if version.event == DELETED:
            self.graph.remove(version.uid)
            return
        now = _observed(version)
        if now is PLAIN:
            node = self.graph.find(version.uid)
            # Most changes of most objects: nothing that counts here.
            if node is not None and not node.owners and not node.virtual:
                return
        before = _observed(event.before) if event.before is not None and now.being_deleted else None
        self.graph.observe(self._reference(version), now, before)

    def _reference(self, version: Version) -> ObjectReference:
        resource, namespace, name = version.key
        kind = self._followed[resource].kind
        return ObjectReference(kind.api_version, kind.kind, namespace, name, version.uid)

    def _report(self, node: Node, owner: OwnerReference) -> None:
        message = f'ownerRef {owner.within(node.namespace)} does not exist in namespace "{node.namespace}"'
        self._recorder.record(node.reference, WARNING, "OwnerRefInvalidNamespace", message)

    # Deleting

    async def _attempt_to_delete(self, node: Node) -> bool:
        """
        @return: whether to look again later.
        """
        if node.virtual:
            if self.graph.find(node.uid) is not node:
                return False
            if not node.dependents:
                self.graph.forget(node)
                return False
        elif not node.owners and not node.deleting_dependents:
            # The log, in its order, says so: an owner that it gets later brings it here again.
            return False
        try:
            await self._process(node)
        except NamespacedOwner:
            # That will not get better.
            return False
        except UnknownKind as error:
            _log.debug("{node}: {error}", node=node, error=error)
            return True
        # Until it was seen itself: it may have gone before anybody saw it.
        return node.virtual and self.graph.find(node.uid) is node

    async def _process(self, node: Node) -> None:
        if node.being_deleted and not node.deleting_dependents:
            return
        reference = node.reference
        live = await self._lookup.live(reference)
        if live is None:
            self.graph.remove_absent(reference)
        elif node.deleting_dependents:
            await self._continue_foreground(node, reference)
        elif live.metadata.get("ownerReferences"):
            await self._judge(node, reference, live)

    async def _continue_foreground(self, node: Node, reference: ObjectReference) -> None:
        blocking = node.blocking_dependents
        if not blocking:
            await self._actions.remove_finalizer(reference, FOREGROUND)
        for dependent in blocking:
            if not dependent.deleting_dependents:
                self._deletions.add(dependent)

    async def _judge(self, node: Node, reference: ObjectReference, live: Live) -> None:
        """
        Delete an object, or take owners off it, or leave it alone.
        """
        owners = await self._lookup.classify(reference.namespace, owners_of(live.metadata))
        if owners.solid:
            uids = {owner.uid for owner in (*owners.dangling, *owners.waiting)}
            if uids:
                await self._actions.remove_owners(reference, uids)
            return
        policy = "Background"
        if owners.waiting and node.dependents:
            if any(dependent.deleting_dependents for dependent in node.dependents):
                # It may be a circle, in which each waits for the next one.
                await self._actions.unblock_owners(reference)
                refreshed = await self._lookup.live(reference)
                if refreshed is None:
                    self.graph.remove_absent(reference)
                    return
                live = refreshed
            policy = "Foreground"
        else:
            finalizers = live.metadata.get("finalizers") or ()
            policy = (
                "Orphan" if ORPHAN in finalizers else "Foreground" if FOREGROUND in finalizers else policy
            )
        if not await self._actions.delete(reference, live, policy):
            self.graph.remove_absent(reference)

    # Orphaning

    async def _attempt_to_orphan(self, node: Node) -> bool:
        reference = node.reference
        dependents = node.dependents
        for start in range(0, len(dependents), _ORPHANS_AT_ONCE):
            await self._orphan(dependents[start : start + _ORPHANS_AT_ONCE], reference.uid)
        await self._actions.remove_finalizer(reference, ORPHAN)
        return False

    async def _orphan(self, dependents: Sequence[Node], uid: str) -> None:
        await together(self._actions.remove_owners(dependent.reference, {uid}) for dependent in dependents)


def _type(store: Store) -> tuple[str, str]:
    return store.kind.api_version, store.kind.kind


def _stopped(failure: Failure) -> None:
    failure.trap(CancelledError)  # type: ignore[no-untyped-call]  # Twisted's, without types


def _observed(version: Version) -> Observed:
    body = version.body
    if b'"ownerReferences"' not in body and b'"deletionTimestamp"' not in body:
        return PLAIN
    observed = observed_of(orjson.loads(body)["metadata"])
    return observed if observed.owners or observed.being_deleted else PLAIN
