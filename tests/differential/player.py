"""
Plays a program of requests against one server and records what it answered.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import yaml

from tests.cluster.client import Answer, Client, Endpoint
from tests.differential.steps import Call, Gather, Step, Watches

_NAMES = re.compile(r"\$\(([a-z0-9-]+)\)")
_QUIET = 0.25
_PATIENCE = 10.0
_INITIALIZING = b"storage is (re)initializing"


class Outcome(NamedTuple):
    """
    A request and its answer; a watch's body is all of its lines.
    """

    request: Call
    answer: Answer


class _Watch:
    """
    A watch in a thread of its own.
    """

    def __init__(self, endpoint: Endpoint, request: Call, target: str) -> None:
        self.request = request
        self.answer = Answer(0, [], b"")
        self.heard = time.monotonic()
        self._client = endpoint.connect()
        self._lines: list[bytes] = []
        self._thread = threading.Thread(target=self._follow, args=(target,), daemon=True)
        self._thread.start()

    def settle(self) -> None:
        """
        Return when it has answered and been quiet for a moment.
        """
        limit = time.monotonic() + _PATIENCE
        while self._thread.is_alive() and time.monotonic() < limit:
            if self.answer.code and time.monotonic() - self.heard > _QUIET:
                return
            self._thread.join(_QUIET / 5)

    def outcome(self) -> Outcome:
        """
        What it heard until its end.
        """
        self._thread.join()
        self._client.close()
        return Outcome(self.request, self.answer._replace(body=self.answer.body + b"".join(self._lines)))

    def _follow(self, target: str) -> None:
        try:
            for part in self._client.stream("GET", target, self.request.headers):
                self.heard = time.monotonic()
                if isinstance(part, Answer):
                    self.answer = part
                else:
                    self._lines.append(part)
        except OSError as error:
            self._lines.append(f"broken off: {type(error).__name__}\n".encode())


class Player:
    """
    Plays programs against one server, over one connection and one more for each watch.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._client: Client = endpoint.connect()
        self._kept: dict[str, str] = {}
        self._watches: list[_Watch] = []

    def play(self, program: Iterable[Step]) -> list[Outcome]:
        """
        Every outcome, those of watches where they were gathered.
        """
        outcomes: list[Outcome] = []
        for step in program:
            if isinstance(step, Call):
                outcomes.append(self._call(step))
            elif isinstance(step, Watches):
                self._open(step)
            elif isinstance(step, Gather):
                outcomes.extend(watch.outcome() for watch in self._watches)
                self._watches.clear()
        self._client.close()
        return outcomes

    def _call(self, step: Call) -> Outcome:
        body = None if step.body is None else self._fill(step.body.decode("utf-8", "surrogateescape"))
        sent = None if body is None else body.encode("utf-8", "surrogateescape")
        try:
            answer = self._answer(step.method, self._fill(step.target), step.headers, sent)
        except OSError as error:
            self._client.close()
            answer = Answer(0, [], f"no answer: {type(error).__name__}".encode())
        if step.keep:
            value = _decoded(answer.body)
            for name, path in step.keep.items():
                self._kept[name] = _member(value, path)
        return Outcome(step, answer)

    def _answer(self, method: str, target: str, headers: Mapping[str, str], body: bytes | None) -> Answer:
        """
        As a client would, wait for a kind that kube-apiserver begins to serve.
        """
        limit = time.monotonic() + _PATIENCE
        while True:
            answer = self._client.request(method, target, headers, body)
            if answer.code != 429 or _INITIALIZING not in answer.body or time.monotonic() > limit:
                return answer
            time.sleep(_QUIET)

    def _open(self, step: Watches) -> None:
        opened = [
            _Watch(self._endpoint, Call("GET", target, step.headers), self._fill(target))
            for target in step.targets
        ]
        for watch in opened:
            watch.settle()
        self._watches.extend(opened)

    def _fill(self, text: str) -> str:
        return _NAMES.sub(lambda found: self._kept.get(found[1], "nothing-kept"), text)


def _decoded(body: bytes) -> Any:
    try:
        return yaml.load(body, Loader=yaml.CSafeLoader)
    except (yaml.YAMLError, UnicodeDecodeError):
        return None


def _member(value: Any, path: str) -> str:
    for name in path.split("."):
        if isinstance(value, list) and name.lstrip("-").isdigit() and -len(value) <= int(name) < len(value):
            value = value[int(name)]
        elif isinstance(value, dict) and name in value:
            value = value[name]
        else:
            return "nothing-kept"
    return str(value)
