"""
What a history takes of the machine.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Mapping

from tests.cluster.process import usage_of
from tests.histories.processes import Clients, Watchers
from tests.histories.scene import Scene


class Costs:
    """
    The processor time of all who take part, from now on.  What a process took that has ended is not in it.
    """

    def __init__(self, scene: Scene, clients: Clients, watchers: Watchers) -> None:
        self._scene = scene
        self._crowd = (clients.pid, watchers.pid)
        self._before = self._used()
        self._began = time.monotonic()

    def shares(self) -> dict[str, int]:
        """
        How much of one processor each part took so far, in percent.
        """
        seconds = time.monotonic() - self._began
        used = self._used()
        return {
            f"{part} cpu %": round(100 * _rise(self._before[part], times) / seconds)
            for part, times in used.items()
        }

    def _used(self) -> dict[str, dict[int, float]]:
        servers = (process.pid for replica in self._scene.replicas for process in replica.processes)
        return {
            "servers": _times(servers),
            "database": _times([self._scene.database.server.pid]),
            "crowd": _times(self._crowd),
        }


def _times(pids: Iterable[int]) -> dict[int, float]:
    found = {}
    for pid in pids:
        with contextlib.suppress(OSError):
            found[pid] = usage_of(pid).cpu
    return found


def _rise(before: Mapping[int, float], now: Mapping[int, float]) -> float:
    return sum(max(seconds - before.get(pid, 0), 0) for pid, seconds in now.items())
