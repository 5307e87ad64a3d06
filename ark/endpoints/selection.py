"""
Which objects of a resource a list, a watch or a deletion of many is about.
"""

from __future__ import annotations

from ark.meta.options import ListOptions
from ark.meta.records import Key, Version
from ark.registry.store import Store

_KEY_FIELDS = frozenset(("metadata.name", "metadata.namespace"))


class Selection:
    """
    @ivar namespace: the only namespace meant, L{None} for all.
    @ivar name: the only name meant, L{None} for all.
    @ivar is_everything: whether every object of the namespace (or of all) is meant.
    """

    def __init__(self, store: Store, namespace: str, options: ListOptions) -> None:
        self._store = store
        self.labels = options.label_selector
        self.field_selector = options.field_selector
        self.namespace: str | None = namespace or None
        if not store.kind.namespaced:
            self.namespace = None
        if self.namespace is None and store.kind.namespaced:
            self.namespace = self.field_selector.exact("metadata.namespace") or None
        self.name = self.field_selector.exact("metadata.name")
        self.is_everything = self.labels.empty and self.field_selector.empty
        self.reads_body = any(field not in _KEY_FIELDS for field, _, _ in self.field_selector.requirements)

    @property
    def single(self) -> Key | None:
        """
        The only key that can match, when name and namespace are given.
        """
        if self.name and (self.namespace is not None or not self._store.kind.namespaced):
            return self._store.key(self.namespace or "", self.name)
        return None

    def fields(self, key: Key, body: bytes) -> dict[str, str]:
        """
        The fields of an object that selectors compare.
        """
        fields = self._store.fields(body) if self.reads_body else {}
        fields["metadata.name"] = key.name
        fields["metadata.namespace"] = key.namespace
        return fields

    def matches(self, version: Version) -> bool:
        """
        Whether the selectors match an object.
        """
        if not self.labels.empty and not self.labels.matches_json(version.labels):
            return False
        if self.field_selector.empty:
            return True
        return self.field_selector.matches(self.fields(version.key, version.body))
