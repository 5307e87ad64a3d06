"""
The times in objects of the built-in kinds, read and written as Go does.

C{metav1.Time} keeps whole seconds and C{metav1.MicroTime} six digits, both in UTC, however they
were sent (C{k8s.io/apimachinery/pkg/apis/meta/v1/{time,micro_time}.go}).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ark.apis.messages import tables_of
from ark.meta.time import parse_rfc3339, parse_rfc3339_micro, rfc3339, rfc3339_micro

_ZERO = -62135596800  # of Go's times: it is told as null
_SECONDS = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z", re.ASCII)

_MICROS = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z", re.ASCII)

_Settle = Callable[[Any], Any]


def compile_times(api_version: str, kind: str) -> Callable[[dict[str, Any]], None]:
    """
    What puts the times of an object of a kind into their one form, in place; those of its metadata
    and what is no text stay.

    @return: raises L{ValueError} with Go's text when a time cannot be read.
    """
    tables = tables_of(api_version)
    table = {name: entry for name, entry in tables.get(kind, {}).items() if name != "metadata"}
    return _members(dict(_settling(table, tables)))


def _settling(table: Mapping[str, Any], tables: Mapping[str, Any]) -> Iterator[tuple[str, _Settle]]:
    """
    The members of a message that are times or have some, and what settles them.
    """
    for name, entry in table.items():
        settle = _SCALARS.get(entry["type"]) or _message(entry["type"], tables)
        if settle is not None:
            yield name, _each(settle) if entry.get("repeated") else settle


def _message(name: str, tables: Mapping[str, Any]) -> _Settle | None:
    # A message within itself has no times.
    others = {other: table for other, table in tables.items() if other != name}
    inner = dict(_settling(tables.get(name, {}), others))
    return _object(inner) if inner else None


def _members(settling: Mapping[str, _Settle]) -> Callable[[dict[str, Any]], None]:
    members = tuple(settling.items())

    def settle(obj: dict[str, Any]) -> None:
        for name, change in members:
            if name in obj:
                obj[name] = change(obj[name])

    return settle


def _object(settling: Mapping[str, _Settle]) -> _Settle:
    members = _members(settling)

    def settle(value: Any) -> Any:
        if isinstance(value, dict):
            members(value)
        return value

    return settle


def _each(settle: _Settle) -> _Settle:
    return lambda value: [settle(item) for item in value] if isinstance(value, list) else value


def _settle_time(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    seconds = math.floor(parse_rfc3339(value))
    if seconds == _ZERO:
        return None
    return value if _SECONDS.fullmatch(value) else rfc3339(seconds)


def _settle_micro_time(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    seconds = parse_rfc3339_micro(value)
    if seconds == _ZERO:
        return None
    return value if _MICROS.fullmatch(value) else rfc3339_micro(seconds)


_SCALARS: dict[str, _Settle] = {"Time": _settle_time, "MicroTime": _settle_micro_time}
