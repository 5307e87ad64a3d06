"""
Fields that a kind does not declare are dropped.

Follows C{k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning}; contract 9.2.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ark.registry.codewriter import CodeWriter, Schema, indented
from ark.registry.embedded import EMBEDDED

_TYPE_MEMBERS = ("apiVersion", "kind", "metadata")
_PRESERVE = "x-kubernetes-preserve-unknown-fields"
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


def _prune(value: Any, schema: Schema, path: str, dropped: list[str]) -> None:
    if type(value) is dict:
        _prune_members(value, schema, path, dropped)
    elif type(value) is list:
        items = schema.get("items")
        for index, item in enumerate(value):
            if schema.get(_PRESERVE):
                # Where unknown fields are kept, items are walked as if they were, too.
                _prune(
                    item,
                    {**items, _PRESERVE: True} if items else {_PRESERVE: True},
                    f"{path}[{index}]",
                    dropped,
                )
            else:
                _prune(item, items or _CLOSED, f"{path}[{index}]", dropped)


def _prune_members(value: dict[str, Any], schema: Schema, path: str, dropped: list[str]) -> None:
    properties = schema.get("properties") or {}
    additional = schema.get("additionalProperties")
    for name in list(value):
        if schema.get(EMBEDDED) and name in _TYPE_MEMBERS:
            continue
        where = f"{path}.{name}" if path else name
        if name in properties:
            _prune(value[name], properties[name], where, dropped)
        elif additional is not None and additional is not False:
            _prune(value[name], additional if isinstance(additional, Mapping) else _CLOSED, where, dropped)
        elif not schema.get(_PRESERVE):
            del value[name]
            if path or name not in _TYPE_MEMBERS:
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
_SCALARS = frozenset((str, int, float, bool, type(None)))
_CONTAINERS = (dict, list)


class _Clean:
    """
    Writes functions that say whether a value has only declared members.
    """

    def __init__(self, writer: CodeWriter) -> None:
        self._writer = writer
        self._bare = writer.constant(_bare)
        self._only_scalars = writer.constant(_SCALARS.issuperset)
        self._containers = writer.constant(_CONTAINERS)

    def node(self, schema: Schema) -> str:
        """
        The function for a node, C{""} when there is never anything to drop.
        """
        if schema.get(_PRESERVE) and not any(schema.get(name) for name in _STRUCTURE):
            return ""
        return self._writer.function("clean", schema, lambda _: self._lines(schema))

    def _lines(self, schema: Schema) -> list[str]:
        if schema.get(_PRESERVE) and schema.get("items"):
            # Rare; the thorough way decides.
            return [f"return type(v) not in {self._containers} or not v"]
        if schema.get("items") is None:
            lists = f"return {bool(schema.get(_PRESERVE))} or {self._bare}(v)"
            return [
                "if type(v) is dict:",
                *indented(self._members(schema)),
                "elif type(v) is list:",
                f"    {lists}",
                "return True",
            ]
        items = self._value(schema["items"], "x")
        lines = ["if type(v) is list:", "    for x in v:", *indented(items, 2)]
        if not self._is_structured(schema["items"]):
            lines = ["if type(v) is list:", f"    return {self._only_scalars}(map(type, v))"]
        return [*lines, "elif type(v) is dict:", *indented(self._members(schema)), "return True"]

    def _is_structured(self, schema: Schema) -> bool:
        return any(schema.get(name) for name in (*_STRUCTURE, _PRESERVE))

    def _value(self, schema: Schema, name: str) -> list[str]:
        """
        Lines that return if the value called C{name} has something to drop.
        """
        if not self._is_structured(schema):
            return [f"if type({name}) in {self._containers}: return False"]
        function = self.node(schema)
        return [f"if {name} and not {function}({name}): return False"] if function else ["pass"]

    def _members(self, schema: Schema) -> list[str]:
        properties = dict(schema.get("properties") or {})
        if schema.get(EMBEDDED):
            properties.update({name: {_PRESERVE: True} for name in _TYPE_MEMBERS})
        additional = schema.get("additionalProperties")
        names = self._writer.constant(frozenset(properties))
        lines = []
        if additional is not None and additional is not False:
            node = additional if isinstance(additional, Mapping) else _CLOSED
            if not properties and not self._is_structured(node):
                return [f"return {self._only_scalars}(map(type, v.values()))"]
            lines += [
                "for k, x in v.items():",
                f"    if k not in {names}:",
                *indented(self._value(node, "x"), 2),
            ]
        elif not schema.get(_PRESERVE):
            lines.append(f"if not v.keys() <= {names}: return False")
        return lines + self._declared(properties)

    def _declared(self, properties: dict[str, Schema]) -> list[str]:
        if properties and not any(map(self._is_structured, properties.values())):
            return [f"return {self._only_scalars}(map(type, v.values()))"]
        lines = []
        for name, node in properties.items():
            if not self._is_structured(node):
                lines.append(f"if type(v.get({name!r})) in {self._containers}: return False")
            elif self.node(node):
                lines += [f"x = v.get({name!r})", *self._value(node, "x")]
        return lines or ["pass"]
