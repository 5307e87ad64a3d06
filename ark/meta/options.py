"""
What the query of a request asks for, read and checked.

Contract 1.2, 1.3, 7.7, 7.8, 8.1 to 8.3, 11.2, 11.3, 12.13, 12.17; follows
C{k8s.io/apimachinery/pkg/apis/meta/v1} (conversion and validation) and
C{pkg/apis/meta/internalversion/validation}.  Parameters that nobody knows are ignored.
"""

from __future__ import annotations

from dataclasses import dataclass

from ark.meta import fielderrors
from ark.meta.deleteoptions import DeleteOptions, delete_options
from ark.meta.query import Query, dry_run_causes, first, flag, integer, refuse
from ark.meta.resourceversion import parse_resource_version
from ark.meta.selectors import (
    EVERY_FIELD,
    EVERYTHING,
    FieldSelector,
    LabelSelector,
    parse_field_selector,
    parse_label_selector,
)
from ark.meta.status import Cause, bad_request

__all__ = [
    "EXACT",
    "IGNORE",
    "MANAGER_LENGTH",
    "NOT_OLDER_THAN",
    "STRICT",
    "WARN",
    "CreateOptions",
    "DeleteOptions",
    "GetOptions",
    "ListOptions",
    "PatchOptions",
    "Query",
    "UpdateOptions",
    "create_options",
    "delete_options",
    "field_manager_causes",
    "get_options",
    "list_options",
    "patch_options",
    "update_options",
]

EXACT = "Exact"
NOT_OLDER_THAN = "NotOlderThan"

STRICT = "Strict"
WARN = "Warn"
IGNORE = "Ignore"

MANAGER_LENGTH = 128
_FIELD_VALIDATIONS = ("", IGNORE, STRICT, WARN)


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
    @ivar asked_validation: likewise, but empty when not given.
    """

    dry_run: bool = False
    field_manager: str = ""
    field_validation: str = WARN
    asked_validation: str = ""


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


_GET = GetOptions()
_LIST = ListOptions()
_CREATE = CreateOptions()
_UPDATE = UpdateOptions()
_PATCH = PatchOptions()


def get_options(query: Query) -> GetOptions:
    """
    Read the options of a get.

    @raise ark.meta.status.APIStatus: 400.
    """
    if not query:
        return _GET
    if flag(query, "export"):
        raise bad_request("the export parameter, deprecated since v1.14, is no longer supported")
    version = parse_resource_version(first(query, "resourceVersion"))
    return _GET if version is None else GetOptions(version)


def list_options(query: Query, watch: bool = False) -> ListOptions:
    """
    Read the options of a list, a watch or a deletion of a collection.

    @param watch: the path asks for a watch, whatever the query says.
    @raise ark.meta.status.APIStatus: 400 or 422.
    """
    if not query and not watch:
        return _LIST
    labels = parse_label_selector(first(query, "labelSelector"))
    fields = parse_field_selector(first(query, "fieldSelector"))
    limit = integer(query, "limit") or 0
    timeout = integer(query, "timeoutSeconds")
    watching = watch or bool(flag(query, "watch"))
    match = first(query, "resourceVersionMatch")
    initial = flag(query, "sendInitialEvents")
    version = first(query, "resourceVersion")
    legacy = watching and initial is None and not match and version in ("", "0")
    if legacy:
        initial, match = True, NOT_OLDER_THAN
    continuation = first(query, "continue")
    if watching:
        refuse("ListOptions", _watch_causes(match, initial, continuation))
    else:
        refuse("ListOptions", _list_causes(match, initial, version, continuation))
    if continuation and not watching and version not in ("", "0"):
        raise bad_request("specifying resource version is not allowed when using continue")
    return ListOptions(
        label_selector=labels,
        field_selector=fields,
        limit=max(limit, 0),
        continue_=continuation,
        resource_version=parse_resource_version(version),
        resource_version_match=match,
        watch=watching,
        allow_watch_bookmarks=bool(flag(query, "allowWatchBookmarks")),
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
    if manager.isascii() and manager.isprintable() and len(manager) <= MANAGER_LENGTH:
        return []
    causes: list[Cause] = []
    if len(manager.encode("utf-8", "replace")) > MANAGER_LENGTH:
        causes.append(fielderrors.too_long(path, MANAGER_LENGTH))
    position = 0
    for character in manager:
        if not character.isprintable():
            shown = f"U+{ord(character):04X}"
            detail = f"invalid character {shown} (at position {position})"
            causes.append(fielderrors.invalid(path, manager, detail))
        position += len(character.encode("utf-8", "replace"))
    return causes


def _write_causes(manager: str, dry_run: list[str], validation: str) -> list[Cause]:
    causes = field_manager_causes(manager) + dry_run_causes(dry_run)
    if validation not in _FIELD_VALIDATIONS:
        causes.append(fielderrors.not_supported("fieldValidation", validation, _FIELD_VALIDATIONS))
    return causes


def _write_members(query: Query) -> tuple[str, list[str], str]:
    return first(query, "fieldManager"), query.get("dryRun") or [], first(query, "fieldValidation")


def create_options(query: Query) -> CreateOptions:
    """
    Read the options of a create.

    @raise ark.meta.status.APIStatus: 422.
    """
    if not query:
        return _CREATE
    manager, dry_run, validation = _write_members(query)
    refuse("CreateOptions", _write_causes(manager, dry_run, validation))
    return CreateOptions(bool(dry_run), manager, validation or WARN, validation)


def update_options(query: Query) -> UpdateOptions:
    """
    Read the options of an update.

    @raise ark.meta.status.APIStatus: 422.
    """
    if not query:
        return _UPDATE
    manager, dry_run, validation = _write_members(query)
    refuse("UpdateOptions", _write_causes(manager, dry_run, validation))
    return UpdateOptions(bool(dry_run), manager, validation or WARN, validation)


def patch_options(query: Query, apply: bool = False) -> PatchOptions:
    """
    Read the options of a patch.

    @param apply: whether it is an apply patch.
    @raise ark.meta.status.APIStatus: 422.
    """
    if not query and not apply:
        return _PATCH
    manager, dry_run, validation = _write_members(query)
    force = flag(query, "force")
    causes: list[Cause] = []
    if apply and not manager:
        causes.append(fielderrors.required("fieldManager", "is required for apply patch"))
    if not apply and force is not None:
        causes.append(fielderrors.forbidden("force", "may not be specified for non-apply patch"))
    refuse("PatchOptions", causes + _write_causes(manager, dry_run, validation))
    return PatchOptions(bool(dry_run), manager, validation or WARN, validation, bool(force))
