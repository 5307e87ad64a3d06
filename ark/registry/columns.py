"""
Objects as rows of a table.

Follows C{k8s.io/apiextensions-apiserver/pkg/registry/customresource/tableconvertor} for
custom resources; contract 14.2, 14.3.  Columns of built-in kinds name the way their cells
are made (C{x-ark-format}, see L{ark.registry.cells}).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ark.apis.kind import Column, Kind
from ark.apis.manifest import InvalidDefinition
from ark.meta.gotext import format_float, json_marshal
from ark.meta.jsonpath import MISSING, First, compile_first
from ark.registry.cells import RENDERERS, age

Cell = Callable[[Any, float], Any]

_NAME = {
    "name": "Name",
    "type": "string",
    "format": "name",
    "description": "Name of the object, unique among its kind in a namespace; it never changes.",
    "priority": 0,
}
_AGE = Column("Age", "date", ".metadata.creationTimestamp", description="When the object was created.")


class Columns:
    """
    The columns of a kind, Kubernetes' own first.
    """

    def __init__(self, definitions: list[dict[str, Any]], cells: list[Cell]) -> None:
        self._definitions = definitions
        self._cells = cells

    def definitions(self) -> list[dict[str, Any]]:
        """
        The C{columnDefinitions} of a table.
        """
        return [dict(definition) for definition in self._definitions]

    def cells(self, obj: dict[str, Any], now: float) -> list[Any]:
        """
        The cells of one row, one for each definition.

        @param now: seconds since the epoch, for ages.
        """
        return [cell(obj, now) for cell in self._cells]


def compile_columns(kind: Kind) -> Columns:
    """
    The columns of a kind: the name, then those declared, or the age if there are none.

    @raise InvalidDefinition: a column asks for a rendering that does not exist.
    """
    declared = kind.columns or (_AGE,)
    definitions: list[dict[str, Any]] = []
    cells: list[Cell] = []
    if not any(column.format == "name" for column in declared):
        definitions.append(_NAME)
        cells.append(_name)
    for column in declared:
        definitions.append(_definition(column))
        cells.append(_cell(column))
    return Columns(definitions, cells)


def _definition(column: Column) -> dict[str, Any]:
    default = f"Custom resource definition column (in JSONPath format): {column.json_path}"
    return {
        "name": column.name,
        "type": column.type,
        "format": column.format,
        "description": column.description or default,
        "priority": column.priority,
    }


def _name(obj: Any, now: float) -> Any:
    return obj["metadata"].get("name", "")


def _cell(column: Column) -> Cell:
    if column.render:
        make = RENDERERS.get(column.render)
        if make is None:
            raise InvalidDefinition(f"column {column.name}: there is no x-ark-format {column.render}")
        return make(column)
    find = compile_first(column.json_path)
    if column.type == "date":
        return _date(find)
    convert = _CONVERSIONS[column.type]
    return lambda obj, now: convert(find(obj))


def _date(find: First) -> Cell:
    def cell(obj: Any, now: float) -> Any:
        value = find(obj)
        return age(value, now) if type(value) is str else None

    return cell


def _string(value: Any) -> str | None:
    if type(value) is str:
        return value
    if value is MISSING:
        return None
    if value is None:
        return "<no value>"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return format_float(value)
    return json_marshal(value) if isinstance(value, (dict, list)) else str(value)


def _integer(value: Any) -> int | None:
    return int(value) if type(value) in (int, float) else None


def _number(value: Any) -> float | None:
    return value if type(value) in (int, float) else None


def _boolean(value: Any) -> bool | None:
    return value if type(value) is bool else None


_CONVERSIONS: dict[str, Callable[[Any], Any]] = {
    "string": _string,
    "integer": _integer,
    "number": _number,
    "boolean": _boolean,
}
