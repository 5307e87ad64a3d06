"""
The stores of all served kinds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from ark.admission.chain import AdmissionChain
from ark.apis.kind import Kind
from ark.apis.loader import KindRegistry
from ark.registry.conversion.webhook import Conversions
from ark.registry.store import Store
from ark.watch.cacher import Cacher


class KindsChange(NamedTuple):
    """
    How what is served differs from what was served before.

    Each resource is there once, in the version that its objects are kept in.

    @ivar added: resources that were not served before.
    @ivar changed: resources with another definition than before, as they are now; that a
        definition is being deleted is not counted as a change.
    @ivar removed: resources that are served no longer, as they were.
    """

    added: tuple[Kind, ...]
    changed: tuple[Kind, ...]
    removed: tuple[Kind, ...]


class Stores:
    """
    One store for each served version of each resource.

    What is served may change while requests run: whoever holds a store may go on using it
    for what is under way, and asks here again for what comes later.

    @ivar registry: the kinds that are served now.
    """

    def __init__(
        self,
        registry: KindRegistry,
        cacher: Cacher,
        admission: AdmissionChain,
        now: Callable[[], float],
        conversions: Conversions | None = None,
    ) -> None:
        """
        @param conversions: the webhooks of definitions; by default none is asked.
        """
        self._conversions = conversions
        self._cacher = cacher
        self._admission = admission
        self._now = now
        self._listeners: list[Callable[[KindsChange], None]] = []
        self._stores: dict[tuple[str, str, str], Store] = {}
        self._by_resource: dict[str, Store] = {}
        self.registry = registry
        self._place(registry)

    def __iter__(self) -> Iterator[Store]:
        return iter(self._stores.values())

    def get(self, group: str, version: str, plural: str) -> Store | None:
        """
        The store of a served version.
        """
        return self._stores.get((group, version, plural))

    def of_resource(self, resource: str) -> Store | None:
        """
        The store of the version that C{resource} (C{queries.ark.mckinsey.com}) is kept in.
        """
        return self._by_resource.get(resource)

    def resources(self) -> list[Kind]:
        """
        Each resource once, in the version that it is kept in.
        """
        return [store.kind for store in self._by_resource.values()]

    def subscribe(self, listener: Callable[[KindsChange], None]) -> Callable[[], None]:
        """
        Have C{listener} called whenever other kinds are served than before, after this
        object knows them.  It must not block or raise.

        @return: ends that.
        """
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def serve(self, registry: KindRegistry) -> None:
        """
        Serve these kinds from now on.

        The stores of kinds that were served before, the very same objects, stay.
        """
        before = self._by_resource
        self.registry = registry
        self._place(registry)
        change = _change(before, self._by_resource)
        for listener in tuple(self._listeners):
            listener(change)

    def _place(self, registry: KindRegistry) -> None:
        stored = registry.stored()
        known = {(store.kind, store.storage_kind): store for store in self}
        known.update({(store.kind, store.storage_kind): store for store in self._by_resource.values()})

        def store_of(kind: Kind) -> Store:
            kept = stored.get(kind.resource, kind)
            return known.get((kind, kept)) or self._make(kind, kept)

        self._stores = {
            (kind.group, kind.version, kind.plural): store_of(kind) for kind in registry if kind.is_kept
        }
        self._by_resource = {
            resource: self._stores.get((kind.group, kind.version, kind.plural)) or store_of(kind)
            for resource, kind in stored.items()
        }
        if self._conversions is not None:
            self._conversions.keep(store.conversion for store in (*self, *self._by_resource.values()))

    def _make(self, kind: Kind, kept: Kind) -> Store:
        def version_of(version: str) -> Kind | None:
            return self.registry.declared(kind.group, version, kind.plural)

        kinds = self.registry.versions_of(kind.resource)
        conversion = None if self._conversions is None or len(kinds) < 2 else self._conversions.of(kept)
        # What a server keeps for itself is nobody else's to judge.
        admission = AdmissionChain() if kind.typed and not kind.served else self._admission
        return Store(kind, kept, self._cacher, admission, self._now, version_of, conversion, kinds)


def _change(before: dict[str, Store], after: dict[str, Store]) -> KindsChange:
    stayed = ((before[name].kind, store.kind) for name, store in after.items() if name in before)
    return KindsChange(
        tuple(store.kind for name, store in after.items() if name not in before),
        tuple(new for old, new in stayed if not _is_same(old, new)),
        tuple(store.kind for name, store in before.items() if name not in after),
    )


def _is_same(old: Kind, new: Kind) -> bool:
    return old is new or bool(old.fingerprint and old.fingerprint == new.fingerprint)
