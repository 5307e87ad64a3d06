"""
Moving a MySQL database to another database, or from it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from zope.interface import implementer

from ark.interfaces import IRestores
from ark.meta.records import DELETED, Key, Version
from ark.storage.errors import Unavailable
from ark.storage.mysqlerrors import Unexpected
from ark.storage.mysqlpool import Sessions
from ark.storage.mysqlsession import Session, quote
from ark.storage.mysqlstatements import keys_of, quoted, row_of
from ark.storage.seencounter import SeenCounter

_RESOURCES = (
    b"SELECT DISTINCT resource FROM ark_object UNION SELECT DISTINCT resource FROM ark_deleted ORDER BY 1"
)
_MARK = b"SELECT mark FROM ark_meta WHERE id = 1"
# Waits for the commits that have the counter's lock; those that get it afterwards see the mark.
_SET_MARK = b"UPDATE ark_meta SET mark = %b WHERE id = 1"
_WIPING = '{"wiping":true}'
_EMPTY = b"TRUNCATE TABLE ark_object; TRUNCATE TABLE ark_deleted; TRUNCATE TABLE ark_log"
_BEGIN_ANEW = (
    b"START TRANSACTION; UPDATE ark_compaction SET compacted_revision = %d, swept_revision = %d WHERE id = 1; "
    b"UPDATE ark_meta SET revision = %d, mark = %b WHERE id = 1; COMMIT"
)
_COUNT = (
    b"START TRANSACTION; "
    b"UPDATE ark_meta SET revision = IF(mark = '', NULL, greatest(revision, %d)), mark = %b WHERE id = 1"
)
_LOG = (
    b"INSERT INTO ark_log (revision, resource, namespace, name, event, previous, uid, created_at, labels, body) "
    b"VALUES "
)
_DELETED = b"INSERT INTO ark_deleted (resource, namespace, name, revision) VALUES "
_POINT = b"INSERT INTO ark_object (resource, namespace, name, revision, previous) VALUES "
_REPLACE = b" ON DUPLICATE KEY UPDATE revision = VALUES(revision), previous = VALUES(previous)"
_REMOVE = b"DELETE FROM ark_object WHERE (resource, namespace, name) IN (%b)"
#: A quarter of the packet that a server must take at least.
_LONGEST = 4 << 20


@implementer(IRestores)
class MySQLRestore:
    """
    L{IRestores} of an L{ark.storage.mysql.MySQLBackend}.
    """

    def __init__(self, sessions: Sessions, counter: SeenCounter, notify: Callable[[], None]) -> None:
        self._sessions = sessions
        self._counter = counter
        self._notify = notify

    async def resources(self) -> Sequence[str]:
        """
        See L{IRestores.resources}.
        """
        (rows,) = await self._sessions.run(Session.run, _RESOURCES)
        return [resource.decode() for (resource,) in rows]

    async def mark(self) -> str:
        """
        See L{IRestores.mark}.
        """
        (((mark,),),) = await self._sessions.run(Session.run, _MARK)
        return str(mark.decode())

    async def set_mark(self, text: str) -> None:
        """
        See L{IRestores.set_mark}.
        """
        await self._sessions.write(Session.run, _SET_MARK % quoted(text))

    async def wipe(self, floor: int, mark: str) -> None:
        """
        See L{IRestores.wipe}.  MySQL cannot empty a table of any size within a transaction,
        so it has a mark of its own until all is done.
        """
        with self._counter.forgetting(max(floor, 1)):
            await self._sessions.write(_wipe, floor, mark)
        self._notify()

    async def restore(self, versions: Sequence[Version], revision: int, mark: str) -> None:
        """
        See L{IRestores.restore}.
        """
        try:
            await self._sessions.write(_restore, versions, revision, mark)
        except Unexpected as error:
            raise Unavailable("only a marked database can be restored") from error
        self._notify()


def _wipe(session: Session, floor: int, mark: str) -> None:
    session.run(_SET_MARK % quoted(_WIPING))
    session.run(_EMPTY)
    session.run(_BEGIN_ANEW % (floor, floor, max(floor, 1), quoted(mark)))


def _restore(session: Session, versions: Sequence[Version], revision: int, mark: str) -> None:
    session.run(_COUNT % (revision, quoted(mark)))
    newest = {version.key: version for version in versions}
    gone = [key for key, version in newest.items() if version.event == DELETED]
    live = [(key, version.revision) for key, version in newest.items() if version.event != DELETED]
    deletions = [(version.key, version.revision) for version in versions if version.event == DELETED]
    for text in (
        *_inserts(_LOG, map(_logged, versions)),
        *_inserts(_DELETED, (b"(%b, %d)" % (row_of(key), number) for key, number in deletions)),
        *_inserts(_POINT, (b"(%b, %d, 0)" % (row_of(key), number) for key, number in live), _REPLACE),
        *([_REMOVE % keys_of(gone)] if gone else []),
        b"COMMIT",
    ):
        session.go_on(text)


def _logged(version: Version) -> bytes:
    key, revision, event, body, labels, uid, previous = version
    return b"(%d, %b, '%b', %d, %b, unix_timestamp(now(6)), %b, %b)" % (
        revision, row_of(Key(*key)), event.encode(), previous, quoted(uid), quote(labels), quote(body),
    )  # fmt: skip


def _inserts(start: bytes, rows: Iterator[bytes], end: bytes = b"") -> Iterator[bytes]:
    """
    Statements that insert some rows, none of which is too long.
    """
    waiting: list[bytes] = []
    length = 0
    for row in rows:
        if waiting and length + len(row) > _LONGEST:
            yield start + b", ".join(waiting) + end
            waiting, length = [], 0
        waiting.append(row)
        length += len(row) + 2
    if waiting:
        yield start + b", ".join(waiting) + end
