"""
The objects of a kind that this server keeps, followed as those of a cluster are.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from zope.interface import implementer

from ark.admission.policies.params import Collection, LocalKinds, NotYet
from ark.cluster.followed import Followed, place_of
from ark.controllers.monitor import Monitor
from ark.interfaces import IInformer
from ark.meta.records import DELETED, Version
from ark.registry.store import Store
from ark.registry.stores import Stores
from ark.watch.events import WatchEvent


class _Told:
    """
    Hands on what the monitor tells.
    """

    def __init__(self, store: Store, objects: Followed) -> None:
        self._store = store
        self._objects = objects

    def present(self, version: Version) -> None:
        """
        An object is there.
        """
        self._objects.keep(self._store.decode(version.body))

    def complete(self, resource: str, present: set[str]) -> None:
        """
        There are no others than these.
        """
        known = self._objects.items()
        self._objects.replace({place_of(obj): obj for obj in known if obj["metadata"]["uid"] in present})

    def changed(self, event: WatchEvent) -> None:
        """
        An object is new, has changed or has gone.
        """
        version = event.version
        if version.event == DELETED:
            self._objects.drop((version.key.namespace, version.key.name))
        else:
            self.present(version)
        self._objects.changed()


@implementer(IInformer)
class KeptObjects(Followed):
    """
    @param store: of the version that the objects are wanted in; no webhook may convert them.
    """

    def __init__(self, store: Store, reactor: Any) -> None:
        super().__init__()
        self._store = store
        self._reactor = reactor
        self._monitor: Monitor | None = None

    def start(self) -> None:
        """
        See L{IInformer.start}.
        """
        self._monitor = Monitor(self._store.cacher, self._reactor, _Told(self._store, self))
        self._monitor.follow(self._store.kind.resource)

    def stop(self) -> None:
        """
        See L{IInformer.stop}.
        """
        if self._monitor is not None:
            self._monitor.stop()
            self._monitor = None


def local_kinds(stores: Callable[[], Stores | None], reactor: Any) -> LocalKinds:
    """
    Finds the kinds that this server keeps, for the parameters of policies.

    @param stores: tells them, once there are any.
    """

    def find(api_version: str, kind: str) -> Collection | None:
        known = stores()
        if known is None:
            raise NotYet
        for each in known.registry:
            if each.kind == kind and each.api_version == api_version:
                store = known.get(each.group, each.version, each.plural)
                if store is not None and store.texts is None:
                    return Collection(KeptObjects(store, reactor), each.namespaced)
        return None

    return find
