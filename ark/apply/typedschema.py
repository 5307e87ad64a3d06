"""
All that server-side apply does with objects of one kind.

Follows C{typed.TypedValue} of C{sigs.k8s.io/structured-merge-diff/v6}.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from ark.apply.fieldset import EMPTY, FieldSet
from ark.apply.typed import SAME, Atom, Comparison, TypedError
from ark.apply.typedatomics import atomics
from ark.apply.typedcheck import Check
from ark.apply.typedcompare import Compare
from ark.apply.typedcompile import compile_object
from ark.apply.typedfields import Fields
from ark.apply.typedmerge import Merge
from ark.apply.typednames import reconciled, with_named
from ark.apply.typedremove import Remove

__all__ = ["SAME", "Comparison", "TypedError", "TypedSchema", "compile_typed"]

Object = dict[str, Any]


class TypedSchema:
    """
    What the schema of a kind says about merging and owning.

    Nothing changes its arguments; what comes out shares parts with them.  All but C{check}
    rely on objects that L{check} lets pass.
    """

    def __init__(self, atom: Atom) -> None:
        self._atom = atom

    def check(self, obj: Object, allow_duplicates: bool = False) -> None:
        """
        Judge whether an object fits the schema.

        @param allow_duplicates: lists may have several items that are known by the same,
            as objects may that were stored before the schema said so.
        @raise TypedError: it does not.
        """
        (self._check_live if allow_duplicates else self._check)(obj)

    def field_set(self, obj: Object) -> FieldSet:
        """
        The fields that an object mentions.

        @raise TypedError: items of a list have nothing to be known by.
        """
        return self._fields(obj)

    def compare(self, old: Object, new: Object) -> Comparison:
        """
        What tells C{new} from C{old}; L{SAME} itself if nothing does.

        @raise TypedError: something that differs does not fit the schema.
        """
        return self._compare(old, new)

    def merge(self, live: Object, config: Object) -> Object:
        """
        C{live} with all that C{config} says; nothing goes away.

        @raise TypedError: items of a list have nothing to be known by.
        """
        result: Object = self._merge(live, config)
        return result

    def atomics(self, config: Object) -> list[str]:
        """
        The paths of what a configuration would replace as a whole.
        """
        return list(atomics(self._atom, config))

    def remove(self, obj: Object, fields: FieldSet) -> Object:
        """
        An object without some fields.
        """
        if fields.empty:
            return obj
        result: Object = self._remove(obj, fields)
        return {} if result is None else result

    def named_members(self, fields: FieldSet) -> FieldSet:
        """
        A set with the declared members that have fields of the set below them.
        """
        return EMPTY if fields.empty else FieldSet(with_named(fields.fields_v1(), self._atom))

    def reconcile(self, fields: FieldSet) -> FieldSet:
        """
        A set that was made by an earlier schema, as this one needs it: lists and maps that
        have become atomic belong as a whole to those who had some of it.

        @return: C{fields} itself if nothing changes, which costs nothing the second time.
        """
        if fields.reconciled_by is self:
            return fields
        tree = reconciled(fields.fields_v1(), self._atom)
        if tree is not fields.fields_v1():
            fields = FieldSet(tree)
        fields.reconciled_by = self
        return fields

    @cached_property
    def _check(self) -> Check:
        return Check(self._atom, allow_duplicates=False)

    @cached_property
    def _check_live(self) -> Check:
        return Check(self._atom, allow_duplicates=True)

    @cached_property
    def _fields(self) -> Fields:
        return Fields(self._atom)

    @cached_property
    def _compare(self) -> Compare:
        return Compare(self._atom)

    @cached_property
    def _merge(self) -> Merge:
        return Merge(self._atom)

    @cached_property
    def _remove(self) -> Remove:
        return Remove(self._atom)


def compile_typed(
    schema: Mapping[str, Any], *, preserve_unknown: bool = False, built_in: bool = False
) -> TypedSchema:
    """
    Compile the schema of a kind.

    @param schema: its C{openAPIV3Schema}; what it says about metadata is not looked at.
    @param preserve_unknown: members that are not declared are kept everywhere
        (C{spec.preserveUnknownFields}).
    @param built_in: the kind is one of Kubernetes' own, where a required member that is
        not there is zero.
    """
    return TypedSchema(compile_object(schema, preserve_unknown, built_in))
