"""
Kill the server with SIGKILL while writers write and watchers watch, start it again, and check every history.

Run C{python -m tests.e2e.crash --runs 50}.
"""

from __future__ import annotations

import argparse
import http.client
import json
import random
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol

from tests.cluster.ark import ArkServer
from tests.cluster.client import Answer, Client, Endpoint
from tests.e2e.history import Event, Write, check_state, check_watch, check_writes

WRITERS, WATCHERS = 8, 4
_PATH = "/apis/ark.mckinsey.com/v1alpha1/namespaces/default/queries"
_BROKEN = (OSError, http.client.HTTPException)
_PAUSE = 0.05


class Server(Protocol):
    """
    What a server must offer to be killed.
    """

    endpoint: Endpoint

    def kill(self) -> None:
        """
        End it without a word.
        """

    def start_again(self) -> None:
        """
        Start it on the same data, and return when it is ready.
        """


class Outcome(NamedTuple):
    """
    One run.

    @ivar writes: how many writes were acknowledged.
    @ivar faults: what cannot be; empty when all is well.
    """

    writes: int
    faults: list[str]


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


class _Watcher(threading.Thread):
    """
    Watches from a revision and comes back from the last one that it heard, until it has heard one that it is told.
    """

    def __init__(self, endpoint: Endpoint, revision: int) -> None:
        super().__init__(daemon=True)
        self.events: list[Event] = []
        self.until: int | None = None
        self.faults: list[str] = []
        self._endpoint = endpoint
        self._last = revision

    def run(self) -> None:
        """
        Watch until the revision L{until} is heard.
        """
        while not self._done():
            client = self._endpoint.connect()
            try:
                self._follow(client)
            except _BROKEN:
                time.sleep(_PAUSE)
            finally:
                client.close()

    def _follow(self, client: Client) -> None:
        target = f"{_PATH}?watch=true&allowWatchBookmarks=true&timeoutSeconds=3&resourceVersion={self._last}"
        for part in client.stream("GET", target):
            if isinstance(part, Answer):
                if part.code != 200:
                    raise ConnectionError(part.code)
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

    def _done(self) -> bool:
        return self.until is not None and self._last >= self.until


def crash(server: Server, run: str, seconds: float) -> Outcome:
    """
    One run: write and watch, kill the server after some seconds, start it, write on, stop, and check.
    """
    client = server.endpoint.connect()
    start = _revision(client)
    stop = threading.Event()
    writers = [_Writer(server.endpoint, run, number, stop) for number in range(WRITERS)]
    watchers = [_Watcher(server.endpoint, start) for _ in range(WATCHERS)]
    for thread in (*watchers, *writers):
        thread.start()
    time.sleep(seconds)
    server.kill()
    server.start_again()
    time.sleep(seconds)
    stop.set()
    for writer in writers:
        writer.join()
    objects = list(_objects(client))
    log = _log(server.endpoint, start, _final_write(client, run))
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
    return Outcome(sum(write.known for write in writes), faults)


def _log(endpoint: Endpoint, start: int, end: int) -> list[Event]:
    """
    Everything that happened, as a watch tells it that starts afterwards.
    """
    witness = _Watcher(endpoint, start)
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


def main() -> int:
    """
    The exit code is 1 when any run had a fault.
    """
    parser = argparse.ArgumentParser(prog="python -m tests.e2e.crash", description=__doc__)
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    chance = random.Random(options.seed)
    server = ArkServer().start()
    failed = 0
    try:
        for run in range(options.runs):
            outcome = crash(server, f"{options.seed}-{run}", chance.uniform(0.3, 2))
            failed += bool(outcome.faults)
            print(
                f"run {run}: {outcome.writes} writes, {len(outcome.faults)} faults",
                *outcome.faults[:5],
                sep="\n  ",
            )
    finally:
        server.remove()
    print(f"seed {options.seed}: {options.runs - failed} runs without a fault, {failed} with")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
