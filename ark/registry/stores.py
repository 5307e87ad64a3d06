"""
The stores of all served kinds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ark.admission.chain import AdmissionChain
from ark.apis.kind import Kind
from ark.apis.loader import KindRegistry
from ark.registry.store import Store
from ark.watch.cacher import Cacher


class Stores:
    """
    One store for each served version of each resource.
    """

    def __init__(
        self, registry: KindRegistry, cacher: Cacher, admission: AdmissionChain, now: Callable[[], float]
    ) -> None:
        kinds = list(registry.kinds())
        stored = {kind.resource: kind for kind in kinds if kind.is_storage}
        self._stores = {
            (kind.group, kind.version, kind.plural): Store(
                kind, stored.get(kind.resource, kind), cacher, admission, now
            )
            for kind in kinds
        }
        self._by_resource = {
            store.kind.resource: store for store in self if store.kind is stored.get(store.kind.resource)
        }

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
