"""
What policies that change objects need to know of their schemas.
"""

from __future__ import annotations

from collections.abc import Callable

from ark.admission.attributes import Attributes
from ark.apis.loader import KindRegistry
from ark.apply.typedschema import TypedSchema
from ark.registry.fieldtracking import typed_schema
from ark.registry.scale import SCALE


def merge_schemas(kinds: Callable[[], KindRegistry]) -> Callable[[Attributes], TypedSchema | None]:
    """
    Finds the schemas of what is written, for
    L{ark.admission.policies.mutating.MutatingAdmissionPolicies}.

    @param kinds: tells the kinds that are served now.
    """

    def find(attributes: Attributes) -> TypedSchema | None:
        gvk = attributes.gvk
        if gvk == SCALE.gvk:
            return typed_schema(SCALE)
        kind = kinds().get(attributes.resource.group, gvk.version, attributes.resource.resource)
        return None if kind is None or kind.gvk != gvk else typed_schema(kind)

    return find
