"""
Lets the kinds that are served follow the stored CustomResourceDefinitions.

Follows C{crdHandler} in C{k8s.io/apiextensions-apiserver/pkg/apiserver/
customresource_handler.go} in when a definition is served.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import orjson
from twisted.internet.defer import Deferred, TimeoutError
from twisted.logger import Logger

from ark.apis.definition import kinds_of_definition
from ark.apis.kind import Kind
from ark.apis.loader import KindRegistry
from ark.controllers.monitor import Monitor
from ark.meta.records import DELETED, Version
from ark.registry.definitions.conditions import is_true
from ark.registry.definitions.strategy import RESOURCE
from ark.registry.stores import Stores
from ark.watch.cacher import Cacher
from ark.watch.events import WatchEvent

PATIENCE = 3.0

_log = Logger()


class Definitions:
    """
    Tells the stores which kinds to serve: those that come with the server, and those of
    the definitions that are in force.

    Every process has one of these.  A definition is in force from when its names were
    accepted until it is gone; what built-in kinds are called no definition can take.

    @param stores: their kinds at first are those that come with the server.
    """

    def __init__(self, stores: Stores, cacher: Cacher, reactor: Any) -> None:
        self._stores = stores
        self._cacher = cacher
        self._reactor = reactor
        self._own: KindRegistry = stores.registry
        self._kinds: dict[str, list[Kind]] = {}
        self._uids: dict[str, str] = {}
        self._monitor = Monitor(cacher, reactor, self)

    async def start(self) -> None:
        """
        Begin to follow; return when everything is served that is there.
        """
        self._monitor.follow(RESOURCE)
        await self._monitor.synced()

    def stop(self) -> None:
        """
        Follow no more.
        """
        self._monitor.stop()

    async def catch_up(self) -> None:
        """
        Return when everything is served that was there, for any process, at the call; or
        when that takes longer than anybody should wait.

        @raise ark.storage.errors.StorageError: storage cannot tell what is there.
        """
        await self._cacher.catch_up()
        synced = Deferred.fromCoroutine(self._monitor.synced())
        if not synced.called:
            synced.addTimeout(PATIENCE, self._reactor)
        with suppress(TimeoutError):
            await synced

    # What the monitor tells

    def present(self, version: Version) -> None:
        """
        A definition is there.
        """
        self._take(version)

    def complete(self, resource: str, present: set[str]) -> None:
        """
        There are no others than these.
        """
        for name in [name for name, uid in self._uids.items() if uid not in present]:
            self._forget(name)
        self._serve()

    def changed(self, event: WatchEvent) -> None:
        """
        A definition is new, has changed or has gone.
        """
        before = self._kinds.get(event.version.key.name)
        if event.version.event == DELETED:
            self._forget(event.version.key.name)
        else:
            self._take(event.version)
        if self._kinds.get(event.version.key.name) is not before:
            self._serve()

    def _take(self, version: Version) -> None:
        name = version.key.name
        self._uids[name] = version.uid
        known = self._kinds.get(name)
        kinds = kinds_in_force(version, known or ())
        if known is not None and kinds and _same(known[0], kinds[0]):
            return
        if kinds:
            self._kinds[name] = kinds
        else:
            self._kinds.pop(name, None)

    def _forget(self, name: str) -> None:
        self._uids.pop(name, None)
        self._kinds.pop(name, None)

    def _serve(self) -> None:
        kinds = [kind for of_definition in self._kinds.values() for kind in of_definition]
        self._stores.serve(self._own.extended(kinds))


def _same(known: Kind, kind: Kind) -> bool:
    return known.fingerprint == kind.fingerprint and known.terminating is kind.terminating


def kinds_in_force(version: Version, known: Sequence[Kind] = ()) -> list[Kind]:
    """
    The kinds of a stored definition; none if it is not in force.

    @param known: its kinds until now.
    """
    definition = orjson.loads(version.body)
    status = definition["status"]
    if not (is_true(status, "NamesAccepted") or is_true(status, "Established")):
        return []
    # Nobody could have made an object under a spec before the first one.
    is_first = definition["metadata"].get("generation", 0) <= 1
    unchanged = _since(known, definition["spec"])
    since = 0 if is_first else version.revision if unchanged is None else unchanged
    try:
        return kinds_of_definition(definition, since)
    except Exception:
        # It was accepted; that nothing can be made of it must not stop the others.
        _log.failure("{name} cannot be served", name=definition["metadata"]["name"])
        return []


def _since(known: Sequence[Kind], spec: dict[str, Any]) -> int | None:
    """
    Since when objects have looked as they do now; L{None} if they have not until now.
    """
    shapes = {kind.version: (kind.is_storage, kind.schema) for kind in known}
    wanted = {one["name"]: (one["storage"], one["schema"]["openAPIV3Schema"]) for one in spec["versions"]}
    return known[0].since if known and shapes == wanted else None
