"""
Which objects a watch is about, and what a change means for it.

Named after C{SelectionPredicate} of C{k8s.io/apiserver/pkg/storage/selection_predicate.go}.
"""

from __future__ import annotations

from collections.abc import Hashable

from ark.meta.records import ADDED, DELETED, MODIFIED, Key, Range, Version
from ark.meta.selectors import EVERY_FIELD, EVERYTHING, FieldSelector, LabelSelector
from ark.watch.events import Fields, ReadFields, WatchEvent

_KEY_FIELDS = frozenset(("metadata.name", "metadata.namespace"))


def no_fields(body: bytes) -> Fields:
    """
    The fields of a kind that declares none.
    """
    return {}


class SelectionPredicate:
    """
    A resource, perhaps one namespace or name of it, and selectors.

    @ivar key: equal for predicates that select the same.
    """

    __slots__ = ("_fields", "_labels", "_read", "_reads_body", "key", "name", "namespace", "resource")

    def __init__(
        self,
        resource: str,
        namespace: str | None = None,
        name: str | None = None,
        *,
        labels: LabelSelector = EVERYTHING,
        fields: FieldSelector = EVERY_FIELD,
        read_fields: ReadFields = no_fields,
    ) -> None:
        """
        @param namespace: L{None} for all; C{""} is where cluster-scoped objects are.
        @param name: L{None} for all.
        @param read_fields: finds the fields that the kind declares as selectable;
            C{metadata.name} and C{metadata.namespace} come from the key.
        """
        self.resource = resource
        self.namespace = namespace
        self.name = name
        self._labels = None if labels.empty else labels
        self._fields = fields if _compares(fields, namespace, name) else None
        self._read = read_fields
        self._reads_body = any(field[0] not in _KEY_FIELDS for field in fields.requirements)
        self.key: Hashable = (
            resource,
            namespace,
            name,
            None if self._labels is None else str(labels),
            None if self._fields is None else (str(fields), read_fields),
        )

    @property
    def range(self) -> Range:
        """
        The smallest range that holds all that is selected.
        """
        return Range(self.resource, self.namespace)

    @property
    def single(self) -> Key | None:
        """
        The only key that can be selected, if there is but one.
        """
        if self.name is None or self.namespace is None:
            return None
        return Key(self.resource, self.namespace, self.name)

    def type_of(self, event: WatchEvent) -> str | None:
        """
        What the event is to a watcher (contract 12.10); L{None} for nothing.
        """
        version = event.version
        key = version.key
        if self.namespace is not None and key.namespace != self.namespace:
            return None
        if self.name is not None and key.name != self.name:
            return None
        if self._labels is None and self._fields is None:
            return version.event
        before = event.before
        if version.event == DELETED:
            return DELETED if self._selects(event, before or version) else None
        matched = before is not None and self._selects(event, before)
        if self._selects(event, version):
            return MODIFIED if matched else ADDED
        return DELETED if matched else None

    def matches(self, version: Version) -> bool:
        """
        Whether a live object is selected.
        """
        key = version.key
        if self.namespace is not None and key.namespace != self.namespace:
            return False
        if self.name is not None and key.name != self.name:
            return False
        if self._labels is not None and not self._labels.matches_json(version.labels):
            return False
        if self._fields is None:
            return True
        return self._fields.matches(self._named(key, self._read(version.body) if self._reads_body else {}))

    def _selects(self, event: WatchEvent, version: Version) -> bool:
        if self._labels is not None and not self._labels.matches(event.labels(version)):
            return False
        if self._fields is None:
            return True
        found = event.fields(version, self._read) if self._reads_body else {}
        return self._fields.matches(self._named(version.key, found))

    def _named(self, key: Key, fields: Fields) -> Fields:
        return {**fields, "metadata.name": key.name, "metadata.namespace": key.namespace}


def _compares(fields: FieldSelector, namespace: str | None, name: str | None) -> bool:
    """
    Whether field requirements say more than C{namespace} and C{name} do.
    """
    known = {("metadata.name", "=", name), ("metadata.namespace", "=", namespace)}
    return any((key, operator, values[0]) not in known for key, operator, values in fields.requirements)
