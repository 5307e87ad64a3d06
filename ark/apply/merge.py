"""
Who owns what after a write, and what an applied configuration makes of an object.

Follows C{merge/update.go} of C{sigs.k8s.io/structured-merge-diff}; contract 13.5 and 13.11.
Objects are given without C{metadata.managedFields}, and none is changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

from ark.apply.fieldpath import Path
from ark.apply.fieldset import EMPTY, FieldSet
from ark.apply.known import Recurring
from ark.apply.managedfields import Holdings, ManagedFields
from ark.apply.managedfieldseffect import Effect, Owners
from ark.apply.managedfieldsentry import Entry, Identity
from ark.apply.resetfields import NOTHING_IGNORED, Ignored, apart
from ark.apply.typed import SAME, Comparison, equal
from ark.apply.typedschema import TypedSchema

Object = dict[str, Any]

_KEPT = 256


class Conflict(NamedTuple):
    """
    A field that would change although somebody else owns it.
    """

    owner: Identity
    path: Path


class Conflicts(Exception):
    """
    An applied configuration changes what others own.

    @ivar conflicts: those of one owner after the other.
    """

    def __init__(self, conflicts: list[Conflict]) -> None:
        super().__init__(f"{len(conflicts)} conflicts")
        self.conflicts = conflicts


class Versions(Protocol):
    """
    The API versions that an object can be told in.
    """

    def schema(self, version: str) -> TypedSchema | None:
        """
        How objects of a version are built; L{None} when there is no such version.
        """

    def convert(self, obj: Object, source: str, version: str) -> Object:
        """
        An object in another version that there is.

        @raise ark.apply.typedschema.TypedError: what comes out does not fit its schema.
        """


class Updater:
    """
    Works out owners, and merges.

    What objects that change alike do to owners who hold the same is worked out once.

    @param ignored: for each version, what writes do not reach; nothing in those left out.
    @param untracked: fields that no updater gets.
    """

    def __init__(
        self, versions: Versions, ignored: Mapping[str, Ignored], untracked: FieldSet = EMPTY
    ) -> None:
        self._versions = versions
        self._ignored = ignored
        self._untracked = untracked
        self._effects: Recurring[tuple[TypedSchema, Holdings | None, Comparison, Identity], Effect] = (
            Recurring(_KEPT)
        )

    def update(self, live: Object, new: Object, managed: ManagedFields, owner: Identity) -> Effect:
        """
        What it does to owners that C{new} takes the place of C{live}: C{owner} gets what was
        added or modified, the others lose it, and all lose what is gone.

        @param owner: an updater; the objects are in its version.
        @raise ark.apply.typedschema.TypedError: an object does not fit its schema.
        """
        schema = self._schema(owner.api_version)
        found = schema.compare(live, new)
        key = schema, managed.holdings if found.is_known else None, found, owner
        effect = self._effects.get(key)
        if effect is not None:
            return effect
        left = self._left(found, new, owner.api_version)
        effect = self._effect(live, new, left, managed.entries, owner)
        # In other versions other things may differ, and what is ignored is looked at each time.
        follows = key[1] is not None and left is found and _all_in(owner.api_version, managed.entries)
        if follows and self._effects.comes_again(key):
            self._effects.keep(key, effect.known(managed.entries))
        return effect

    def _effect(
        self,
        live: Object,
        new: Object,
        found: Comparison,
        entries: Mapping[Identity, Entry],
        owner: Identity,
    ) -> Effect:
        version = owner.api_version
        owners = self._reconciled(entries)
        if found is SAME and _all_in(version, owners):
            kept = {identity: entry for identity, entry in owners.items() if not entry.fields.empty}
            return Effect.between(entries, kept, owner, False)
        owners = self._settled(live, new, version, found, owners, owner, True)
        got = found.added.union(found.modified)
        if not apart(got, self._untracked):
            got = got.difference(self._untracked)
        mine = owners.pop(owner, None)
        fields = got if mine is None else mine.fields.difference(found.removed).union(got)
        if not fields.empty:
            owners[owner] = Entry(owner, fields, version) if mine is None else mine.with_fields(fields)
        return Effect.between(entries, owners, owner, not got.empty)

    def apply(
        self,
        live: Object,
        config: Object,
        version: str,
        owners: Owners,
        owner: Identity,
        force: bool,
    ) -> tuple[Object | None, Owners]:
        """
        Merge what C{owner} wants into C{live}, and take away what it wanted last time, does
        not want any more and nobody else owns.

        @return: the object, L{None} if it is C{live}; and the owners.
        @raise Conflicts: others own what changes, and C{force} is not given.
        @raise ark.apply.typedschema.TypedError: an object does not fit its schema.
        """
        # The time outlives the fields, as in Kubernetes, where it is kept apart.
        since = owners[owner].time if owner in owners else ""
        owners = self._reconciled(owners)
        schema = self._schema(version)
        new = schema.merge(live, config)
        last = owners.get(owner)
        wanted = self._ignoring(version).fields(schema.field_set(config))
        owners[owner] = Entry(owner, wanted, version, since)
        if last is not None and not last.fields.empty:
            new = self._pruned(new, owners, owner, last)
        found = self._compare(live, new, version)
        owners = self._settled(live, new, version, found, owners, owner, force)
        return (None if equal(live, new) else new), owners

    def _schema(self, version: str) -> TypedSchema:
        schema = self._versions.schema(version)
        if schema is None:
            raise KeyError(version)
        return schema

    def _ignoring(self, version: str) -> Ignored:
        return self._ignored.get(version, NOTHING_IGNORED)

    def _compare(self, live: Object, new: Object, version: str) -> Comparison:
        """
        What differs, but for what writes do not reach.
        """
        return self._left(self._schema(version).compare(live, new), new, version)

    def _left(self, found: Comparison, new: Object, version: str) -> Comparison:
        ignored = self._ignoring(version)
        left = ignored.left(found)
        if left is not found:
            # It is not written, but Kubernetes looks at it.
            self._schema(version).check(ignored.part(new), allow_duplicates=True)
        return left

    def _reconciled(self, owners: Mapping[Identity, Entry]) -> Owners:
        """
        The owners as the schemas of today name their fields; those of versions that are
        gone are forgotten.
        """
        result: Owners = {}
        for identity, owned in owners.items():
            schema = self._versions.schema(owned.version)
            if schema is not None:
                fields = owned.fields
                if fields.reconciled_by is not schema:
                    owned = owned.with_fields(schema.reconcile(fields))
                result[identity] = owned
        return result

    def _settled(
        self,
        live: Object,
        new: Object,
        version: str,
        found: Comparison,
        owners: Owners,
        owner: Identity,
        force: bool,
    ) -> Owners:
        """
        The owners with what the others lost taken away.
        """
        comparisons = {version: found}
        conflicts: list[Conflict] = []
        result: Owners = {}
        for identity, owned in owners.items():
            left = owned.fields
            if identity != owner:
                comparison = comparisons.get(owned.version)
                if comparison is None:
                    comparison = comparisons[owned.version] = self._compare(
                        self._versions.convert(live, version, owned.version),
                        self._versions.convert(new, version, owned.version),
                        owned.version,
                    )
                lost, left = _lost(left, comparison)
                if not force:
                    conflicts.extend(Conflict(identity, path) for path in lost.paths())
            if not left.empty:
                result[identity] = owned.with_fields(left)
        if conflicts:
            raise Conflicts(conflicts)
        return result

    def _pruned(self, merged: Object, owners: Owners, owner: Identity, last: Entry) -> Object:
        """
        The merged object without what C{owner} owned last time and nobody owns now.
        """
        schema = self._versions.schema(last.version)
        if schema is None:
            return merged
        version = owners[owner].version
        merged = self._converted(merged, version, last.version)
        was = schema.named_members(last.fields)
        pruned = schema.remove(merged, was)
        pruned, at = self._with_owned(merged, pruned, last.version, owners)
        pruned = self._converted(pruned, at, last.version)
        kept = schema.named_members(schema.field_set(pruned))
        full = schema.named_members(schema.field_set(merged))
        pruned = schema.remove(merged, full.difference(kept).intersection(was))
        return self._converted(pruned, last.version, version)

    def _converted(self, obj: Object, source: str, version: str) -> Object:
        return obj if source == version else self._versions.convert(obj, source, version)

    def _with_owned(self, merged: Object, pruned: Object, version: str, owners: Owners) -> tuple[Object, str]:
        """
        The pruned object with all back that somebody owns now, and the version it is in.
        """
        owned: dict[str, FieldSet] = {}
        for entry in owners.values():
            known = owned.get(entry.version)
            owned[entry.version] = known.union(entry.fields) if known else entry.fields
        # The version that was pruned comes first: what conversion needs is there again then.
        for target in sorted(owned, key=lambda name: name != version):
            schema = self._versions.schema(target)
            if schema is None:
                continue
            merged = self._converted(merged, version, target)
            pruned = self._converted(pruned, version, target)
            version = target
            full = schema.named_members(schema.field_set(merged))
            kept = schema.named_members(schema.field_set(pruned))
            kept = kept.union(schema.named_members(owned[target]))
            pruned = schema.remove(merged, full.difference(kept))
        return pruned, version


def _all_in(version: str, entries: Mapping[Identity, Entry]) -> bool:
    return all(entry.version == version for entry in entries.values())


def _lost(fields: FieldSet, found: Comparison) -> tuple[FieldSet, FieldSet]:
    """
    What an owner of C{fields} loses to another, and what it is left with.
    """
    if found.touched.isdisjoint(fields.fields_v1()):
        return EMPTY, fields
    lost = _common(fields, found.modified).union(_common(fields, found.added))
    left = fields if lost.empty else fields.difference(lost)
    removed = found.removed
    return lost, left if removed.empty or apart(left, removed) else left.difference(removed)


def _common(one: FieldSet, other: FieldSet) -> FieldSet:
    return EMPTY if apart(one, other) else one.intersection(other)
