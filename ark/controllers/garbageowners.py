"""
Looks objects and their owners up, and tells which owners still hold an object.

Follows C{isDangling} and C{classifyReferences} of
C{k8s.io/kubernetes/pkg/controller/garbagecollector/garbagecollector.go}.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import orjson

from ark.controllers.garbagenodes import AbsentOwners, ObjectReference, OwnerReference
from ark.registry.deletion import FOREGROUND
from ark.registry.store import Store


class UnknownKind(Exception):
    """
    A reference names a kind that is not served.  It may be served later.
    """

    def __init__(self, api_version: str, kind: str) -> None:
        super().__init__(f"unable to get REST mapping for {api_version}/{kind}")


class NamespacedOwner(Exception):
    """
    An object without a namespace names an owner that has one: that can never be right.
    """


class Live(NamedTuple):
    """
    An object as it is now.
    """

    store: Store
    metadata: dict[str, Any]


class Owners(NamedTuple):
    """
    The owners of an object: those that are there, those that are not, and those that are
    there only until their dependents are gone.
    """

    solid: list[OwnerReference]
    dangling: list[OwnerReference]
    waiting: list[OwnerReference]


FindStore = Callable[[str, str], "Store | None"]


class OwnerLookup:
    """
    Asks the stores for the newest state, and remembers what does not exist.

    @param store_for: the store of an C{apiVersion} and C{kind}, if it is served.
    """

    def __init__(self, store_for: FindStore, absent: AbsentOwners) -> None:
        self._store_for = store_for
        self._absent = absent

    def store(self, api_version: str, kind: str) -> Store:
        """
        Where the objects of a kind are.

        @raise UnknownKind: it is not served.
        """
        store = self._store_for(api_version, kind)
        if store is None:
            raise UnknownKind(api_version, kind)
        return store

    async def live(self, reference: ObjectReference) -> Live | None:
        """
        The very object that C{reference} names, by its uid too.

        @raise UnknownKind: its kind is not served.
        @raise NamespacedOwner: it must have a namespace, and C{reference} has none.
        """
        store = self.store(reference.api_version, reference.kind)
        if store.kind.namespaced and not reference.namespace:
            raise NamespacedOwner(str(reference))
        version = await store.cacher.get(store.key(reference.namespace, reference.name), None)
        if version is None or version.uid != reference.uid:
            return None
        return Live(store, orjson.loads(version.body)["metadata"])

    async def classify(self, namespace: str, owners: Iterable[OwnerReference]) -> Owners:
        """
        Sort the owners of an object.

        @param namespace: the object's.
        @raise UnknownKind: one of them is of a kind that is not served.
        @raise NamespacedOwner: the object has no namespace, and one of them has.
        """
        found = Owners([], [], [])
        for owner in owners:
            live = await self._owner(owner, namespace)
            if live is None:
                found.dangling.append(owner)
            elif live.metadata.get("deletionTimestamp") and FOREGROUND in (
                live.metadata.get("finalizers") or ()
            ):
                found.waiting.append(owner)
            else:
                found.solid.append(owner)
        return found

    async def _owner(self, owner: OwnerReference, namespace: str) -> Live | None:
        if owner.within("") in self._absent or owner.within(namespace) in self._absent:
            return None
        reference = owner.within(namespace)
        if not self.store(owner.api_version, owner.kind).kind.namespaced:
            reference = owner.within("")
        live = await self.live(reference)
        if live is None:
            self._absent.add(reference)
        return live
