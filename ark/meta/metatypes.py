"""
The types of C{ObjectMeta}'s members, and what becomes of members that are none.

What Go gets by decoding into a struct: unknown members go, C{null} and empty ones are
left out, and a wrong type is told in the words of C{encoding/json}; contract 5.9, 9.2.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import orjson

from ark.meta.gotext import json_float
from ark.meta.time import parse_rfc3339, rfc3339

_KEPT_TEXTS = 1024
_LONGEST_TEXT = 1 << 14
_is_canonical_time = re.compile(
    r"[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z",
    re.ASCII,
).fullmatch


class WrongType(ValueError):
    """
    A member has a type that its Go field cannot take; the message is Go's.
    """


class _BadTime(WrongType):
    """
    A time that cannot be read, which Go tells of before all else.
    """


def _described(value: Any, number: bool = False) -> str:
    if value is True or value is False:
        return "bool"
    if isinstance(value, str):
        return "string"
    if isinstance(value, (int, float)):
        if not number:
            return "number"
        return f"number {json_float(value) if isinstance(value, float) else value}"
    return "object" if isinstance(value, dict) else "array"


def _wrong(value: Any, struct: str, field: str, go_type: str, number: bool = False) -> WrongType:
    found = _described(value, number)
    return WrongType(
        f"json: cannot unmarshal {found} into Go struct field {struct}.{field} of type {go_type}"
    )


# A reader gets the value, the struct and the field of the error text, the path of the
# value and the list of unknown paths; it gives what the struct would hold.  None: leave
# the member out.
_Reader = Callable[[Any, str, str, str, list[str]], Any]


def _text(go_type: str, required: bool = False) -> _Reader:
    def read(value: Any, struct: str, field: str, path: str, unknown: list[str]) -> Any:
        if value is None or value == "":
            return "" if required else None
        if type(value) is not str:
            raise _wrong(value, struct, field, go_type)
        return value

    return read


def _integer(omit_zero: bool) -> _Reader:
    def read(value: Any, struct: str, field: str, path: str, unknown: list[str]) -> Any:
        if type(value) is int:
            return None if omit_zero and not value else value
        if value is None:
            return None
        raise _wrong(value, struct, field, "int64", number=True)

    return read


def _flag(value: Any, struct: str, field: str, path: str, unknown: list[str]) -> Any:
    if value is None or value is True or value is False:
        return value
    raise _wrong(value, struct, field, "bool")


def _time(value: Any, struct: str, field: str, path: str, unknown: list[str]) -> Any:
    if value is None:
        return None
    if type(value) is not str:
        raise _BadTime(str(_wrong(value, struct, field, "string")))
    if _is_canonical_time(value):
        return value
    try:
        return rfc3339(parse_rfc3339(value))
    except ValueError as error:
        raise _BadTime(str(error)) from None


def _texts_by_name(value: Any, struct: str, field: str, path: str, unknown: list[str]) -> Any:
    if type(value) is not dict:
        if value is None:
            return None
        raise _wrong(value, struct, field, "map[string]string")
    for member in value.values():
        if type(member) is not str:
            return _without_nulls(value, struct, field)
    return value or None


def _without_nulls(value: dict[str, Any], struct: str, field: str) -> dict[str, str]:
    for member in value.values():
        if member is not None and type(member) is not str:
            raise _wrong(member, struct, field, "string")
    return {name: member or "" for name, member in value.items()}


def _texts(value: Any, struct: str, field: str, path: str, unknown: list[str]) -> Any:
    if type(value) is not list:
        if value is None:
            return None
        raise _wrong(value, struct, field, "[]string")
    for item in value:
        if item is not None and type(item) is not str:
            raise _wrong(item, struct, field, "string")
    return (value if all(value) else [item or "" for item in value]) or None


def _anything(value: Any, struct: str, field: str, path: str, unknown: list[str]) -> Any:
    return value


def _structs(name: str, members: Mapping[str, _Reader]) -> _Reader:
    def read(value: Any, struct: str, field: str, path: str, unknown: list[str]) -> Any:
        if value is None:
            return None
        if type(value) is not list:
            raise _wrong(value, struct, field, f"[]v1.{name}")
        result = []
        for index, item in enumerate(value):
            if item is not None and type(item) is not dict:
                raise _wrong(item, struct, field, f"v1.{name}")
            result.append(_members(item or {}, members, name, f"{field}.", f"{path}[{index}]", unknown))
        return result or None

    return read


def _members(
    value: dict[str, Any],
    members: Mapping[str, _Reader],
    struct: str,
    prefix: str,
    path: str,
    unknown: list[str],
) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for name, member in value.items():
        reader = members.get(name)
        if reader is None:
            unknown.append(f"{path}.{name}")
            continue
        read = reader(member, struct, prefix + name, f"{path}.{name}", unknown)
        if read is not None:
            result[name] = read
    for name, reader in members.items():
        if name not in result and reader(None, struct, name, path, unknown) is not None:
            result[name] = ""
    return result


_STRING = _text("string")
_NEEDED = _text("string", required=True)

_OWNER_REFERENCE: dict[str, _Reader] = {
    "apiVersion": _NEEDED,
    "kind": _NEEDED,
    "name": _NEEDED,
    "uid": _text("types.UID", required=True),
    "controller": _flag,
    "blockOwnerDeletion": _flag,
}

_MANAGED_FIELDS_ENTRY: dict[str, _Reader] = {
    "manager": _STRING,
    "operation": _text("v1.ManagedFieldsOperationType"),
    "apiVersion": _STRING,
    "time": _time,
    "fieldsType": _STRING,
    "fieldsV1": _anything,
    "subresource": _STRING,
}

_read_entries = _structs("ManagedFieldsEntry", _MANAGED_FIELDS_ENTRY)


@lru_cache(maxsize=_KEPT_TEXTS)
def _are_entries(text: bytes) -> bool:
    """
    Whether the JSON text of a list holds entries that are in their form already.
    """
    entries = orjson.loads(text)
    unknown: list[str] = []
    try:
        return bool(_read_entries(entries, "ObjectMeta", "", "", unknown) == entries and not unknown)
    except WrongType:
        return False


def _entries(value: Any, struct: str, field: str, path: str, unknown: list[str]) -> Any:
    # Clients send back what they have read, and few texts make up most of it.
    if type(value) is list and value:
        text = orjson.dumps(value)
        if len(text) <= _LONGEST_TEXT and _are_entries(text):
            return value
    return _read_entries(value, struct, field, path, unknown)


_OBJECT_META: dict[str, _Reader] = {
    "name": _STRING,
    "generateName": _STRING,
    "namespace": _STRING,
    "selfLink": _STRING,
    "uid": _text("types.UID"),
    "resourceVersion": _STRING,
    "generation": _integer(omit_zero=True),
    "creationTimestamp": _time,
    "deletionTimestamp": _time,
    "deletionGracePeriodSeconds": _integer(omit_zero=False),
    "labels": _texts_by_name,
    "annotations": _texts_by_name,
    "ownerReferences": _structs("OwnerReference", _OWNER_REFERENCE),
    "finalizers": _texts,
    "managedFields": _entries,
}

# Members for which any text but an empty one is right as it stands.
_PLAIN = frozenset(("name", "generateName", "namespace", "selfLink", "uid", "resourceVersion"))
_TIMES = frozenset(("creationTimestamp", "deletionTimestamp"))
_MAPS = frozenset(("labels", "annotations"))
_are_texts = frozenset((str,)).issuperset


def check_types(metadata: Any, path: str = "metadata") -> list[str]:
    """
    Bring metadata into the form that its Go struct has, in place.

    Members that C{ObjectMeta} does not have are dropped, and so are those that are
    C{null} or empty and optional.

    @param path: where the metadata stands, for the paths returned.
    @return: the paths of the unknown members.
    @raise WrongType: a member has the wrong JSON type.
    """
    if type(metadata) is not dict:
        raise WrongType(f"json: cannot unmarshal {_described(metadata)} into Go value of type v1.ObjectMeta")
    try:
        return _check(metadata, path)
    except WrongType as error:
        raise _foremost(metadata, error) from None


def wrong_members(metadata: Mapping[str, Any]) -> list[str]:
    """
    The members of metadata that have the wrong JSON type, or hold no time where one must be.
    """
    wrong = []
    for name, value in metadata.items():
        try:
            _OBJECT_META.get(name, _anything)(value, "ObjectMeta", name, "", [])
        except WrongType:
            wrong.append(name)
    return wrong


def _foremost(metadata: dict[str, Any], error: WrongType) -> WrongType:
    """
    Of several errors the one that Go finds, which reads members by their names' order.
    """
    first: WrongType | None = None
    for name in sorted(metadata):
        try:
            _OBJECT_META.get(name, _anything)(metadata[name], "ObjectMeta", name, "", [])
        except _BadTime as bad_time:
            return bad_time
        except WrongType as wrong:
            first = first or wrong
    return first or error


def _check(metadata: dict[str, Any], path: str) -> list[str]:
    unknown: list[str] = []
    changes: list[tuple[str, Any]] = []
    for name, value in metadata.items():
        # Most of what clients send is in its form already.
        if type(value) is str:
            if value and (name in _PLAIN or (name in _TIMES and _is_canonical_time(value))):
                continue
        elif type(value) is dict and value and name in _MAPS and _are_texts(map(type, value.values())):
            continue
        reader = _OBJECT_META.get(name)
        if reader is None:
            unknown.append(f"{path}.{name}")
            changes.append((name, None))
            continue
        read = reader(value, "ObjectMeta", name, f"{path}.{name}", unknown)
        if read is not value or value is None:
            changes.append((name, read))
    for name, value in changes:
        if value is None:
            del metadata[name]
        else:
            metadata[name] = value
    return unknown
