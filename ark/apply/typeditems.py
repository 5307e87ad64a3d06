"""
How the items of lists are told from each other.

Follows C{typed/helpers.go} of C{sigs.k8s.io/structured-merge-diff/v6}.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ark.apply.fieldpath import Element, element_key, json_text, name_text
from ark.apply.typed import ABSENT, ListType
from ark.meta.gotext import quote

ElementOf = Callable[[Any], Element]
KeyOf = Callable[[Any], str]


class Unidentified(ValueError):
    """
    An item has nothing that it could be known by; the message says why.
    """


def element_reader(list_type: ListType) -> ElementOf:
    """
    The function that finds the element of an item's path in a list that is not atomic.

    It raises L{Unidentified}.
    """
    return _keyed(list_type) if list_type.keys else _by_value


def key_reader(list_type: ListType) -> KeyOf:
    """
    The same, giving the key of the element.
    """
    element_of = element_reader(list_type)

    def key_of(item: Any) -> str:
        return element_key(element_of(item))

    def text_key(item: Any) -> str:
        if type(item) is str:
            return f"v:{json_text(item)}"
        return key_of(item)

    if not list_type.keys:
        return text_key
    if len(list_type.keys) > 1:
        return key_of
    name = list_type.keys[0]
    start = f"k:{{{name_text(name)}:"

    def single_key(item: Any) -> str:
        value = item.get(name, ABSENT) if type(item) is dict else ABSENT
        return key_of(item) if value is ABSENT else f"{start}{json_text(value)}}}"

    return single_key


def _keyed(list_type: ListType) -> ElementOf:
    names = list_type.keys
    ordered = sorted(names)
    element = list_type.element.map
    members = element.members if element else {}
    defaults = {name: members[name].default for name in names if name in members}

    def of_item(item: Any) -> Element:
        if type(item) is not dict:
            what = "a null element" if item is None else "non-map elements"
            raise Unidentified(f"associative list with keys may not have {what}")
        found = []
        for name in ordered:
            value = item.get(name, ABSENT)
            if value is ABSENT:
                value = defaults.get(name)
                if value is None:
                    _check_element(list_type, name)
                    continue
            found.append((name, value))
        if not found:
            raise Unidentified(
                "associative list with keys has an element that omits all key fields "
                f"[{' '.join(map(quote, names))}] (and doesn't have default values for any key fields)"
            )
        return "k", tuple(found)

    return of_item


def _check_element(list_type: ListType, name: str) -> None:
    if list_type.element.map is None:
        raise Unidentified(
            f"couldn't find default value for {name}: associative list may not have non-map types"
        )


def _by_value(item: Any) -> Element:
    if type(item) is dict:
        raise Unidentified("associative list without keys has an element that's a map type")
    if type(item) is list:
        raise Unidentified("not supported: associative list with lists as elements")
    if item is None:
        raise Unidentified("associative list without keys has an element that's an explicit null")
    return "v", item


def indexer(list_type: ListType) -> Callable[[list[Any]], dict[str, list[Any]]]:
    """
    The function that sorts the items of a list by the keys of their elements.
    """
    key_of = key_reader(list_type)

    def index(items: list[Any]) -> dict[str, list[Any]]:
        result: dict[str, list[Any]] = {}
        for item in items:
            result.setdefault(key_of(item), []).append(item)
        return result

    return index
