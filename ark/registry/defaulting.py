"""
Defaults, and nulls that mean nothing.

Follows C{k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting} (C{algorithm.go},
C{prunenulls.go}); contract 9.3, 19.2.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import orjson

from ark.registry.codewriter import CodeWriter, Schema, indented

_LITERALS = (str, int, bool)


def _copier(value: Any) -> Callable[[], Any]:
    text = orjson.dumps(value)
    return lambda: orjson.loads(text)


def _dropper(schema: Schema) -> Callable[[dict[str, Any]], None]:
    """
    A function that deals with the nulls of one object.
    """
    properties = schema.get("properties") or {}
    additional = schema.get("additionalProperties")

    def drop(value: dict[str, Any]) -> None:
        for name in [name for name, member in value.items() if member is None]:
            node = properties.get(name, additional)
            if not isinstance(node, Mapping) or node.get("nullable"):
                continue
            default = node.get("default")
            if default is None:
                del value[name]
            else:
                value[name] = _copier(default)()

    return drop


def compile_defaults(schema: Schema, source: str) -> Callable[[Any], None]:
    """
    A function that gives an object its defaults, in place.

    A null where a default is, and no null may be, gives way to it; another such null is
    dropped.
    """
    writer = CodeWriter()
    name = _Defaults(writer).node(schema)
    return writer.build(name, source) if name else _nothing


def _nothing(value: Any) -> None:
    return None


class _Defaults:
    """
    Writes functions that give a value its defaults.  Values of another shape than the
    schema's are left alone.
    """

    def __init__(self, writer: CodeWriter) -> None:
        self._writer = writer

    def node(self, schema: Schema) -> str:
        """
        The function for a node, C{""} when there is never anything to do.
        """
        if not self._matters(schema):
            return ""
        return self._writer.function("fill", schema, lambda _: self._lines(schema))

    def _matters(self, schema: Schema) -> bool:
        items = schema.get("items")
        if items is not None:
            return "default" in items or self._matters(items)
        return bool(schema.get("properties")) or isinstance(schema.get("additionalProperties"), Mapping)

    def _lines(self, schema: Schema) -> list[str]:
        return self._items(schema["items"]) if schema.get("items") is not None else self._object(schema)

    def _items(self, items: Schema) -> list[str]:
        lines = ["if type(v) is not list: return"]
        if items.get("default") is not None and not items.get("nullable"):
            make = self._writer.constant(_copier(items["default"]))
            lines.append(f"if None in v: v[:] = [{make}() if x is None else x for x in v]")
        return [*lines, *self._each("v", items)]

    def _each(self, container: str, schema: Schema) -> list[str]:
        if not self._matters(schema):
            return []
        return [f"for x in {container}:", *indented(self._below("x", schema))]

    def _object(self, schema: Schema) -> list[str]:
        drop = self._writer.constant(_dropper(schema))
        lines = ["if type(v) is not dict: return", f"if None in v.values(): {drop}(v)"]
        for name, node in (schema.get("properties") or {}).items():
            below = self._below("x", node)
            if node.get("default") is not None:
                lines.append(f"if {name!r} not in v: v[{name!r}] = {self._made(node['default'])}")
            if below:
                lines += [f"x = v.get({name!r})", *below]
        additional = schema.get("additionalProperties")
        if isinstance(additional, Mapping) and not schema.get("properties"):
            lines += self._each("v.values()", additional)
        return lines

    def _made(self, default: Any) -> str:
        if type(default) in _LITERALS:
            return repr(default)
        return f"{self._writer.constant(_copier(default))}()"

    def _below(self, name: str, schema: Schema) -> list[str]:
        if not self._matters(schema):
            return []
        if self._is_plain_map(schema):
            drop = self._writer.constant(_dropper(schema))
            return [f"if type({name}) is dict and None in {name}.values(): {drop}({name})"]
        return (
            [f"if {name}: {self.node(schema)}({name})"]
            if not self._fills(schema)
            else [f"if type({name}) is dict: {self.node(schema)}({name})"]
        )

    def _is_plain_map(self, schema: Schema) -> bool:
        """
        Whether there are only nulls to see to, and only in the value itself.
        """
        if schema.get("items") is not None:
            return False
        nodes = [*(schema.get("properties") or {}).values(), schema.get("additionalProperties")]
        found = [node for node in nodes if isinstance(node, Mapping)]
        return not any("default" in node or self._matters(node) for node in found)

    def _fills(self, schema: Schema) -> bool:
        """
        Whether an empty object gets defaults, too.
        """
        return any("default" in node for node in (schema.get("properties") or {}).values())
