"""
A definition in the version that Kubernetes judges it in, which no client sees.

Follows C{k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1/conversion.go}: what is
the same in all versions is said once for all of them, and faults are told of there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ark.registry.codec import same_json

Spec = Mapping[str, Any]

SHARED = {
    "schema": "validation",
    "subresources": "subresources",
    "additionalPrinterColumns": "additionalPrinterColumns",
    "selectableFields": "selectableFields",
}
"""
The members of a version that may move to C{spec}, and their names there.
"""


def internal_spec(spec: Spec) -> dict[str, Any]:
    """
    The C{spec} of the internal version, of one of version 1 that was read.
    """
    made = dict(spec)
    versions = [dict(version) for version in spec["versions"] or ()]
    if not versions:
        return made
    made["versions"] = versions
    for member, name in SHARED.items():
        first = versions[0].get(member)
        if all(_same(version.get(member), first) for version in versions):
            if first is not None:
                made[name] = first
            for version in versions:
                version.pop(member, None)
    return made


def _same(one: Any, other: Any) -> bool:
    return one is other or (one is not None and other is not None and same_json(one, other))


def schemas_of(spec: Spec) -> dict[str, Any]:
    """
    The schema of each version of an internal spec; L{None} where there is none.
    """
    shared = spec.get("validation")
    return {
        version["name"]: (version.get("schema") or shared or {}).get("openAPIV3Schema")
        for version in spec["versions"] or ()
    }
