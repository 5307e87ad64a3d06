"""
What comparisons find at one place of two objects, told once.

Objects of a kind change alike over and over: what differs is told by which members differ
and what was found at each, and where that was found before, the same object stands for it.
So whoever works on with it can tell at once that it knows it.
"""

from __future__ import annotations

from ark.apply.fieldset import EMPTY, FieldSet
from ark.apply.fieldtree import LEAF, Tree, in_order
from ark.apply.known import Known
from ark.apply.typed import Comparison

Part = tuple[str, "Found"]
"""
A key of a field, and what was found there.
"""

HEAVIEST = 4096
"""
What has more text in its keys is not remembered: there may be as much of it as of an object.
"""

_KEPT = 1024


class Found:
    """
    What is added, modified and removed at one place.  Immutable; each is equal to itself only.

    @ivar weight: the length of all keys in it, more than L{HEAVIEST} if it is not remembered.
    """

    __slots__ = ("_comparison", "added", "modified", "removed", "weight")

    def __init__(
        self,
        added: Tree | None = None,
        modified: Tree | None = None,
        removed: Tree | None = None,
        weight: int = 0,
    ) -> None:
        self.added = added
        self.modified = modified
        self.removed = removed
        self.weight = weight
        self._comparison: Comparison | None = None

    @property
    def comparison(self) -> Comparison:
        """
        The same in sets of fields, where the place is an object.
        """
        if self._comparison is None:
            self._comparison = Comparison(
                _set(self.added), _set(self.modified), _set(self.removed), self.weight <= HEAVIEST
            )
        return self._comparison


class Held:
    """
    The fields of a value that only one of two objects has.  As L{Found}.

    @ivar added: what that means if it is the new one.
    @ivar removed: what that means if it is the old one.
    """

    __slots__ = ("added", "removed", "tree", "weight")

    def __init__(self, tree: Tree, weight: int = 0) -> None:
        self.tree = tree
        self.weight = weight
        self.added = Found(added=tree, weight=weight)
        self.removed = Found(removed=tree, weight=weight)


def _set(tree: Tree | None) -> FieldSet:
    return FieldSet(tree) if tree else EMPTY


MODIFIED = Found(modified=LEAF)
LEAF_HELD = Held(LEAF)


class Founds(Known[tuple[Part, ...], Found]):
    """
    What was found at members or items, by what was found at each.
    """

    def __init__(self) -> None:
        super().__init__(_KEPT)

    def join(self, parts: tuple[Part, ...]) -> Found:
        """
        Put together what was found at each, and remember it.

        @param parts: at least one; those of one key differ in what they tell.
        """
        added: Tree = {}
        modified: Tree = {}
        removed: Tree = {}
        for key, found in parts:
            if found.added is not None:
                added[key] = found.added
            if found.modified is not None:
                modified[key] = found.modified
            if found.removed is not None:
                removed[key] = found.removed
        weight = weight_of(parts)
        result = Found(in_order(added) or None, in_order(modified) or None, in_order(removed) or None, weight)
        return result if weight > HEAVIEST else self.keep(parts, result)


def weight_of(parts: tuple[tuple[str, Found | Held], ...]) -> int:
    """
    How much text the keys of a place have.
    """
    return sum(len(key) + part.weight for key, part in parts)
