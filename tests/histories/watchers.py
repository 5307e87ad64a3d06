"""
Watchers that go from replica to replica, in a process of their own.

Run C{python -m tests.histories.watchers CONFIGURATION RECORD}.  They watch until a line with a
revisions comes on standard input, one for each selection, and then until each has heard of its own, or a while.
"""

from __future__ import annotations

import http.client
import json
import random
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tests.cluster.client import Answer, Client, Endpoint
from tests.histories.log import digest
from tests.histories.selections import SELECTIONS

_BROKEN = (OSError, http.client.HTTPException, ValueError)
_PAUSE = 0.1
_CUT_SECONDS = (0.2, 5.0)
_WATCH_SECONDS = (3, 8)
_PATIENCE = 60.0
_END = "k8s.io/initial-events-end"


class Line(NamedTuple):
    """
    One event as it came.

    @ivar type: as the event says; C{FAILED} for an answer that was no stream.
    @ivar digest: of the object; of an error its code.
    @ivar moment: when it came, in nanoseconds of the machine's steady clock.
    """

    type: str
    revision: int
    digest: str
    initial_end: bool
    moment: int


class Connection(NamedTuple):
    """
    One watch.

    @ivar after: the revision that it was to go on from; L{None} to begin with what there is.
    @ivar started: when it was asked for.
    """

    watcher: int
    selection: int
    replica: int
    after: int | None
    started: int
    lines: list[Line]


class _Decoder:
    """
    Decodes a line once, though many watchers hear it.
    """

    def __init__(self) -> None:
        self._known: dict[bytes, tuple[str, int, str, bool]] = {}

    def __call__(self, data: bytes) -> Line:
        found = self._known.get(data)
        if found is None:
            found = self._known[data] = _decoded(json.loads(data))
        return Line(*found, time.monotonic_ns())


def _decoded(event: dict[str, Any]) -> tuple[str, int, str, bool]:
    value = event["object"]
    if event["type"] == "ERROR":
        return "ERROR", 0, str(value["code"]), False
    metadata = value["metadata"]
    revision = int(metadata["resourceVersion"])
    if event["type"] == "BOOKMARK":
        return "BOOKMARK", revision, "", metadata.get("annotations", {}).get(_END) == "true"
    return event["type"], revision, digest(value), False


class Watcher(threading.Thread):
    """
    One client that watches, is cut off or leaves, and comes back somewhere else.
    """

    def __init__(
        self, number: int, seed: str, endpoints: Sequence[Endpoint], decode: _Decoder, until: _Until
    ) -> None:
        super().__init__(daemon=True)
        self.connections: list[Connection] = []
        self._number = number
        self._random = random.Random(f"{seed}/watcher/{number}")
        self._selection = number % len(SELECTIONS)
        self._endpoints = endpoints
        self._decode = decode
        self._until = until
        self._places: list[int] = []

    def run(self) -> None:
        """
        Watch until the last revision is heard of.
        """
        while not self._reached(self._places[-1] if self._places else 0):
            replica = self._random.randrange(len(self._endpoints))
            connection = Connection(
                self._number, self._selection, replica, self._after(), time.monotonic_ns(), []
            )
            self.connections.append(connection)
            client = self._endpoints[replica].connect(self._random.uniform(*_CUT_SECONDS))
            try:
                self._follow(client, connection)
            except _BROKEN:
                time.sleep(_PAUSE)
            finally:
                client.close()

    def _reached(self, revision: int) -> bool:
        return self._until.reached(self._selection, revision)

    def _after(self) -> int | None:
        """
        Where to go on: nearly always the last place, sometimes one before, seldom from what there is.
        """
        if not self._places or self._random.random() < 0.05:
            self._places.clear()
            return None
        if self._random.random() < 0.1:
            del self._places[self._random.randrange(len(self._places)) + 1 :]
        return self._places[-1]

    def _follow(self, client: Client, connection: Connection) -> None:
        leaves = time.monotonic() + self._random.uniform(*_CUT_SECONDS)
        for line in self._lines(client, connection):
            connection.lines.append(line)
            if line.type in ("ERROR", "FAILED"):
                if line.digest == "410":
                    self._places.clear()
                time.sleep(_PAUSE)
                return
            if connection.after is not None or line.initial_end or self._places:
                self._places.append(line.revision)
            if self._places and (time.monotonic() > leaves or self._reached(line.revision)):
                return

    def _lines(self, client: Client, connection: Connection) -> Iterator[Line]:
        target, query, _ = SELECTIONS[self._selection]
        query += (
            f"&watch=true&allowWatchBookmarks=true&timeoutSeconds={self._random.randint(*_WATCH_SECONDS)}"
        )
        if connection.after is None:
            query += "&sendInitialEvents=true&resourceVersionMatch=NotOlderThan"
        else:
            query += f"&resourceVersion={connection.after}"
        for part in client.stream("GET", f"{target}?{query.lstrip('&')}"):
            if not isinstance(part, Answer):
                yield self._decode(part)
            elif part.code != 200:
                yield Line("FAILED", 0, str(part.code), False, time.monotonic_ns())


class _Until:
    """
    The revisions after which nothing more is waited for, once they are known.
    """

    def __init__(self) -> None:
        self._revisions: list[int] = []
        self._deadline = 0.0

    def set(self, revisions: list[int]) -> None:
        self._revisions = revisions
        self._deadline = time.monotonic() + _PATIENCE

    def reached(self, selection: int, revision: int) -> bool:
        return bool(self._revisions) and (
            revision >= self._revisions[selection] or time.monotonic() > self._deadline
        )


def read_record(path: Path) -> list[Connection]:
    """
    What watchers recorded.
    """
    found = []
    with path.open() as lines:
        for text in lines:
            one = Connection(*json.loads(text))
            found.append(one._replace(lines=[Line(*line) for line in one.lines]))
    return found


def main(configuration: str, record: str) -> int:
    """
    Watch, and write down what came.
    """
    options = json.loads(Path(configuration).read_text())
    endpoints = [Endpoint(url, *map(Path, files)) for url, *files in options["endpoints"]]
    decode, until = _Decoder(), _Until()
    watchers = [Watcher(number, options["seed"], endpoints, decode, until) for number in options["watchers"]]
    for watcher in watchers:
        watcher.start()
    until.set(json.loads(sys.stdin.readline() or "[0, 0, 0, 0]"))
    for watcher in watchers:
        watcher.join()
    with Path(record).open("w") as file:
        for watcher in watchers:
            file.writelines(json.dumps(connection) + "\n" for connection in watcher.connections)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
