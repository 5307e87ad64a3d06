"""
The steps that lead to a field of an object, and how C{fieldsV1} and messages write them.

Follows C{sigs.k8s.io/structured-merge-diff/v6/fieldpath}.  A step is a field of a map, an
item of a list known by some of its members, an item known by its value, or an item known
by its place.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from json import JSONDecoder
from typing import Any

from ark.meta.gotext import format_float, json_float, quote

Element = tuple[str, Any]
"""
C{("f", name)}, C{("k", ((name, value), ...))} sorted by name, C{("v", value)} or C{("i", place)}.
"""

Path = tuple[Element, ...]

SELF = "."
"""
The key under which C{fieldsV1} says that a field which has others below it is in the set itself.
"""

_RANKS = {"f": 0, "k": 1, "v": 2, "i": 3}
_CACHED = 256
_ESCAPED = re.compile('[\\x00-\\x1f"\\\\<>&\u2028\u2029]')
_ESCAPED_IN_NAMES = re.compile('[\\x00-\\x1f"\\\\]')
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_PLACE = re.compile(r"[+-]?[0-9]{1,19}", re.ASCII)


def _integer(text: str) -> int | float:
    # As Kubernetes reads numbers: what is no int64 is a float.
    return int(text) if len(text) < 20 and -(1 << 63) <= int(text) < 1 << 63 else float(text)


def _no_constant(text: str) -> Any:
    raise ValueError(f"{text} is no JSON")


_DECODER = JSONDecoder(parse_int=_integer, parse_constant=_no_constant)


class FieldsError(ValueError):
    """
    A text is no C{fieldsV1}; the message says what is wrong with which key.
    """


def field_path(*names: str) -> Path:
    """
    The path that leads through fields only.
    """
    return tuple(("f", name) for name in names)


def _escape(match: re.Match[str]) -> str:
    character = match[0]
    return _ESCAPES.get(character) or f"\\u{ord(character):04x}"


def json_text(value: Any) -> str:
    """
    A value as the key of an element carries it: compact JSON with the members in order.
    """
    if type(value) is str:
        return f'"{_ESCAPED.sub(_escape, value)}"'
    if value is True or value is False:
        return "true" if value else "false"
    if type(value) is int:
        return str(value)
    if type(value) is float:
        text = json_float(value)
        # The library that Kubernetes has for this writes exponents with two digits.
        return f"{text[:-1]}0{text[-1]}" if text[-3:-1] == "e-" else text
    if type(value) is list:
        return f"[{','.join(map(json_text, value))}]"
    if type(value) is dict:
        return f"{{{','.join(f'{json_text(name)}:{json_text(value[name])}' for name in sorted(value))}}}"
    return "null"


def name_text(name: str) -> str:
    """
    The name of a member of a key, as the key carries it.
    """
    return f'"{_ESCAPED_IN_NAMES.sub(_escape, name)}"'


def element_key(element: Element) -> str:
    """
    The key of C{fieldsV1} that stands for an element.

    Elements that are equal to Kubernetes have one key, so that keys can be compared instead.
    """
    kind, content = element
    if kind == "f":
        return f"f:{content}"
    if kind == "k":
        return f"k:{{{','.join(f'{name_text(name)}:{json_text(value)}' for name, value in content)}}}"
    return f"v:{json_text(content)}" if kind == "v" else f"i:{content}"


def _decoded(text: str, key: str) -> Any:
    try:
        # Kubernetes reads one value and does not look at what follows.
        return _DECODER.raw_decode(text.lstrip(" \t\r\n"))[0]
    except (ValueError, RecursionError):
        raise FieldsError(f"the key {quote(key)} holds no JSON value") from None


def _read(key: str) -> Element | None:
    """
    The element of a key; L{None} if it is of a kind that nobody knows yet.
    """
    if len(key.encode("utf-8", "surrogatepass")) < 2:
        raise FieldsError("key must be 2 characters long:")
    if key[1:2] != ":" or not key[0].isascii():
        raise FieldsError(f"missing colon: {key}")
    kind, text = key[0], key[2:]
    if kind == "f":
        return "f", text
    if kind == "v":
        return "v", _decoded(text, key)
    if kind == "k":
        members = _decoded(text, key)
        if type(members) is not dict:
            raise FieldsError(f"the key {quote(key)} holds no JSON object")
        return "k", tuple(sorted(members.items(), key=lambda member: member[0]))
    if kind != "i":
        return None
    if not _PLACE.fullmatch(text) or not -(1 << 63) <= int(text) < 1 << 63:
        raise FieldsError(f"strconv.Atoi: parsing {quote(text)}: invalid syntax")
    return "i", int(text)


def canonical_key(key: str) -> str | None:
    """
    The one key that stands for the element that C{key} means.

    @return: L{None}, which is to be left out, if the kind of the element is not known.
    @raise FieldsError: the key means nothing.
    """
    if key[:2] == "f:":
        return key
    element = _read(key)
    return None if element is None else element_key(element)


def _element(key: str) -> Element:
    element = _read(key)
    if element is None:
        raise FieldsError(f"unknown path element type: {key}")
    return element


_cached_element = lru_cache(maxsize=4096)(_element)


def element_of(key: str) -> Element:
    """
    The element of a key that L{canonical_key} or L{element_key} gave.
    """
    # Only short texts are remembered: a value may be as long as an object.
    return _cached_element(key) if len(key) < _CACHED else _element(key)


def _value_order(value: Any) -> tuple[Any, ...]:
    """
    A tuple that sorts as Kubernetes sorts values: numbers, texts, flags, lists, maps, null.
    """
    if type(value) is bool:
        return 2, value
    if isinstance(value, (int, float)):
        return 0, value
    if type(value) is str:
        return 1, value
    if type(value) is list:
        return 3, tuple(map(_value_order, value))
    if type(value) is dict:
        return 4, tuple((name, _value_order(value[name])) for name in sorted(value))
    return (5,)


def _order_of(key: str) -> tuple[Any, ...]:
    if key == SELF:
        return (-1,)
    kind, content = element_of(key)
    if kind == "k":
        return 1, tuple((name, _value_order(value)) for name, value in content)
    return _RANKS[kind], _value_order(content) if kind == "v" else content


_cached_order = lru_cache(maxsize=4096)(_order_of)


def _order(key: str) -> tuple[Any, ...]:
    return _cached_order(key) if len(key) < _CACHED else _order_of(key)


def sorted_keys(keys: Iterable[str]) -> list[str]:
    """
    Keys of one level in the order in which Kubernetes writes them, L{SELF} first.
    """
    result = sorted(keys)
    # All other kinds come after the fields, whose texts sort as their names do.
    if result and result[-1][:2] != "f:" and result[-1] != SELF:
        result.sort(key=_order)
    return result


def value_text(value: Any, stored: bool = False) -> str:
    """
    A value as messages show it.

    @param stored: the value was read out of C{fieldsV1}, where Go knows only floats.
    """
    if type(value) is str:
        return quote(value)
    if value is True or value is False:
        return "true" if value else "false"
    if type(value) is float or (stored and type(value) is int):
        return format_float(float(value))
    if type(value) is list:
        return f"[{','.join(value_text(item, stored) for item in value)}]"
    if type(value) is dict:
        return "".join(f"{name}={value_text(value[name], stored)}" for name in sorted(value))
    return "null" if value is None else str(value)


def element_text(element: Element, stored: bool = False) -> str:
    """
    An element as a part of a path in messages: C{.name}, C{[a=1,b="x"]}, C{[="x"]}, C{[0]}.
    """
    kind, content = element
    if kind == "f":
        return f".{content}"
    if kind == "k":
        return f"[{','.join(f'{name}={value_text(value, stored)}' for name, value in content)}]"
    return f"[={value_text(content, stored)}]" if kind == "v" else f"[{content}]"


def path_text(path: Path) -> str:
    """
    A path as messages about conflicts show it: C{.spec.ports[port=80].name}.
    """
    return "".join(element_text(element, stored=True) for element in path)
