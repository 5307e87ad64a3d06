"""
Sets of fields seen with a schema: the members of structs that hold others, and what becomes
of a set when lists and maps get one owner.

Follows C{EnsureNamedFieldsAreMembers} of C{fieldpath/set.go} and C{typed/reconcile_schema.go}
of C{sigs.k8s.io/structured-merge-diff/v6}.
"""

from __future__ import annotations

from ark.apply.fieldtree import LEAF, Tree, marked
from ark.apply.typed import Atom


def with_named(tree: Tree, atom: Atom | None) -> Tree:
    """
    The set with every declared member that has others of the set below it.
    """
    result: Tree = {}
    for key, below in tree.items():
        if below:
            declared, inner = _descended(key, atom)
            below = with_named(below, inner)
            below = marked(below) if declared else below
        result[key] = below
    return result


def _descended(key: str, atom: Atom | None) -> tuple[bool, Atom | None]:
    """
    Whether a key names a declared member, and the type there as far as it is known.
    """
    if atom is None:
        return False, None
    if key[:2] == "f:" and atom.map is not None:
        member = atom.map.members.get(key[2:])
        return member is not None, atom.map.element if member is None else member.atom
    return False, atom.list.element if key[:2] == "k:" and atom.list is not None else None


def reconciled(tree: Tree, atom: Atom, is_root: bool = True) -> Tree:
    """
    The set as a schema needs it in which lists or maps have become atomic: who has a field
    below such a one has the whole.  C{tree} itself if nothing changes.
    """
    part = atom.first
    if part == "scalar" or (atom.map is not None and atom.map.deduced):
        return tree
    held = atom.map if part == "map" else atom.list
    if held is not None and held.atomic:
        return tree if is_root else LEAF
    result: Tree | None = None
    for key, below in tree.items():
        inner = _inner(key, atom) if below else None
        if inner is None:
            continue
        changed = reconciled(below, inner, False)
        if changed is not below:
            result = dict(tree) if result is None else result
            result[key] = changed
    return tree if result is None else result


def _inner(key: str, atom: Atom) -> Atom | None:
    if atom.map is None:
        return atom.list.element if atom.list is not None else None
    member = atom.map.members.get(key[2:]) if key[:2] == "f:" else None
    return atom.map.element if member is None else member.atom
