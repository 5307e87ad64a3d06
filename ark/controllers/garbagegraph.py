"""
Who owns whom: objects by uid, and what a change of one means for others.

Follows C{graph_builder.go} of C{k8s.io/kubernetes/pkg/controller/garbagecollector}.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from ark.controllers.garbagenodes import AbsentOwners, Node, ObjectReference, Observed, OwnerReference

Enqueue = Callable[[Node], None]


class Graph:
    """
    Is told of every change of every object, in order, and tells who must be looked at for it.

    @ivar absent: owners known not to exist.
    """

    def __init__(
        self,
        attempt_to_delete: Enqueue,
        attempt_to_orphan: Enqueue,
        report: Callable[[Node, OwnerReference], None],
    ) -> None:
        """
        @param attempt_to_delete: told of nodes whose owners, or whose existence, may have
            gone, and of those whose dependents may have.
        @param attempt_to_orphan: told of nodes whose dependents are to be left alone.
        @param report: told of a reference to an owner in another namespace.
        """
        self.absent = AbsentOwners()
        self._nodes: dict[str, Node] = {}
        self._seen: Counter[tuple[str, str]] = Counter()
        self._attempt_to_delete = attempt_to_delete
        self._attempt_to_orphan = attempt_to_orphan
        self._report = report

    def __len__(self) -> int:
        return len(self._nodes)

    def find(self, uid: str) -> Node | None:
        """
        The node of an object that exists or is said to.
        """
        return self._nodes.get(uid)

    def nodes(self) -> list[Node]:
        """
        All of them.
        """
        return list(self._nodes.values())

    def seen(self, type: tuple[str, str]) -> int:
        """
        How many objects of an C{apiVersion} and C{kind} were seen themselves.
        """
        return self._seen[type]

    # Objects that were seen

    def observe(self, reference: ObjectReference, now: Observed, before: Observed | None = None) -> None:
        """
        An object is there, or has changed.

        @param before: what it was, if that is known.
        """
        node = self._nodes.get(reference.uid)
        if node is None:
            node = self._nodes[reference.uid] = Node(reference)
            self._seen[node.type] += 1
            node.being_deleted = now.being_deleted
            node.deleting_dependents = now.being_deleted and now.foreground
            node.owners = now.owners
            self._add_to_owners(node, now.owners)
        else:
            if node.virtual:
                self._become_real(node, reference)
            if node.owners != now.owners:
                self._change_owners(node, now.owners)
            if now.being_deleted:
                node.being_deleted = True
        self._follow_deletion(node, now, before)

    def _become_real(self, node: Node, reference: ObjectReference) -> None:
        node.virtual = False
        self._seen[reference[:2]] += 1
        if node.reference == reference:
            return
        # Those who expect it elsewhere may name an owner that does not exist.
        for dependent in partition(node.dependents, reference)[1]:
            if reference.namespace and dependent.namespace != reference.namespace:
                self._report_all(dependent, node.uid)
            self._attempt_to_delete(dependent)
        node.locate(reference)

    def _report_all(self, node: Node, uid: str) -> None:
        for owner in node.owners:
            if owner.uid == uid:
                self._report(node, owner)
                return

    def _follow_deletion(self, node: Node, now: Observed, before: Observed | None) -> None:
        if now.begins(before, "orphans"):
            self._attempt_to_orphan(node)
        elif now.begins(before, "foreground"):
            node.deleting_dependents = True
            for dependent in node.dependents:
                self._attempt_to_delete(dependent)
            self._attempt_to_delete(node)

    def _change_owners(self, node: Node, owners: tuple[OwnerReference, ...]) -> None:
        old = {owner.uid: owner for owner in node.owners}
        new = {owner.uid: owner for owner in owners}
        added = [owner for owner in owners if owner.uid not in old]
        removed = [owner for uid, owner in old.items() if uid not in new]
        for uid, owner in old.items():
            if owner.blocks and not (uid in new and new[uid].blocks):
                self._look_at_owner(uid)
        node.owners = owners
        self._add_to_owners(node, added)
        self._drop_from_owners(node, removed)

    def _look_at_owner(self, uid: str) -> None:
        node = self._nodes.get(uid)
        if node is not None:
            self._attempt_to_delete(node)

    def _add_to_owners(self, node: Node, owners: Iterable[OwnerReference]) -> None:
        doubtful = False
        for owner in owners:
            found = self._nodes.get(owner.uid)
            if found is None:
                found = self._nodes[owner.uid] = Node(owner.within(node.namespace), virtual=True)
                found.add_dependent(node)
                self._attempt_to_delete(found)
            else:
                found.add_dependent(node)
                doubtful = doubtful or self._is_doubtful(node, owner, found)
        if doubtful:
            self._attempt_to_delete(node)

    def _is_doubtful(self, node: Node, owner: OwnerReference, found: Node) -> bool:
        """
        Whether C{owner} may name an object that does not exist, though its uid is known.
        """
        if found.namespace and found.namespace != node.namespace:
            if not found.virtual:
                self._report(node, owner)
            return True
        if (owner.api_version, owner.kind, owner.name) != (*found.type, found.name):
            return True
        # A kind whose objects have namespaces may have been named by an object without one.
        return not found.namespace and bool(node.namespace) and found.virtual

    def _drop_from_owners(self, node: Node, owners: Iterable[OwnerReference]) -> None:
        for owner in owners:
            found = self._nodes.get(owner.uid)
            if found is not None:
                found.drop_dependent(node)

    # Objects that have gone

    def remove(self, uid: str) -> None:
        """
        An object has gone.
        """
        node = self._nodes.get(uid)
        if node is not None:
            self._remove(node)

    def _remove(self, node: Node) -> None:
        del self._nodes[node.uid]
        if not node.virtual:
            self._seen[node.type] -= 1
        self._drop_from_owners(node, node.owners)
        dependents = node.dependents
        if dependents:
            self.absent.add(node.reference)
        for dependent in dependents:
            self._attempt_to_delete(dependent)
        for owner in node.owners:
            found = self._nodes.get(owner.uid)
            if found is not None and found.deleting_dependents:
                self._attempt_to_delete(found)

    def remove_absent(self, reference: ObjectReference) -> None:
        """
        An object was looked for where C{reference} says, and is not there.

        If those who name it as an owner disagree on where it is, it stays, to be looked for
        in the next place.
        """
        node = self._nodes.get(reference.uid)
        if node is None:
            return
        if not node.virtual and node.reference == reference:
            self._remove(node)
            return
        agreeing, others = partition(node.dependents, reference)
        if node.virtual and not others:
            node.locate(reference)
            self._remove(node)
            return
        if agreeing:
            self.absent.add(reference)
            for dependent in agreeing:
                self._attempt_to_delete(dependent)
        if node.virtual and node.reference == reference:
            node.locate(alternate(others, reference) or reference)

    def forget(self, node: Node) -> None:
        """
        Nothing is known of an object any more: its kind is served no longer, or nobody names it.
        """
        self._drop_from_owners(node, node.owners)
        if not node.virtual:
            self._seen[node.type] -= 1
        node.owners = ()
        node.virtual = True
        node.being_deleted = node.deleting_dependents = False
        if not node.dependents:
            self._nodes.pop(node.uid, None)


def partition(nodes: Sequence[Node], owner: ObjectReference) -> tuple[list[Node], list[Node]]:
    """
    Those who name an owner as it is, and those who name its uid with something else.

    Who names it twice may be among both.
    """
    agreeing: list[Node] = []
    others: list[Node] = []
    for node in nodes:
        if owner.namespace and owner.namespace != node.namespace:
            others.append(node)
            continue
        same = {named.within(owner.namespace) == owner for named in node.owners if named.uid == owner.uid}
        if True in same:
            agreeing.append(node)
        if False in same:
            others.append(node)
    return agreeing, others


def alternate(nodes: Iterable[Node], absent: ObjectReference) -> ObjectReference | None:
    """
    Where else an owner may be that is not where C{absent} says: the next place that one of
    C{nodes} names, in an order that comes round to all of them.
    """
    places: set[ObjectReference] = set()
    for node in nodes:
        for owner in node.owners:
            if owner.uid != absent.uid:
                continue
            named = owner.within(node.namespace)
            if not absent.namespace and named[:2] == absent[:2]:
                # It is known by now that objects of this kind have no namespace.
                named = named._replace(namespace="")
            if named != absent:
                places.add(named)
    if not places:
        return None
    ordered = sorted(places, key=_order)
    return next((place for place in ordered if _order(place) > _order(absent)), ordered[0])


def _order(reference: ObjectReference) -> tuple[str, ...]:
    return (reference.kind, reference.api_version, reference.namespace, reference.name, reference.uid)
