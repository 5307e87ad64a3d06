"""
Which part of an old object a part of the new one is compared with.

Follows C{k8s.io/apiserver/pkg/cel/common/equality.go}; contract 19.3.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Schema = Mapping[str, Any]

_SCALARS = (bool, float, int, str)


def equal(left: Any, right: Any) -> bool:
    """
    Whether two JSON values are the same to Go: C{1}, C{1.0} and C{true} all differ.
    """
    if type(left) is not type(right):
        return False
    if type(left) is dict:
        return left.keys() == right.keys() and all(equal(value, right[name]) for name, value in left.items())
    if type(left) is list:
        return len(left) == len(right) and all(map(equal, left, right))
    return bool(left == right)


class Correlated:
    """
    A value together with the old value it stems from, and the schema of both.
    """

    __slots__ = ("_equal", "_old_items", "new", "old", "schema")

    def __init__(self, new: Any, old: Any, schema: Schema) -> None:
        self.new = new
        self.old = old
        self.schema = schema
        self._equal: bool | None = None
        self._old_items: dict[Any, Any] | None = None

    def unchanged(self) -> bool:
        """
        Whether the value is what it was.  Items of a list that is a map may change places.
        """
        if self._equal is None:
            self._equal = self._compare()
        return self._equal

    def _compare(self) -> bool:
        new, old = self.new, self.old
        if type(new) is dict and type(old) is dict:
            if len(new) != len(old):
                return False
            return all(self._same_member(name) for name in new)
        if type(new) is list and type(old) is list and self._is_map():
            if len(new) != len(old):
                return False
            children = map(self.item, range(len(new)))
            return all(child is not None and child.unchanged() for child in children)
        return equal(new, old)

    def _same_member(self, name: str) -> bool:
        child = self.member(name)
        # Below what the schema declares there is nothing to correlate by, so Kubernetes
        # counts such members as changed.
        return child is not None and child.unchanged()

    def _is_map(self) -> bool:
        return self.schema.get("x-kubernetes-list-type") == "map"

    def member(self, name: str) -> Correlated | None:
        """
        The member of an object, L{None} when the old object has none or none is declared.
        """
        if type(self.new) is not dict or type(self.old) is not dict:
            return None
        if name not in self.new or name not in self.old:
            return None
        schema = (self.schema.get("properties") or {}).get(name)
        if schema is None:
            schema = self.schema.get("additionalProperties")
        if not isinstance(schema, Mapping):
            return None
        return Correlated(self.new[name], self.old[name], schema)

    def item(self, index: int) -> Correlated | None:
        """
        The item of a list that is a map, found by its keys; L{None} for other lists.
        """
        items = self.schema.get("items")
        if not self._is_map() or type(self.old) is not list or type(self.new) is not list or items is None:
            return None
        if self._old_items is None:
            self._old_items = {}
            for item in self.old:
                self._old_items.setdefault(self._key(item), item)
        key = self._key(self.new[index])
        old = self._old_items.get(key) if key is not None else None
        return None if old is None else Correlated(self.new[index], old, items)

    def _key(self, item: Any) -> Any:
        keys = self.schema.get("x-kubernetes-list-map-keys") or ()
        if type(item) is not dict or any(type(item.get(key)) not in _SCALARS for key in keys):
            return None
        return tuple((type(item[key]), item[key]) for key in keys)
