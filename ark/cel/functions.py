"""
Functions that expressions may call, and how they are declared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from ark.cel.types import Type, param

Implementation = Callable[..., Any]


class Overload(NamedTuple):
    """
    One signature of a function.

    @ivar id: the name that costs and errors know it by.
    @ivar member: whether the first argument stands before the name.
    @ivar run: what computes it; L{None} where the compiler does that itself.
    """

    id: str
    args: tuple[Type, ...]
    result: Type
    run: Implementation | None
    member: bool = False

    @property
    def parameters(self) -> set[str]:
        """
        The types that have to be found out.
        """
        return set().union(*(_parameters(each) for each in (*self.args, self.result)))


def _parameters(declared: Type) -> set[str]:
    if declared.kind == "param":
        return {declared.name}
    return set().union(*map(_parameters, declared.params))


class Function(NamedTuple):
    """
    A name and what may be called by it.

    @ivar guarded: whether arguments of a wrong type are told with the function's name.
    """

    name: str
    overloads: tuple[Overload, ...]
    guarded: bool = True


def function(name: str, *overloads: Overload, guarded: bool = True) -> Function:
    """
    A function.
    """
    return Function(name, overloads, guarded)


def plain(name: str, args: Iterable[Type], result: Type, run: Implementation | None) -> Overload:
    """
    An overload that is called by its name.
    """
    return Overload(name, tuple(args), result, run)


def member(name: str, args: Iterable[Type], result: Type, run: Implementation | None) -> Overload:
    """
    An overload that is called on its first argument.
    """
    return Overload(name, tuple(args), result, run, True)


def merged(functions: Iterable[Function]) -> dict[str, Function]:
    """
    Functions by name; those of one name are put together in their order.
    """
    found: dict[str, Function] = {}
    for each in functions:
        known = found.get(each.name)
        if known is not None:
            each = Function(each.name, known.overloads + each.overloads, known.guarded and each.guarded)
        found[each.name] = each
    return found


A, B = param("A"), param("B")
K, V, T = param("K"), param("V"), param("T")
