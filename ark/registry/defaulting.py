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


def made_default(writer: CodeWriter, default: Any) -> str:
    """
    The expression that makes a default.
    """
    return repr(default) if type(default) in _LITERALS else f"{writer.constant(_copier(default))}()"


def _dropper(schema: Schema, drops: bool) -> Callable[[dict[str, Any]], bool]:
    """
    A function that deals with the nulls of one object, and says whether it changed it.
    """
    properties = schema.get("properties") or {}
    additional = schema.get("additionalProperties")

    def drop(value: dict[str, Any]) -> bool:
        changed = False
        for name in [name for name, member in value.items() if member is None]:
            node = properties.get(name, additional)
            if not isinstance(node, Mapping) or node.get("nullable"):
                continue
            default = node.get("default")
            if default is not None:
                value[name] = _copier(default)()
            elif drops:
                del value[name]
            else:
                continue
            changed = True
        return changed

    return drop


def drop_nulls(value: Any, schema: Any) -> None:
    """
    Take the nulls out that may not be and that no default replaces, in place.
    """
    if type(value) is list:
        items = schema.get("items") if isinstance(schema, Mapping) else None
        for item in value:
            drop_nulls(item, items)
    elif type(value) is dict and isinstance(schema, Mapping):
        properties = schema.get("properties") or {}
        additional = schema.get("additionalProperties")
        for name, member in list(value.items()):
            node = properties.get(name, additional)
            if not isinstance(node, Mapping):
                continue
            if member is None and not node.get("nullable") and node.get("default") is None:
                del value[name]
            else:
                drop_nulls(member, node)


def compile_defaults(schema: Schema, source: str, drops: bool = True) -> Callable[[Any], None]:
    """
    A function that gives an object its defaults, in place.

    A null where a default is, and no null may be, gives way to it; another such null is
    dropped.

    @param drops: whether it is; if not it is left to validation.
    """
    writer = CodeWriter()
    name = _Defaults(writer, drops).node(schema)
    return writer.build(name, source) if name else _nothing


def _nothing(value: Any) -> None:
    return None


class _Defaults:
    """
    Writes functions that give a value its defaults.  Values of another shape than the
    schema's are left alone.
    """

    def __init__(self, writer: CodeWriter, drops: bool) -> None:
        self._writer = writer
        self._drops = drops

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
        items = schema.get("items")
        if items is None:
            return ["if v.__class__ is not dict: return", *self._object(schema)]
        lines = ["if v.__class__ is not list: return"]
        if items.get("default") is not None and not items.get("nullable"):
            make = self._writer.constant(_copier(items["default"]))
            lines.append(f"if None in v: v[:] = [{make}() if x is None else x for x in v]")
        if self._matters(items):
            lines += ["for x in v:", f"    {self.node(items)}(x)"]
        return lines

    def _object(self, schema: Schema) -> list[str]:
        properties = schema.get("properties") or {}
        lines = []
        for name, node in properties.items():
            if node.get("default") is not None:
                lines.append(
                    f"if {name!r} not in v: v[{name!r}] = {made_default(self._writer, node['default'])}"
                )
        table = {name: self.node(node) for name, node in properties.items() if self._matters(node)}
        additional = schema.get("additionalProperties")
        otherwise = (
            self.node(additional) if isinstance(additional, Mapping) and self._matters(additional) else ""
        )
        again = f"if x is None and {self._writer.constant(_dropper(schema, self._drops))}(v): return {self.node(schema)}(v)"
        if not table and not otherwise:
            return [*lines, "for x in v.values():", f"    {again}"]
        find = f"{self._writer.table(table)}.get(k" + (f", {otherwise})" if otherwise else ")")
        lines += ["for k, x in v.items():", "    if x.__class__ is not str:"]
        lines += indented([again, "if x.__class__ is dict or x.__class__ is list:"], 2)
        return lines + indented([f"f = {find}", "if f is not None: f(x)"], 3)
