"""
Empty members of objects of the built-in kinds, of which Go knows no more once it has read them.

Those are the members that their Go type has with C{omitempty} and not as a pointer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ark.apis.messages import tables_of
from ark.meta.protobuf import IMPLICIT

_Omit = Callable[[Any], None]

_TYPES = {"string": str, "bool": bool, "int32": int, "int64": int}


def compile_omissions(api_version: str, kind: str) -> Callable[[dict[str, Any]], None]:
    """
    What takes the members out of an object of a kind, in place, that Go leaves out where they are
    empty.  Its metadata stay, and so does what is of another type than it should be.
    """
    tables = tables_of(api_version)
    return _object(
        {name: entry for name, entry in tables.get(kind, {}).items() if name != "metadata"}, tables
    )


def _object(table: Mapping[str, Any], tables: Mapping[str, Any]) -> _Omit:
    zeros = dict(_zeros(table))
    inner = dict(_inner(table, tables))

    def omit(obj: Any) -> None:
        if not isinstance(obj, dict):
            return
        empty: list[str] = []
        for name, value in obj.items():
            if value:
                if name in inner:
                    inner[name](value)
            elif name in zeros and value.__class__ is zeros[name]:
                empty.append(name)
        for name in empty:
            del obj[name]

    return omit


def _zeros(table: Mapping[str, Any]) -> Iterator[tuple[str, type]]:
    """
    The members that are left out, and of which type they then are.
    """
    for name, entry in table.items():
        if entry.get("presence", IMPLICIT) != IMPLICIT:
            continue
        if entry.get("map"):
            yield name, dict
        elif entry.get("repeated"):
            yield name, list
        elif entry["type"] in _TYPES:
            yield name, _TYPES[entry["type"]]


def _inner(table: Mapping[str, Any], tables: Mapping[str, Any]) -> Iterator[tuple[str, _Omit]]:
    """
    The members that are messages, or lists of them.
    """
    for name, entry in table.items():
        message = tables.get(entry["type"])
        if message is None or entry.get("map"):
            continue
        # A message within itself is looked at once.
        others = {other: known for other, known in tables.items() if other != entry["type"]}
        omit = _object(message, others)
        yield name, _each(omit) if entry.get("repeated") else omit


def _each(omit: _Omit) -> _Omit:
    def omit_all(items: Any) -> None:
        for item in items if isinstance(items, list) else ():
            omit(item)

    return omit_all
