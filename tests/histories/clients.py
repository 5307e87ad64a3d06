"""
Clients that ask for random things and write down what they are told, in a process of their own.

Run C{python -m tests.histories.clients CONFIGURATION RECORD}.  They ask until a line comes on standard input,
say so, and write down what came of it.
"""

from __future__ import annotations

import http.client
import json
import random
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.cluster.client import Answer, Client, Endpoint
from tests.histories.log import digest, mark_of
from tests.histories.operations import (
    ABSENT,
    CONFLICT,
    EXISTS,
    EXPIRED,
    OK,
    REFUSED,
    UNKNOWN,
    Item,
    Operation,
)
from tests.histories.selections import COLLECTION, NAMES, NAMESPACES, TEAMS

_BROKEN = (OSError, http.client.HTTPException)
_JSON, _MERGE, _APPLY = (
    "application/json",
    "application/merge-patch+json",
    "application/apply-patch+yaml",
)
_PAUSE = 0.05
_TIMEOUT = 5.0
_VERBS = ("get", "list", "create", "update", "delete", "apply", "status")
_WEIGHTS = (25, 10, 13, 26, 6, 10, 10)
_PAGE = 3
_SENSIBLE = 0.7


class HistoryClient(threading.Thread):
    """
    One client.  It stays with a replica while that answers.

    @ivar operations: what came of everything so far.
    """

    def __init__(
        self, number: int, seed: str, endpoints: Sequence[Endpoint], rate: float, writing: bool = False
    ) -> None:
        """
        @param writing: whether it does nothing but write.
        @param rate: how many requests a second it sends at most.
        """
        super().__init__(daemon=True)
        self.operations: list[Operation] = []
        self._number = number
        self._random = random.Random(f"{seed}/client/{number}")
        self._endpoints = endpoints
        self._replica = number % len(endpoints)
        self._client: Client | None = None
        self._period = 1 / rate
        self._weights = [
            0 if writing and verb in ("get", "list") else weight for verb, weight in zip(_VERBS, _WEIGHTS)
        ]
        self._ended = threading.Event()
        self._count = 0
        self._known: dict[str, int] = {}
        self._generations: dict[str, int] = {}
        self._asked = Operation(number, "", "", 0, 0, UNKNOWN)
        self._sent_at = 0
        self._failure: BaseException | None = None

    def end(self) -> None:
        """
        Ask for nothing more.

        @raise AssertionError: there was an answer that cannot be understood.
        """
        self._ended.set()
        self.join()
        if self._failure is not None:
            raise AssertionError(f"client {self._number} fell over: {self._failure!r}") from self._failure

    def run(self) -> None:
        """
        Ask until told to end, also while nobody answers.
        """
        try:
            self._ask_on()
        except Exception as failure:
            self._failure = failure
        self._drop()

    def _ask_on(self) -> None:
        due = time.monotonic()
        while not self._ended.wait(max(due - time.monotonic(), 0)):
            # Who was held up does not make up for it.
            due = max(due, time.monotonic() - 1) + self._period
            self._ask()

    def _ask(self) -> None:
        namespace, name = self._random.choice(NAMESPACES), self._random.choice(NAMES)
        verb = self._verb(f"{namespace}/{name}")
        self._count += 1
        mark = f"{self._number}-{self._count}"
        key = namespace if verb == "list" else f"{namespace}/{name}"
        asked = Operation(self._number, verb, key, 0, 0, UNKNOWN, mark=mark)
        try:
            told = getattr(self, f"_ask_{verb}")(asked)
        except _BROKEN:
            told = None
        if told is None:
            # Wherever it broke off: nobody knows what came of it.
            started = self._sent_at
            told = self._asked._replace(start=started, end=time.monotonic_ns(), outcome=UNKNOWN)
        self.operations.append(told)
        if told.outcome in (UNKNOWN, REFUSED):
            self._drop()
            self._replica = self._random.randrange(len(self._endpoints))
            time.sleep(_PAUSE)

    def _verb(self, key: str) -> str:
        """
        What to do with a key: mostly what can be done by what is known of it.
        """
        (verb,) = self._random.choices(_VERBS, self._weights)
        if verb not in ("list", "apply") and self._random.random() < _SENSIBLE:
            if key not in self._known:
                return "create"
            if verb == "create":
                return "update"
        return "get" if verb == "status" and key not in self._known else verb

    def _send(
        self, asked: Operation, method: str, query: str = "", value: Any = None, content: str = _JSON
    ) -> tuple[Operation, Answer]:
        """
        The operation with the outcome that the answer tells, and the answer.

        @param query: what follows the object's path.
        """
        self._asked = asked
        self._sent_at = time.monotonic_ns()
        if self._client is None:
            self._client = self._endpoints[self._replica].connect(_TIMEOUT)
        namespace, _, name = asked.key.partition("/")
        target = f"{COLLECTION}/namespaces/{namespace}/queries"
        if name and method != "POST":
            target += f"/{name}"
        body = None if value is None else json.dumps(value).encode()
        headers = {"Content-Type": content} if body else {}
        # Never sent twice: what was not answered must stay one write of unknown outcome.
        answer = self._client.request(method, target + query, headers, body, retry=False)
        outcome = _outcome(answer)
        if outcome == ABSENT or (method == "DELETE" and outcome == OK):
            self._known.pop(asked.key, None)
        return asked._replace(start=self._sent_at, end=time.monotonic_ns(), outcome=outcome), answer

    def _ask_get(self, asked: Operation) -> Operation:
        minimum = self._minimum()
        asked = asked._replace(mark="", minimum=minimum)
        told, answer = self._send(asked, "GET", _query(minimum))
        return self._with_object(told, answer)

    def _ask_list(self, asked: Operation) -> Operation:
        form = self._random.choice(("fresh", "fresh", "fresh", "paged", "loose", "exact"))
        minimum = None if form in ("fresh", "paged") else self._minimum()
        exact = form == "exact" and bool(minimum)
        query = _query(minimum)
        if exact:
            query += "&resourceVersionMatch=Exact"
        if form == "paged":
            query = f"?limit={_PAGE}"
        told, answer = self._send(asked._replace(mark="", minimum=minimum, exact=exact), "GET", query)
        if told.outcome != OK:
            return told
        return self._with_pages(told, answer.json())

    def _with_pages(self, told: Operation, page: dict[str, Any]) -> Operation:
        started, revision = told.start, int(page["metadata"]["resourceVersion"])
        items = list(map(_item, page["items"]))
        while page["metadata"].get("continue"):
            more = f"?limit={_PAGE}&continue={page['metadata']['continue']}"
            told, answer = self._send(told, "GET", more)
            if told.outcome != OK:
                # A token that became too old on the way is nobody's fault.
                return told._replace(start=started, outcome=REFUSED)
            page = answer.json()
            items += map(_item, page["items"])
        # Of its first page alone it is known that it was new.
        return told._replace(start=started, revision=revision, items=tuple(items))

    def _ask_create(self, asked: Operation) -> Operation:
        return self._with_object(*self._send(asked, "POST", value=self._object(asked)))

    def _ask_update(self, asked: Operation) -> Operation:
        expected = self._known.get(asked.key, 0) if self._random.random() < 0.6 else 0
        asked = asked._replace(expected=expected)
        # A custom resource cannot be replaced without a resourceVersion, but patched.
        method, content = ("PUT", _JSON) if expected else ("PATCH", _MERGE)
        return self._with_object(*self._send(asked, method, value=self._object(asked), content=content))

    def _ask_apply(self, asked: Operation) -> Operation:
        query = f"?fieldManager=client-{self._number}&force=true"
        return self._with_object(*self._send(asked, "PATCH", query, self._object(asked), _APPLY))

    def _ask_status(self, asked: Operation) -> Operation:
        """
        An update of nothing but the status, of an object as it is known.
        """
        asked = asked._replace(verb="update", expected=self._known[asked.key])
        value = {
            "metadata": {"resourceVersion": str(asked.expected)},
            "status": {"response": {"content": f"{asked.mark}@{self._generations[asked.key]}"}},
        }
        return self._with_object(*self._send(asked, "PATCH", "/status", value, _MERGE))

    def _ask_delete(self, asked: Operation) -> Operation:
        expected = self._known.get(asked.key, 0) if self._random.random() < 0.4 else 0
        asked = asked._replace(mark="", expected=expected)
        value = {"preconditions": {"resourceVersion": str(expected)}} if expected else None
        told, answer = self._send(asked, "DELETE", value=value)
        if told.outcome != OK:
            return told
        found = answer.json()
        return told._replace(uid=(found.get("details") or found.get("metadata"))["uid"])

    def _with_object(self, told: Operation, answer: Answer) -> Operation:
        if told.outcome != OK:
            return told
        found = answer.json()
        revision = int(found["metadata"]["resourceVersion"])
        self._known[told.key] = revision
        self._generations[told.key] = found["metadata"]["generation"]
        return told._replace(
            revision=revision, mark=mark_of(found), uid=found["metadata"]["uid"], digest=digest(found)
        )

    def _object(self, asked: Operation) -> dict[str, Any]:
        metadata: dict[str, Any] = {"name": asked.key.partition("/")[2]}
        if self._random.random() < 0.7:
            metadata["labels"] = {"team": self._random.choice(TEAMS)}
        if asked.expected:
            metadata["resourceVersion"] = str(asked.expected)
        return {
            "apiVersion": "ark.mckinsey.com/v1alpha1",
            "kind": "Query",
            "metadata": metadata,
            "spec": {"input": "x", "sessionId": asked.mark},
        }

    def _minimum(self) -> int | None:
        """
        Which resourceVersion a read asks for: none, any, or one that is known.
        """
        return self._random.choice((None, None, 0, max(self._known.values(), default=0)))

    def _drop(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None


def main(configuration: str, record: str) -> int:
    """
    Ask, and write down what came of it.
    """
    options = json.loads(Path(configuration).read_text())
    endpoints = [Endpoint(url, *map(Path, files)) for url, *files in options["endpoints"]]
    clients = [
        HistoryClient(number, options["seed"], endpoints, options["rate"], options["writing"])
        for number in options["clients"]
    ]
    for client in clients:
        client.start()
    print("asking", flush=True)
    sys.stdin.readline()
    for client in clients:
        client.end()
    print("at rest", flush=True)
    with Path(record).open("w") as file:
        for client in clients:
            file.writelines(json.dumps(one) + "\n" for one in client.operations)
    return 0


def _item(value: dict[str, Any]) -> Item:
    metadata = value["metadata"]
    key = f"{metadata['namespace']}/{metadata['name']}"
    return Item(key, int(metadata["resourceVersion"]), mark_of(value))


def _query(minimum: int | None) -> str:
    return "" if minimum is None else f"?resourceVersion={minimum}"


def _outcome(answer: Answer) -> str:
    if answer.code < 300:
        return OK
    if answer.code == 404:
        return ABSENT
    if answer.code == 409:
        return EXISTS if answer.json()["reason"] == "AlreadyExists" else CONFLICT
    if answer.code == 410:
        return EXPIRED
    if answer.code in (429, 503, 507):
        return REFUSED
    if answer.code >= 500:
        return UNKNOWN
    raise AssertionError(f"{answer.code} {answer.body[:300]!r}")


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
