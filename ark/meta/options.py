"""
What the query of a request asks for, read and checked.

Contract 1.2, 1.3, 7.7, 7.8, 8.1 to 8.3, 11.2, 11.3, 12.13, 12.17; follows
C{k8s.io/apimachinery/pkg/apis/meta/v1} (conversion and validation) and
C{pkg/apis/meta/internalversion/validation}.  Parameters that nobody knows are ignored.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ark.meta import fielderrors
from ark.meta.gotext import json_type, parse_int, quote
from ark.meta.gvk import GroupKind
from ark.meta.resourceversion import parse_resource_version
from ark.meta.selectors import (
    EVERY_FIELD,
    EVERYTHING,
    FieldSelector,
    LabelSelector,
    parse_field_selector,
    parse_label_selector,
)
from ark.meta.status import Cause, bad_request, invalid

Query = Mapping[str, list[str]]

EXACT = "Exact"
NOT_OLDER_THAN = "NotOlderThan"

STRICT = "Strict"
WARN = "Warn"
IGNORE = "Ignore"

_MANAGER_LENGTH = 128
_FIELD_VALIDATIONS = ("", IGNORE, STRICT, WARN)
_POLICIES = ("Foreground", "Background", "Orphan")


@dataclass(frozen=True)
class GetOptions:
    """
    @ivar resource_version: the oldest revision that will do; L{None} asks for the newest
        state, C{0} for any.
    """

    resource_version: int | None = None


@dataclass(frozen=True)
class ListOptions:
    """
    What a list, a watch or a deletion of a collection is asked for.

    @ivar limit: C{0} when there is none.
    @ivar resource_version: L{None} when not given.
    @ivar send_initial_events: L{None} when not given; for a watch that starts at no
        certain revision L{True}, as Kubernetes fills it in (contract 12.9).
    @ivar legacy: whether L{send_initial_events} was filled in and not asked for.
    @ivar timeout_seconds: L{None} when not given.
    """

    label_selector: LabelSelector = EVERYTHING
    field_selector: FieldSelector = EVERY_FIELD
    limit: int = 0
    continue_: str = ""
    resource_version: int | None = None
    resource_version_match: str = ""
    watch: bool = False
    allow_watch_bookmarks: bool = False
    send_initial_events: bool | None = None
    legacy: bool = False
    timeout_seconds: int | None = None


@dataclass(frozen=True)
class CreateOptions:
    """
    @ivar dry_run: whether nothing may be written.
    @ivar field_manager: empty when not given.
    @ivar field_validation: C{Strict}, C{Warn} or C{Ignore}.
    """

    dry_run: bool = False
    field_manager: str = ""
    field_validation: str = WARN


@dataclass(frozen=True)
class UpdateOptions(CreateOptions):
    """
    As L{CreateOptions}.
    """


@dataclass(frozen=True)
class PatchOptions(CreateOptions):
    """
    As L{CreateOptions}, and C{force}, which only apply patches may carry.
    """

    force: bool = False


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


_GET = GetOptions()
_LIST = ListOptions()
_CREATE = CreateOptions()
_UPDATE = UpdateOptions()
_PATCH = PatchOptions()
_DELETE = DeleteOptions()


def _first(query: Query, name: str) -> str:
    values = query.get(name)
    return values[0] if values else ""


def _flag(query: Query, name: str) -> bool | None:
    """
    A flag is set by any value but C{0} and C{false}, also by an empty one.
    """
    values = query.get(name)
    if not values:
        return None
    return values[0] != "0" and values[0].lower() != "false"


def _integer(query: Query, name: str) -> int | None:
    values = query.get(name)
    if not values:
        return None
    try:
        return parse_int(values[0])
    except ValueError as error:
        raise bad_request(str(error)) from None


def _refuse(kind: str, causes: list[Cause]) -> None:
    if causes:
        raise invalid(GroupKind("meta.k8s.io", kind), "", causes)


def get_options(query: Query) -> GetOptions:
    """
    Read the options of a get.

    @raise ark.meta.status.APIStatus: 400.
    """
    if not query:
        return _GET
    version = parse_resource_version(_first(query, "resourceVersion"))
    return _GET if version is None else GetOptions(version)


def list_options(query: Query, watch: bool = False) -> ListOptions:
    """
    Read the options of a list, a watch or a deletion of a collection.

    @param watch: the path asks for a watch, whatever the query says.
    @raise ark.meta.status.APIStatus: 400 or 422.
    """
    if not query and not watch:
        return _LIST
    labels = parse_label_selector(_first(query, "labelSelector"))
    fields = parse_field_selector(_first(query, "fieldSelector"))
    limit = _integer(query, "limit") or 0
    timeout = _integer(query, "timeoutSeconds")
    watching = watch or bool(_flag(query, "watch"))
    match = _first(query, "resourceVersionMatch")
    initial = _flag(query, "sendInitialEvents")
    version = _first(query, "resourceVersion")
    legacy = watching and initial is None and not match and version in ("", "0")
    if legacy:
        initial, match = True, NOT_OLDER_THAN
    continuation = _first(query, "continue")
    if watching:
        _refuse("ListOptions", _watch_causes(match, initial, continuation))
    else:
        _refuse("ListOptions", _list_causes(match, initial, version, continuation))
    if continuation and version not in ("", "0"):
        raise bad_request("specifying resource version is not allowed when using continue")
    return ListOptions(
        label_selector=labels,
        field_selector=fields,
        limit=max(limit, 0),
        continue_=continuation,
        resource_version=parse_resource_version(version),
        resource_version_match=match,
        watch=watching,
        allow_watch_bookmarks=bool(_flag(query, "allowWatchBookmarks")),
        send_initial_events=initial,
        legacy=legacy,
        timeout_seconds=timeout,
    )


_MATCH = "resourceVersionMatch"


def _list_causes(match: str, initial: bool | None, version: str, continuation: str) -> list[Cause]:
    causes: list[Cause] = []
    if match:
        if not version:
            detail = "resourceVersionMatch is forbidden unless resourceVersion is provided"
            causes.append(fielderrors.forbidden(_MATCH, detail))
        if continuation:
            detail = "resourceVersionMatch is forbidden when continue is provided"
            causes.append(fielderrors.forbidden(_MATCH, detail))
        if match not in (EXACT, NOT_OLDER_THAN):
            causes.append(fielderrors.not_supported(_MATCH, match, (EXACT, NOT_OLDER_THAN, "")))
        if match == EXACT and version == "0":
            detail = 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'
            causes.append(fielderrors.forbidden(_MATCH, detail))
    if initial is not None:
        causes.append(fielderrors.forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list"))
    return causes


def _watch_causes(match: str, initial: bool | None, continuation: str) -> list[Cause]:
    causes: list[Cause] = []
    if initial is not None and match != NOT_OLDER_THAN:
        detail = f"sendInitialEvents requires setting resourceVersionMatch to {NOT_OLDER_THAN}"
        causes.append(fielderrors.forbidden(_MATCH, detail))
    if match:
        if initial is None:
            detail = "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"
            causes.append(fielderrors.forbidden(_MATCH, detail))
        if match != NOT_OLDER_THAN:
            causes.append(fielderrors.not_supported(_MATCH, match, (NOT_OLDER_THAN,)))
        if continuation:
            detail = "resourceVersionMatch is forbidden when continue is provided"
            causes.append(fielderrors.forbidden(_MATCH, detail))
    return causes


def field_manager_causes(manager: str, path: str = "fieldManager") -> list[Cause]:
    """
    What is wrong with the name of a field manager: its length, characters that do not print.
    """
    if manager.isascii() and manager.isprintable() and len(manager) <= _MANAGER_LENGTH:
        return []
    causes: list[Cause] = []
    if len(manager.encode("utf-8", "replace")) > _MANAGER_LENGTH:
        causes.append(fielderrors.too_long(path, _MANAGER_LENGTH))
    position = 0
    for character in manager:
        if not character.isprintable():
            shown = f"U+{ord(character):04X}"
            detail = f"invalid character {shown} (at position {position})"
            causes.append(fielderrors.invalid(path, manager, detail))
        position += len(character.encode("utf-8", "replace"))
    return causes


def _dry_run_causes(values: list[str]) -> list[Cause]:
    if all(value == "All" for value in values):
        return []
    return [fielderrors.not_supported("dryRun", values, ("All",))]


def _write_causes(manager: str, dry_run: list[str], validation: str) -> list[Cause]:
    causes = field_manager_causes(manager) + _dry_run_causes(dry_run)
    if validation not in _FIELD_VALIDATIONS:
        causes.append(fielderrors.not_supported("fieldValidation", validation, _FIELD_VALIDATIONS))
    return causes


def _write_members(query: Query) -> tuple[str, list[str], str]:
    return _first(query, "fieldManager"), query.get("dryRun") or [], _first(query, "fieldValidation")


def create_options(query: Query) -> CreateOptions:
    """
    Read the options of a create.

    @raise ark.meta.status.APIStatus: 422.
    """
    if not query:
        return _CREATE
    manager, dry_run, validation = _write_members(query)
    _refuse("CreateOptions", _write_causes(manager, dry_run, validation))
    return CreateOptions(bool(dry_run), manager, validation or WARN)


def update_options(query: Query) -> UpdateOptions:
    """
    Read the options of an update.

    @raise ark.meta.status.APIStatus: 422.
    """
    if not query:
        return _UPDATE
    manager, dry_run, validation = _write_members(query)
    _refuse("UpdateOptions", _write_causes(manager, dry_run, validation))
    return UpdateOptions(bool(dry_run), manager, validation or WARN)


def patch_options(query: Query, apply: bool = False) -> PatchOptions:
    """
    Read the options of a patch.

    @param apply: whether it is an apply patch.
    @raise ark.meta.status.APIStatus: 422.
    """
    if not query and not apply:
        return _PATCH
    manager, dry_run, validation = _write_members(query)
    force = _flag(query, "force")
    causes: list[Cause] = []
    if apply and not manager:
        causes.append(fielderrors.required("fieldManager", "is required for apply patch"))
    if not apply and force is not None:
        causes.append(fielderrors.forbidden("force", "may not be specified for non-apply patch"))
    _refuse("PatchOptions", causes + _write_causes(manager, dry_run, validation))
    return PatchOptions(bool(dry_run), manager, validation or WARN, bool(force))


def delete_options(query: Query, body: Any = None) -> DeleteOptions:
    """
    Read the options of a deletion: from its decoded body, or from the query when there
    is none (contract 8.1).

    @raise ark.meta.status.APIStatus: 400 or 422.
    """
    if body is None and not query:
        return _DELETE
    members = _delete_query(query) if body is None else _delete_body(body)
    _refuse("DeleteOptions", _delete_causes(members))
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
    preconditions = {name: query[name][0] for name in ("uid", "resourceVersion") if _first(query, name)}
    policy = query.get("propagationPolicy")
    return {
        "gracePeriodSeconds": _integer(query, "gracePeriodSeconds"),
        "orphanDependents": _flag(query, "orphanDependents"),
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
    return causes + _dry_run_causes(members.get("dryRun") or [])


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
