"""
Watchers that go from replica to replica, in a process of their own.

Run C{python -m tests.histories.watchers CONFIGURATION RECORD}.  They watch until a line with a
revisions comes on standard input, one for each selection, and then until each has heard of its own, or a while.
"""

from __future__ import annotations

import json
import random
import selectors
import socket
import ssl
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from tests.cluster.client import Endpoint
from tests.histories.log import digest
from tests.histories.selections import SELECTIONS
from tests.histories.sockets import LineReader, Loop

_MOST = 1 << 16
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

    def __call__(self, data: bytes, moment: int) -> Line:
        found = self._known.get(data)
        if found is None:
            found = self._known[data] = _decoded(json.loads(data))
        return Line(*found, moment)


def _decoded(event: dict[str, Any]) -> tuple[str, int, str, bool]:
    value = event["object"]
    if event["type"] == "ERROR":
        return "ERROR", 0, str(value["code"]), False
    metadata = value["metadata"]
    revision = int(metadata["resourceVersion"])
    if event["type"] == "BOOKMARK":
        return "BOOKMARK", revision, "", metadata.get("annotations", {}).get(_END) == "true"
    return event["type"], revision, digest(value), False


class _Shared:
    """
    What all watchers of a process share.
    """

    def __init__(self, endpoints: Sequence[Endpoint], until: _Until) -> None:
        self.places = [urlsplit(endpoint.url) for endpoint in endpoints]
        self.contexts = [endpoint.context() for endpoint in endpoints]
        self.decode = _Decoder()
        self.until = until
        self.loop = Loop()


class Watcher:
    """
    One client that watches, is cut off or leaves, and comes back somewhere else.

    @ivar connections: what it heard.
    @ivar ended: whether it has heard of the last revision.
    """

    def __init__(self, number: int, seed: str, shared: _Shared) -> None:
        self.connections: list[Connection] = []
        self.ended = False
        self._number = number
        self._random = random.Random(f"{seed}/watcher/{number}")
        self._selection = number % len(SELECTIONS)
        self._shared = shared
        self._loop = shared.loop
        self._places: list[int] = []
        self._socket: socket.socket | None = None
        self._sitting = 0

    def begin(self) -> None:
        """
        Watch, unless the last revision was heard of.
        """
        if self.look():
            return
        replica = self._random.randrange(len(self._shared.places))
        self._connection = Connection(
            self._number, self._selection, replica, self._after(), time.monotonic_ns(), []
        )
        self.connections.append(self._connection)
        self._sitting += 1
        self._leaves = time.monotonic() + self._random.uniform(*_CUT_SECONDS)
        self._silence = self._random.uniform(*_CUT_SECONDS)
        self._heard_at = time.monotonic()
        self._lines = LineReader()
        place = self._shared.places[replica]
        self._socket = plain = socket.socket()
        plain.setblocking(False)
        plain.connect_ex((place.hostname, place.port))
        self._loop.watch(plain, selectors.EVENT_WRITE, partial(self._connected, plain, replica))
        self._loop.later(self._silence, partial(self._check_silence, self._sitting))

    def look(self) -> bool:
        """
        End, if the last revision was heard of.
        """
        if not self.ended and self._shared.until.reached(
            self._selection, self._places[-1] if self._places else 0
        ):
            self.ended = True
            self._hang_up()
        return self.ended

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

    def _hang_up(self) -> None:
        if self._socket is not None:
            self._loop.forget(self._socket)
            self._socket.close()
            self._socket = None

    def _come_back(self, pause: float = 0.0) -> None:
        self._hang_up()
        self._loop.later(pause, self.begin)

    def _check_silence(self, sitting: int) -> None:
        if sitting != self._sitting or self._socket is None:
            return
        left = self._heard_at + self._silence - time.monotonic()
        if left > 0:
            self._loop.later(left, partial(self._check_silence, sitting))
        else:
            self._come_back(_PAUSE)

    def _connected(self, plain: socket.socket, replica: int) -> None:
        self._loop.forget(plain)
        if plain.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            self._come_back(_PAUSE)
            return
        try:
            self._socket = secure = self._shared.contexts[replica].wrap_socket(
                plain, server_hostname=self._shared.places[replica].hostname, do_handshake_on_connect=False
            )
        except OSError:
            self._come_back(_PAUSE)
            return
        self._shake_hands(secure)

    def _shake_hands(self, secure: ssl.SSLSocket) -> None:
        go_on = partial(self._shake_hands, secure)
        try:
            secure.do_handshake()
        except ssl.SSLWantReadError:
            self._loop.watch(secure, selectors.EVENT_READ, go_on)
        except ssl.SSLWantWriteError:
            self._loop.watch(secure, selectors.EVENT_WRITE, go_on)
        except OSError:
            self._come_back(_PAUSE)
        else:
            self._ask(secure)

    def _ask(self, secure: ssl.SSLSocket) -> None:
        target, query, _ = SELECTIONS[self._selection]
        query += (
            f"&watch=true&allowWatchBookmarks=true&timeoutSeconds={self._random.randint(*_WATCH_SECONDS)}"
        )
        if self._connection.after is None:
            query += "&sendInitialEvents=true&resourceVersionMatch=NotOlderThan"
        else:
            query += f"&resourceVersion={self._connection.after}"
        request = f"GET {target}?{query.lstrip('&')} HTTP/1.1\r\nHost: watched\r\n\r\n"
        try:
            # A request fits what a new connection takes at once.
            secure.sendall(request.encode())
        except OSError:
            self._come_back(_PAUSE)
        else:
            self._loop.watch(secure, selectors.EVENT_READ, partial(self._read, secure))

    def _read(self, secure: ssl.SSLSocket) -> None:
        try:
            data = secure.recv(_MOST)
            while secure.pending():
                data += secure.recv(_MOST)
        except ssl.SSLWantReadError:
            return
        except OSError:
            data = b""
        self._heard_at = time.monotonic()
        moment = time.monotonic_ns()
        for text in self._lines.feed(data):
            if not self._take(self._shared.decode(text, moment)):
                return
        if self._lines.code not in (0, 200):
            self._take(Line("FAILED", 0, str(self._lines.code), False, moment))
        elif not data or self._lines.ended:
            self._come_back(0.0 if self._lines.ended else _PAUSE)
        elif self._places and time.monotonic() > self._leaves:
            self._come_back()

    def _take(self, line: Line) -> bool:
        """
        Remember an event.

        @return: whether to go on.
        """
        connection = self._connection
        connection.lines.append(line)
        if line.type in ("ERROR", "FAILED"):
            if line.digest == "410":
                self._places.clear()
            self._come_back(_PAUSE)
            return False
        if connection.after is not None or line.initial_end or self._places:
            self._places.append(line.revision)
        return not (self._shared.until.known and self._places and self.look())


class _Until:
    """
    The revisions after which nothing more is waited for, once they are known.
    """

    def __init__(self) -> None:
        self._revisions: list[int] = []
        self._deadline = 0.0

    @property
    def known(self) -> bool:
        return bool(self._revisions)

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
    until = _Until()
    shared = _Shared(endpoints, until)
    loop = shared.loop
    watchers = [Watcher(number, options["seed"], shared) for number in options["watchers"]]

    def end() -> None:
        loop.forget(sys.stdin)
        until.set(json.loads(sys.stdin.readline() or "[0, 0, 0, 0]"))
        for watcher in watchers:
            watcher.look()

    loop.watch(sys.stdin, selectors.EVENT_READ, end)
    for watcher in watchers:
        watcher.begin()
    while not all(watcher.ended for watcher in watchers):
        loop.turn()
    with Path(record).open("w") as file:
        for watcher in watchers:
            file.writelines(json.dumps(connection) + "\n" for connection in watcher.connections)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
