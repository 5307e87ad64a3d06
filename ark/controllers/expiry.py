"""
Events that end by themselves, as kube-apiserver's do an hour after they were last written.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson

from ark.controllers.instances import USER
from ark.controllers.together import together
from ark.meta.options import DeleteOptions
from ark.meta.records import Range, Version
from ark.meta.status import APIStatus
from ark.meta.time import parse_rfc3339
from ark.registry.store import Store, WriteContext
from ark.watch.aging import Aging

_PAGE = 500
_TIMES = ("firstTimestamp", "lastTimestamp", "eventTime")


def last_written(event: dict[str, Any]) -> float:
    """
    The newest of the times that an event tells, in seconds since the epoch.
    """
    series = event.get("series") or {}
    texts = [event["metadata"].get("creationTimestamp"), series.get("lastObservedTime")]
    texts += [event.get(member) for member in _TIMES]
    return max((parse_rfc3339(text) for text in texts if text), default=0.0)


class EventExpiry:
    """
    Deletes events that nobody wrote for some time.

    How long that is, is measured from when they were written, whatever the time of day is set to
    meanwhile.  Only those that were there before it began are judged by the times that they tell.

    @param seconds: how long they stay.
    @param clock: the reactor, and what tells the time of day in seconds since the epoch.
    """

    def __init__(self, store: Store, seconds: float, clock: tuple[Any, Callable[[], float]]) -> None:
        self._store = store
        self._seconds = seconds
        self._reactor, now = clock
        self._day = now() - self._reactor.seconds()
        self._aging = Aging(seconds)
        self._found = store.cacher.revision
        self._aging.older(self._reactor.seconds(), self._found)

    async def sweep(self) -> int:
        """
        Look at all events, a page at a time.

        @return: how many went.
        """
        now = self._reactor.seconds()
        aged = self._aging.older(now, self._store.cacher.revision)
        found, oldest = self._found, self._day + now - self._seconds
        after: tuple[str, str] | None = None
        gone = 0
        while True:
            page = await self._store.cacher.list(Range(self._store.kind.resource, None, after), _PAGE, None)
            old = [
                version
                for version in page.versions
                if version.revision <= aged
                or (version.revision <= found and last_written(orjson.loads(version.body)) < oldest)
            ]
            gone += sum(await together(map(self._delete, old)))
            if not page.more:
                return gone
            last = page.versions[-1].key
            after = (last.namespace, last.name)

    async def _delete(self, version: Version) -> bool:
        # Whoever writes it in the meantime keeps it.
        options = DeleteOptions(
            precondition_uid=version.uid, precondition_resource_version=str(version.revision)
        )
        context = WriteContext(user=USER, options=options)
        try:
            await self._store.delete(version.key.namespace, version.key.name, options, context)
        except APIStatus as status:
            if status.code in (404, 409):
                return False
            raise
        return True
