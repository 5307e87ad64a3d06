"""
Play one history, and judge it.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

from tests.cluster.client import Client
from tests.e2e.history import Event, check_state
from tests.histories import oracle
from tests.histories.checker import Floors
from tests.histories.costs import Costs
from tests.histories.failover import Loss, judge_failover
from tests.histories.faults import FAULTS
from tests.histories.judging import Played, judge
from tests.histories.log import Log, mark_of
from tests.histories.operations import OK, REFUSED, UNKNOWN, WRITES, registers
from tests.histories.processes import Clients, Watchers
from tests.histories.scene import Scene, configuration, scene
from tests.histories.selections import COLLECTION, KEYS, NAMESPACES, WRITTEN
from tests.histories.watchchecker import delays, lasts
from tests.storage.postgresqlserver import PostgreSQLServer
from tests.storage.smalldisk import mounted

#: How many answers a second there must be before a fault, or the history says nothing.
ENOUGH = 300
_PATIENCE = 30.0


class Plan(NamedTuple):
    """
    What is to be played.

    @ivar seconds: how long clients ask; the fault begins after a third of that and lasts as long.
    @ivar rate: how many requests all clients together send in a second at most.
    @ivar writing: whether clients do nothing but write.
    @ivar broken: the bug that servers have, see L{tests.histories.broken}.
    @ivar kinds: how many kinds are written and watched.
    """

    fault: str
    seed: str
    seconds: float = 15.0
    watchers: int = 200
    rate: float = 500.0
    broken: str = ""
    writing: bool = False
    clients: int = 8
    kinds: int = len(WRITTEN)


class Report(NamedTuple):
    """
    A history's figures, and what was wrong with it.
    """

    figures: dict[str, Any]
    faults: list[str]

    @property
    def counts(self) -> bool:
        """
        Whether there was enough to do for servers to be wrong about.
        """
        return bool(self.figures["before"] >= ENOUGH)

    def line(self) -> str:
        """
        The figures in one line.
        """
        return ", ".join(f"{name} {value}" for name, value in self.figures.items())


def play(plan: Plan, reactor: Any, programs: Path, folder: Path) -> Report:
    """
    Play a history in a thread beside the reactor, and judge it.

    @param folder: where what came of it is kept.
    """
    fault = FAULTS[plan.fault]
    with ExitStack() as stack:
        disk = stack.enter_context(mounted(fault.disk)) if fault.disk else None
        postgresql = PostgreSQLServer(programs, 0, parent=disk, **configuration())
        made = stack.enter_context(scene(reactor, postgresql, frames=fault.frames))
        made.start(fault.flags, fault.doors, plan.broken)
        if fault.standby:
            made.follow(synchronous=not fault.loses)
        played, shown, costs = _perform(plan, made, folder)
        damage = [*made.database.damage(), *_differences(shown, played.log), *made.complaints()]
        loss = made.loss() if fault.loses else None
    (folder / "operations.jsonl").write_text(
        "".join(json.dumps(one._asdict()) + "\n" for one in played.operations)
    )
    report = report_on(played, damage, plan.seconds / 3, loss)
    return report._replace(figures={**report.figures, **costs})


def report_on(played: Played, damage: Sequence[str], quiet: float, loss: Loss | None = None) -> Report:
    """
    What is wrong with a history.

    @param damage: what is known to be wrong already.
    @param quiet: for how many seconds nothing was done to anybody.
    @param loss: what a standby that took over did not have.
    """
    began = time.monotonic()
    if loss is None:
        verdict = oracle.ask(registers(played.operations, KEYS))
        found = [*judge(played), *verdict.faults()]
    else:
        found = judge_failover(played, loss)
    faults = [*damage, *found]
    return Report({**_figures(played, quiet), "judged in s": round(time.monotonic() - began, 1)}, faults)


def _perform(plan: Plan, made: Scene, folder: Path) -> tuple[Played, list[list[Event]], dict[str, int]]:
    endpoints = made.endpoints
    watchers = Watchers(plan.watchers, plan.seed, endpoints, folder, plan.kinds)
    clients = Clients(
        range(plan.clients),
        plan.seed,
        endpoints,
        plan.rate / plan.clients,
        folder,
        writing=plan.writing,
        kinds=plan.kinds,
    )
    costs = Costs(made, clients, watchers)
    try:
        time.sleep(plan.seconds / 3)
        FAULTS[plan.fault].happen(made, plan.seconds / 3, random.Random(f"{plan.seed}/fault"))
        time.sleep(plan.seconds / 3)
        shares = costs.shares()
        clients.rest()
        log = made.database.read_log()
        watchers.end_at(lasts(log))
        operations = sorted(clients.finish(), key=lambda one: one.start)
        connections = watchers.finish()
    finally:
        watchers.end()
        clients.end()
    shown = [_shown(made, number) for number in range(len(endpoints))]
    floors = Floors(made.database.read_floors())
    last = log.versions[-1].revision
    return Played(operations, connections, made.database.read_log(), floors, last), shown, shares


def _shown(made: Scene, number: int) -> list[Event]:
    """
    What a replica shows in the end, which has to be reached by then.
    """
    client = made.replicas[number].endpoint.connect()
    found = []
    for written in WRITTEN:
        for item in _items(client, f"{COLLECTION}/{written.plural}"):
            metadata = item["metadata"]
            if metadata["namespace"] in NAMESPACES:
                name = f"{written.plural}/{metadata['namespace']}/{metadata['name']}"
                found.append(Event("ADDED", name, mark_of(item), int(metadata["resourceVersion"])))
    client.close()
    return found


def _items(client: Client, target: str) -> Sequence[Any]:
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            items: Sequence[Any] = client.get(target)["items"]
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
        else:
            return items


def _differences(shown: Sequence[list[Event]], log: Log) -> list[str]:
    return [
        f"replica {number} at the end: {fault}"
        for number, events in enumerate(shown)
        for fault in check_state(events, log.events())
    ]


def _figures(played: Played, quiet: float) -> dict[str, Any]:
    answered = [one for one in played.operations if one.outcome not in (UNKNOWN, REFUSED)]
    done = [one for one in answered if one.outcome == OK]
    began = played.operations[0].start
    before = sum(one.end <= began + quiet * 1e9 for one in answered)
    seconds = (played.operations[-1].end - played.operations[0].start) / 1e9
    written = {one.revision: one.end for one in done if one.verb in WRITES}
    late = sorted(delays(played.connections, written))
    return {
        "operations": len(played.operations),
        "before": round(before / quiet),
        "a second": round(len(answered) / seconds),
        "writes": sum(one.verb in WRITES for one in done),
        "writes a second": round(sum(one.verb in WRITES for one in done) / seconds),
        "refused": sum(one.outcome == REFUSED for one in played.operations),
        "unknown": sum(one.outcome == UNKNOWN for one in played.operations),
        "versions": len(played.log.versions),
        "watches": len(played.connections),
        "events": sum(len(one.lines) for one in played.connections),
        "events a second": round(sum(len(one.lines) for one in played.connections) / seconds),
        "p99 ms": round(late[len(late) * 99 // 100] * 1000) if late else None,
        "max ms": round(late[-1] * 1000) if late else None,
    }
