"""
The counter of a database, which may fall when the database is not what it was.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

from twisted.logger import Logger

#: How far above what one server has seen revisions go on when some are lost: others may have seen more, and
#: none that anybody was told may be told again.  C{etcdutl snapshot restore} is told as much by its manual.
FURTHER = 10**9


class SeenCounter:
    """
    The newest revision that this process has seen.

    What is asked after a revision was seen cannot be answered by an older one, unless the
    database lost it: it was restored, or a standby took over that did not have it yet.
    Then the counter is raised far above it, and history begins there.

    @ivar revision: the newest one.
    """

    _log = Logger()

    def __init__(self, recover: Callable[[int], Awaitable[int]], changed: Callable[[], None]) -> None:
        """
        @param recover: has the database go on L{FURTHER} above a revision if it is behind it; gives its counter.
        @param changed: called when it did.
        """
        self._recover = recover
        self._changed = changed
        self._forgetting = False
        self.revision = 0

    async def note(self, revision: int, seen: int) -> int:
        """
        The counter, of which the database has just said that it is C{revision}.

        @param seen: the newest revision that was seen when the database was asked.
        """
        if self._forgetting:
            return revision
        if revision < min(seen, self.revision):
            self._log.error(
                "The database lost revisions {first} to {last}: they are not used again, and all watches begin anew",
                first=revision + 1,
                last=seen,
            )
            revision = await self._recover(seen)
            self._changed()
        self.revision = max(self.revision, revision)
        return revision

    @contextmanager
    def forgetting(self, revision: int) -> Iterator[None]:
        """
        The database is made to be another one, whose counter is then C{revision}.
        """
        self._forgetting = True
        try:
            yield
            self.revision = revision
        finally:
            self._forgetting = False
