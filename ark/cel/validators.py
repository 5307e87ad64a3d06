"""
What is wrong with constants in an expression whose types fit.

Follows cel-go's C{cel/validator.go} and the validator in C{ext/formatting.go}.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ark.cel import types
from ark.cel.errors import CompileError, EvaluationError, Fault
from ark.cel.formatting import ACCEPTED, FormatFault, fault_of, parse_format
from ark.cel.functions import Function
from ark.cel.standard import compile_regex
from ark.cel.syntax import Call, Fold, Literal, MakeList, MakeMap, MakeStruct, Node, Select
from ark.cel.types import Type
from ark.cel.values import type_of

_WRITABLE = (
    "list",
    "map",
    "int",
    "uint",
    "double",
    "bool",
    "string",
    "timestamp",
    "bytes",
    "duration",
    "type",
    "null",
)


def validate(text: str, tree: Node, functions: Mapping[str, Function]) -> None:
    """
    Look at the constants of a checked tree.

    @raise CompileError: if one of them cannot be what it is used for.
    """
    faults = [fault for node, exempt in walk(tree, False) for fault in _faults(node, exempt, functions)]
    if faults:
        raise CompileError(text, faults)


def walk(node: Node, exempt: bool) -> Iterator[tuple[Node, bool]]:
    """
    Every node, and whether it is an argument of C{format}.
    """
    yield node, exempt
    inner = exempt or (isinstance(node, Call) and node.function == "format")
    for child in children(node):
        yield from walk(child, inner)


def children(node: Node) -> list[Node]:
    """
    The nodes right below one.
    """
    if isinstance(node, Call):
        return node.operands
    if isinstance(node, Select):
        return [node.operand]
    if isinstance(node, MakeList):
        return node.elements
    if isinstance(node, MakeMap):
        return [child for entry in node.entries for child in (entry.key, entry.value)]
    if isinstance(node, MakeStruct):
        return [value for _, _, value, _ in node.fields]
    if isinstance(node, Fold):
        return [node.range_, node.start, node.condition, node.step, node.result]
    return []


def _faults(node: Node, exempt: bool, functions: Mapping[str, Function]) -> Iterator[Fault]:
    if isinstance(node, MakeList) and not exempt:
        yield from _uneven_list(node)
    elif isinstance(node, MakeMap) and not exempt:
        yield from _uneven_map(node)
    elif isinstance(node, Call):
        if node.function in ("duration", "timestamp", "matches"):
            yield from _bad_literal(node, functions)
        elif node.function == "format":
            yield from _bad_format(node)


def _bad_literal(node: Call, functions: Mapping[str, Function]) -> Iterator[Fault]:
    literal = node.args[0] if node.args else None
    if not isinstance(literal, Literal):
        return
    try:
        if node.function == "matches":
            compile_regex(literal.value)
            return
        for overload in functions[node.function].overloads:
            if overload.args[0] == type_of(literal.value) and overload.run is not None:
                overload.run(literal.value)
    except EvaluationError:
        yield Fault(literal.offset, f"invalid {node.function} argument")


def _mismatch(node: Node, expected: Type, found: Type) -> Fault:
    return Fault(node.offset, f"expected type '{expected.text}' but found '{found.text}'")


def _type(node: Node, optional: bool) -> Type:
    found = node.type or types.ERROR
    return found.params[0] if optional and found.params else found


def _uneven_list(node: MakeList) -> Iterator[Fault]:
    first: Type | None = None
    for index, each in enumerate(node.elements):
        given = _type(each, index in node.optional)
        if first is None:
            first = given
        elif first != given:
            yield _mismatch(each, first, given)
            return


def _uneven_map(node: MakeMap) -> Iterator[Fault]:
    first: tuple[Type, Type] | None = None
    for entry in node.entries:
        given = _type(entry.key, False), _type(entry.value, entry.optional)
        if first is None:
            first = given
            continue
        for each, wanted, found in zip((entry.key, entry.value), first, given):
            if wanted != found:
                yield _mismatch(each, wanted, found)


class _BadArgument(FormatFault):
    """
    An argument that does not suit its clause.
    """

    def __init__(self, offset: int, message: str) -> None:
        super().__init__(message)
        self.offset = offset


def _bad_format(node: Call) -> Iterator[Fault]:
    text, args = node.target, node.args[0] if len(node.args) == 1 else None
    if not (isinstance(text, Literal) and isinstance(text.value, str) and isinstance(args, MakeList)):
        return
    elements = args.elements

    def take(index: int, letter: str, _precision: int | None) -> str:
        if index >= len(elements):
            raise FormatFault(f"index {index} out of range")
        wrong = _unsuitable(elements[index], letter)
        if wrong is not None:
            raise _BadArgument(wrong.offset, fault_of(letter, _type(wrong, False).name))
        return ""

    try:
        _, used = parse_format(text.value, len(elements), take)
    except _BadArgument as fault:
        yield Fault(fault.offset, str(fault))
    except FormatFault as fault:
        yield Fault(node.offset, str(fault))
    else:
        if len(elements) > used:
            message = f"too many arguments supplied to string.format (expected {used}, got {len(elements)})"
            yield Fault(node.offset, message)


def _unsuitable(node: Node, letter: str) -> Node | None:
    kind = _type(node, False).kind
    if letter != "s":
        accepted = [each.kind for each in ACCEPTED[letter]]
        return None if kind == "dyn" or kind in accepted else node
    if kind != "dyn" and kind not in _WRITABLE:
        return node
    if isinstance(node, (MakeList, MakeMap)):
        return next(
            (wrong for each in children(node) if (wrong := _unsuitable(each, letter)) is not None), None
        )
    return None
