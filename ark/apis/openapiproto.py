"""
The OpenAPI document of version 2 in protocol buffers, the only form in which client-go asks for it.

Contract 4.  Follows C{openapiv2/OpenAPIv2.proto} of C{github.com/google/gnostic-models}; of that, what
documents of ours hold.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from typing import Any

from ark.meta.protoencoding import delimited, tag, varint
from ark.meta.protowire import FIXED64, VARINT
from ark.meta.serializer import encode_json

_Encode = Callable[[Any], bytes]
_Field = Callable[[Any], bytes]
"""
The bytes of a field with its tag.
"""


def _text(number: int) -> _Field:
    return lambda value: delimited(number, value.encode())


def _number(number: int) -> _Field:
    return lambda value: tag(number, VARINT) + varint(int(value))


def _double(number: int) -> _Field:
    return lambda value: tag(number, FIXED64) + struct.pack("<d", value)


def _inside(number: int, encode: _Encode) -> _Field:
    return lambda value: delimited(number, encode(value))


def _each(field: _Field) -> _Field:
    return lambda values: b"".join(map(field, values))


def _any(value: Any) -> bytes:
    """
    A value of any type: its text, as JSON is YAML.
    """
    return delimited(2, encode_json(value))


def _named(encode: _Encode, entry: tuple[str, Any]) -> bytes:
    name, value = entry
    return delimited(1, name.encode()) + delimited(2, encode(value))


def _entries(number: int, encode: _Encode) -> _Field:
    """
    An object whose members are of one type.
    """
    return lambda value: b"".join(delimited(number, _named(encode, entry)) for entry in value.items())


class _Message:
    """
    The bytes of an object with known members; those that begin with C{x-} are extensions.
    """

    def __init__(self, extensions: int = 0, **fields: _Field) -> None:
        self._extensions = extensions
        self._fields = {name.rstrip("_"): field for name, field in fields.items()}

    def add(self, name: str, field: _Field) -> None:
        """
        Know one more member.
        """
        self._fields[name] = field

    def __call__(self, value: dict[str, Any]) -> bytes:
        return b"".join(self._pieces(value))

    def _pieces(self, value: dict[str, Any]) -> Iterable[bytes]:
        for name, member in value.items():
            field = self._fields.get(name)
            if field is not None:
                yield field(member)
            elif self._extensions and name.startswith("x-"):
                yield delimited(self._extensions, _named(_any, (name, member)))


def _values(value: Any) -> bytes:
    """
    One or several types.
    """
    return b"".join(delimited(1, one.encode()) for one in ([value] if isinstance(value, str) else value))


_schema = _Message(
    extensions=31,
    format=_text(2),
    title=_text(3),
    description=_text(4),
    default=_inside(5, _any),
    multipleOf=_double(6),
    maximum=_double(7),
    exclusiveMaximum=_number(8),
    minimum=_double(9),
    exclusiveMinimum=_number(10),
    maxLength=_number(11),
    minLength=_number(12),
    pattern=_text(13),
    maxItems=_number(14),
    minItems=_number(15),
    uniqueItems=_number(16),
    maxProperties=_number(17),
    minProperties=_number(18),
    required=_each(_text(19)),
    enum=_each(_inside(20, _any)),
    type=_inside(22, _values),
    example=_inside(30, _any),
)


def _additional(value: Any) -> bytes:
    return _number(2)(value) if isinstance(value, bool) else delimited(1, _schema(value))


def _items(value: Any) -> bytes:
    return b"".join(delimited(1, _schema(one)) for one in (value if isinstance(value, list) else [value]))


_schema.add("$ref", _text(1))
_schema.add("additionalProperties", _inside(21, _additional))
_schema.add("items", _inside(23, _items))
_schema.add("allOf", _each(_inside(24, _schema)))
_schema.add("properties", _inside(25, _entries(1, _schema)))

_body_parameter = _Message(
    6, description=_text(1), name=_text(2), in_=_text(3), required=_number(4), schema=_inside(5, _schema)
)
_path_parameter = _Message(
    22,
    required=_number(1),
    in_=_text(2),
    description=_text(3),
    name=_text(4),
    type=_text(5),
    format=_text(6),
    uniqueItems=_number(19),
)
_query_parameter = _Message(
    23,
    required=_number(1),
    in_=_text(2),
    description=_text(3),
    name=_text(4),
    type=_text(6),
    format=_text(7),
    uniqueItems=_number(20),
)
_PLACES = {"query": (3, _query_parameter), "path": (4, _path_parameter)}


def _parameter(value: dict[str, Any]) -> bytes:
    if value["in"] == "body":
        return delimited(1, delimited(1, _body_parameter(value)))
    number, encode = _PLACES[value["in"]]
    return delimited(1, delimited(2, delimited(number, encode(value))))


_response = _Message(5, description=_text(1), schema=_inside(2, _inside(1, _schema)))
_responses = _entries(1, _inside(1, _response))
_operation = _Message(
    13,
    tags=_each(_text(1)),
    summary=_text(2),
    description=_text(3),
    operationId=_text(5),
    produces=_each(_text(6)),
    consumes=_each(_text(7)),
    parameters=_each(_inside(8, _parameter)),
    responses=_inside(9, _responses),
    schemes=_each(_text(10)),
    deprecated=_number(11),
)
_METHODS = ("get", "put", "post", "delete", "options", "head", "patch")
_path_item = _Message(
    10,
    parameters=_each(_inside(9, _parameter)),
    **{method: _inside(number, _operation) for number, method in enumerate(_METHODS, 2)},
)
_key = _Message(5, type=_text(1), name=_text(2), in_=_text(3), description=_text(4))
_info = _Message(7, title=_text(1), version=_text(2), description=_text(3))
_document = _Message(
    16,
    swagger=_text(1),
    info=_inside(2, _info),
    paths=_inside(8, _entries(2, _path_item)),
    definitions=_inside(9, _entries(1, _schema)),
    security=_each(_inside(12, _entries(1, _each(_text(1))))),
    securityDefinitions=_inside(13, _entries(1, _inside(2, _key))),
)


def encode_openapi_v2(document: dict[str, Any]) -> bytes:
    """
    The bytes of a decoded document.
    """
    return _document(document)
