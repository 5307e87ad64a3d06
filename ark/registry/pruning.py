"""
Fields that a kind does not declare are dropped.

Follows C{k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning}; contract 9.2.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ark.registry.codewriter import CodeWriter, Schema, indented
from ark.registry.embedded import EMBEDDED

TYPE_MEMBERS = ("apiVersion", "kind", "metadata")
PRESERVE = "x-kubernetes-preserve-unknown-fields"
_CLOSED: Schema = {}


def prune(value: Any, schema: Schema) -> list[str]:
    """
    Drop from a whole object what its schema does not declare, in place.

    Type and metadata are left alone.

    @return: the paths of what was dropped, as Kubernetes names them.
    """
    dropped: list[str] = []
    _prune(value, {**schema, EMBEDDED: True}, "", dropped)
    return dropped


def prune_part(value: Any, schema: Schema) -> None:
    """
    The same for what need not be a whole object: type and metadata are members like
    others, unless the schema says that it is one.
    """
    _prune(value, schema, "", [])


def _prune(value: Any, schema: Schema, path: str, dropped: list[str]) -> None:
    if type(value) is dict:
        _prune_members(value, schema, path, dropped)
    elif type(value) is list:
        items = schema.get("items")
        for index, item in enumerate(value):
            if schema.get(PRESERVE):
                # Where unknown fields are kept, items are walked as if they were, too.
                _prune(
                    item,
                    {**items, PRESERVE: True} if items else {PRESERVE: True},
                    f"{path}[{index}]",
                    dropped,
                )
            else:
                _prune(item, items or _CLOSED, f"{path}[{index}]", dropped)


def _prune_members(value: dict[str, Any], schema: Schema, path: str, dropped: list[str]) -> None:
    properties = schema.get("properties") or {}
    additional = schema.get("additionalProperties")
    for name in list(value):
        if schema.get(EMBEDDED) and name in TYPE_MEMBERS:
            continue
        where = f"{path}.{name}" if path else name
        if name in properties:
            _prune(value[name], properties[name], where, dropped)
        elif additional is not None and additional is not False:
            _prune(value[name], additional if isinstance(additional, Mapping) else _CLOSED, where, dropped)
        elif not schema.get(PRESERVE):
            del value[name]
            if path or name not in TYPE_MEMBERS:
                dropped.append(where)


def compile_clean(schema: Schema, source: str) -> Callable[[Any], bool]:
    """
    A function that says quickly whether L{prune} would leave an object as it is.

    It may say no without need, never yes.
    """
    writer = CodeWriter()
    name = _Clean(writer).node({**schema, EMBEDDED: True})
    return writer.build(name, source) if name else _always


def _always(value: Any) -> bool:
    return True


def _bare(value: Any) -> bool:
    """
    Whether a value has no members at any depth.
    """
    if type(value) is list:
        return all(map(_bare, value))
    return type(value) is not dict or not value


_STRUCTURE = ("properties", "items", "additionalProperties")
_IS_CONTAINER = "x.__class__ is dict or x.__class__ is list"
_NO_CONTAINER = f"if x.__class__ is not str and ({_IS_CONTAINER}): return False"


class _Clean:
    """
    Writes functions that say whether an object or a list has only declared members.
    """

    def __init__(self, writer: CodeWriter) -> None:
        self._writer = writer
        self._bare = writer.constant(_bare)
        self._always = writer.constant(_always)

    def node(self, schema: Schema) -> str:
        """
        The function for a node, C{""} when there is never anything to drop.
        """
        if schema.get(PRESERVE) and not any(schema.get(name) for name in _STRUCTURE):
            return ""
        return self._writer.function("clean", schema, lambda _: self._lines(schema))

    def _lines(self, schema: Schema) -> list[str]:
        items = schema.get("items")
        preserve = bool(schema.get(PRESERVE))
        if preserve and items is not None:
            # Rare; the thorough way decides.
            return ["return not v"]
        if items is None:
            lists = ["if v.__class__ is list:", f"    return {preserve} or {self._bare}(v)"]
            return [*lists, *self._members(schema), "return True"]
        return [
            "if v.__class__ is list:",
            *indented(self._each("v", items)),
            "    return True",
            *self._members(schema),
            "return True",
        ]

    def _is_structured(self, schema: Schema) -> bool:
        return any(schema.get(name) for name in (*_STRUCTURE, PRESERVE))

    def _each(self, values: str, schema: Schema) -> list[str]:
        """
        Lines that return if one of the values has something to drop.
        """
        if not self._is_structured(schema):
            return [f"for x in {values}:", f"    {_NO_CONTAINER}"]
        function = self.node(schema)
        if not function:
            return ["pass"]
        return [f"for x in {values}:", f"    if ({_IS_CONTAINER}) and not {function}(x): return False"]

    def _members(self, schema: Schema) -> list[str]:
        properties: dict[str, Schema] = dict(schema.get("properties") or {})
        if schema.get(EMBEDDED):
            properties.update({name: {PRESERVE: True} for name in TYPE_MEMBERS})
        additional = schema.get("additionalProperties")
        lines = []
        otherwise = "None"
        if additional is not None and additional is not False:
            node = additional if isinstance(additional, Mapping) else _CLOSED
            if not properties:
                return self._each("v.values()", node)
            otherwise = self._function(node)
        elif schema.get(PRESERVE):
            otherwise = self._always
        else:
            lines.append(f"if not {self._writer.constant(frozenset(properties).issuperset)}(v): return False")
        table = {name: self._function(node) for name, node in properties.items()}
        if set(table.values()) <= {self._bare} and otherwise == "None":
            return [*lines, "for x in v.values():", f"    {_NO_CONTAINER}"]
        find = f"{self._writer.table(table)}.get(k" + (")" if otherwise == "None" else f", {otherwise})")
        lines += ["for k, x in v.items():", f"    if x.__class__ is not str and ({_IS_CONTAINER}):"]
        lines += indented([f"f = {find}", "if f is None or not f(x): return False"], 2)
        return lines

    def _function(self, schema: Schema) -> str:
        if not self._is_structured(schema):
            return self._bare
        return self.node(schema) or self._always
