"""
Whether the defaults of a schema fit it.

Follows C{k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting/validation.go}.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

from ark.meta.fielderrors import invalid
from ark.meta.metatypes import WrongType, check_types
from ark.meta.status import Cause
from ark.registry.codec import same_json
from ark.registry.definitions.structural import Schema, properties_of
from ark.registry.embedded import EMBEDDED, embedded_faults, wrong_embedded
from ark.registry.failures import NO_FIELD, causes_of
from ark.registry.pruning import prune_part
from ark.registry.rules import compile_tree
from ark.registry.validation import check_value

_TYPE_META = ("apiVersion", "kind", "metadata")


def default_causes(schema: Schema, path: str, pruned: bool = True) -> list[Cause]:
    """
    Every fault of the defaults in a structural schema.

    @param pruned: whether a default may only have members that are declared.
    """
    return list(_Defaults(pruned).node({**schema, EMBEDDED: True}, path, ()))


def has_unknown_members(schema: Schema) -> bool:
    """
    Whether a default of a structural schema has members that nothing declares.
    """
    return any("must not have unknown fields" in cause.message for cause in default_causes(schema, ""))


class _Defaults:
    def __init__(self, pruned: bool) -> None:
        self._pruned = pruned

    def node(self, schema: Schema, path: str, meta: tuple[str, ...]) -> Iterator[Cause]:
        """
        @param meta: the way here from the type and metadata of an object; empty outside.
        """
        if schema.get(EMBEDDED):
            meta = ()
        if schema.get("default") is not None:
            where = f"{path}.default"
            yield from self._inside_meta(schema, where, meta) if meta else self._own(schema, where)
        if schema.get("items") is not None:
            yield from self.node(schema["items"], f"{path}.items", (*meta, "0") if meta else ())
        for name, node in properties_of(schema).items():
            enters = schema.get(EMBEDDED) and name in _TYPE_META
            below = (*meta, name) if meta or enters else ()
            yield from self.node(node, f"{path}.properties[{name}]", below)

    def _own(self, schema: Schema, path: str) -> Iterator[Cause]:
        default = schema["default"]
        if self._pruned:
            kept = copy.deepcopy(default)
            prune_part(kept, schema)
            if not same_json(kept, default):
                yield invalid(path, default, "must not have unknown fields")
        wrong = next(wrong_embedded(default, schema), None)
        if wrong is not None:
            yield wrong._replace(field=_under(path, wrong.field))
            return
        faults = [
            cause._replace(field=_under(path, cause.field)) for cause in embedded_faults(default, schema)
        ]
        yield from faults or _value_causes(schema, path)

    def _inside_meta(self, schema: Schema, path: str, meta: tuple[str, ...]) -> Iterator[Cause]:
        default = schema["default"]
        problem = _meta_problem(meta, default)
        if problem:
            yield invalid(path, default, f"must result in valid metadata: {problem}")
            return
        yield from _value_causes(schema, path)


def _value_causes(schema: Schema, path: str) -> list[Cause]:
    default = schema["default"]
    causes = causes_of(check_value(default, schema).failures, path)
    tree = None if causes else compile_tree(schema, bool(schema.get(EMBEDDED)))
    if tree is None:
        return causes
    # Where nothing was before, and where the same was.
    found = tree.judge(default, default).causes or tree.judge(default).causes
    return [cause._replace(field=_under(path, cause.field.replace(NO_FIELD, ""))) for cause in found]


def _under(path: str, field: str) -> str:
    return f"{path}{field}" if field.startswith("[") else f"{path}.{field}" if field else path


def _meta_problem(meta: tuple[str, ...], default: Any) -> str:
    """
    Why an object that has nothing but this default is none; empty when it is one.
    """
    value: Any = copy.deepcopy(default)
    for name in reversed(meta):
        value = [value] if name == "0" else {name: value}
    obj = {"apiVersion": "validation/v1", "kind": "Validation", **value}
    if isinstance(obj.get("metadata"), Mapping):
        try:
            check_types(obj["metadata"])
        except WrongType as error:
            return str(error)
    faults = list(embedded_faults(obj, {EMBEDDED: True}))
    return "; ".join(f"{cause.field}: {cause.message}" for cause in faults)
