"""
Objects and what Kubernetes makes of them, which has to be what we make of them.

C{verdicts.jsonl} was written by C{tests/cluster/kubernetes/cmd/verdicts}, which asks the
code of Kubernetes itself about objects made at random for C{foreign.yaml}.
"""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import orjson
from twisted.trial.unittest import SynchronousTestCase

from ark.registry.schema import compile_schema
from tests.registry.foreign import foreign_kind

VERDICTS = Path(__file__).with_name("verdicts.jsonl")


def _canonical(value: Any) -> Any:
    """
    A value as Go writes it: C{1.0} is C{1}.
    """
    if isinstance(value, dict):
        return {name: _canonical(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_canonical(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 1e18 else value


class VerdictTests(SynchronousTestCase):
    """
    The schema decides as Kubernetes decides.
    """

    def setUp(self) -> None:
        """
        Read the verdicts.
        """
        self.processor = compile_schema(foreign_kind())
        self.verdicts = [orjson.loads(line) for line in VERDICTS.read_bytes().splitlines()]

    def _settled(self, verdict: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
        obj = copy.deepcopy(verdict["obj"])
        if verdict["raw"]:
            return obj, []
        unknown = self.processor.prune(obj)
        self.processor.default(obj)
        return obj, unknown

    def test_unknown_fields_and_defaults(self) -> None:
        """
        The same fields are dropped, named in the same way, and the same defaults given.
        """
        for verdict in self.verdicts:
            obj, unknown = self._settled(verdict)
            self.assertEqual(sorted(unknown), verdict["unknown"], verdict["obj"])
            self.assertEqual(_canonical(obj), _canonical(verdict.get("made", obj)))

    def test_causes(self) -> None:
        """
        The same faults are found, in the same words, on creation and on update.
        """
        for verdict in self.verdicts:
            obj, _ = self._settled(verdict)
            causes = self.processor.validate(obj, verdict.get("old"))
            found = sorted(f"{cause.reason}|{cause.field}|{cause.message}" for cause in causes)
            self.assertEqual(found, verdict["errs"], obj)

    def test_the_quick_way_agrees_with_the_thorough_one(self) -> None:
        """
        What is accepted quickly has no fault that the schema alone can tell.
        """
        accepted = 0
        for verdict in self.verdicts:
            obj, _ = self._settled(verdict)
            if self.processor._fits(obj):
                accepted += 1
                told = [text for text in verdict["errs"] if "|spec.emb" not in text]
                self.assertEqual(told, [])
        self.assertGreater(accepted, 0)
