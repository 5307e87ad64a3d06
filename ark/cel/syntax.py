"""
The tree of an expression.

Every node knows where in the text it is; the checker adds its type and, for names and calls,
what they stand for.
"""

from __future__ import annotations

from typing import Any

from ark.cel.types import Type


class Node:
    """
    One expression.

    @ivar offset: where it is told to be, as cel-go counts (an operator's own place).
    @ivar type: what the checker found it to be.
    @ivar reference: the name that an identifier stands for.
    @ivar overloads: the overloads that a call may be of.
    @ivar level: how deeply what it was read from is nested.
    """

    __slots__ = ("level", "offset", "overloads", "reference", "type")

    def __init__(self, offset: int) -> None:
        self.offset = offset
        self.level = 0
        self.type: Type | None = None
        self.reference: str | None = None
        self.overloads: list[str] = []

    def copy(self) -> Node:
        """
        Another tree of the same shape at the same places.
        """
        raise NotImplementedError


class Broken(Node):
    """
    Stands where nothing could be made of the text.
    """

    __slots__ = ()

    def copy(self) -> Node:
        return Broken(self.offset)


class Literal(Node):
    """
    A constant.
    """

    __slots__ = ("value",)

    def __init__(self, offset: int, value: Any) -> None:
        super().__init__(offset)
        self.value = value

    def copy(self) -> Node:
        return Literal(self.offset, self.value)


class Ident(Node):
    """
    A name.
    """

    __slots__ = ("name",)

    def __init__(self, offset: int, name: str) -> None:
        super().__init__(offset)
        self.name = name

    def copy(self) -> Node:
        return Ident(self.offset, self.name)


class Select(Node):
    """
    A field of something, or whether it is there (C{has}).
    """

    __slots__ = ("field", "operand", "test_only")

    def __init__(self, offset: int, operand: Node, field: str, test_only: bool = False) -> None:
        super().__init__(offset)
        self.operand = operand
        self.field = field
        self.test_only = test_only

    def copy(self) -> Node:
        return Select(self.offset, self.operand.copy(), self.field, self.test_only)


class Call(Node):
    """
    A function, on a target if it is a member of it.  Operators are functions too.
    """

    __slots__ = ("args", "function", "target")

    def __init__(self, offset: int, function: str, args: list[Node], target: Node | None = None) -> None:
        super().__init__(offset)
        self.function = function
        self.args = args
        self.target = target

    @property
    def operands(self) -> list[Node]:
        """
        The target, if there is one, and the arguments.
        """
        return self.args if self.target is None else [self.target, *self.args]

    def copy(self) -> Node:
        target = None if self.target is None else self.target.copy()
        return Call(self.offset, self.function, [arg.copy() for arg in self.args], target)


class MakeList(Node):
    """
    A list in brackets.
    """

    __slots__ = ("elements", "optional")

    def __init__(self, offset: int, elements: list[Node], optional: frozenset[int] = frozenset()) -> None:
        super().__init__(offset)
        self.elements = elements
        self.optional = optional

    def copy(self) -> Node:
        return MakeList(self.offset, [element.copy() for element in self.elements], self.optional)


class Entry:
    """
    One key and value of a map in braces.
    """

    __slots__ = ("key", "offset", "optional", "value")

    def __init__(self, offset: int, key: Node, value: Node, optional: bool) -> None:
        self.offset = offset
        self.key = key
        self.value = value
        self.optional = optional

    def copy(self) -> Entry:
        """
        Another entry of the same shape.
        """
        return Entry(self.offset, self.key.copy(), self.value.copy(), self.optional)


class MakeMap(Node):
    """
    A map in braces.
    """

    __slots__ = ("entries",)

    def __init__(self, offset: int, entries: list[Entry]) -> None:
        super().__init__(offset)
        self.entries = entries

    def copy(self) -> Node:
        return MakeMap(self.offset, [entry.copy() for entry in self.entries])


class MakeStruct(Node):
    """
    A message of a named type with fields.
    """

    __slots__ = ("fields", "name")

    def __init__(self, offset: int, name: str, fields: list[tuple[int, str, Node, bool]]) -> None:
        super().__init__(offset)
        self.name = name
        self.fields = fields

    def copy(self) -> Node:
        fields = [(offset, name, value.copy(), optional) for offset, name, value, optional in self.fields]
        return MakeStruct(self.offset, self.name, fields)


class Fold(Node):
    """
    What the macros over lists and maps become.

    C{accumulator} starts as C{start}; for every item of C{range_}, while C{condition} holds,
    it becomes C{step}; C{result} is the value.
    """

    __slots__ = ("accumulator", "condition", "range_", "result", "start", "step", "variable", "variable2")

    def __init__(self, offset: int, range_: Node, variables: tuple[str, str]) -> None:
        super().__init__(offset)
        self.range_ = range_
        self.variable, self.variable2 = variables
        self.accumulator = ""
        self.start: Node = Broken(offset)
        self.condition: Node = Broken(offset)
        self.step: Node = Broken(offset)
        self.result: Node = Broken(offset)

    def over(self, accumulator: str, start: Node, condition: Node, step: Node, result: Node) -> Fold:
        """
        This fold, with what it does.
        """
        self.accumulator = accumulator
        self.start, self.condition, self.step, self.result = start, condition, step, result
        return self

    def copy(self) -> Node:
        made = Fold(self.offset, self.range_.copy(), (self.variable, self.variable2))
        parts = (self.start, self.condition, self.step, self.result)
        start, condition, step, result = (part.copy() for part in parts)
        return made.over(self.accumulator, start, condition, step, result)


def name_of(node: Node) -> str:
    """
    What an identifier, or a selection that turned out to be one, stands for.
    """
    if node.reference is not None:
        return node.reference
    return node.name if isinstance(node, Ident) else ""


def qualified_name(node: Node) -> str | None:
    """
    C{a.b.c} for a chain of plain selections on a name.
    """
    if isinstance(node, Ident):
        return node.name
    if isinstance(node, Select) and not node.test_only:
        prefix = qualified_name(node.operand)
        return None if prefix is None else f"{prefix}.{node.field}"
    return None
