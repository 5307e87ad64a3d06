"""
Reading a database in the steps in which it is copied.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from ark.interfaces import IStorageBackend
from ark.meta.records import Range, Version
from ark.storage.marks import CopyState

_FIRST_PAGE = 200
# A page of what was live once costs a database more than its share of all of them.
_LARGEST_PAGE = 10_000
_PAGE_BYTES = 16 * 1024 * 1024


class PageSize:
    """
    How many versions to read at once, so that they have about the same size each time.
    """

    def __init__(self) -> None:
        self.limit = _FIRST_PAGE

    def learn(self, versions: Sequence[Version]) -> None:
        """
        Judge by what was read.
        """
        size = sum(len(version.body) for version in versions)
        if versions:
            self.limit = max(1, min(_LARGEST_PAGE, _PAGE_BYTES * len(versions) // max(size, 1)))


class Step(NamedTuple):
    """
    What is written in one transaction, and where the copy stands then.
    """

    versions: Sequence[Version]
    revision: int
    state: CopyState


class LiveReader:
    """
    What was live at the base, in key order, from where the copy stands.
    """

    def __init__(self, backend: IStorageBackend, resources: Sequence[str], state: CopyState) -> None:
        after = state.after
        self._backend = backend
        self._resources = deque(each for each in resources if after is None or each >= after.resource)
        self._state = state
        self._size = PageSize()

    def ranges(self) -> list[Range]:
        """
        What is left to read.
        """
        return [self._range(resource) for resource in self._resources]

    def _range(self, resource: str) -> Range:
        after = self._state.after
        if after is None or after.resource != resource:
            return Range(resource)
        return Range(resource, None, (after.namespace, after.name))

    async def read(self) -> Step | None:
        """
        The next step; the last one says that all is there.
        """
        base = self._state.base
        while self._resources:
            page = await self._backend.list(self._range(self._resources[0]), self._size.limit, base)
            if not page.more:
                self._resources.popleft()
            if page.versions:
                self._size.learn(page.versions)
                self._state = self._state._replace(after=page.versions[-1].key)
                return Step(page.versions, base, self._state)
        if self._state.whole:
            return None
        self._state = self._state._replace(whole=True)
        return Step([], base, self._state)


class LogReader:
    """
    The log after a revision.
    """

    def __init__(self, backend: IStorageBackend, revision: int, state: CopyState) -> None:
        self._backend = backend
        self._revision = revision
        self._state = state
        self._size = PageSize()

    async def read(self) -> Step | None:
        """
        The next step; L{None} when there is no more for now.
        """
        page = await self._backend.events(self._revision, self._size.limit)
        if not page.events:
            return None
        versions = [event.version for event in page.events]
        self._size.learn(versions)
        self._revision = page.revision
        return Step(versions, page.revision, self._state)
