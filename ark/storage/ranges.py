"""
From the ranges that are asked for to what an index is searched with.
"""

from __future__ import annotations

from typing import NamedTuple

from ark.meta.records import Range

# Not a character, and above all of them: no namespace has it.
_ABOVE_ALL = "\U0010ffff"


class Bounds(NamedTuple):
    """
    A stretch of the keys of a resource: from C{(namespace, name)}, which may belong to it,
    to the end of C{last_namespace}.
    """

    resource: str
    namespace: str
    name: str
    last_namespace: str


def bounds(range: Range) -> Bounds:
    """
    Where a range begins and ends.  When nothing can be in it, it ends before it begins.
    """
    resource, namespace, after = range
    first, last = ("", _ABOVE_ALL) if namespace is None else (namespace, namespace)
    if after is None or after[0] < first:
        return Bounds(resource, first, "", last)
    # No name has a character of number 0, so none lies between a name and the same with number 1.
    return Bounds(resource, after[0], after[1] + "\1", last)
