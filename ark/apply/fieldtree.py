"""
Sets of fields as the trees that C{fieldsV1} writes, and the operations on them.

A tree holds the fields below one place, by their keys.  A field in the set that has none
below it is an empty tree; one that has some below it holds the key L{SELF} besides theirs.
Every tree is in order, is never changed and may be part of many sets, so that what an
operation leaves alone is shared.  No tree but the whole of a set is without a member.

The operations are those of C{fieldpath.Set} in C{structured-merge-diff/v6}, where the
fields that are in a set and those that have others below them are kept apart: taking
C{a} from C{a.b} leaves C{a.b}.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ark.apply.fieldpath import (
    SELF,
    FieldsError,
    Path,
    canonical_key,
    element_of,
    sorted_keys,
)

Tree = dict[str, Any]

LEAF: Tree = {}
"""
A field that is in a set while none below it is.
"""

_MARK: Tree = {SELF: LEAF}


def in_order(tree: Tree) -> Tree:
    """
    The same tree with its first level in order.
    """
    if len(tree) < 2:
        return tree
    keys = sorted(tree)
    # All other kinds of keys come after those of fields.
    if keys[-1][:2] != "f:":
        keys = sorted_keys(keys)
    return tree if keys == list(tree) else {key: tree[key] for key in keys}


def marked(tree: Tree) -> Tree:
    """
    The same tree with the field itself in the set.
    """
    return {SELF: LEAF, **tree} if tree and SELF not in tree else tree


def unmarked(tree: Tree) -> Tree | None:
    """
    The same tree without the field itself; L{None} if nothing is left.
    """
    if SELF in tree:
        return {key: below for key, below in tree.items() if key != SELF}
    return tree or None


def union(one: Tree, other: Tree) -> Tree:
    """
    What is in any of the two; C{one} itself if it has everything.
    """
    if one is other:
        return one
    if not other:
        return marked(one)
    if not one:
        return marked(other)
    result: Tree | None = None
    grown = False
    for key, theirs in other.items():
        mine = one.get(key)
        if mine is None:
            result = dict(one) if result is None else result
            result[key] = theirs
            grown = True
        elif mine or theirs:
            merged = union(mine, theirs)
            if merged is not mine:
                result = dict(one) if result is None else result
                result[key] = merged
    if result is None:
        return one
    return in_order(result) if grown else result


def intersection(one: Tree, other: Tree) -> Tree | None:
    """
    What is in both.
    """
    if one is other:
        return one
    if not one:
        return one if not other or SELF in other else None
    if not other:
        return LEAF if SELF in one else None
    small, large = (one, other) if len(one) <= len(other) else (other, one)
    result: Tree = {}
    for key, mine in small.items():
        theirs = large.get(key)
        if theirs is not None:
            common = intersection(mine, theirs)
            if common is not None:
                result[key] = common
    return LEAF if result == _MARK else result or None


def difference(one: Tree, other: Tree) -> Tree | None:
    """
    What is in the first and not in the second; C{one} itself if nothing is taken from it.
    """
    if one is other:
        return None
    if not one:
        return None if not other or SELF in other else one
    if not other:
        return unmarked(one)
    result: Tree | None = None
    for key in one if len(one) <= len(other) else other:
        mine, theirs = one.get(key), other.get(key)
        if mine is None or theirs is None:
            continue
        left = difference(mine, theirs)
        if left is not mine:
            result = dict(one) if result is None else result
            if left is None:
                del result[key]
            else:
                result[key] = left
    return one if result is None else _normal(result)


def recursive_difference(one: Tree, other: Tree) -> Tree | None:
    """
    The first without what is in the second and without all that is below that.

    @param other: of a place that is not in the second set itself.
    """
    result: Tree | None = None
    for key in one if len(one) <= len(other) else other:
        mine, theirs = one.get(key), other.get(key)
        if mine is None or theirs is None:
            continue
        left = recursive_difference(mine, theirs) if theirs and SELF not in theirs else None
        if left is not mine:
            result = dict(one) if result is None else result
            if left is None:
                del result[key]
            else:
                result[key] = left
    return one if result is None else _normal(result)


def _normal(tree: Tree) -> Tree | None:
    return LEAF if tree == _MARK else tree or None


def leaves(tree: Tree) -> Tree:
    """
    Only those that have none below them.
    """
    return {key: leaves(below) for key, below in tree.items() if key != SELF}


def paths(tree: Tree, prefix: Path = ()) -> Iterator[Path]:
    """
    All that are in the set: those of one level, then those below each of them.
    """
    for key, below in tree.items():
        if key != SELF and (not below or SELF in below):
            yield (*prefix, element_of(key))
    for key, below in tree.items():
        if below:
            yield from paths(below, (*prefix, element_of(key)))


def size(tree: Tree) -> int:
    """
    How many are in the set.
    """
    return sum(size(below) + (not below) if key != SELF else 1 for key, below in tree.items())


def read(fields: Any) -> Tree | None:
    """
    The tree that a decoded C{fieldsV1}, or a part of it, means; L{None} if it is empty.

    As Kubernetes does, what has a kind of key that is not known is left out, and what then
    has nothing below it is in the set.

    @raise FieldsError: a key means nothing, or there is something else than objects.
    """
    if fields is None:
        return None
    if type(fields) is not dict:
        raise FieldsError("the fields of a set are JSON objects")
    result: Tree = {}
    for key, value in fields.items():
        canonical = key if key == SELF else canonical_key(key)
        if canonical is None:
            continue
        below = LEAF if key == SELF else read(value) or LEAF
        if canonical in result:
            below = _combined(result[canonical], below)
        result[canonical] = below
    return _normal(in_order(result))


def _combined(earlier: Tree, later: Tree) -> Tree:
    """
    What two keys of one meaning say: what the later has below it counts.
    """
    whole = unmarked(later)
    if whole is None:
        return marked(earlier)
    return marked(whole) if not earlier or SELF in earlier or SELF in later else whole
