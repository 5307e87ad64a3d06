"""
Whether one type can stand for another, and what types that are to be found out turn out to be.

Follows cel-go's C{checker/types.go} and C{checker/mapping.go}.
"""

from __future__ import annotations

from ark.cel import types
from ark.cel.types import Type, is_dyn

Mapping = dict[str, Type]

_NULLABLE = ("opaque", "struct", "any", "duration", "timestamp")
_NESTED = ("opaque", "list", "map")


def substitute(found: Mapping, declared: Type, to_dyn: bool) -> Type:
    """
    A type with what was found out put in.

    @param to_dyn: whether what was not found out may be anything.
    """
    if declared.kind == "param":
        known = found.get(declared.name)
        if known is not None:
            return substitute(found, known, to_dyn)
        return types.DYN if to_dyn else declared
    if not declared.params:
        return declared
    params = tuple(substitute(found, each, to_dyn) for each in declared.params)
    return declared if params == declared.params else Type(declared.kind, declared.name, params)


def assignable(found: Mapping, pairs: list[tuple[Type, Type]]) -> Mapping | None:
    """
    What is known when every type of a pair stands for the other one; L{None} if one does not.
    """
    tried = dict(found)
    return tried if all(_fits(tried, left, right) for left, right in pairs) else None


def _fits(found: Mapping, left: Type, right: Type) -> bool:
    if right.kind == "param":
        valid, known = _valid(found, left, right)
        if valid or known:
            return valid
    if left.kind == "param":
        return _valid(found, right, left)[0]
    if left.kind == "error" or right.kind == "error" or is_dyn(left) or is_dyn(right):
        return True
    if left.kind == "null":
        return right.kind in _NULLABLE or right.kind == "null"
    if right.kind == "null":
        return left.kind in _NULLABLE
    if left.kind in _NESTED:
        if left.kind != right.kind or left.name != right.name or len(left.params) != len(right.params):
            return False
        return all(_fits(found, one, other) for one, other in zip(left.params, right.params))
    if left.kind == "type":
        return right.kind == "type"
    return left == right


def _valid(found: Mapping, other: Type, wanted: Type) -> tuple[bool, bool]:
    """
    Whether C{other} can be what C{wanted} stands for, and whether that was known before.
    """
    if other.kind == wanted.kind and other == wanted:
        return True, True
    known = found.get(wanted.name)
    if known is not None:
        if other.kind == known.kind and other == known:
            return True, True
        if _fits(found, other, known):
            wider = general(other, known)
            if _apart(found, wanted, wider):
                found[wanted.name] = wider
            return True, True
        return False, True
    if _apart(found, wanted, other):
        found[wanted.name] = other
        return True, False
    return False, False


def general(left: Type, right: Type) -> Type:
    """
    The less specific of two types.
    """
    return left if _no_narrower(left, right) else right


def _no_narrower(left: Type, right: Type) -> bool:
    if is_dyn(left) or left.kind == "param":
        return True
    if is_dyn(right) or right.kind == "param" or left.kind != right.kind:
        return False
    if left.kind == "type":
        return True
    if left.kind in _NESTED:
        if left.name != right.name or len(left.params) != len(right.params):
            return False
        return all(map(_no_narrower, left.params, right.params))
    return left == right


def _apart(found: Mapping, wanted: Type, within: Type) -> bool:
    """
    Whether a type does not occur in another one.
    """
    if wanted == within:
        return False
    if within.kind == "param":
        known = found.get(within.name)
        return known is None or _apart(found, wanted, known)
    return all(_apart(found, wanted, each) for each in within.params)
