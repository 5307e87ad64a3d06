"""
What goes wrong in a history: with servers, with the ways to them and from them, with clients, with PostgreSQL.
"""

from __future__ import annotations

import http.client
import os
import random
import signal
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from tests.cluster.ark import ArkServer
from tests.cluster.client import Endpoint
from tests.cluster.networkfaults import NETWORK, OnLink
from tests.histories import databasefaults as database
from tests.histories.databasefaults import Happening
from tests.histories.scene import Scene
from tests.histories.selections import COLLECTION

_SLOW_CONSUMERS = 6


class Fault(NamedTuple):
    """
    One thing that goes wrong.

    @ivar happen: makes it so for some seconds, and then well again.
    @ivar flags: of the servers.
    @ivar standby: whether PostgreSQL has one.
    @ivar loses: whether commits do not wait for that, and what was acknowledged is lost.
    @ivar doors: whether clients come by a way that is under control.
    @ivar disk: of what size PostgreSQL's is, as C{mount} has it, if it can be filled; only root can have that.
    @ivar frames: see L{tests.storage.way.Way}.
    """

    happen: Happening
    flags: Sequence[str] = ()
    standby: bool = False
    loses: bool = False
    doors: bool = False
    disk: str = ""
    frames: bool = False


def _nothing(scene: Scene, seconds: float, dice: random.Random) -> None:
    time.sleep(seconds)


def _kill(scene: Scene, seconds: float, dice: random.Random) -> None:
    replica = dice.choice(scene.replicas)
    replica.kill()
    time.sleep(seconds / 2)
    replica.start_again()


def _kill_all(scene: Scene, seconds: float, dice: random.Random) -> None:
    for replica in scene.replicas:
        replica.kill()
    with ThreadPoolExecutor(len(scene.replicas)) as pool:
        list(pool.map(ArkServer.start_again, scene.replicas))


def _freeze(scene: Scene, seconds: float, dice: random.Random) -> None:
    process = dice.choice(scene.replicas).processes[0]
    os.kill(process.pid, signal.SIGSTOP)
    try:
        time.sleep(seconds)
    finally:
        os.kill(process.pid, signal.SIGCONT)


def _deafen(scene: Scene, seconds: float, dice: random.Random) -> None:
    """
    Notifications of PostgreSQL do not arrive, and nobody is told so.
    """
    assert scene.hearing is not None
    scene.hearing.deaf = True
    time.sleep(seconds)
    scene.hearing.deaf = False


def _to_postgresql(happen: OnLink) -> Happening:
    """
    On the servers' way to PostgreSQL.
    """
    return lambda scene, seconds, dice: happen(scene.way, seconds)


def _to_a_server(happen: OnLink) -> Happening:
    """
    On the clients' way to one of the servers.
    """
    return lambda scene, seconds, dice: happen(dice.choice(scene.doors), seconds)


def _end_late(scene: Scene, seconds: float, dice: random.Random) -> None:
    """
    PostgreSQL ends sessions, and servers hear of it long after.
    """
    with scene.way.toxic("slow_close", delay=3000):
        database.end_sessions(scene, seconds)


def _consume_slowly(scene: Scene, seconds: float, dice: random.Random) -> None:
    """
    Some watch everything and read a little in a second, or nothing at all.
    """
    ended = threading.Event()
    threads = [
        threading.Thread(target=_dawdle, args=(endpoint, number, ended), daemon=True)
        for number, endpoint in enumerate(scene.endpoints * (_SLOW_CONSUMERS // len(scene.endpoints)))
    ]
    for thread in threads:
        thread.start()
    ended.wait(seconds)
    ended.set()
    for thread in threads:
        thread.join()


def _dawdle(endpoint: Endpoint, number: int, ended: threading.Event) -> None:
    client = endpoint.connect(10)
    try:
        stream = client.stream("GET", f"{COLLECTION}/queries?watch=true&resourceVersion=0", most=1024)
        next(stream)
        while not ended.wait(1.0):
            if number % 2:
                next(stream)
    except (OSError, StopIteration, http.client.HTTPException):
        pass
    finally:
        client.close()


_COMPACTING = ("--compaction-interval=100ms", "--history-retention=2s", "--history-events=50")

FAULTS = {
    "none": Fault(_nothing),
    "kill": Fault(_kill),
    "kill-all": Fault(_kill_all),
    "freeze": Fault(_freeze),
    "restart-fast": Fault(database.restart("fast")),
    "restart-immediate": Fault(database.restart("immediate")),
    "terminate-listeners": Fault(database.terminate(database.LISTENERS)),
    "terminate-writers": Fault(database.terminate(database.WRITERS)),
    "terminate-all": Fault(database.terminate(database.ALL)),
    **{name: Fault(_to_postgresql(happen)) for name, happen in NETWORK.items()},
    "slow-close": Fault(_end_late),
    "connections": Fault(database.take_connections),
    "promotion": Fault(database.promote, standby=True),
    "promotion-lost": Fault(database.promote_late, standby=True, loses=True),
    "read-only": Fault(database.take_no_writes),
    "standby": Fault(database.lead_to_standby, standby=True),
    "disk-full": Fault(database.fill_disk, disk="size=400m"),
    "gap": Fault(database.leave_gap),
    "held": Fault(database.hold_counter),
    "locked": Fault(database.lock_log),
    "deadlocks": Fault(database.cross),
    "serialization": Fault(database.serialize),
    "notify-twice": Fault(database.notify_twice),
    "notify-dead": Fault(_deafen, frames=True),
    "slow-consumers": Fault(_consume_slowly),
    **{f"clients-{name}": Fault(_to_a_server(happen), doors=True) for name, happen in NETWORK.items()},
    "compaction": Fault(_nothing, flags=_COMPACTING),
    "compaction-kill": Fault(_kill, flags=_COMPACTING),
}
#: What whoever runs this can have.
POSSIBLE = [name for name, fault in FAULTS.items() if not fault.disk or not os.geteuid()]
