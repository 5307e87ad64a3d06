"""
Moving a PostgreSQL database to another database, or from it.

The role must own the schema: a mark is kept by a trigger (C{schema/postgresql/002-restore.sql}).
"""

from __future__ import annotations

from collections.abc import Sequence

from zope.interface import implementer

from ark.interfaces import IRestores
from ark.meta.records import Version
from ark.storage.postgresqlsession import Sessions
from ark.storage.seencounter import SeenCounter

# One step of an index a resource, however many objects it has.
_RESOURCES = """
    WITH RECURSIVE live (resource) AS (
        SELECT min(resource) FROM ark_object
        UNION ALL
        SELECT (SELECT min(object.resource) FROM ark_object AS object WHERE object.resource > live.resource)
        FROM live WHERE live.resource IS NOT NULL
    ), gone (resource) AS (
        SELECT min(resource) FROM ark_log WHERE event = 'DELETED'
        UNION ALL
        SELECT (
            SELECT min(log.resource) FROM ark_log AS log
            WHERE log.event = 'DELETED' AND log.resource > gone.resource
        ) FROM gone WHERE gone.resource IS NOT NULL
    )
    SELECT resource FROM live WHERE resource IS NOT NULL
    UNION SELECT resource FROM gone WHERE resource IS NOT NULL ORDER BY resource"""
_RESTORE = (
    "SELECT ark_restore_v1(%s, %s, %s::bigint[], %s::text[], %s::text[], %s::text[], %s::text[], %s::bigint[], "
    "%s::text[], %s::text[], %s::text[], %s::boolean[])"
)


@implementer(IRestores)
class PostgreSQLRestore:
    """
    L{IRestores} of an L{ark.storage.postgresql.PostgreSQLBackend}.
    """

    def __init__(self, sessions: Sessions, counter: SeenCounter) -> None:
        self._sessions = sessions
        self._counter = counter

    async def resources(self) -> Sequence[str]:
        """
        See L{IRestores.resources}.
        """
        return [resource.decode() for (resource,) in await self._sessions.query(_RESOURCES)]

    async def mark(self) -> str:
        """
        See L{IRestores.mark}.
        """
        rows = await self._sessions.query("SELECT text FROM ark_mark")
        return str(rows[0][0].decode()) if rows else ""

    async def set_mark(self, text: str) -> None:
        """
        See L{IRestores.set_mark}.
        """
        await self._sessions.query("SELECT ark_set_mark_v1(%s)", (text,), committing=True)

    async def wipe(self, floor: int, mark: str) -> None:
        """
        See L{IRestores.wipe}.
        """
        with self._counter.forgetting(max(floor, 1)):
            await self._sessions.query("SELECT ark_wipe_v1(%s, %s)", (floor, mark), committing=True)

    async def restore(self, versions: Sequence[Version], revision: int, mark: str) -> None:
        """
        See L{IRestores.restore}.
        """
        newest = {version.key: version.revision for version in versions}
        columns = (
            [version.revision for version in versions],
            [version.key.resource for version in versions],
            [version.key.namespace for version in versions],
            [version.key.name for version in versions],
            [version.event for version in versions],
            [version.previous for version in versions],
            [version.uid for version in versions],
            [version.labels.decode() for version in versions],
            [version.body.decode() for version in versions],
            [newest[version.key] == version.revision for version in versions],
        )
        await self._sessions.query(_RESTORE, (revision, mark, *columns), committing=True)
        self._counter.revision = max(self._counter.revision, revision)
