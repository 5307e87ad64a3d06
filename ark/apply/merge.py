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
from ark.apply.managedfields import Entry, Identity
from ark.apply.resetfields import NOTHING_IGNORED, Ignored, apart
from ark.apply.typed import SAME, Comparison, equal
from ark.apply.typedschema import TypedSchema

Object = dict[str, Any]


Owners = dict[Identity, Entry]
"""
What each owner has.
"""


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

    @param ignored: for each version, what writes do not reach; nothing in those left out.
    """

    def __init__(self, versions: Versions, ignored: Mapping[str, Ignored]) -> None:
        self._versions = versions
        self._ignored = ignored

    def update(
        self,
        live: Object,
        new: Object,
        version: str,
        owners: Owners,
        owner: Identity,
        untracked: FieldSet,
    ) -> tuple[Owners, FieldSet]:
        """
        The owners once C{new} has taken the place of C{live}: C{owner} gets what was
        added or modified, the others lose it, and all lose what is gone.

        @param untracked: fields that nobody gets.
        @return: the owners, and what C{owner} got.
        @raise ark.apply.typedschema.TypedError: an object does not fit its schema.
        """
        owners = self._reconciled(owners)
        found = self._compare(live, new, version)
        if found is SAME and all(entry.version == version for entry in owners.values()):
            return {key: entry for key, entry in owners.items() if not entry.fields.empty}, EMPTY
        owners = self._settled(live, new, version, found, owners, owner, True)
        mine = owners.get(owner)
        got = found.added.union(found.modified)
        if not apart(got, untracked):
            got = got.difference(untracked)
        fields = mine.fields.difference(found.removed).union(got) if mine is not None else got
        if mine is not None:
            owners[owner] = mine.with_fields(fields)
        elif not fields.empty:
            owners[owner] = Entry(fields, version)
        if fields.empty:
            owners.pop(owner, None)
        return owners, got

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
        owners[owner] = Entry(wanted, version, since)
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
        schema, ignored = self._schema(version), self._ignoring(version)
        found = schema.compare(live, new)
        left = ignored.left(found)
        if left is not found:
            # It is not written, but Kubernetes looks at it.
            schema.check(ignored.part(new), allow_duplicates=True)
        return left

    def _reconciled(self, owners: Owners) -> Owners:
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
            if identity == owner:
                if not owned.fields.empty:
                    result[identity] = owned
                continue
            comparison = comparisons.get(owned.version)
            if comparison is None:
                comparison = comparisons[owned.version] = self._compare(
                    self._versions.convert(live, version, owned.version),
                    self._versions.convert(new, version, owned.version),
                    owned.version,
                )
            lost, left = _lost(owned.fields, comparison.added, comparison.modified, comparison.removed)
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


def _lost(
    fields: FieldSet, added: FieldSet, modified: FieldSet, removed: FieldSet
) -> tuple[FieldSet, FieldSet]:
    """
    What an owner of C{fields} loses to another, and what it is left with.
    """
    lost = _common(fields, modified).union(_common(fields, added))
    left = fields if lost.empty else fields.difference(lost)
    return lost, left if removed.empty or apart(left, removed) else left.difference(removed)


def _common(one: FieldSet, other: FieldSet) -> FieldSet:
    return EMPTY if apart(one, other) else one.intersection(other)
