"""
Play one history, and judge it.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tests.cluster.build import REPOSITORY
from tests.e2e.history import Event, check_state
from tests.histories import oracle
from tests.histories.checker import Floors
from tests.histories.clients import HistoryClient
from tests.histories.database import Database
from tests.histories.faults import FAULTS
from tests.histories.judging import Played, judge
from tests.histories.log import Log, mark_of
from tests.histories.operations import OK, REFUSED, UNKNOWN, WRITES, registers
from tests.histories.scene import Scene, configuration, scene
from tests.histories.selections import COLLECTION, KEYS, NAMESPACES
from tests.histories.watchchecker import delays
from tests.histories.watchers import Connection, encode_endpoint, read_record
from tests.storage.postgresqlserver import PostgreSQLServer

_CLIENTS = 8
_PROCESSES = 2
_PATIENCE = 150.0


class Plan(NamedTuple):
    """
    What is to be played.

    @ivar seconds: how long clients ask; the fault begins after a third of that and lasts as long.
    @ivar rate: how many requests all clients together send in a second at most.
    """

    fault: str
    seed: str
    seconds: float = 15.0
    watchers: int = 200
    rate: float = 500.0


class Report(NamedTuple):
    """
    A history's figures, and what was wrong with it.
    """

    figures: dict[str, Any]
    faults: list[str]

    def line(self) -> str:
        """
        The figures in one line.
        """
        return ", ".join(f"{name} {value}" for name, value in self.figures.items())


class Watchers:
    """
    The processes in which watchers are.
    """

    def __init__(self, plan: Plan, made: Scene, folder: Path) -> None:
        self._records = []
        self._processes = []
        endpoints = [encode_endpoint(replica.endpoint) for replica in made.replicas]
        for number in range(_PROCESSES):
            own = range(number, plan.watchers, _PROCESSES)
            given = {"endpoints": endpoints, "seed": plan.seed, "watchers": list(own)}
            file, record = folder / f"watchers-{number}.json", folder / f"watchers-{number}.record"
            file.write_text(json.dumps(given))
            command = [sys.executable, "-m", "tests.histories.watchers", str(file), str(record)]
            self._records.append(record)
            self._processes.append(
                subprocess.Popen(command, stdin=subprocess.PIPE, cwd=REPOSITORY, text=True)
            )

    def finish(self, last: int) -> list[Connection]:
        """
        What they heard, when all have heard of a revision.
        """
        for process in self._processes:
            assert process.stdin is not None
            process.stdin.write(f"{last}\n")
            process.stdin.flush()
        for process in self._processes:
            if process.wait(_PATIENCE):
                raise AssertionError("a process of watchers fell over")
        return [connection for record in self._records for connection in read_record(record)]

    def end(self) -> None:
        """
        End those that still are.
        """
        for process in self._processes:
            if process.stdin is not None:
                process.stdin.close()
            if process.poll() is None:
                process.kill()
                process.wait()


def play(plan: Plan, reactor: Any, programs: Path, folder: Path) -> Report:
    """
    Play a history in a thread beside the reactor, and judge it.

    @param folder: where what came of it is kept.
    """
    fault = FAULTS[plan.fault]
    with scene(reactor, PostgreSQLServer(programs, 0, **configuration())) as made:
        made.start(fault.flags)
        if fault.standby:
            made.follow()
        played, shown = _perform(plan, made, folder)
        damage = [*made.database.damage(), *_differences(shown, played.log), *made.complaints()]
    (folder / "operations.jsonl").write_text(
        "".join(json.dumps(one._asdict()) + "\n" for one in played.operations)
    )
    return report_on(played, damage)


def report_on(played: Played, damage: Sequence[str]) -> Report:
    """
    What is wrong with a history.

    @param damage: what is known to be wrong already.
    """
    began = time.monotonic()
    verdict = oracle.ask(registers(played.operations, KEYS))
    faults = [*damage, *judge(played), *verdict.faults()]
    return Report({**_figures(played), "judged in s": round(time.monotonic() - began, 1)}, faults)


def _perform(plan: Plan, made: Scene, folder: Path) -> tuple[Played, list[list[Event]]]:
    endpoints = [replica.endpoint for replica in made.replicas]
    watchers = Watchers(plan, made, folder)
    try:
        clients = [
            HistoryClient(number, plan.seed, endpoints, plan.rate / _CLIENTS) for number in range(_CLIENTS)
        ]
        for client in clients:
            client.start()
        time.sleep(plan.seconds / 3)
        FAULTS[plan.fault].happen(made, plan.seconds / 3, random.Random(f"{plan.seed}/fault"))
        time.sleep(plan.seconds / 3)
        for client in clients:
            client.end()
        shown = [_shown(made, number) for number in range(len(endpoints))]
        last = _last(made.database)
        connections = watchers.finish(last)
    finally:
        watchers.end()
    operations = sorted((one for client in clients for one in client.operations), key=lambda one: one.start)
    floors = Floors(made.database.read_floors())
    return Played(operations, connections, made.database.read_log(), floors, last), shown


def _shown(made: Scene, number: int) -> list[Event]:
    """
    What a replica shows in the end, which has to be reached by then.
    """
    client = made.replicas[number].endpoint.connect()
    deadline = time.monotonic() + _PATIENCE / 5
    while True:
        try:
            items = client.get(f"{COLLECTION}/queries")["items"]
            break
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
    client.close()
    return [
        Event(
            "ADDED",
            f"{item['metadata']['namespace']}/{item['metadata']['name']}",
            mark_of(item),
            int(item["metadata"]["resourceVersion"]),
        )
        for item in items
        if item["metadata"]["namespace"] in NAMESPACES
    ]


def _differences(shown: Sequence[list[Event]], log: Log) -> list[str]:
    return [
        f"replica {number} at the end: {fault}"
        for number, events in enumerate(shown)
        for fault in check_state(events, log.events())
    ]


def _last(database: Database) -> int:
    """
    The newest revision of what is watched.
    """
    return database.read_log().versions[-1].revision


def _figures(played: Played) -> dict[str, Any]:
    answered = [one for one in played.operations if one.outcome not in (UNKNOWN, REFUSED)]
    done = [one for one in answered if one.outcome == OK]
    seconds = (played.operations[-1].end - played.operations[0].start) / 1e9
    written = {one.revision: one.end for one in done if one.verb in WRITES}
    late = sorted(delays(played.connections, written))
    return {
        "operations": len(played.operations),
        "a second": round(len(answered) / seconds),
        "writes": sum(one.verb in WRITES for one in done),
        "refused": sum(one.outcome == REFUSED for one in played.operations),
        "unknown": sum(one.outcome == UNKNOWN for one in played.operations),
        "versions": len(played.log.versions),
        "watches": len(played.connections),
        "events": sum(len(one.lines) for one in played.connections),
        "p99 ms": round(late[len(late) * 99 // 100] * 1000) if late else None,
        "max ms": round(late[-1] * 1000) if late else None,
    }
