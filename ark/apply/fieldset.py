"""
Sets of fields of an object: what a manager owns, what a change touched.

Follows C{fieldpath.Set} in C{sigs.k8s.io/structured-merge-diff/v6}.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from ark.apply import fieldtree
from ark.apply.fieldpath import SELF, Path, element_key
from ark.apply.fieldtree import LEAF, Tree


class FieldSet:
    """
    An immutable set of paths.

    Sets share their parts with each other and with the JSON values they were made of.
    Every operation gives back the set it was called on if nothing changes, and L{EMPTY} if
    nothing is left, so both can be recognized with C{is}.

    @ivar reconciled_by: the schema that last found that the set needs no change.
    """

    __slots__ = ("_hash", "_text", "_tree", "reconciled_by")

    def __init__(self, tree: Tree) -> None:
        """
        @param tree: as L{ark.apply.fieldtree} describes; it must not change any more.
        """
        self._tree = tree
        self._hash: int | None = None
        self._text = b""
        self.reconciled_by: object = None

    @classmethod
    def parse(cls, fields: Mapping[str, Any] | None) -> FieldSet:
        """
        Read a decoded C{fieldsV1} that anybody may have written.

        @raise FieldsError: it is none.
        """
        tree = fieldtree.read(fields)
        return _set(tree and fieldtree.unmarked(tree))

    @classmethod
    def stored(cls, fields: dict[str, Any]) -> FieldSet:
        """
        Take over what L{fields_v1} gave once, without looking at it.

        @param fields: it must not change any more.
        """
        return _set(fields)

    @classmethod
    def of(cls, *paths: Path) -> FieldSet:
        """
        The set of some paths.  The empty path, the object as a whole, is in no set.
        """
        result = EMPTY
        for path in paths:
            tree: Tree = LEAF
            for element in reversed(path):
                tree = {element_key(element): tree}
            result = result.union(_set(tree))
        return result

    def fields_v1(self) -> dict[str, Any]:
        """
        The value of C{fieldsV1}, in the order in which Kubernetes writes it.

        It is the set itself and must not be changed.
        """
        return self._tree

    @property
    def text(self) -> bytes:
        """
        The same in JSON, made once.
        """
        if not self._text:
            self._text = orjson.dumps(self._tree)
        return self._text

    @property
    def empty(self) -> bool:
        """
        Whether no path is in the set.
        """
        return not self._tree

    def union(self, other: FieldSet) -> FieldSet:
        """
        What is in any of the two sets.
        """
        if not other._tree:
            return self
        if not self._tree:
            return other
        return self._with(fieldtree.union(self._tree, other._tree))

    def intersection(self, other: FieldSet) -> FieldSet:
        """
        What is in both sets.
        """
        if self._tree.keys().isdisjoint(other._tree):
            return EMPTY
        return self._with(fieldtree.intersection(self._tree, other._tree))

    def difference(self, other: FieldSet) -> FieldSet:
        """
        What is in this set and not in the other.  Paths below one that goes away stay.
        """
        if self._tree.keys().isdisjoint(other._tree):
            return self
        return self._with(fieldtree.difference(self._tree, other._tree))

    def recursive_difference(self, other: FieldSet) -> FieldSet:
        """
        What is in this set and neither in the other nor below one that is in the other.
        """
        if self._tree.keys().isdisjoint(other._tree):
            return self
        return self._with(fieldtree.recursive_difference(self._tree, other._tree))

    def leaves(self) -> FieldSet:
        """
        The paths that have no other of the set below them.
        """
        return _set(fieldtree.leaves(self._tree))

    def has(self, path: Path) -> bool:
        """
        Whether a path is in the set.
        """
        tree = self._tree
        for element in path:
            below = tree.get(element_key(element))
            if below is None:
                return False
            tree = below
        return bool(path) and (not tree or SELF in tree)

    def paths(self) -> Iterator[Path]:
        """
        All paths in the order of Kubernetes: those of one level, then those below each.
        """
        return fieldtree.paths(self._tree)

    def _with(self, tree: Tree | None) -> FieldSet:
        return self if tree is self._tree else _set(tree)

    def __len__(self) -> int:
        return fieldtree.size(self._tree)

    def __bool__(self) -> bool:
        return bool(self._tree)

    def __iter__(self) -> Iterator[Path]:
        return self.paths()

    def __contains__(self, path: Path) -> bool:
        return self.has(path)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, FieldSet):
            return NotImplemented
        return self._tree is other._tree or self._tree == other._tree

    def __hash__(self) -> int:
        if self._hash is None:
            # Of the whole, for most sets of one kind of objects begin alike.
            try:
                self._hash = hash(orjson.dumps(self._tree, option=orjson.OPT_SORT_KEYS))
            except orjson.JSONEncodeError:
                # Deeper than it can write.
                self._hash = hash(frozenset(self._tree))
        return self._hash

    def __repr__(self) -> str:
        return f"<FieldSet {self._tree!r}>"


EMPTY = FieldSet({})
"""
The set of nothing.
"""


def _set(tree: Tree | None) -> FieldSet:
    return FieldSet(tree) if tree else EMPTY
