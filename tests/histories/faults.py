"""
What happens to servers, to PostgreSQL and to the way between them.
"""

from __future__ import annotations

import os
import random
import signal
import threading
from collections.abc import Callable, Sequence
from typing import NamedTuple

import psycopg2

from tests.histories.scene import Scene

_LISTENERS = "query LIKE 'LISTEN%'"
_WRITERS = "query LIKE 'SELECT * FROM ark_commit%' OR query LIKE 'SELECT * FROM ark_settle%'"
_TERMINATE = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'ark-server' AND ({})"
)
_OFTEN = 0.5
_LATE = 0.15


class Fault(NamedTuple):
    """
    One thing that goes wrong.

    @ivar happen: makes it so for some seconds, and then well again.
    @ivar flags: of the servers.
    @ivar standby: whether PostgreSQL has one.
    """

    happen: Callable[[Scene, float, random.Random], None]
    flags: Sequence[str] = ()
    standby: bool = False


_idle = threading.Event()


def _wait(seconds: float) -> None:
    _idle.wait(seconds)


def _nothing(scene: Scene, seconds: float, dice: random.Random) -> None:
    _wait(seconds)


def _kill(scene: Scene, seconds: float, dice: random.Random) -> None:
    replica = dice.choice(scene.replicas)
    replica.kill()
    _wait(seconds / 2)
    replica.start_again()


def _freeze(scene: Scene, seconds: float, dice: random.Random) -> None:
    process = dice.choice(scene.replicas).processes[0]
    os.kill(process.pid, signal.SIGSTOP)
    try:
        _wait(seconds)
    finally:
        os.kill(process.pid, signal.SIGCONT)


def _restart(mode: str) -> Callable[[Scene, float, random.Random], None]:
    def happen(scene: Scene, seconds: float, dice: random.Random) -> None:
        scene.postgresql.stop(mode)
        _wait(seconds / 2)
        scene.postgresql.start()

    return happen


def _terminate(which: str) -> Callable[[Scene, float, random.Random], None]:
    def happen(scene: Scene, seconds: float, dice: random.Random) -> None:
        for _ in range(max(int(seconds / _OFTEN), 1)):
            scene.postgresql.sql(_TERMINATE.format(which))
            _wait(_OFTEN)

    return happen


def _cut(scene: Scene, seconds: float, dice: random.Random) -> None:
    def shut() -> None:
        scene.way.shut = True
        scene.way.cut()

    scene.in_reactor(shut)
    _wait(seconds / 2)
    scene.in_reactor(lambda: setattr(scene.way, "shut", False))
    for _ in range(max(int(seconds / 2 / _OFTEN), 1)):
        scene.in_reactor(scene.way.cut)
        _wait(_OFTEN)


def _silence(scene: Scene, seconds: float, dice: random.Random) -> None:
    scene.in_reactor(lambda: setattr(scene.way, "silent", True))
    _wait(seconds)

    def end() -> None:
        # What was swallowed is missing in the middle of these.
        scene.way.cut()
        scene.way.silent = False

    scene.in_reactor(end)


def _slow(scene: Scene, seconds: float, dice: random.Random) -> None:
    scene.in_reactor(lambda: setattr(scene.way, "delay", _LATE))
    _wait(seconds)
    scene.in_reactor(lambda: setattr(scene.way, "delay", 0.0))


def _connections(scene: Scene, seconds: float, dice: random.Random) -> None:
    """
    Others take every connection there is, and the servers lose theirs.
    """
    held = []
    ours = scene.database.connect()
    try:
        with ours.cursor() as cursor:
            cursor.execute(_TERMINATE.format("true"))
            for _ in range(max(int(seconds / _OFTEN), 1)):
                try:
                    while True:
                        held.append(scene.database.connect())
                except psycopg2.OperationalError:
                    pass
                cursor.execute(_TERMINATE.format("true"))
                _wait(_OFTEN)
    finally:
        for connection in (*held, ours):
            connection.close()


def _promote(scene: Scene, seconds: float, dice: random.Random) -> None:
    _wait(seconds / 2)
    scene.promote()


_COMPACTING = ("--compaction-interval=1s", "--history-retention=2s", "--history-events=50")

FAULTS = {
    "none": Fault(_nothing),
    "kill": Fault(_kill),
    "freeze": Fault(_freeze),
    "restart-fast": Fault(_restart("fast")),
    "restart-immediate": Fault(_restart("immediate")),
    "terminate-listeners": Fault(_terminate(_LISTENERS)),
    "terminate-writers": Fault(_terminate(_WRITERS)),
    "cut": Fault(_cut),
    "silence": Fault(_silence),
    "slow": Fault(_slow),
    "connections": Fault(_connections),
    "promotion": Fault(_promote, standby=True),
    "compaction": Fault(_nothing, flags=_COMPACTING),
    "compaction-kill": Fault(_kill, flags=_COMPACTING),
}
