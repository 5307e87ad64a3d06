"""
Histories that are true because they are made up so: from a log, and what it follows that clients hear.
"""

from __future__ import annotations

import heapq
import random
from typing import Any

import orjson

from ark.meta.records import ADDED, DELETED, MODIFIED, Key, Version
from tests.histories.checker import Floors
from tests.histories.judging import Played, judge
from tests.histories.log import Log, digest, mark_of, place
from tests.histories.operations import ABSENT, CONFLICT, EXISTS, OK, UNKNOWN, Item, Operation
from tests.histories.selections import KEYS, MARK, NAMES, SELECTIONS, TEAMS, WRITTEN
from tests.histories.watchers import Connection, Line
from tests.watch.model import Model, Told

_CLIENTS = 4
_STEPS = 400
_NAMES = 2
_VERBS = ("get", "list", "create", "update", "update", "update", "delete")
_UNKNOWN = 0.05


class Imaginary:
    """
    A history, to be changed by whoever wants to see that found.

    @ivar floors: up to where history was dropped, and when.
    """

    def __init__(self, seed: int, unknown: float = _UNKNOWN) -> None:
        """
        @param unknown: the share of operations whose answer is lost.
        """
        self._unknown = unknown
        self._dice = random.Random(seed)
        self.operations: list[Operation] = []
        self.versions: list[Version] = []
        self.connections: list[Connection] = []
        self.floors: list[tuple[int, int]] = []
        self._live: dict[str, Version] = {}
        self._revision = 1
        self._let_clients_ask()
        for number in range(2 * len(SELECTIONS)):
            # Some from the beginning, some from a state in the middle.
            self._let_watch(number, 1 if number < len(SELECTIONS) else self._revision // 3)

    @property
    def last(self) -> int:
        """
        The newest revision.
        """
        return self.versions[-1].revision

    def faults(self) -> list[str]:
        """
        What the checkers find.
        """
        log, floors = Log(self.versions), Floors(self.floors)
        return judge(Played(self.operations, self.connections, log, floors, self._revision))

    # Clients

    def _let_clients_ask(self, begin: int = 0, count: int = 0) -> None:
        """
        @param begin: from which moment on.
        @param count: how much each has asked for already.
        """
        queue = [(begin, client, count) for client in range(_CLIENTS)]
        asked: list[tuple[int, Operation]] = []
        while len(asked) < _STEPS:
            start, client, count = heapq.heappop(queue)
            effect = start + self._dice.randrange(1, 50)
            end = effect + self._dice.randrange(1, 50)
            asked.append((effect, self._asked(client, count, start, end)))
            heapq.heappush(queue, (end + self._dice.randrange(1, 20), client, count + 1))
        for _, operation in sorted(asked, key=lambda one: one[0]):
            told = self._carried_out(operation)
            if self._dice.random() < self._unknown:
                told = operation._replace(outcome=UNKNOWN)
            self.operations.append(told)
        self.operations.sort(key=lambda one: one.start)

    def _asked(self, client: int, count: int, start: int, end: int) -> Operation:
        verb = self._dice.choice(_VERBS)
        collection = self._dice.choice(tuple(KEYS))
        key = collection if verb == "list" else f"{collection}/{self._dice.choice(NAMES[:_NAMES])}"
        mark = f"{client}-{count}" if verb in ("create", "update") else ""
        return Operation(client, verb, key, start, end, UNKNOWN, mark=mark)

    def _carried_out(self, asked: Operation) -> Operation:
        live = self._live.get(asked.key)
        if asked.verb == "list":
            return self._listed(asked)
        if asked.verb == "create":
            return self._written(asked, ADDED) if live is None else asked._replace(outcome=EXISTS)
        if live is None:
            return asked._replace(outcome=ABSENT)
        if asked.verb == "get":
            return self._of(asked, live)
        if asked.verb == "update" and self._dice.random() < 0.5:
            expected = live.revision - self._dice.choice((0, 0, 0, 1))
            asked = asked._replace(expected=expected)
            if expected != live.revision:
                return asked._replace(outcome=CONFLICT)
        return self._written(asked, MODIFIED if asked.verb == "update" else DELETED)

    def _listed(self, asked: Operation) -> Operation:
        live = (self._live[key] for key in KEYS[asked.key] if key in self._live)
        items = (Item(place(one.key), one.revision, mark_of(orjson.loads(one.body))) for one in live)
        return asked._replace(outcome=OK, revision=self._revision, items=tuple(items))

    def _written(self, asked: Operation, event: str) -> Operation:
        self._revision += 1
        live = self._live.get(asked.key)
        plural, namespace, name = asked.key.split("/")
        written = next(one for one in WRITTEN if one.plural == plural)
        uid = live.uid if live is not None else f"uid-{self._revision}"
        metadata = {"name": name, "namespace": namespace, "uid": uid}
        value: dict[str, Any] = {"kind": written.kind, "metadata": metadata, "spec": {}}
        if live is not None:
            value = orjson.loads(live.body)
        value["metadata"].setdefault("creationTimestamp", f"T{self._revision}")
        value["metadata"]["resourceVersion"] = str(self._revision)
        if event != DELETED:
            value["metadata"]["generation"] = value["metadata"].get("generation", 0) + 1
            value["metadata"]["labels"] = {"team": self._dice.choice(TEAMS)}
            value["spec"] = orjson.loads(
                orjson.dumps(written.spec).replace(MARK.encode(), asked.mark.encode())
            )
        version = Version(
            Key(written.resource, namespace, name),
            self._revision,
            event,
            orjson.dumps(value),
            b"",
            uid,
            live.revision if live is not None else 0,
        )
        self.versions.append(version)
        if event == DELETED:
            del self._live[asked.key]
            return asked._replace(outcome=OK, uid=uid)
        self._live[asked.key] = version
        return self._of(asked, version)

    def _of(self, asked: Operation, version: Version) -> Operation:
        value = orjson.loads(version.body)
        return asked._replace(
            outcome=OK,
            uid=version.uid,
            revision=version.revision,
            mark=mark_of(value),
            digest=digest(value),
        )

    # Watchers

    def _let_watch(self, number: int, after: int) -> None:
        index = number % len(SELECTIONS)
        selects, resource = SELECTIONS[index].selects, SELECTIONS[index].written.resource
        model = Model([one for one in self.versions if one.key.resource == resource], resource)
        lines = [_line(told) for told in model.present(selects, after)]
        begun: int | None = None
        lines.append(Line("BOOKMARK", after, "", True, 1))
        for told in model.changes(selects, after):
            lines.append(_line(told))
            if self._dice.random() < 0.1:
                self._add(number, begun, lines)
                begun, lines = told.revision, []
        lines.append(Line("BOOKMARK", self._revision, "", False, 1))
        self._add(number, begun, lines)

    def _add(self, number: int, after: int | None, lines: list[Line]) -> None:
        self.connections.append(Connection(number, number % len(SELECTIONS), number % 3, after, 0, lines))


def _line(told: Told) -> Line:
    return Line(told.type, told.revision, digest(told.body), False, 1)
