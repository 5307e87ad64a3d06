"""
What does not fit in a value, in the words of Kubernetes.

Follows C{typed/validate.go} of C{sigs.k8s.io/structured-merge-diff/v6}, but goes through
members in order, where Go's order is by chance.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ark.apply.fieldpath import Element, element_key, element_text
from ark.apply.typed import Atom, ListType, MapType, Scalar
from ark.apply.typeditems import Unidentified, element_reader
from ark.meta.gotext import format_float, quote

Fault = tuple[str, str]

_GO_TYPES: dict[type, str] = {
    dict: "map[string]interface {}",
    list: "[]interface {}",
    str: "string",
    bool: "bool",
    int: "int64",
    float: "float64",
}


def faults(atom: Atom, value: Any, allow_duplicates: bool) -> Iterator[Fault]:
    """
    Pairs of the path and what is wrong there.
    """
    part = atom.part(value) or atom.first
    if value is None:
        return
    if part == "map" and atom.map is not None:
        yield from _map_faults(atom.map, value, allow_duplicates)
    elif part == "list" and atom.list is not None:
        yield from _list_faults(atom.list, value, allow_duplicates)
    elif atom.scalar is not None:
        yield from _scalar_faults(atom.scalar, value)


def _map_faults(map_type: MapType, value: Any, allow_duplicates: bool) -> Iterator[Fault]:
    if type(value) is not dict:
        yield "", f"expected map, got {_plain(value)}"
        return
    for name in sorted(value):
        member = map_type.members.get(name)
        atom = map_type.element if member is None else member.atom
        if atom is None:
            # Go looks no further, wherever its order of members has brought it.
            yield f".{name}", "field not declared in schema"
            continue
        for path, text in faults(atom, value[name], allow_duplicates):
            yield f".{name}{path}", text


def _list_faults(list_type: ListType, value: Any, allow_duplicates: bool) -> Iterator[Fault]:
    if type(value) is not list:
        yield "", f"expected list, got {_plain(value)}"
        return
    element_of = element_reader(list_type)
    seen: set[str] = set()
    for place, item in enumerate(value):
        element: Element = ("i", place)
        if not list_type.atomic:
            try:
                element = element_of(item)
            except Unidentified as error:
                yield "", f"element {place}: {error}"
                return
            key = element_key(element)
            if key in seen and not allow_duplicates:
                yield "", f"duplicate entries for key {element_text(element)}"
            seen.add(key)
        for path, text in faults(list_type.element, item, allow_duplicates):
            yield f"{element_text(element)}{path}", text


def _scalar_faults(scalar: Scalar, value: Any) -> Iterator[Fault]:
    if scalar is Scalar.NUMERIC and type(value) not in (int, float):
        yield "", f"expected numeric (int or float), got {_GO_TYPES[type(value)]}"
    elif scalar is Scalar.STRING and type(value) is not str:
        yield "", f"expected string, got &value.valueUnstructured{{Value:{_syntax(value)}}}"
    elif scalar is Scalar.BOOLEAN and type(value) is not bool:
        yield "", f"expected boolean, got {_plain(value)}"
    elif scalar is Scalar.ANY and type(value) in (dict, list):
        yield "", f"expected any scalar, got {_plain(value)}"


def _plain(value: Any) -> str:
    """
    A value of Kubernetes' own wrapping type by the verb C{%v}.
    """
    return f"&{{{_shown(value)}}}"


def _shown(value: Any) -> str:
    if value is None:
        return "<nil>"
    if type(value) is dict:
        return f"map[{' '.join(f'{name}:{_shown(value[name])}' for name in sorted(value))}]"
    if type(value) is list:
        return f"[{' '.join(map(_shown, value))}]"
    return value if type(value) is str else _syntax(value)


def _syntax(value: Any) -> str:
    """
    A value by the verb C{%#v}.
    """
    if value is None:
        return "interface {}(nil)"
    if type(value) is bool:
        return "true" if value else "false"
    if type(value) is str:
        return quote(value)
    if type(value) is dict:
        members = ", ".join(f"{quote(name)}:{_syntax(value[name])}" for name in sorted(value))
        return f"{_GO_TYPES[dict]}{{{members}}}"
    if type(value) is list:
        return f"{_GO_TYPES[list]}{{{', '.join(map(_syntax, value))}}}"
    return format_float(value) if type(value) is float else str(value)
