"""
What a write to an object, or to one of its subresources, does not reach.

Follows C{rest.ResetFieldsStrategy} of C{k8s.io/apiserver/pkg/registry/rest}; contract 13.7.
"""

from __future__ import annotations

from typing import Any

from ark.apply.fieldpath import field_path
from ark.apply.fieldset import FieldSet
from ark.apply.typed import SAME, Comparison

Object = dict[str, Any]


class Ignored:
    """
    Members of objects that a write does not change, whatever it says
    (C{rest.ResetFieldsStrategy}).
    """

    def __init__(self, members: tuple[str, ...] = ()) -> None:
        self._members = members
        self._fields = FieldSet.of(*map(field_path, members))

    def left(self, found: Comparison) -> Comparison:
        """
        What differs besides them; L{SAME} if nothing does.
        """
        if found.touched.isdisjoint(self._fields.fields_v1()):
            return found
        added, modified, removed = (fields.recursive_difference(self._fields) for fields in found.sets)
        return Comparison(added, modified, removed) if added or modified or removed else SAME

    def part(self, obj: Object) -> Object:
        """
        What an object says of them.
        """
        return {name: obj[name] for name in self._members if name in obj}

    def fields(self, fields: FieldSet) -> FieldSet:
        """
        Fields without them and all that is below.
        """
        return fields.recursive_difference(self._fields)


NOTHING_IGNORED = Ignored()
"""
Of writes that reach everything.
"""


def apart(one: FieldSet, other: FieldSet) -> bool:
    """
    Whether the sets are of different members of an object: most often so, and quick to tell.
    """
    return one.fields_v1().keys().isdisjoint(other.fields_v1())
