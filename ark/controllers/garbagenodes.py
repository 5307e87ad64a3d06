"""
What the garbage collector knows of objects, and of the references between them.

Follows C{graph.go} and C{uid_cache.go} of C{k8s.io/kubernetes/pkg/controller/garbagecollector}.
"""

from __future__ import annotations

from collections import OrderedDict
from functools import lru_cache
from sys import intern
from typing import Any, NamedTuple

from ark.registry.deletion import FOREGROUND, ORPHAN

ABSENT_OWNERS = 500


@lru_cache(1024)
def _type_of(api_version: str, kind: str) -> tuple[str, str]:
    """
    The same tuple for all objects of a kind.
    """
    return api_version, kind


class ObjectReference(NamedTuple):
    """
    Where an object is, or is said to be.

    @ivar namespace: empty for what has none.
    """

    api_version: str
    kind: str
    namespace: str
    name: str
    uid: str

    def __str__(self) -> str:
        return (
            f"[{self.api_version}/{self.kind}, namespace: {self.namespace}, name: {self.name}, "
            f"uid: {self.uid}]"
        )


class OwnerReference(NamedTuple):
    """
    An entry of C{metadata.ownerReferences}.

    @ivar blocks: C{blockOwnerDeletion}.
    """

    api_version: str
    kind: str
    name: str
    uid: str
    blocks: bool = False

    def within(self, namespace: str) -> ObjectReference:
        """
        What it refers to, in a namespace.
        """
        return ObjectReference(self.api_version, self.kind, namespace, self.name, self.uid)


class Observed(NamedTuple):
    """
    What the graph wants to know of an object's metadata.
    """

    owners: tuple[OwnerReference, ...] = ()
    being_deleted: bool = False
    foreground: bool = False
    orphans: bool = False

    def begins(self, before: Observed | None, member: str) -> bool:
        """
        Whether a deletion that waits for C{member} has begun.
        """
        if not self.being_deleted or not getattr(self, member):
            return False
        return before is None or not before.being_deleted or not getattr(before, member)


PLAIN = Observed()
"""An object without owners that nobody deletes."""


@lru_cache(4096)
def _shared(owners: tuple[OwnerReference, ...]) -> tuple[OwnerReference, ...]:
    """
    The same tuple for siblings, which mostly come together.
    """
    return owners


def owners_of(metadata: dict[str, Any]) -> tuple[OwnerReference, ...]:
    """
    The owners that an object's metadata names.
    """
    owners = metadata.get("ownerReferences")
    if not owners:
        return ()
    return _shared(
        tuple(
            OwnerReference(
                intern(owner["apiVersion"]),
                intern(owner["kind"]),
                owner["name"],
                owner["uid"],
                owner.get("blockOwnerDeletion") is True,
            )
            for owner in owners
        )
    )


def observed_of(metadata: dict[str, Any]) -> Observed:
    """
    What the graph wants to know of C{metadata}.
    """
    finalizers = metadata.get("finalizers") or ()
    return Observed(
        owners_of(metadata),
        bool(metadata.get("deletionTimestamp")),
        FOREGROUND in finalizers,
        ORPHAN in finalizers,
    )


class Node:
    """
    An object.  There may be very many: it holds as little as can be.

    @ivar virtual: it was only heard of from those who name it as their owner.
    @ivar being_deleted: it has a C{deletionTimestamp}.
    @ivar deleting_dependents: it waits for its dependents to be deleted.
    """

    __slots__ = (
        "_dependents",
        "being_deleted",
        "deleting_dependents",
        "name",
        "namespace",
        "owners",
        "type",
        "uid",
        "virtual",
    )

    def __init__(self, reference: ObjectReference, virtual: bool = False) -> None:
        self._dependents: dict[Node, None] | None = None
        self.owners: tuple[OwnerReference, ...] = ()
        self.virtual = virtual
        self.being_deleted = False
        self.deleting_dependents = False
        self.uid = reference.uid
        self.locate(reference)

    def locate(self, reference: ObjectReference) -> None:
        """
        It is where C{reference} says.
        """
        self.type = _type_of(reference.api_version, reference.kind)
        self.namespace = intern(reference.namespace)
        self.name = reference.name

    @property
    def reference(self) -> ObjectReference:
        """
        Where it is, or is said to be.
        """
        return ObjectReference(*self.type, self.namespace, self.name, self.uid)

    def __repr__(self) -> str:
        return str(self.reference)

    @property
    def dependents(self) -> list[Node]:
        """
        Those who name it as an owner, in the order in which they came.
        """
        return list(self._dependents or ())

    def add_dependent(self, node: Node) -> None:
        """
        C{node} names it as an owner.
        """
        if self._dependents is None:
            self._dependents = {}
        self._dependents[node] = None

    def drop_dependent(self, node: Node) -> None:
        """
        C{node} names it no longer.
        """
        if self._dependents is not None:
            self._dependents.pop(node, None)
            if not self._dependents:
                self._dependents = None

    @property
    def blocking_dependents(self) -> list[Node]:
        """
        The dependents that must be gone before it may go; it does not wait for itself.
        """
        return [
            node
            for node in self.dependents
            if node is not self and any(owner.uid == self.uid and owner.blocks for owner in node.owners)
        ]


class AbsentOwners:
    """
    Remembers owners that were looked for and do not exist; the least used are forgotten.
    """

    def __init__(self, most: int = ABSENT_OWNERS) -> None:
        self._most = most
        self._known: OrderedDict[ObjectReference, None] = OrderedDict()

    def add(self, reference: ObjectReference) -> None:
        """
        There is no such object.
        """
        self._known[reference] = None
        self._known.move_to_end(reference)
        if len(self._known) > self._most:
            self._known.popitem(last=False)

    def __contains__(self, reference: ObjectReference) -> bool:
        if reference not in self._known:
            return False
        self._known.move_to_end(reference)
        return True
