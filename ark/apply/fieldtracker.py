"""
C{metadata.managedFields} after a write, and the objects that apply patches make.

Follows the chain of C{k8s.io/apimachinery/pkg/util/managedfields/internal} in the order of
C{fieldmanager.go}; contract 13.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import orjson

from ark.apply.fieldset import EMPTY, FieldSet
from ark.apply.lastapplied import KUBECTL, applied_by_client, last_applied, with_last_applied
from ark.apply.managedfields import (
    NOTHING,
    InvalidManagedFields,
    ManagedFields,
    is_reset,
    parse,
    written,
)
from ark.apply.managedfieldsconflict import conflict_status
from ark.apply.managedfieldseffect import Owners
from ark.apply.managedfieldsentry import APPLY, UPDATE, Entry, Identity
from ark.apply.merge import Conflicts, Object, Updater, Versions
from ark.apply.resetfields import Ignored
from ark.apply.typedschema import TypedError
from ark.meta.gvk import GroupVersionKind
from ark.meta.known import Known
from ark.meta.status import APIStatus, bad_request

MAX_UPDATE_MANAGERS = 10
ANCIENT = "ancient-changes"
BEFORE_FIRST_APPLY = "before-first-apply"
UNKNOWN = "unknown"

_KEPT_UPDATERS = 256

_UNTRACKED = FieldSet.parse(
    {
        "f:apiVersion": {},
        "f:kind": {},
        "f:metadata": {
            ".": {},
            **{
                f"f:{name}": {}
                for name in (
                    "name",
                    "namespace",
                    "creationTimestamp",
                    "selfLink",
                    "uid",
                    "clusterName",
                    "generation",
                    "managedFields",
                    "resourceVersion",
                )
            },
        },
    }
)


class FieldTracker:
    """
    Tracks the fields of the objects of one version of a kind, as written through the main
    resource or one subresource.

    @param kind: what objects written here say they are.
    @param version: the API version in which fields are named.
    @param ignored: for each API version, what such writes do not reach.
    @param blank: what an object is like before anything is set.
    @param now: the time for entries that change, in RFC 3339.
    """

    def __init__(
        self,
        kind: GroupVersionKind,
        versions: Versions,
        subresource: str,
        ignored: Mapping[str, Ignored],
        now: Callable[[], str],
        blank: Mapping[str, Any] | None = None,
    ) -> None:
        self._kind = kind
        self._version = f"{kind.group}/{kind.version}" if kind.group else kind.version
        self._subresource = subresource
        self._updater = Updater(versions, ignored, _UNTRACKED)
        self._updaters: Known[str, Identity] = Known(_KEPT_UPDATERS)
        self._versions = versions
        self._now = now
        self._blank = {"apiVersion": self._version, "kind": kind.kind, **(blank or {})}

    def update(self, live: Object | None, new: Object, managed: ManagedFields, manager: str) -> ManagedFields:
        """
        The entries once C{new} takes the place of C{live}, whose entries are C{managed}.
        Those that C{new} asks for itself are taken out of it.

        An object that does not fit its schema ends with none (C{UpdateNoErrors}).

        @param live: L{None} when the object is new.
        """
        asked = new["metadata"].pop("managedFields", None)
        if asked is not None and not self._subresource:
            managed = self._asked(asked, managed)
        if not managed and live is not None:
            return NOTHING
        try:
            return self._updated(live, new, managed, manager)
        except TypedError:
            return NOTHING

    def _asked(self, members: Any, managed: ManagedFields) -> ManagedFields:
        """
        The entries that a client wants; if they mean nothing it just did not know better.
        """
        if is_reset(members):
            return NOTHING
        # Most clients send back what they have read.
        if managed and orjson.dumps(members) == managed.text:
            return managed
        try:
            found = parse(members)
        except InvalidManagedFields:
            return managed
        return managed if not found or found.entries == managed.entries else found

    def _identity(self, manager: str, operation: str) -> Identity:
        version = "" if operation == APPLY else self._version
        return Identity(manager or UNKNOWN, operation, version, self._subresource)

    def _updated(
        self, live: Object | None, new: Object, managed: ManagedFields, manager: str
    ) -> ManagedFields:
        identity = self._updaters.get(manager)
        if identity is None:
            identity = self._updaters.keep(manager, self._identity(manager, UPDATE))
        before = self._blank if live is None else live
        effect = self._updater.update(before, new, managed, identity)
        if effect.is_none and len(managed.entries) <= MAX_UPDATE_MANAGERS and not managed.is_doubled:
            return managed
        owners = effect.on(managed.entries, self._now)
        if len(owners) > MAX_UPDATE_MANAGERS:
            _cap(owners)
            return _managed(owners, managed)
        return written(owners, effect.holdings)

    def apply(
        self,
        live: Object | None,
        config: Object,
        managed: ManagedFields,
        manager: str,
        force: bool = False,
    ) -> tuple[Object, ManagedFields]:
        """
        What an applied configuration makes of an object, and the entries then.

        The object shares structure with C{live} and C{config}, or is C{live}.

        @param live: L{None} when there is no object yet.
        @raise APIStatus: 400, 409 for what others own, 500 for what the schema does not know.
        """
        self._check(config)
        before = self._blank if live is None else live
        if not managed:
            try:
                managed = self._updated(None, before, NOTHING, BEFORE_FIRST_APPLY)
            except TypedError as error:
                why = "failed to create manager for existing fields: failed to convert new object"
                raise self._failure(f"{why} ({self._named(before)}) to smd typed", error) from error
        self._check_schema(before, config)
        try:
            new, managed = self._applied(before, config, managed, manager, force)
        except Conflicts as conflicts:
            allowed = (
                applied_by_client(before, self._schema(), self._version) if manager == KUBECTL else EMPTY
            )
            left = [conflict for conflict in conflicts.conflicts if not allowed.has(conflict.path)]
            if left:
                raise conflict_status(left) from conflicts
            new, managed = self._applied(before, config, managed, manager, True)
        if manager == KUBECTL and last_applied(new):
            new = with_last_applied(new, config)
        return new, managed

    def _applied(
        self, live: Object, config: Object, managed: ManagedFields, manager: str, force: bool
    ) -> tuple[Object, ManagedFields]:
        identity = self._identity(manager, APPLY)
        try:
            new, owners = self._updater.apply(
                live, config, self._version, dict(managed.entries), identity, force
            )
        except TypedError as error:
            raise self._failure("failed to merge config", error) from error
        mine = owners.pop(identity, None)
        if mine is not None:
            fields = mine.fields.difference(_UNTRACKED)
            if not fields.empty:
                time = mine.time if new is None else self._now()
                owners[identity] = Entry(identity, fields, mine.version, time)
        return live if new is None else new, _managed(owners, managed)

    def _check(self, config: Object) -> None:
        kind = _kind_of(config)
        if kind != self._kind:
            raise bad_request(f"invalid object type: {kind.group}/{kind.version}, Kind={kind.kind}")
        metadata = config.get("metadata")
        if isinstance(metadata, dict) and isinstance(metadata.get("managedFields"), list):
            raise bad_request("metadata.managedFields must be nil")

    def _check_schema(self, live: Object, config: Object) -> None:
        schema = self._versions.schema(self._version)
        if schema is None:
            shown = f"{self._kind.group}/{self._kind.version}, Kind={self._kind.kind}"
            why = f"failed to create typed patch object ({self._named(config)})"
            raise APIStatus(500, "", f"{why}: no corresponding type for {shown}")
        for obj, what, doubles in ((config, "patch", False), (live, "live", True)):
            try:
                schema.check(obj, allow_duplicates=doubles)
            except TypedError as error:
                why = f"failed to create typed {what} object ({self._named(obj)})"
                raise self._failure(why, error) from error

    def _schema(self) -> Any:
        return self._versions.schema(self._version)

    def _named(self, obj: Object) -> str:
        metadata = obj.get("metadata")
        members = metadata if isinstance(metadata, dict) else {}
        kind = self._kind
        return (
            f"{members.get('namespace') or ''}/{members.get('name') or ''}; "
            f"{kind.group}/{kind.version}, Kind={kind.kind}"
        )

    def _failure(self, what: str, error: TypedError) -> APIStatus:
        # Kubernetes has no better code for them.
        return APIStatus(500, "", f"{what}: {error}")


def _managed(owners: Owners, before: ManagedFields) -> ManagedFields:
    """
    Owners as they are stored; C{before} if that is what they are.
    """
    return before if owners == before.entries and not before.is_doubled else written(owners)


def _cap(owners: Owners) -> None:
    """
    Put the oldest of too many updaters together, those of each version for themselves
    (C{capmanagers.go}).
    """
    updaters = [identity for identity in owners if not identity.applied]
    count = len(updaters)
    updaters.sort(key=lambda identity: (owners[identity].time, identity.text))
    first: dict[str, Identity] = {}
    together: dict[Identity, list[FieldSet]] = {}
    for identity in updaters:
        if count <= MAX_UPDATE_MANAGERS:
            break
        entry = owners[identity]
        if entry.version not in first:
            first[entry.version] = identity
            continue
        bucket = Identity(ANCIENT, UPDATE, entry.version)
        if first[entry.version] == identity:
            # Older ones went into it before its turn came.
            continue
        merged = first[entry.version] if identity == bucket else identity
        older = bucket if bucket in owners and identity != bucket else first[entry.version]
        oldest = owners.pop(older)
        fields = together.pop(older, [oldest.fields])
        fields += together.pop(identity, [entry.fields])
        together[bucket] = fields
        # The time is that of the newest one in it.
        owners[bucket] = Entry(bucket, entry.fields, entry.version, entry.time)
        first[entry.version] = bucket
        owners.pop(merged, None)
        count -= 1
    for bucket, fields in together.items():
        owners[bucket] = owners[bucket].with_fields(_union(fields))


def _union(fields: list[FieldSet]) -> FieldSet:
    """
    All that is in any of them.
    """
    # Two by two: to add one after the other would go over what is there again and again.
    while len(fields) > 1:
        odd = fields[-1:] if len(fields) % 2 else []
        fields = [one.union(other) for one, other in zip(fields[::2], fields[1::2])] + odd
    return fields[0]


def _kind_of(config: Object) -> GroupVersionKind:
    """
    The kind that an object says it is of, all empty when its version cannot be read.
    """
    version, kind = config.get("apiVersion"), config.get("kind")
    version = version if isinstance(version, str) else ""
    kind = kind if isinstance(kind, str) else ""
    if version.count("/") > 1:
        return GroupVersionKind("", "", "")
    group, _, name = version.rpartition("/")
    return GroupVersionKind(group, name, kind)
