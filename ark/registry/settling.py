"""
Pruning and defaulting in one go, for objects that have nothing unusual.

Most objects have no unknown fields and no nulls, and lack a default or two.  A function
made here fills these in and says yes; where it says no, L{ark.registry.pruning} and
L{ark.registry.defaulting} have to do their work, and lose nothing by what was filled in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ark.registry.codewriter import CodeWriter, Schema, indented
from ark.registry.defaulting import made_default
from ark.registry.embedded import EMBEDDED
from ark.registry.pruning import PRESERVE, TYPE_MEMBERS

_STRUCTURE = ("properties", "items", "additionalProperties")
_CONTAINERS = frozenset((dict, list))
_ODD = frozenset((dict, list, type(None)))
_NO = "return False"


def compile_settle(schema: Schema, source: str, fills: bool = True) -> Callable[[Any], bool]:
    """
    The function for whole objects.

    @param fills: whether it fills in defaults; if not it says no where one is lacking, and changes nothing.
    """
    writer = CodeWriter()
    name = _Settling(writer, fills).node({**schema, EMBEDDED: True})
    return writer.build(name, source)


def _left(schema: Schema) -> list[str]:
    """
    What is rare is left to the thorough way, unless there is nothing to do.
    """
    properties = (schema.get("properties") or {}).values()
    return [_NO if any(node.get("default") is not None for node in properties) else f"if v: {_NO}"]


class _Settling:
    """
    Writes functions that settle an object or a list.
    """

    def __init__(self, writer: CodeWriter, fills: bool) -> None:
        self._writer = writer
        self._fills = fills
        self._containers = writer.constant(_CONTAINERS)
        self._odd = writer.constant(_ODD)

    def node(self, schema: Schema) -> str:
        """
        The function for a node.
        """
        return self._writer.function("settle", schema, lambda _: [*self._lines(schema), "return True"])

    def _lines(self, schema: Schema) -> list[str]:
        items = schema.get("items")
        if schema.get(PRESERVE) and any(schema.get(name) for name in _STRUCTURE):
            return _left(schema)
        if items is None:
            return [f"if v.__class__ is not dict: {_NO}", *self._members(schema)]
        return [
            f"if v.__class__ is not list: {_NO}",
            "for x in v:",
            *indented(self._value(items) or ["pass"]),
        ]

    def _is_scalar(self, schema: Schema) -> bool:
        return not any(schema.get(name) for name in (*_STRUCTURE, PRESERVE))

    def _value(self, schema: Schema) -> list[str]:
        """
        Lines that settle the value called C{x}.
        """
        null = [] if schema.get("nullable") else [f"if x is None: {_NO}"]
        if schema.get(PRESERVE) and not any(schema.get(member) for member in _STRUCTURE):
            return null
        if self._is_scalar(schema):
            odd = self._containers if schema.get("nullable") else self._odd
            return [f"if x.__class__ is not str and x.__class__ in {odd}: {_NO}"]
        test = "x.__class__ is dict or x.__class__ is list"
        return [f"if {test}:", f"    if not {self.node(schema)}(x): {_NO}", *(f"el{line}" for line in null)]

    def _filled(self, member: str, default: Any) -> str:
        return f"v[{member!r}] = {made_default(self._writer, default)}" if self._fills else _NO

    def _members(self, schema: Schema) -> list[str]:
        properties: dict[str, Schema] = dict(schema.get("properties") or {})
        additional = schema.get("additionalProperties")
        if additional is not None and (properties or not isinstance(additional, Mapping)):
            return _left(schema)
        if additional is not None:
            return ["for x in v.values():", *indented(self._value(additional) or ["pass"])]
        if schema.get(EMBEDDED):
            properties.update({member: {PRESERVE: True, "nullable": True} for member in TYPE_MEMBERS})
        known = self._writer.constant(frozenset(properties).issuperset)
        lines = [f"if not {known}(v): {_NO}"]
        for member, node in properties.items():
            if node.get("default") is not None:
                lines.append(f"if {member!r} not in v: {self._filled(member, node['default'])}")
        if properties and all(
            self._is_scalar(node) and not node.get("nullable") for node in properties.values()
        ):
            odd = f"if x.__class__ is not str and x.__class__ in {self._odd}: {_NO}"
            return [*lines, "for x in v.values():", f"    {odd}"]
        for member, node in properties.items():
            checks = self._value(node)
            if checks:
                lines += [f"if {member!r} in v:", f"    x = v[{member!r}]", *indented(checks)]
        return lines
