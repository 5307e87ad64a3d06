"""
The counter of a PostgreSQL database, which may fall when the database is not what it was.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.logger import Logger

from ark.storage.postgresqlsession import Sessions
from ark.storage.postgresqlstatements import RECOVER


class SeenCounter:
    """
    The newest revision that this process has seen.

    What is asked after a revision was seen cannot be answered by an older one, unless the
    database lost it: it was restored, or a standby took over that did not have it yet.
    Then the counter is raised above it, and history begins there.

    @ivar revision: the newest one.
    """

    _log = Logger()

    def __init__(self, sessions: Sessions, changed: Callable[[], None]) -> None:
        self._sessions = sessions
        self._changed = changed
        self.revision = 0

    async def note(self, revision: int, seen: int) -> int:
        """
        The counter, of which the database has just said that it is C{revision}.

        @param seen: the newest revision that was seen when the database was asked.
        """
        if revision < seen:
            self._log.error(
                "PostgreSQL lost revisions {first} to {last}: they are not used again, and all watches begin anew",
                first=revision + 1,
                last=seen,
            )
            ((revision,),) = await self._sessions.query(RECOVER, (seen,))
            self._changed()
        self.revision = max(self.revision, revision)
        return revision
