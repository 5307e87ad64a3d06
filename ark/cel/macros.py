"""
Calls that stand for more than a call.

Follows cel-go's C{parser/macro.go}, C{cel/library.go} (optionals), C{ext/comprehensions.go}
and C{ext/lists.go}; only the macros that Kubernetes switches on.
"""

from __future__ import annotations

from collections.abc import Callable

from ark.cel.syntax import Call, Fold, Ident, Literal, MakeList, MakeMap, Node, Select

ACCUMULATOR = "@result"
UNUSED = "#unused"
_OLD_ACCUMULATOR = "__result__"
_SORT_INPUT = "@__sortBy_input__"


class MacroError(Exception):
    """
    A macro with arguments that it cannot have.
    """

    def __init__(self, offset: int, message: str) -> None:
        super().__init__(message)
        self.offset = offset


def expand(offset: int, function: str, args: list[Node], target: Node | None) -> Node | None:
    """
    What a call stands for; L{None} when it is no macro.

    @raise MacroError: when the arguments cannot be used.
    """
    if target is None:
        return _has(offset, args[0]) if function == "has" and len(args) == 1 else None
    macro = _MEMBERS.get((function, len(args)))
    return None if macro is None else macro(offset, target, args)


def _has(offset: int, arg: Node) -> Node:
    if not isinstance(arg, Select):
        raise MacroError(arg.offset, "invalid argument to has() macro")
    return Select(offset, arg.operand, arg.field, test_only=True)


def _name(arg: Node, complaint: str = "argument must be a simple name") -> str:
    if not isinstance(arg, Ident):
        raise MacroError(arg.offset, complaint)
    return arg.name


def _variables(
    args: list[Node], count: int, complaint: str = "argument must be a simple name"
) -> tuple[str, str]:
    names = [_name(arg, complaint) for arg in args[:count]]
    if count == 2 and names[0] == names[1]:
        raise MacroError(args[1].offset, f"duplicate variable name: {names[0]}")
    for arg, name in zip(args, names):
        if name in (ACCUMULATOR, _OLD_ACCUMULATOR):
            raise MacroError(arg.offset, "iteration variable overwrites accumulator variable")
    return names[0], names[1] if count == 2 else ""


def _accu(offset: int) -> Node:
    return Ident(offset, ACCUMULATOR)


def _all(offset: int, target: Node, args: list[Node]) -> Node:
    fold = Fold(offset, target, _variables(args, len(args) - 1))
    condition = Call(offset, "@not_strictly_false", [_accu(offset)])
    step = Call(offset, "_&&_", [_accu(offset), args[-1]])
    return fold.over(ACCUMULATOR, Literal(offset, True), condition, step, _accu(offset))


def _exists(offset: int, target: Node, args: list[Node]) -> Node:
    fold = Fold(offset, target, _variables(args, len(args) - 1))
    condition = Call(offset, "@not_strictly_false", [Call(offset, "!_", [_accu(offset)])])
    step = Call(offset, "_||_", [_accu(offset), args[-1]])
    return fold.over(ACCUMULATOR, Literal(offset, False), condition, step, _accu(offset))


def _exists_one(offset: int, target: Node, args: list[Node]) -> Node:
    fold = Fold(offset, target, _variables(args, len(args) - 1))
    counted = Call(offset, "_+_", [_accu(offset), Literal(offset, 1)])
    step = Call(offset, "_?_:_", [args[-1], counted, _accu(offset)])
    result = Call(offset, "_==_", [_accu(offset), Literal(offset, 1)])
    return fold.over(ACCUMULATOR, Literal(offset, 0), Literal(offset, True), step, result)


def _collected(fold: Fold, start: Node, step: Node, only: Node | None) -> Node:
    offset = fold.offset
    if only is not None:
        step = Call(offset, "_?_:_", [only, step, _accu(offset)])
    return fold.over(ACCUMULATOR, start, Literal(offset, True), step, _accu(offset))


def _listed(offset: int, target: Node, args: list[Node], count: int, complaint: str) -> Node:
    fold = Fold(offset, target, _variables(args, count, complaint))
    only = args[count] if len(args) > count + 1 else None
    step = Call(offset, "_+_", [_accu(offset), MakeList(offset, [args[-1]])])
    return _collected(fold, MakeList(offset, []), step, only)


def _map(offset: int, target: Node, args: list[Node]) -> Node:
    return _listed(offset, target, args, 1, "argument is not an identifier")


def _filter(offset: int, target: Node, args: list[Node]) -> Node:
    fold = Fold(offset, target, _variables(args, 1, "argument is not an identifier"))
    step = Call(offset, "_+_", [_accu(offset), MakeList(offset, [args[0]])])
    return _collected(fold, MakeList(offset, []), step, args[1])


def _transform_list(offset: int, target: Node, args: list[Node]) -> Node:
    return _listed(offset, target, args, 2, "argument must be a simple name")


def _transform_map(offset: int, target: Node, args: list[Node]) -> Node:
    fold = Fold(offset, target, _variables(args, 2))
    step = Call(offset, "cel.@mapInsert", [_accu(offset), Ident(offset, fold.variable), args[-1]])
    return _collected(fold, MakeMap(offset, []), step, args[2] if len(args) == 4 else None)


def _transform_map_entry(offset: int, target: Node, args: list[Node]) -> Node:
    fold = Fold(offset, target, _variables(args, 2))
    step = Call(offset, "cel.@mapInsert", [_accu(offset), args[-1]])
    return _collected(fold, MakeMap(offset, []), step, args[2] if len(args) == 4 else None)


def _bound(offset: int, name: str, value: Node, result: Node) -> Node:
    fold = Fold(offset, MakeList(offset, []), (UNUSED, ""))
    return fold.over(name, value, Literal(offset, False), Ident(offset, name), result)


def _opt_map(offset: int, target: Node, args: list[Node]) -> Node:
    name = _name(args[0], "optMap() variable name must be a simple identifier")
    bound = _bound(offset, name, Call(offset, "value", [], target.copy()), args[1])
    mapped = Call(offset, "optional.of", [bound])
    return Call(
        offset, "_?_:_", [Call(offset, "hasValue", [], target), mapped, Call(offset, "optional.none", [])]
    )


def _opt_flat_map(offset: int, target: Node, args: list[Node]) -> Node:
    name = _name(args[0], "optFlatMap() variable name must be a simple identifier")
    bound = _bound(offset, name, Call(offset, "value", [], target.copy()), args[1])
    return Call(
        offset, "_?_:_", [Call(offset, "hasValue", [], target), bound, Call(offset, "optional.none", [])]
    )


def _sort_by(offset: int, target: Node, args: list[Node]) -> Node:
    if not isinstance(target, (MakeList, Select, Ident, Fold, Call)):
        message = "sortBy can only be applied to a list, identifier, comprehension, call or select expression"
        raise MacroError(target.offset, message)
    keys = _map(offset, Ident(offset, _SORT_INPUT), args)
    call = Call(offset, "@sortByAssociatedKeys", [keys], Ident(offset, _SORT_INPUT))
    return _bound(offset, _SORT_INPUT, target, call)


_MEMBERS: dict[tuple[str, int], Callable[[int, Node, list[Node]], Node]] = {
    ("all", 2): _all,
    ("all", 3): _all,
    ("exists", 2): _exists,
    ("exists", 3): _exists,
    ("exists_one", 2): _exists_one,
    ("exists_one", 3): _exists_one,
    ("existsOne", 3): _exists_one,
    ("map", 2): _map,
    ("map", 3): _map,
    ("filter", 2): _filter,
    ("transformList", 3): _transform_list,
    ("transformList", 4): _transform_list,
    ("transformMap", 3): _transform_map,
    ("transformMap", 4): _transform_map,
    ("transformMapEntry", 3): _transform_map_entry,
    ("transformMapEntry", 4): _transform_map_entry,
    ("optMap", 2): _opt_map,
    ("optFlatMap", 2): _opt_flat_map,
    ("sortBy", 2): _sort_by,
}
