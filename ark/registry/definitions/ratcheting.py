"""
What is not held against an update of a definition: faults that were there before.

Follows C{ValidateCustomResourceDefinitionUpdate} in C{k8s.io/apiextensions-apiserver/pkg/apis/
apiextensions/validation/validation.go}.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ark.registry.codec import same_json
from ark.registry.definitions.conditions import is_true
from ark.registry.definitions.conversions import bundle_of, is_bundle, knows_a_review
from ark.registry.definitions.defaults import has_unknown_members
from ark.registry.definitions.internal import schemas_of
from ark.registry.definitions.members import MOST_SELECTABLE
from ark.registry.definitions.schemas import TYPES, Tolerance, all_nodes, has_loose_keys, has_loose_set
from ark.registry.definitions.structural import not_structural, structural_causes

Object = dict[str, Any]
Spec = Mapping[str, Any]


@dataclass(frozen=True)
class Options:
    """
    What is asked of a spec beyond what is always asked.

    @ivar schemas: whether every version has to have a schema.
    @ivar pruned_defaults: whether defaults may only have members that are declared.
    @ivar recognized_reviews: whether one of the versions of reviews has to be known here.
    @ivar fixed_names: whether scope and kind stay.
    @ivar any_bundle: whether the authorities of a webhook may be no certificates.
    @ivar tolerance: what is not held against the schemas.
    @ivar unbounded: the versions that may have too many selectable fields.
    @ivar before: the schemas there were, by version.
    """

    schemas: bool = True
    pruned_defaults: bool = True
    recognized_reviews: bool = True
    fixed_names: bool = False
    any_bundle: bool = True
    tolerance: Tolerance = field(default_factory=Tolerance)
    unbounded: frozenset[str] = frozenset()
    before: Mapping[str, Any] = field(default_factory=dict)


def ratcheted(old: Object, before: Spec, spec: Spec) -> Options:
    """
    What is asked of an update.

    @param old: the definition before it.
    @param before: its spec, in the internal version.
    @param spec: the new spec.
    """
    schemas = [schema for schema in schemas_of(before).values() if schema is not None]
    nodes = [node for schema in schemas for node in all_nodes(schema)]
    return Options(
        schemas=len(schemas) == len(before["versions"] or ()),
        pruned_defaults=not any(_is_structural(one) and has_unknown_members(one) for one in schemas),
        recognized_reviews=knows_a_review(before.get("conversion")),
        fixed_names=is_true(old["status"], "Established"),
        any_bundle=not is_true(old["status"], "Established") or _has_bad_bundle(before.get("conversion")),
        tolerance=Tolerance(
            any(node.get("type") and node["type"] not in TYPES for node in nodes),
            any(map(has_loose_set, schemas)),
            any(map(has_loose_keys, schemas)),
        ),
        unbounded=_unbounded(spec, before),
        before=schemas_of(before),
    )


def _has_bad_bundle(conversion: Spec | None) -> bool:
    bundle = bundle_of(conversion)
    return bool(bundle) and not is_bundle(bundle)


def _unbounded(spec: Spec, before: Spec) -> frozenset[str]:
    def fields(of: Spec) -> dict[str, Any]:
        named = {version["name"]: version.get("selectableFields") or [] for version in of["versions"] or ()}
        return {"": of.get("selectableFields") or [], **named}

    old, new = fields(before), fields(spec)
    return frozenset(
        name
        for name, were in old.items()
        if len(were) > MOST_SELECTABLE and same_json(new.get(name, []), were)
    )


def _is_structural(schema: Mapping[str, Any]) -> bool:
    return not not_structural(schema) and not structural_causes(schema, "")
