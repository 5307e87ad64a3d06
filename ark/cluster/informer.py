"""
Follows a collection of the cluster: a list, then a watch from where the list was made.

As C{Reflector} of C{k8s.io/client-go/tools/cache}, which cites the reasons for most of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Any, Protocol

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from ark.cluster.answers import failure
from ark.cluster.errors import Unreachable
from ark.cluster.followed import Followed, Object, Place, place_of
from ark.cluster.watchstream import Event, WatchStream
from ark.interfaces import IInformer
from ark.meta.status import APIStatus

PAGE = 500
LIST_SECONDS = 60.0
WATCH_SECONDS = 300.0
"""
How long a watch lasts at least; each is given up to twice that, so that not all end at once.
"""

SILENT_SECONDS = 150.0
SHORT_SECONDS = 1.0
"""
A watch that ends sooner, with nothing told, is as good as one that failed.
"""

_FIRST_DELAY = 0.8
_LONGEST_DELAY = 30.0
_GONE = 410

_log = Logger()


class Source(Protocol):
    """
    What an informer asks: L{ark.cluster.client.Cluster}.
    """

    async def request(
        self, method: str, path: str, *, query: Mapping[str, str], timeout: float
    ) -> dict[str, Any]:
        """See L{ark.interfaces.ICluster.request}."""

    async def watch(self, path: str, query: Mapping[str, str], stream: WatchStream) -> None:
        """Follow until the stream ends."""


@implementer(IInformer)
class Informer(Followed):
    """
    Tries for ever: after a failure again, later each time up to half a minute.  What it has
    stays until there is a newer list.
    """

    def __init__(
        self, source: Source, path: str, query: Mapping[str, str], reactor: Any, random: Random
    ) -> None:
        """
        @param reactor: C{IReactorTime}.
        @param random: parts the attempts of many.
        """
        super().__init__()
        self._source = source
        self._path = path
        self._query = dict(query)
        self._reactor = reactor
        self._random = random
        self._version = ""
        self._failures = 0
        self._running: Deferred[None] | None = None

    def start(self) -> None:
        """
        See L{IInformer.start}.
        """
        if self._running is None:
            self._running = Deferred.fromCoroutine(self._run())
            self._running.addErrback(self._broke)

    def stop(self) -> None:
        """
        See L{IInformer.stop}.
        """
        running, self._running = self._running, None
        if running is not None:
            running.cancel()

    def _broke(self, failure: Failure) -> None:
        if not isinstance(failure.value, CancelledError):
            _log.failure("following {path} came to an end", failure, path=self._path)

    async def _run(self) -> None:
        while True:
            try:
                if not self._version:
                    await self._list()
                await self._watch()
            except APIStatus as error:
                await self._failed(error, error.retry_after)
            except Unreachable as error:
                await self._failed(error, 0)

    async def _failed(self, error: Exception, retry_after: float) -> None:
        before, self._failures = self._failures, min(self._failures + 1, 10)
        if isinstance(error, APIStatus) and error.code == _GONE and self._version:
            self._version = ""
            if not before:
                # Only the list is too old; there is nothing to wait for.
                return
        delay = min(_FIRST_DELAY * 2**before, _LONGEST_DELAY)
        delay = max(delay * (1 + self._random.random()), retry_after)
        _log.warn(
            "following {path} failed, and begins again in {delay:.1f} s: {error}",
            path=self._path,
            delay=delay,
            error=error,
        )
        await deferLater(self._reactor, delay)

    async def _list(self) -> None:
        try:
            objects, version = await self._pages(PAGE)
        except APIStatus as error:
            if error.code != _GONE:
                raise
            # The pages were older than what the cluster remembers: all at once then.
            objects, version = await self._pages(0)
        self._version = version
        self.replace(objects)

    async def _pages(self, limit: int) -> tuple[dict[Place, Object], str]:
        objects: dict[Place, Object] = {}
        query = {**self._query, "limit": str(limit)} if limit else self._query
        while True:
            page = await self._source.request("GET", self._path, query=query, timeout=LIST_SECONDS)
            metadata = page.get("metadata") or {}
            if not isinstance(metadata.get("resourceVersion"), str):
                raise Unreachable(f"the answer of {self._path} is not a list")
            try:
                objects.update((place_of(obj), obj) for obj in _items(page))
            except (AttributeError, KeyError, TypeError):
                raise Unreachable(f"the answer of {self._path} has what is no object in it") from None
            if not metadata.get("continue"):
                return objects, metadata["resourceVersion"]
            query = {**query, "continue": metadata["continue"]}
            # One page a turn, however fast they come.
            await deferLater(self._reactor, 0)

    async def _watch(self) -> None:
        seconds = WATCH_SECONDS * (1 + self._random.random())
        query = {
            **self._query,
            "resourceVersion": self._version,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(int(seconds)),
        }
        version, began = self._version, self._reactor.seconds()
        stream = WatchStream(self._observe, self._reactor, SILENT_SECONDS)
        try:
            await self._source.watch(self._path, query, stream)
        finally:
            if self._version != version:
                self._failures = 0
        if self._reactor.seconds() - began >= SHORT_SECONDS:
            self._failures = 0
        elif self._version == version:
            raise Unreachable(f"the watch of {self._path} ended at once")

    def _observe(self, events: list[Event]) -> None:
        changed = False
        try:
            for event in events:
                changed = self._apply(event["type"], event["object"]) or changed
        finally:
            if changed:
                self.changed()

    def _apply(self, type: str, obj: Object) -> bool:
        if type == "ERROR":
            raise failure(obj)
        if type == "DELETED":
            self.drop(place_of(obj))
        elif type in ("ADDED", "MODIFIED"):
            self.keep(obj)
        self._version = obj["metadata"]["resourceVersion"]
        return type != "BOOKMARK"


def _items(page: Mapping[str, Any]) -> list[Object]:
    """
    The objects of a list, which leaves out of each what is the same for all.
    """
    items: list[Object] = page.get("items") or []
    kind = str(page.get("kind") or "")
    if not kind.endswith("List"):
        return items
    shared = {"apiVersion": page.get("apiVersion"), "kind": kind[: -len("List")]}
    return [{**shared, **obj} for obj in items]
