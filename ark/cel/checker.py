"""
Types for every part of an expression.

Follows cel-go's C{checker/checker.go} with comparisons of numbers across types, as Kubernetes
has it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from ark.cel import types
from ark.cel.errors import CompileError, Fault
from ark.cel.functions import Function
from ark.cel.inference import assignable, general, substitute
from ark.cel.syntax import (
    Broken,
    Call,
    Fold,
    Ident,
    Literal,
    MakeList,
    MakeMap,
    MakeStruct,
    Node,
    Select,
    qualified_name,
)
from ark.cel.types import Type, is_dyn, list_of, map_of, optional_of, param, unwrapped
from ark.cel.values import type_of


class Declarations(Protocol):
    """
    What names stand for.
    """

    @property
    def functions(self) -> Mapping[str, Function]:
        """
        Functions by name.
        """

    @property
    def variables(self) -> Mapping[str, Type]:
        """
        The types of variables by name.
        """

    def named_type(self, name: str) -> Type | None:
        """
        The type of that name.
        """

    def field_type(self, name: str, field: str) -> Type | None:
        """
        The type of a field of the struct of that name.
        """


def check(text: str, tree: Node, declarations: Declarations) -> None:
    """
    Give every node of a tree its type.

    @raise CompileError: if names are not declared or types do not fit.
    """
    checker = _Checker(declarations)
    checker.check(tree)
    if checker.faults:
        raise CompileError(text, checker.faults)
    for node in checker.nodes:
        if node.type is not None:
            node.type = substitute(checker.found, node.type, True)


class _Checker:
    """
    One walk over a tree.
    """

    def __init__(self, declarations: Declarations) -> None:
        self.declared = declarations
        self.faults: list[Fault] = []
        self.nodes: list[Node] = []
        self.found: dict[str, Type] = {}
        self.scopes: list[dict[str, Type]] = []
        self.unknowns = 0

    def check(self, node: Node) -> Type:
        """
        The type of a node, which is noted on it.
        """
        self.nodes.append(node)
        node.type = _CHECKS[type(node)](self, node)
        return node.type

    def fault(self, node: Any, message: str) -> None:
        """
        Note what is wrong with a node.
        """
        self.faults.append(Fault(node.offset, message))

    def _mismatch(self, node: Any, expected: Type, found: Type) -> None:
        self.fault(node, f"expected type '{expected.text}' but found '{found.text}'")

    def _assign(self, left: Type, right: Type) -> bool:
        known = assignable(self.found, [(left, right)])
        if known is None:
            return False
        self.found = known
        return True

    def _known(self, declared: Type) -> Type:
        return substitute(self.found, declared, False)

    def _unknown(self) -> Type:
        self.unknowns += 1
        return param(f"_var{self.unknowns - 1}")

    def _undeclared(self, node: Node, name: str) -> Type:
        self.fault(node, f"undeclared reference to '{name}' (in container '')")
        return types.ERROR

    def _name(self, name: str) -> Type | None:
        name = name.lstrip(".")
        for scope in reversed(self.scopes):
            if name in scope:
                return scope[name]
        found = self.declared.variables.get(name)
        if found is not None:
            return found
        named = self.declared.named_type(name)
        return None if named is None else types.type_of(named)

    def _broken(self, node: Broken) -> Type:
        return types.ERROR

    def _literal(self, node: Literal) -> Type:
        return type_of(node.value)

    def _ident(self, node: Ident) -> Type:
        found = self._name(node.name)
        if found is None:
            return self._undeclared(node, node.name)
        node.reference = node.name.lstrip(".")
        return found

    def _select(self, node: Select) -> Type:
        name = qualified_name(node)
        if name is not None:
            found = self._name(name)
            if found is not None:
                node.reference = name.lstrip(".")
                return found
        result = self._field(node, node.operand, node.field, False)
        return types.BOOL if node.test_only else self._known(result)

    def _field(self, node: Node, operand: Node, field: str, optional: bool) -> Type:
        target, was_optional = unwrapped(self._known(self.check(operand)))
        result = types.ERROR
        if target.kind == "map":
            result = target.params[1]
        elif target.kind == "struct":
            result = self._field_of(node.offset, target.name, field)
        elif target.kind == "param":
            self._assign(types.DYN, target)
            result = types.DYN
        else:
            if not (is_dyn(target) or target.kind == "error"):
                self.fault(node, f"type '{target.text}' does not support field selection")
            result = types.DYN
        return optional_of(result) if was_optional or optional else result

    def _field_of(self, offset: int, name: str, field: str) -> Type:
        """
        The type of a field of the type of that name.
        """
        found = self.declared.field_type(name, field)
        if found is not None:
            return found
        known = self.declared.named_type(name) is not None
        message = f"undefined field '{field}'" if known else f"unexpected failed resolution of '{name}'"
        self.faults.append(Fault(offset, message))
        return types.ERROR

    def _call(self, node: Call) -> Type:
        if node.function == "_?._":
            field = node.args[1]
            assert isinstance(field, Literal)
            node.overloads = ["select_optional_field"]
            field.type = types.STRING
            return self._known(self._field(node, node.args[0], field.value, True))
        for arg in node.args:
            self.check(arg)
        if node.target is None:
            return self._resolve(node, node.function.lstrip("."), None)
        prefix = qualified_name(node.target)
        if prefix is not None and f"{prefix}.{node.function}".lstrip(".") in self.declared.functions:
            node.function = f"{prefix}.{node.function}".lstrip(".")
            node.target = None
            return self._resolve(node, node.function, None)
        self.check(node.target)
        return self._resolve(node, node.function, node.target)

    def _resolve(self, node: Call, name: str, target: Node | None) -> Type:
        called = self.declared.functions.get(name)
        if called is None:
            return self._undeclared(node, node.function)
        node.function = name
        args = [each.type or types.ERROR for each in node.operands]
        if name in ("_&&_", "_||_"):
            return self._logical(node, called, args)
        return self._overloaded(node, called, args, target is not None)

    def _logical(self, node: Call, called: Function, args: list[Type]) -> Type:
        wrong = False
        for each, given in zip(node.args, args):
            if not self._assign(given, types.BOOL):
                self._mismatch(each, types.BOOL, given)
                wrong = True
        node.overloads = [called.overloads[0].id]
        return types.ERROR if wrong else types.BOOL

    def _overloaded(self, node: Call, called: Function, args: list[Type], member: bool) -> Type:
        result: Type | None = None
        for overload in called.overloads:
            if overload.member != member or len(overload.args) != len(args):
                continue
            fresh = {name: self._unknown() for name in sorted(overload.parameters)}
            wanted = [substitute(fresh, each, False) for each in overload.args]
            known = assignable(self.found, list(zip(args, wanted)))
            if known is None:
                continue
            self.found = known
            node.overloads.append(overload.id)
            given = self._known(substitute(fresh, overload.result, False))
            if result is None:
                result = given
            elif not is_dyn(result) and given != result:
                result = types.DYN
        if result is None:
            self._no_overload(node, args, member)
            return types.ERROR
        return result

    def _no_overload(self, node: Call, args: list[Type], member: bool) -> None:
        shown = [substitute(self.found, each, True).text for each in args]
        head = shown.pop(0) + "." if member else ""
        signature = f"{head}({', '.join(shown)})"
        self.fault(node, f"found no matching overload for '{node.function}' applied to '{signature}'")

    def _join(self, before: Type | None, now: Type) -> Type:
        if before is None:
            return now
        return general(before, now) if self._assign(before, now) else types.DYN

    def _present(self, node: Node, given: Type, optional: bool) -> Type:
        if not optional:
            return given
        inner, was_optional = unwrapped(given)
        if not was_optional and not is_dyn(inner):
            self._mismatch(node, optional_of(inner), inner)
        return inner

    def _list(self, node: MakeList) -> Type:
        element: Type | None = None
        for index, each in enumerate(node.elements):
            given = self._present(each, self.check(each), index in node.optional)
            element = self._join(element, given)
        return list_of(self._unknown() if element is None else element)

    def _map(self, node: MakeMap) -> Type:
        key: Type | None = None
        value: Type | None = None
        for entry in node.entries:
            key = self._join(key, self.check(entry.key))
            given = self._present(entry.value, self.check(entry.value), entry.optional)
            value = self._join(value, given)
        if key is None or value is None:
            return map_of(self._unknown(), self._unknown())
        return map_of(key, value)

    def _struct(self, node: MakeStruct) -> Type:
        found = self._name(node.name)
        if found is None:
            return self._undeclared(node, node.name)
        result = types.ERROR
        if found.kind != "type":
            self.fault(node, f"'{found.name}' is not a type")
        elif found.params[0].kind != "struct":
            self.fault(node, f"'{found.params[0].name}' is not a message type")
        else:
            result = found.params[0]
        made = node.name if result is types.ERROR else result.name
        for offset, name, value, optional in node.fields:
            given = self._present(value, self.check(value), optional)
            wanted = self._field_of(offset, made, name)
            if not self._assign(wanted, given):
                message = (
                    f"expected type of field '{name}' is '{wanted.text}' but provided type is '{given.text}'"
                )
                self.faults.append(Fault(offset, message))
        return result

    def _fold(self, node: Fold) -> Type:
        over = self._known(self.check(node.range_))
        accumulated = self.check(node.start)
        self.scopes.append({node.accumulator: accumulated})
        self.scopes.append(self._variables(node, over))
        self._assert(node.condition, types.BOOL)
        self._assert(node.step, accumulated)
        self.scopes.pop()
        result = self.check(node.result)
        self.scopes.pop()
        return self._known(result)

    def _assert(self, node: Node, wanted: Type) -> None:
        given = self.check(node)
        if not self._assign(wanted, given):
            self._mismatch(node, wanted, given)

    def _variables(self, node: Fold, over: Type) -> dict[str, Type]:
        first = second = types.DYN
        if over.kind == "list":
            first = second = over.params[0]
            if node.variable2:
                first = types.INT
        elif over.kind == "map":
            first, second = over.params
        elif over.kind in ("dyn", "error", "param"):
            self._assign(types.DYN, over)
        else:
            message = (
                f"expression of type '{over.text}' cannot be range of a comprehension "
                "(must be list, map, or dynamic)"
            )
            self.fault(node.range_, message)
            first = second = types.ERROR
        return {node.variable: first, node.variable2: second} if node.variable2 else {node.variable: first}


_CHECKS: dict[type, Any] = {
    Broken: _Checker._broken,
    Literal: _Checker._literal,
    Ident: _Checker._ident,
    Select: _Checker._select,
    Call: _Checker._call,
    MakeList: _Checker._list,
    MakeMap: _Checker._map,
    MakeStruct: _Checker._struct,
    Fold: _Checker._fold,
}
