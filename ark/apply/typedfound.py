"""
What comparisons find at one place of two objects, told once.

Objects of a kind change alike over and over: what differs is told by which members differ
and what was found at each, and where that was found before, the same object stands for it.
So whoever works on with it can tell at once that it knows it.
"""

from __future__ import annotations

from ark.apply.fieldset import EMPTY, FieldSet
from ark.apply.fieldtree import LEAF, Tree, in_order
from ark.apply.known import Recurring
from ark.apply.typed import Comparison

Part = tuple[str, "Found"]
"""
A key of a field, and what was found there.
"""

HEAVIEST = 1 << 14
"""
What takes more memory is not remembered: there may be as much in it as in an object.
"""

UNKNOWN = HEAVIEST + 1
"""
The weight of all that is not remembered.
"""

KEY_WEIGHT = 64
"""
What a key takes besides its text, roughly.
"""

_KEPT = 512


class Found:
    """
    What is added, modified and removed at one place.  Immutable; each is equal to itself only.

    @ivar weight: what all keys in it take; more than L{HEAVIEST} if this object is not remembered.
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

    __slots__ = ("_added", "_removed", "tree", "weight")

    def __init__(self, tree: Tree, weight: int = 0) -> None:
        self.tree = tree
        self.weight = weight
        self._added: Found | None = None
        self._removed: Found | None = None

    @property
    def added(self) -> Found:
        if self._added is None:
            self._added = Found(added=self.tree, weight=self.weight)
        return self._added

    @property
    def removed(self) -> Found:
        if self._removed is None:
            self._removed = Found(removed=self.tree, weight=self.weight)
        return self._removed


def _set(tree: Tree | None) -> FieldSet:
    return FieldSet(tree) if tree else EMPTY


MODIFIED = Found(modified=LEAF)
LEAF_HELD = Held(LEAF)


class Founds(Recurring[tuple[Part, ...], Found]):
    """
    What was found at members or items, by what was found at each.
    """

    def __init__(self) -> None:
        super().__init__(_KEPT)

    def join(self, parts: tuple[Part, ...]) -> Found:
        """
        Put together what was found at each, and remember it if that is found again.

        @param parts: at least one; those of one key differ in what they tell.
        """
        added: Tree = {}
        modified: Tree = {}
        removed: Tree = {}
        weight = 0
        for key, found in parts:
            weight += KEY_WEIGHT + len(key) + found.weight
            if found.added is not None:
                added[key] = found.added
            if found.modified is not None:
                modified[key] = found.modified
            if found.removed is not None:
                removed[key] = found.removed
        is_known = weight <= HEAVIEST and self.comes_again(parts)
        result = Found(
            in_order(added) or None,
            in_order(modified) or None,
            in_order(removed) or None,
            weight if is_known else UNKNOWN,
        )
        return self.keep(parts, result) if is_known else result
