"""
The options of a request as admission is told of them.

A patch is told of as what it does: an update, or a creation (C{patchToUpdateOptions} and
C{patchToCreateOptions} in C{k8s.io/apiserver/pkg/endpoints/handlers/patch.go}).
"""

from __future__ import annotations

from typing import Any

from ark.meta.options import CreateOptions, DeleteOptions

_KINDS = {"CREATE": "CreateOptions", "UPDATE": "UpdateOptions", "DELETE": "DeleteOptions"}
_ALL = ["All"]


def members_of(operation: str, options: Any) -> dict[str, Any]:
    """
    The members in Go's order; empty ones are left out.
    """
    members: dict[str, Any] = {"kind": _KINDS[operation], "apiVersion": "meta.k8s.io/v1"}
    if isinstance(options, DeleteOptions):
        members.update(_deletion(options))
    elif isinstance(options, CreateOptions):
        members.update(_writing(options))
    return members


def _writing(options: CreateOptions) -> dict[str, Any]:
    members = {
        "dryRun": _ALL if options.dry_run else None,
        "fieldManager": options.field_manager,
        "fieldValidation": options.asked_validation,
    }
    return {name: value for name, value in members.items() if value}


def _deletion(options: DeleteOptions) -> dict[str, Any]:
    preconditions = {
        "uid": options.precondition_uid,
        "resourceVersion": options.precondition_resource_version,
    }
    told = {name: value for name, value in preconditions.items() if value is not None}
    members = {
        "gracePeriodSeconds": options.grace_period_seconds,
        "preconditions": told or None,
        "orphanDependents": options.orphan_dependents,
        "propagationPolicy": options.propagation_policy or None,
        "dryRun": _ALL if options.dry_run else None,
    }
    return {name: value for name, value in members.items() if value is not None}
