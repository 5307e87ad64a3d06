"""
How plug-ins refuse a write.

Follows C{k8s.io/apiserver/pkg/admission/errors.go}.
"""

from __future__ import annotations

from collections.abc import Sequence

from ark.admission.attributes import Attributes
from ark.meta.status import APIStatus, Cause
from ark.meta.status import forbidden as forbidden_about


def forbidden(attributes: Attributes, why: str, causes: Sequence[Cause] = ()) -> APIStatus:
    """
    The 403 about a write.  An object that has no name yet is told of by what its name will
    begin with.
    """
    return forbidden_about(attributes.resource, shown_name(attributes), why, causes)


def shown_name(attributes: Attributes) -> str:
    """
    How an object is told of (C{extractResourceName}).
    """
    if attributes.name:
        return attributes.name
    metadata = (attributes.object or {}).get("metadata") or {}
    name: str = metadata.get("name") or metadata.get("generateName") or "Unknown"
    return name
