"""
The options of a deletion, from its body or its query (contract 8.1 to 8.3).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ark.meta import fielderrors
from ark.meta.gotext import json_type, quote
from ark.meta.query import Query, dry_run_causes, first, flag, integer, refuse
from ark.meta.status import Cause, bad_request

_POLICIES = ("Foreground", "Background", "Orphan")


@dataclass(frozen=True)
class DeleteOptions:
    """
    @ivar propagation_policy: empty when not given.
    @ivar orphan_dependents: the older form of it; L{None} when not given.
    @ivar precondition_uid: L{None} when there is no such precondition.
    @ivar precondition_resource_version: likewise.
    """

    dry_run: bool = False
    grace_period_seconds: int | None = None
    propagation_policy: str = ""
    orphan_dependents: bool | None = None
    precondition_uid: str | None = None
    precondition_resource_version: str | None = None


_DELETE = DeleteOptions()


def delete_options(query: Query, body: Any = None) -> DeleteOptions:
    """
    Read the options of a deletion: from its decoded body, or from the query when there
    is none (contract 8.1).

    @raise ark.meta.status.APIStatus: 400 or 422.
    """
    if body is None and not query:
        return _DELETE
    members = _delete_query(query) if body is None else _delete_body(body)
    refuse("DeleteOptions", _delete_causes(members))
    preconditions = members.get("preconditions") or {}
    grace = members.get("gracePeriodSeconds")
    return DeleteOptions(
        dry_run=bool(members.get("dryRun")),
        # A negative period counts as one second, as the store of Kubernetes has it.
        grace_period_seconds=1 if grace is not None and grace < 0 else grace,
        propagation_policy=members.get("propagationPolicy") or "",
        orphan_dependents=members.get("orphanDependents"),
        precondition_uid=preconditions.get("uid"),
        precondition_resource_version=preconditions.get("resourceVersion"),
    )


def _delete_query(query: Query) -> dict[str, Any]:
    preconditions = {name: query[name][0] for name in ("uid", "resourceVersion") if first(query, name)}
    policy = query.get("propagationPolicy")
    return {
        "gracePeriodSeconds": integer(query, "gracePeriodSeconds"),
        "orphanDependents": flag(query, "orphanDependents"),
        "propagationPolicy": policy[0] if policy else None,
        "dryRun": query.get("dryRun"),
        "preconditions": preconditions,
    }


def _delete_causes(members: Mapping[str, Any]) -> list[Cause]:
    policy = members.get("propagationPolicy")
    causes: list[Cause] = []
    if policy is not None and members.get("orphanDependents") is not None:
        detail = "orphanDependents and deletionPropagation cannot be both set"
        causes.append(fielderrors.invalid("propagationPolicy", policy, detail))
    if policy is not None and policy not in _POLICIES:
        causes.append(fielderrors.not_supported("propagationPolicy", policy, (*_POLICIES, "nil")))
    return causes + dry_run_causes(members.get("dryRun") or [])


_DELETE_TYPES: dict[str, tuple[type, str]] = {
    "kind": (str, "string"),
    "apiVersion": (str, "string"),
    "gracePeriodSeconds": (int, "int64"),
    "orphanDependents": (bool, "bool"),
    "propagationPolicy": (str, "v1.DeletionPropagation"),
    "preconditions": (dict, "v1.Preconditions"),
    "dryRun": (list, "[]string"),
}


def _delete_body(body: Any) -> Mapping[str, Any]:
    if not isinstance(body, dict):
        raise bad_request(f"json: cannot unmarshal {json_type(body)} into Go value of type v1.DeleteOptions")
    for name, (wanted, go_type) in _DELETE_TYPES.items():
        _require_type("DeleteOptions", name, body.get(name), wanted, go_type)
    if body.get("kind") not in (None, "", "DeleteOptions"):
        raise bad_request(
            f"no kind {quote(body['kind'])} is registered for version {quote(body.get('apiVersion') or '')}"
        )
    preconditions = body.get("preconditions") or {}
    _require_type("DeleteOptions", "preconditions.uid", preconditions.get("uid"), str, "types.UID")
    version = preconditions.get("resourceVersion")
    _require_type("DeleteOptions", "preconditions.resourceVersion", version, str, "string")
    for value in body.get("dryRun") or ():
        _require_type("DeleteOptions", "dryRun", value, str, "string")
    return body


def _require_type(struct: str, field: str, value: Any, wanted: type, go_type: str) -> None:
    if value is None or type(value) is wanted:
        return
    found = json_type(value)
    if wanted is int and found == "number":
        found = f"number {value}"
    raise bad_request(
        f"json: cannot unmarshal {found} into Go struct field {struct}.{field} of type {go_type}"
    )
