"""
Writers that write and watchers that watch while something happens to their servers, and what must be true of that.
"""

from __future__ import annotations

import http.client
import itertools
import json
import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from tests.cluster.client import Answer, Client, Endpoint
from tests.e2e.history import Event, Write, check_state, check_watch, check_writes

WRITERS, WATCHERS = 8, 4
_PATH = "/apis/ark.mckinsey.com/v1alpha1/namespaces/default/queries"
_BROKEN = (OSError, http.client.HTTPException)
_PAUSE = 0.05


class Outcome(NamedTuple):
    """
    One run.

    @ivar writes: how many writes were acknowledged.
    @ivar faults: what cannot be; empty when all is well.
    @ivar broken: how many writes nobody knows the outcome of, and how many watches ended in the middle.
    """

    writes: int
    faults: list[str]
    broken: int


class _Writer(threading.Thread):
    """
    Creates, updates and deletes objects of its own until it is told to stop.
    """

    def __init__(self, endpoint: Endpoint, run: str, number: int, stop: threading.Event) -> None:
        super().__init__(daemon=True)
        self.writes: list[Write] = []
        self._client = endpoint.connect()
        self._random = random.Random(f"{run}/{number}")
        self._names = [f"crash-{run}-{number}-{index}" for index in range(3)]
        self._prefix = f"{run}-{number}"
        self._stopped = stop

    def run(self) -> None:
        """
        Write until stopped, also while nobody answers.
        """
        count = 0
        while not self._stopped.is_set():
            count += 1
            self._write(f"{self._prefix}-{count}")
        self._client.close()

    def _write(self, mark: str) -> None:
        name = self._random.choice(self._names)
        verb = self._random.choice(["create", "update", "update", "update", "delete"])
        answer = self._send(verb, name, mark)
        if answer is None:
            self.writes.append(Write(verb, name, "" if verb == "delete" else mark, 0, False))
            time.sleep(_PAUSE)
        elif answer.code < 300:
            revision = 0 if verb == "delete" else int(answer.json()["metadata"]["resourceVersion"])
            self.writes.append(Write(verb, name, "" if verb == "delete" else mark, revision, True))
        elif answer.code >= 500:
            self.writes.append(Write(verb, name, "" if verb == "delete" else mark, 0, False))

    def _send(self, verb: str, name: str, mark: str) -> Answer | None:
        try:
            if verb == "create":
                return self._call("POST", _PATH, "application/json", _query(name, mark))
            if verb == "delete":
                return self._call("DELETE", f"{_PATH}/{name}", "", None)
            patch = {"spec": {"sessionId": mark}}
            return self._call("PATCH", f"{_PATH}/{name}", "application/merge-patch+json", patch)
        except _BROKEN:
            self._client.close()
            return None

    def _call(self, method: str, target: str, content: str, value: Any) -> Answer:
        body = None if value is None else json.dumps(value).encode()
        # Never sent twice: a write that was not answered must stay one write of unknown outcome.
        return self._client.request(
            method, target, {"Content-Type": content} if content else {}, body, retry=False
        )


class Watcher(threading.Thread):
    """
    Watches from a revision and comes back from the last one that it heard, until it has heard one that it is told.

    @param connect: leads to a server, each time it comes back.
    @ivar until: that revision, once it is known.
    @ivar breaks: how many watches ended in the middle.
    """

    def __init__(self, connect: Callable[[], Client], revision: int) -> None:
        super().__init__(daemon=True)
        self.events: list[Event] = []
        self.until: int | None = None
        self.faults: list[str] = []
        self.breaks = 0
        self._connect = connect
        self._last = revision

    def run(self) -> None:
        """
        Watch until the revision L{until} is heard.
        """
        while not self._done():
            client = self._connect()
            try:
                self._follow(client)
            except _BROKEN:
                self.breaks += 1
                time.sleep(_PAUSE)
            finally:
                client.close()

    def _follow(self, client: Client) -> None:
        target = f"{_PATH}?watch=true&allowWatchBookmarks=true&timeoutSeconds=3&resourceVersion={self._last}"
        for part in client.stream("GET", target):
            if isinstance(part, Answer):
                if part.code != 200:
                    self.refused(part.code)
                continue
            line = json.loads(part)
            if line["type"] == "ERROR":
                self.faults.append(f"watch from {self._last}: {line['object'].get('message')}")
                self.until = 0
                return
            self._last = max(self._last, int(line["object"]["metadata"]["resourceVersion"]))
            if line["type"] != "BOOKMARK":
                self.events.append(_event(line["type"], line["object"]))
            if self._done():
                return

    def refused(self, code: int) -> None:
        """
        A watch could not begin; who gives it back as a break lets it be tried again.
        """
        raise ConnectionError(code)

    def _done(self) -> bool:
        return self.until is not None and self._last >= self.until


def under_load(endpoints: Sequence[Endpoint], run: str, happen: Callable[[], None]) -> Outcome:
    """
    Write and watch while something happens, stop, and check.

    @param endpoints: of the servers, which share a database.
    @param run: tells the objects of several runs apart.
    """
    client = endpoints[0].connect()
    start = _revision(client)
    stop = threading.Event()
    numbers = range(max(WRITERS, WATCHERS))
    shared = [endpoints[number % len(endpoints)] for number in numbers]
    writers = [_Writer(shared[number], run, number, stop) for number in range(WRITERS)]
    watchers = [Watcher(_in_turn(endpoints, number), start) for number in range(WATCHERS)]
    for thread in (*watchers, *writers):
        thread.start()
    try:
        happen()
    finally:
        stop.set()
    for writer in writers:
        writer.join()
    objects = list(_objects(client))
    log = _log(endpoints[0], start, _final_write(client, run))
    for watcher in watchers:
        watcher.until = log[-1].revision
        watcher.join()
    client.close()
    marker = log[-1].name
    writes = [write for writer in writers for write in writer.writes]
    own = [event for event in log if event.name != marker]
    faults = check_writes(writes, own) + check_state(objects, own)
    for watcher in watchers:
        faults += watcher.faults + check_watch(watcher.events, log)
    known = sum(write.known for write in writes)
    broken = len(writes) - known + sum(watcher.breaks for watcher in watchers)
    return Outcome(known, faults, broken)


def _in_turn(endpoints: Sequence[Endpoint], number: int) -> Callable[[], Client]:
    """
    What leads to one server after another, beginning with another one for each number.
    """
    first = number % len(endpoints)
    each = itertools.cycle([*endpoints[first:], *endpoints[:first]])
    return lambda: next(each).connect()


def _log(endpoint: Endpoint, start: int, end: int) -> list[Event]:
    """
    Everything that happened, as a watch tells it that starts afterwards.
    """
    witness = Watcher(endpoint.connect, start)
    witness.until = end
    witness.run()
    if witness.faults:
        raise AssertionError(witness.faults[0])
    return witness.events


def _final_write(client: Client, run: str) -> int:
    """
    A last write that every watcher can wait for.
    """
    body = json.dumps(_query(f"end-of-{run}", f"end-{run}")).encode()
    answer = client.request("POST", _PATH, {"Content-Type": "application/json"}, body)
    return int(answer.json()["metadata"]["resourceVersion"])


def _objects(client: Client) -> Iterator[Event]:
    for item in client.get(_PATH)["items"]:
        if item["metadata"]["name"].startswith("crash-"):
            yield _event("ADDED", item)


def _revision(client: Client) -> int:
    """
    The revision of a collection that is emptied first, so that runs do not see each other.
    """
    client.request("DELETE", _PATH)
    return int(client.get(_PATH)["metadata"]["resourceVersion"])


def _event(kind: str, value: dict[str, Any]) -> Event:
    metadata = value["metadata"]
    return Event(kind, metadata["name"], value["spec"].get("sessionId", ""), int(metadata["resourceVersion"]))


def _query(name: str, mark: str) -> dict[str, Any]:
    spec = {"input": "x" * 500, "sessionId": mark}
    return {
        "apiVersion": "ark.mckinsey.com/v1alpha1",
        "kind": "Query",
        "metadata": {"name": name},
        "spec": spec,
    }
