"""
JSON and YAML texts to values and back: the only place that decodes what clients send.

The rules are stricter than Go's where leniency would store what cannot be served again:
invalid UTF-8, lone surrogates, U+0000 and numbers beyond a float are refused.  Whole
numbers beyond int64 become floats and floats without a fraction become integers, as they
do when Kubernetes stores them.
"""

from __future__ import annotations

import json
import re
from typing import Any

import orjson

from ark.meta.decoded import MAX_DEPTH, Decoded, DecodeError
from ark.meta.jsonsyntax import syntax_error
from ark.meta.yamltext import read_yaml, write_yaml

__all__ = ["MAX_DEPTH", "DecodeError", "Decoded", "decode_json", "decode_yaml", "encode_json", "encode_yaml"]

_MOST_DUPLICATES = 100
_LOWEST, _HIGHEST = -(1 << 63), (1 << 63) - 1

_loads = orjson.loads
_dumps = orjson.dumps
_STRICT = orjson.OPT_STRICT_INTEGER

_ESCAPED_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
# Texts may hold it too; then a copy is made for nothing.
_whole_float = re.compile(rb"\.0(?:[,\]}]|\Z)").search


def decode_json(data: bytes) -> Decoded:
    """
    Read a JSON text.

    @raise DecodeError: it is none, or breaks one of the rules of this module.
    """
    try:
        value = _loads(data)
    except orjson.JSONDecodeError as error:
        raise _refused(data, error) from None
    try:
        text = _dumps(value, None, _STRICT)
    except TypeError:
        value = _normalized(value, 0)
        text = _dumps(value)
    escaped = b"\\" in data
    if escaped and b"\\u0000" in data and _ESCAPED_NUL.search(data):
        raise DecodeError("invalid character '\\x00' in string literal")
    if _whole_float(text):
        value = _normalized(value, 0)
    # Reading drops the earlier of two members and with it at least two quotes.  Only an
    # escaped quote can be written in two ways.
    if data == text or (data.count(b'"') == text.count(b'"') and not (escaped and b"\\u0022" in data)):
        return Decoded(value, [])
    return _with_duplicates(value, data)


def _refused(data: bytes, error: orjson.JSONDecodeError) -> DecodeError:
    words = error.msg
    if words.startswith("depth limit"):
        return DecodeError("exceeded max depth")
    known = syntax_error(data, error.pos)
    if known is not None:
        return DecodeError(known)
    if words.startswith("number is infinity"):
        return DecodeError("json: cannot unmarshal number into Go value of type float64")
    return DecodeError(words.partition(": line ")[0])


def _normalized(value: Any, depth: int) -> Any:
    """
    A copy with the numbers that Kubernetes would have after storing it.
    """
    kind = type(value)
    if kind is float:
        return int(value) if value.is_integer() and _LOWEST <= value < _HIGHEST else value
    if kind is int:
        return value if _LOWEST <= value <= _HIGHEST else float(value)
    if kind is not dict and kind is not list:
        return value
    if depth >= MAX_DEPTH:
        raise DecodeError("exceeded max depth")
    if kind is dict:
        return {name: _normalized(member, depth + 1) for name, member in value.items()}
    return [_normalized(item, depth + 1) for item in value]


class _Members(list[tuple[str, Any]]):
    """
    The members of an object in the order of its text, doubles included.
    """


_PAIRS = json.JSONDecoder(object_pairs_hook=_Members, parse_int=str, parse_float=str)


def _with_duplicates(value: Any, data: bytes) -> Decoded:
    duplicates: dict[str, None] = {}
    _collect(_PAIRS.decode(data.decode()), "", duplicates)
    return Decoded(value, list(duplicates)[:_MOST_DUPLICATES])


def _collect(value: Any, path: str, duplicates: dict[str, None]) -> None:
    if isinstance(value, _Members):
        seen = set()
        for name, member in value:
            inner = f"{path}.{name}" if path else name
            if name in seen:
                duplicates[inner] = None
            seen.add(name)
            if member.__class__ is not str:
                _collect(member, inner, duplicates)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            if item.__class__ is not str:
                _collect(item, f"{path}[{index}]", duplicates)


def encode_json(value: Any, pretty: bool = False) -> bytes:
    """
    The JSON text of a value; C{pretty} indents by two spaces.
    """
    return _dumps(value, option=orjson.OPT_INDENT_2) if pretty else _dumps(value)


def decode_yaml(data: bytes) -> Decoded:
    """
    Read the first document of a YAML text, as C{sigs.k8s.io/yaml} turns it into JSON.

    Most of what is sent as YAML is JSON; that is tried first.

    @raise DecodeError: it is no YAML, has no JSON form or breaks one of the rules of
        this module.
    """
    if data.lstrip(b" \t\r\n")[:1] == b"{":
        try:
            return decode_json(data)
        except DecodeError:
            pass
    return read_yaml(data)


def encode_yaml(value: Any) -> bytes:
    """
    The YAML text of a value: members sorted, block style, as C{sigs.k8s.io/yaml} writes it.
    """
    return write_yaml(value)
