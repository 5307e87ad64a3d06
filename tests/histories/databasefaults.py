"""
What happens to the database itself.
"""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Callable, Iterator

import psycopg2
from psycopg2.extensions import connection, cursor

from tests.histories.scene import Scene
from tests.histories.selections import NAMESPACES
from tests.storage.smalldisk import fill

LISTENERS = "query LIKE 'LISTEN%'"
WRITERS = "query LIKE 'SELECT * FROM ark_commit%' OR query LIKE 'SELECT * FROM ark_settle%'"
ALL = "true"
_TERMINATE = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'ark-server' AND ({})"
)
_OFTEN = 0.5
_GAP = 10**6
_CROSSED = 0.3
_ROOM = 200_000

Happening = Callable[[Scene, float, random.Random], None]


@contextlib.contextmanager
def _asking(scene: Scene) -> Iterator[cursor]:
    made: connection = scene.database.connect()
    try:
        with made.cursor() as asking:
            yield asking
    finally:
        made.close()


def restart(mode: str) -> Happening:
    """
    PostgreSQL is stopped, and starts again.
    """

    def happen(scene: Scene, seconds: float, dice: random.Random) -> None:
        scene.postgresql.stop(mode)
        time.sleep(seconds / 2)
        scene.postgresql.start()

    return happen


def end_sessions(scene: Scene, seconds: float, which: str = ALL) -> None:
    """
    Sessions are ended, again and again.
    """
    with _asking(scene) as asking:
        for _ in range(max(int(seconds / _OFTEN), 1)):
            asking.execute(_TERMINATE.format(which))
            time.sleep(_OFTEN)


def terminate(which: str) -> Happening:
    """
    Some sessions are ended, again and again.
    """
    return lambda scene, seconds, dice: end_sessions(scene, seconds, which)


def take_connections(scene: Scene, seconds: float, dice: random.Random) -> None:
    """
    Others take every connection there is, and the servers lose theirs.
    """
    held = []
    try:
        with _asking(scene) as asking:
            asking.execute(_TERMINATE.format(ALL))
            for _ in range(max(int(seconds / _OFTEN), 1)):
                try:
                    while True:
                        held.append(scene.database.connect())
                except psycopg2.OperationalError:
                    pass
                asking.execute(_TERMINATE.format(ALL))
                time.sleep(_OFTEN)
    finally:
        for one in held:
            one.close()


def promote(scene: Scene, seconds: float, dice: random.Random) -> None:
    """
    PostgreSQL dies, and its synchronous standby takes over.
    """
    time.sleep(seconds / 2)
    scene.promote()


def promote_late(scene: Scene, seconds: float, dice: random.Random) -> None:
    """
    PostgreSQL dies, and a standby takes over that had heard of nothing for a while.
    """
    with scene.replication.shut():
        time.sleep(seconds / 2)
        scene.promote()


def lead_to_standby(scene: Scene, seconds: float, dice: random.Random) -> None:
    """
    Servers find nothing but a standby where PostgreSQL was.
    """
    assert scene.standby is not None
    scene.way.lead_to(scene.standby.port)
    time.sleep(seconds)
    scene.way.lead_to(scene.postgresql.port)


def fill_disk(scene: Scene, seconds: float, dice: random.Random) -> None:
    """
    Nothing more fits on the disk of PostgreSQL, which may end because of that.
    """
    filler = fill(scene.postgresql.folder.parent, _ROOM)
    time.sleep(seconds)
    filler.unlink()


def leave_gap(scene: Scene, seconds: float, dice: random.Random) -> None:
    """
    A million revisions are left out.
    """
    time.sleep(seconds / 2)
    with _asking(scene) as asking:
        asking.execute(f"UPDATE ark_meta SET revision = revision + {_GAP}")  # noqa: S608
    time.sleep(seconds / 2)


def hold_counter(scene: Scene, seconds: float, dice: random.Random) -> None:
    """
    Somebody keeps a transaction open that holds what every commit needs.
    """
    with _asking(scene) as asking:
        asking.execute("BEGIN; SELECT revision FROM ark_meta FOR UPDATE")
        time.sleep(seconds)
        asking.execute("ROLLBACK")


def notify_twice(scene: Scene, seconds: float, dice: random.Random) -> None:
    """
    Notifications come twice, late, of what is long past and of what is not yet.
    """
    deadline = time.monotonic() + seconds
    with _asking(scene) as asking:
        while time.monotonic() < deadline:
            asking.execute("SELECT revision FROM ark_meta")
            (revision,) = asking.fetchone() or (0,)
            told = (revision, revision, 1, max(revision - 50, 1), revision + 50, "nonsense")
            for one in told:
                asking.execute("SELECT pg_notify('ark_resources', %s)", (str(one),))
            time.sleep(0.02)


def cross(scene: Scene, seconds: float, dice: random.Random) -> None:
    """
    Somebody takes the locks of commits in the other order, and one of both has to give in.
    """
    deadline = time.monotonic() + seconds
    with _asking(scene) as asking:
        while time.monotonic() < deadline:
            with contextlib.suppress(psycopg2.Error):
                asking.execute(
                    "BEGIN; SELECT 1 FROM ark_object WHERE namespace = %s FOR UPDATE", (NAMESPACES[0],)
                )
                time.sleep(_CROSSED * dice.random())
                asking.execute("SELECT revision FROM ark_meta FOR UPDATE")
            asking.execute("ROLLBACK")
            time.sleep(0.05)


def serialize(scene: Scene, seconds: float, dice: random.Random) -> None:
    """
    Of transactions at the same time all but one are undone.
    """
    scene.postgresql.sql("ALTER SYSTEM SET default_transaction_isolation = 'serializable'")
    scene.postgresql.sql("SELECT pg_reload_conf()")
    time.sleep(seconds)
    scene.postgresql.sql("ALTER SYSTEM RESET default_transaction_isolation")
    scene.postgresql.sql("SELECT pg_reload_conf()")


def take_no_writes(scene: Scene, seconds: float, dice: random.Random) -> None:
    """
    PostgreSQL takes no writes, as a standby does not.
    """
    sql = scene.postgresql.sql
    sql("ALTER SYSTEM SET default_transaction_read_only = on")
    sql("SELECT pg_reload_conf()")
    time.sleep(seconds)
    with _asking(scene) as asking:
        asking.execute("SET default_transaction_read_only = off")
        asking.execute("ALTER SYSTEM RESET default_transaction_read_only")
        asking.execute("SELECT pg_reload_conf()")


def lock_log(scene: Scene, seconds: float, dice: random.Random) -> None:
    """
    Somebody locks the whole log for a moment, again and again, as maintenance does.
    """
    with _asking(scene) as asking:
        for _ in range(max(int(seconds / _OFTEN), 1)):
            asking.execute("BEGIN; LOCK TABLE ark_log IN ACCESS EXCLUSIVE MODE")
            time.sleep(_OFTEN / 2)
            asking.execute("ROLLBACK")
            time.sleep(_OFTEN / 2)
