"""
Writes, cuts and kills for a while, and then a look at the caches; again and again.
"""

from __future__ import annotations

import json
import os
import random
import sqlite3
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tests.cluster.ark import ArkServer
from tests.cluster.build import binary
from tests.cluster.network import Network
from tests.e2e.informers.judge import check_expired, judge
from tests.e2e.informers.writers import Writer, prepare

WRITERS = 3
MODES = {"list": "false", "watchlist": "true"}
"""Whether client-go gets what there is by a list or by a watch (C{WatchListClient})."""

FLAGS = ("--compaction-interval=1s", "--history-retention=4s", "--history-events=200")
_CUT_EVERY = 0.7
_PATIENCE = 90.0
"""An informer whose watches ended too soon too often waits up to a minute before it comes back."""

_LEAST = 1.1
"""Seconds between two cuts: client-go lists again when a watch ends within one."""

_MOMENT = 0.05
_SHARE = 0.2
"""How long connections are reset on which something is said, and how many of them."""

_RESOURCES = {
    "queries": "queries.ark.mckinsey.com",
    "agents": "agents.ark.mckinsey.com",
    "arkconfigs": "arkconfigs.ark.mckinsey.com",
    "configmaps": "configmaps",
    "secrets": "secrets",
    "secrets-metadata": "secrets",
}


class Observers:
    """
    A process with informers that use one way to list.
    """

    def __init__(self, mode: str, through: Path, direct: Path, folder: Path) -> None:
        environment = {
            **os.environ,
            "KUBE_FEATURE_WatchListClient": MODES[mode],
            "KUBE_WATCHLIST_INCONSISTENCY_DETECTOR": "true",
        }
        command = [str(binary("informers")), f"--kubeconfig={through}", f"--direct={direct}"]
        self.mode = mode
        self.log = folder / f"informers-{mode}.log"
        with self.log.open("ab") as errors:
            self._process = subprocess.Popen(
                command,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )

    def ask(self, what: str) -> dict[str, Any]:
        """
        Its report: C{state}, or C{compare} with what the server lists too.

        @raise RuntimeError: it has ended, as it does when its own detector finds a difference.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(f"{what}\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except OSError:
            line = ""
        if not line:
            tail = self.log.read_text(errors="replace")[-2000:]
            raise RuntimeError(f"the informers ended: {tail}")
        found: dict[str, Any] = json.loads(line)
        return found

    def stop(self) -> None:
        """
        End it.
        """
        self._process.kill()
        self._process.communicate()


class Result(NamedTuple):
    """
    How it went.

    @ivar faults: what must not be; empty when all is well.
    @ivar counts: requests of the informers by mode and sort.
    """

    writes: int
    cuts: int
    kills: int
    events: int
    compactions: int
    counts: Counter[str]
    faults: list[str]


class Chaos:
    """
    A server, informers whose way to it is cut again and again, and writers that go straight.
    """

    def __init__(self, server: ArkServer, seed: str, say: Callable[[str], None]) -> None:
        self._server = server
        self._random = random.Random(seed)
        self._say = say
        self._folder = server.folder
        self._cuts = self._kills = 0
        self._floors: list[tuple[float, int]] = []
        self._faults: list[str] = []
        port = int(server.endpoint.url.rpartition(":")[2])
        self._network = Network()
        self._link = self._network.link(port)
        through = self._folder / "through.kubeconfig"
        text = server.endpoint.kubeconfig.read_text()
        through.write_text(text.replace(f":{port}", f":{self._link.port}"))
        prepare(server.endpoint)
        self._writers = [
            Writer(server.endpoint, f"{seed}/{number}", seldom=number == 0) for number in range(WRITERS)
        ]
        self._observers = [
            Observers(mode, through, server.endpoint.kubeconfig, self._folder) for mode in MODES
        ]

    def run(self, rounds: Sequence[float]) -> Result:
        """
        Go through rounds of so many seconds each.
        """
        watching = threading.Event()
        floors = threading.Thread(target=self._watch_floor, args=(watching,), daemon=True)
        floors.start()
        for writer in self._writers:
            writer.start()
        try:
            for number, seconds in enumerate(rounds):
                self._disturb(seconds, dies=number % 3 != 2)
                self._look(number)
                if self._faults:
                    break
            return self._result()
        finally:
            watching.set()
            floors.join()
            for writer in self._writers:
                writer.end()
            for observers in self._observers:
                observers.stop()
            self._network.remove()

    # What happens

    def _disturb(self, seconds: float, dies: bool) -> None:
        for writer in self._writers:
            writer.go()
        end = time.monotonic() + seconds
        kill = time.monotonic() + self._random.uniform(0.1, 0.8) * seconds if dies else 0.0
        while (now := time.monotonic()) < end:
            if kill and now >= kill:
                kill = 0.0
                self._kill()
                continue
            pause = _LEAST + self._random.expovariate(1 / _CUT_EVERY)
            time.sleep(min(pause, max(0.0, end - time.monotonic())))
            self._cut()
        for writer in self._writers:
            writer.rest()

    def _cut(self) -> None:
        """
        End all connections, or reset some.
        """
        self._cuts += 1
        if self._random.random() < 0.3:
            self._link.cut()
            return
        with self._link.toxic("reset_peer", streams=["downstream"], toxicity=_SHARE):
            time.sleep(_MOMENT)

    def _kill(self) -> None:
        self._kills += 1
        with self._link.shut():
            self._server.kill()
            time.sleep(self._random.uniform(0, 2))
            self._server.start_again()

    def _watch_floor(self, stop: threading.Event) -> None:
        with sqlite3.connect(f"file:{self._folder / 'ark.db'}?mode=ro", uri=True) as database:
            while not stop.wait(0.1):
                try:
                    row = database.execute("SELECT compacted_revision FROM ark_meta").fetchone()
                except sqlite3.Error:
                    continue
                if not self._floors or self._floors[-1][1] != row[0]:
                    self._floors.append((time.time(), row[0]))

    # What is checked

    def _look(self, number: int) -> None:
        deadline = time.monotonic() + _PATIENCE
        while True:
            wrong = [text for observers in self._observers for text in self._differences(observers)]
            if not wrong:
                break
            if time.monotonic() > deadline:
                self._faults += wrong[:20]
                break
            time.sleep(0.5)
        self._say(
            f"round {number}: {sum(writer.writes for writer in self._writers)} writes, "
            f"{self._cuts} cuts, {self._kills} kills, history from {self._floors[-1][1]}, "
            f"caches {'differ' if wrong else 'equal'}"
        )

    def _differences(self, observers: Observers) -> list[str]:
        report = observers.ask("compare")
        wrong = [] if report["synced"] else [f"{observers.mode}: not synced"]
        stored = self._stored()
        for name, informer in report["informers"].items():
            told = [f"{observers.mode}/{name}: {text}" for text in informer["differences"]]
            if name in _RESOURCES and informer["objects"] != stored[_RESOURCES[name]]:
                told.append(f"{observers.mode}/{name}: the database has other revisions")
            wrong += told
        return wrong

    def _stored(self) -> dict[str, dict[str, str]]:
        """
        The revisions of all live objects, read from the database itself.
        """
        found: dict[str, dict[str, str]] = {resource: {} for resource in _RESOURCES.values()}
        with sqlite3.connect(f"file:{self._folder / 'ark.db'}?mode=ro", uri=True) as database:
            rows = database.execute("SELECT resource, namespace, name, revision FROM ark_object")
            for resource, namespace, name, revision in rows:
                if resource in found:
                    found[resource][f"{namespace}/{name}" if namespace else name] = str(revision)
        return found

    def _result(self) -> Result:
        counts: Counter[str] = Counter()
        events = 0
        faults = list(self._faults)
        for observers in self._observers:
            for name, informer in observers.ask("state")["informers"].items():
                verdict = judge(f"{observers.mode}/{name}", informer["requests"])
                events += informer["told"]
                counts.update({f"{observers.mode}: {sort}": n for sort, n in verdict.counts.items()})
                faults += [f"{observers.mode}/{name}: {text}" for text in informer["faults"]]
                faults += verdict.faults
                faults += check_expired(f"{observers.mode}/{name}", verdict.expired, self._floors)
        writes = sum(writer.writes for writer in self._writers)
        return Result(writes, self._cuts, self._kills, events, len(self._floors), counts, faults)
