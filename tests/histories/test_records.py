"""
Tests for L{tests.histories.records}.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
from twisted.trial.unittest import SynchronousTestCase

from tests.histories.log import digest
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
from tests.histories.records import read_connections, read_operation
from tests.histories.watchers import Connection, Line


def _agent(revision: int, mark: str) -> dict[str, Any]:
    metadata = {"name": "n1", "namespace": "history-a", "uid": "u", "resourceVersion": str(revision)}
    return {"kind": "Agent", "metadata": metadata, "spec": {"prompt": mark}}


def _read(verb: str, key: str, code: int, *answers: object, mark: str = "") -> Operation:
    asked = {"client": 1, "verb": verb, "key": key, "start": 5, "end": 9, "mark": mark}
    wanted = {"expected": 0, "minimum": None, "exact": False}
    return read_operation({**asked, **wanted, "code": code, "answers": list(answers) or None})


class OperationTests(SynchronousTestCase):
    """
    What an answer says of a request.
    """

    def test_outcomes(self) -> None:
        """
        Each code has one, and those that promise that nothing was done are not unknown.
        """
        cases: tuple[tuple[int, object, str], ...] = (
            (0, None, UNKNOWN),
            (404, {}, ABSENT),
            (409, {"reason": "AlreadyExists"}, EXISTS),
            (409, {"reason": "Conflict"}, CONFLICT),
            (410, {}, EXPIRED),
            (429, {}, REFUSED),
            (503, {}, REFUSED),
            (507, {}, REFUSED),
            (500, {}, UNKNOWN),
            (504, {}, UNKNOWN),
        )
        for code, answer, outcome in cases:
            answers = () if answer is None else (answer,)
            told = _read("create", "agents/history-a/n1", code, *answers, mark="1-1")
            self.assertEqual((told.outcome, told.mark, told.revision), (outcome, "1-1", 0), code)

    def test_what_was_not_thought_of(self) -> None:
        """
        No history is judged by an answer that nobody understands.
        """
        self.assertRaises(AssertionError, _read, "create", "agents/history-a/n1", 422, {"message": "why"})

    def test_an_object(self) -> None:
        """
        Its revision, content and mark are those of the answer.
        """
        found = _agent(7, "3-4")
        told = _read("get", "agents/history-a/n1", 200, found)
        self.assertEqual((told.outcome, told.revision, told.mark, told.uid), (OK, 7, "3-4", "u"))
        self.assertEqual(told.digest, digest(found))

    def test_a_status(self) -> None:
        """
        A mark in the status counts for the generation that it was written for.
        """
        for generation, mark in ((2, "3-4"), (3, "1-1")):
            metadata = {"resourceVersion": "7", "uid": "u", "generation": generation}
            spec, status = {"model": {"value": "1-1"}}, {"resolvedAddress": "3-4@2"}
            found = {"kind": "Model", "metadata": metadata, "spec": spec, "status": status}
            self.assertEqual(_read("update", "models/history-a/n1", 200, found).mark, mark)

    def test_a_deletion(self) -> None:
        """
        Of what it took away the uid is told, by a Status or by the object itself.
        """
        for answer in ({"details": {"uid": "u"}}, _agent(7, "3-4")):
            self.assertEqual(_read("delete", "agents/history-a/n1", 200, answer).uid, "u")

    def test_pages(self) -> None:
        """
        A list in pages is of the first one's revision, and one whose token became too old says nothing.
        """
        pages = [{"metadata": {"resourceVersion": str(8 + n)}, "items": [_agent(n, str(n))]} for n in (1, 2)]
        told = _read("list", "agents/history-a", 200, *pages)
        key = "agents/history-a/n1"
        self.assertEqual((told.revision, told.items), (9, (Item(key, 1, "1"), Item(key, 2, "2"))))
        self.assertEqual(_read("list", "agents/history-a", 410, pages[0], {}).outcome, REFUSED)


class ConnectionTests(SynchronousTestCase):
    """
    What watchers heard.
    """

    def test_lines_are_written_once(self) -> None:
        """
        Connections name them by number, with the moment of each.
        """
        end = {"k8s.io/initial-events-end": "true"}
        events: tuple[dict[str, Any], ...] = (
            {"type": "ADDED", "object": _agent(3, "x")},
            {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "5", "annotations": end}}},
            {"type": "ERROR", "object": {"code": 410}},
            {"type": "FAILED", "object": {"code": 503}},
        )
        record = Path(self.mktemp())
        Path(f"{record}.lines").write_bytes(b"\n".join(map(orjson.dumps, events)))
        record.write_text("[4,0,2,0,10,[0,11,1,12,2,13]]\n[4,0,1,5,20,[3,21]]\n")
        first = [
            Line("ADDED", 3, digest(_agent(3, "x")), False, 11),
            Line("BOOKMARK", 5, "", True, 12),
            Line("ERROR", 0, "410", False, 13),
        ]
        second = [Line("FAILED", 0, "503", False, 21)]
        self.assertEqual(
            read_connections(record),
            [Connection(4, 0, 2, None, 10, first), Connection(4, 0, 1, 5, 20, second)],
        )
