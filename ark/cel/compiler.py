"""
Checked trees to closures.

Every closure takes a frame: what was spent so far, then the variables.  Costs are counted as
cel-go's C{interpreter/runtimecost.go} counts them while its C{planner.go} and
C{decorators.go} fold constants.  Objects stay as they were decoded as long as the schema tells
what a part of them is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ark.cel.attributes import Attribute, Step, attribute_code, test_code
from ark.cel.calls import Caller
from ark.cel.code import Code, Frame, Run, Scope, Variable, constant
from ark.cel.constructed import made_struct
from ark.cel.costs import LIST, MAP, STRUCT
from ark.cel.errors import EvaluationError, ProgramError
from ark.cel.folds import fold_code
from ark.cel.functions import Function
from ark.cel.logic import choice, conjunction, disjunction, other_optional, other_value
from ark.cel.syntax import (
    Call,
    Fold,
    Ident,
    Literal,
    MakeList,
    MakeMap,
    MakeStruct,
    Node,
    Select,
    name_of,
)
from ark.cel.types import Type
from ark.cel.values import MapValue, Optional, hashed, shown

_INDEXES = ("_[_]", "_[?_]", "_?._")


class Compiler:
    """
    Compiles the parts of one expression.
    """

    def __init__(
        self, functions: Mapping[str, Function], variables: Mapping[str, Variable], type_names: Any
    ) -> None:
        self.scope = Scope(variables)
        self._type_names: Callable[[str], Type | None] = type_names
        self._caller = Caller(functions)

    def code(self, node: Node) -> Code:
        """
        The code of a node as a value of its own.
        """
        made: Code = _MAKERS[type(node)](self, node)
        return made

    def value(self, node: Node) -> Callable[[Frame], Any]:
        """
        A closure that gives the value of a node.
        """
        return self.code(node).as_value()

    def branch(self, node: Node) -> Code:
        """
        The code of a node where cel-go resolves an attribute without counting it.
        """
        if self._is_attribute(node):
            return self._attribute(node, 0)
        return self.code(node)

    def _is_attribute(self, node: Node) -> bool:
        if isinstance(node, Ident):
            return self.scope.find(node.reference or node.name) is not None
        if isinstance(node, Select):
            return not node.test_only
        return isinstance(node, Call) and node.function in _INDEXES

    def _literal(self, node: Literal) -> Code:
        return constant(node.value)

    def _ident(self, node: Ident) -> Code:
        name = node.reference or node.name
        if self.scope.find(name) is None:
            return self._type_name(name)
        return self._attribute(node, 1)

    def _type_name(self, name: str) -> Code:
        found = self._type_names(name)
        if found is None:
            raise ProgramError(f"reference to undefined type: {name}")
        return constant(found)

    def _select(self, node: Select) -> Code:
        if node.reference is not None:
            return self._ident(_ident_of(node))
        if node.test_only:
            attribute = self._chain(node.operand)
            return test_code(attribute, node.field)
        return self._attribute(node, 1)

    def _attribute(self, node: Node, cost: int) -> Code:
        return attribute_code(self._chain(node), cost)

    def _chain(self, node: Node) -> Attribute:
        """
        A node as a base and the steps from there.
        """
        steps: list[Step] = []
        while True:
            if isinstance(node, Select) and not node.test_only and node.reference is None:
                steps.append(Step(node.field, None, False))
                node = node.operand
            elif isinstance(node, Call) and node.function in _INDEXES:
                steps.append(self._index(node.args[1], node.function != "_[_]"))
                node = node.args[0]
            else:
                break
        steps.reverse()
        return self._base(node, steps)

    def _index(self, node: Node, optional: bool) -> Step:
        made = self.branch(node)
        if made.is_constant:
            return Step(made.constant, None, optional)
        return Step(None, made.as_value(), optional)

    def _base(self, node: Node, steps: list[Step]) -> Attribute:
        if isinstance(node, (Ident, Select)) and (isinstance(node, Ident) or node.reference is not None):
            name = name_of(node)
            variable = self.scope.find(name)
            if variable is not None:
                return Attribute(variable, None, steps, False)
            return Attribute(None, self._type_name(name), steps, False)
        conditional = isinstance(node, Call) and node.function == "_?_:_"
        return Attribute(None, self.code(node), steps, conditional)

    def _call(self, node: Call) -> Code:
        name = node.function
        if name in _INDEXES:
            return self._attribute(node, 1)
        special = _SPECIAL.get(name)
        if special is not None:
            return special(self, node)
        if name == "@in" and node.overloads == ["in_list"]:
            members = self.code(node.args[1])
            if members.is_constant:
                return self._membership(node, members.constant)
        codes = [self.code(each) for each in node.operands]
        return self._caller.call(node, codes)

    def _membership(self, node: Call, members: list[Any]) -> Code:
        """
        C{in} a list of constants, which cel-go makes a set of.
        """
        if not members:
            return constant(False)
        if any(
            type(each) in (bytes, type(None)) or not isinstance(each, (str, int, float)) for each in members
        ):
            return self._caller.call(node, [self.code(each) for each in node.operands])
        item = self.value(node.args[0])
        known = frozenset(map(hashed, members))

        def run(frame: Frame) -> bool:
            try:
                return hashed(item(frame)) in known
            except TypeError:
                return False

        return Code(run)

    def _conditional(self, node: Call) -> Code:
        test = self.value(node.args[0])
        return choice(test, *(self.branch(each) for each in node.args[1:]))

    def _and(self, node: Call) -> Code:
        return conjunction(*map(self.value, node.args))

    def _or(self, node: Call) -> Code:
        return disjunction(*map(self.value, node.args))

    def _or_else(self, node: Call) -> Code:
        return other_optional(*map(self.value, node.operands))

    def _or_value(self, node: Call) -> Code:
        return other_value(*map(self.value, node.operands))

    def _list(self, node: MakeList) -> Code:
        codes = [self.code(each) for each in node.elements]
        optional = node.optional
        runs = [each.as_value() for each in codes]

        def run(frame: Frame) -> list[Any]:
            frame[0] += LIST
            return [each(frame) for each in runs]

        def run_optional(frame: Frame) -> list[Any]:
            frame[0] += LIST
            return _present_items([each(frame) for each in runs], optional)

        if all(each.is_constant for each in codes):
            values = [each.constant for each in codes]
            return constant(_present_items(values, optional) if optional else values)
        return Code(run_optional if optional else run)

    def _map(self, node: MakeMap) -> Code:
        keys = [self.code(entry.key) for entry in node.entries]
        values = [self.code(entry.value) for entry in node.entries]
        optional = [entry.optional for entry in node.entries]
        pairs = [
            (key.as_value(), value.as_value(), maybe) for key, value, maybe in zip(keys, values, optional)
        ]

        def build(frame: Frame) -> MapValue:
            entries: dict[Any, tuple[Any, Any]] = {}
            for key_run, value_run, maybe in pairs:
                key, value = key_run(frame), value_run(frame)
                if maybe:
                    if type(value) is not Optional:
                        message = f"cannot initialize optional entry '{shown(key)}' from non-optional value"
                        raise EvaluationError(f"{message} {shown(value)}")
                    if not value.present:
                        entries.pop(hashed(key), None)
                        continue
                    value = value.value
                entries[hashed(key)] = (key, value)
            return MapValue(entries)

        def run(frame: Frame) -> MapValue:
            frame[0] += MAP
            return build(frame)

        if all(each.is_constant for each in (*keys, *values)):
            return constant(build([0]))
        return Code(run)

    def _struct(self, node: MakeStruct) -> Code:
        made = node.type
        if made is None or made.kind != "struct":
            raise ProgramError(f"unknown type: {node.name}")
        fields = [(name, self.value(value), maybe) for _, name, value, maybe in node.fields]

        def run(frame: Frame) -> Any:
            frame[0] += STRUCT
            return made_struct(made, _initialized(frame, fields))

        return Code(run)

    def _fold(self, node: Fold) -> Code:
        return fold_code(self, node)


def _ident_of(node: Select) -> Ident:
    """
    A selection that turned out to be a name with dots.
    """
    made = Ident(node.offset, node.reference or "")
    made.type, made.reference = node.type, node.reference
    return made


def _initialized(frame: Frame, fields: list[tuple[str, Run, bool]]) -> dict[str, Any]:
    """
    The fields of a struct.
    """
    made: dict[str, Any] = {}
    for name, run, maybe in fields:
        value = run(frame)
        if maybe:
            if type(value) is not Optional:
                message = f"cannot initialize optional entry '{name}' from non-optional value"
                raise EvaluationError(f"{message} {shown(value)}")
            if not value.present:
                made.pop(name, None)
                continue
            value = value.value
        made[name] = value
    return made


def _present_items(values: list[Any], optional: frozenset[int]) -> list[Any]:
    items: list[Any] = []
    for index, value in enumerate(values):
        if index in optional:
            if type(value) is not Optional:
                message = "cannot initialize optional list element from non-optional value"
                raise EvaluationError(f"{message} {shown(value)}")
            if not value.present:
                continue
            value = value.value
        items.append(value)
    return items


_MAKERS: dict[type, Any] = {
    Literal: Compiler._literal,
    Ident: Compiler._ident,
    Select: Compiler._select,
    Call: Compiler._call,
    MakeList: Compiler._list,
    MakeMap: Compiler._map,
    MakeStruct: Compiler._struct,
    Fold: Compiler._fold,
}
_SPECIAL: dict[str, Callable[[Compiler, Call], Code]] = {
    "_?_:_": Compiler._conditional,
    "_&&_": Compiler._and,
    "_||_": Compiler._or,
    "or": Compiler._or_else,
    "orValue": Compiler._or_value,
}
