"""
Kubernetes' own CEL, asked now.
"""

from __future__ import annotations

import os
from pathlib import Path
from random import Random
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.cel import corpus
from tests.cel.asking import ask, differences
from tests.cel.generating import Generator
from tests.cel.record import questions, recorded
from tests.cluster.build import require

COUNT = int(os.environ.get("ARK_CEL_EXPRESSIONS", "1000"))
AGAIN = 10


class OracleTests(SynchronousTestCase):
    """
    Skipped where there is no Go.
    """

    program: Path
    maxDiff = None

    def setUp(self) -> None:
        (self.program,) = require("cel")

    def test_recorded_answers_are_still_true(self) -> None:
        """
        What was recorded is what Kubernetes says, as far as it says the same twice.
        """
        for name, asked in questions().items():
            now = [
                {key: answer.get(key) for key in ("cost", "error", "left")}
                for answer in ask(self.program, asked)
            ]
            then = [{key: answer.get(key) for key in ("cost", "error", "left")} for answer in recorded(name)]
            self.assertEqual(now, then, name)

    def test_expressions_made_at_random(self) -> None:
        """
        Nothing differs between Kubernetes and us; Kubernetes' own crashes do not count.
        """
        seed = int.from_bytes(os.urandom(4), "big")
        generator = Generator(Random(seed))
        asked = [corpus.question(generator.expression()) for _ in range(COUNT)]
        self.check_all(asked, f"seed {seed}")

    def test_other_objects(self) -> None:
        """
        All expressions on objects in which much is missing, or is at the edge.
        """
        for name, obj in corpus.OTHERS.items():
            self.check_all([corpus.question(text, self=obj) for text in corpus.expressions()], name)

    def check_all(self, asked: list[dict[str, Any]], which: str) -> None:
        """
        Fail if Kubernetes answers otherwise, however often it is asked: it takes the keys of a map
        in an order that changes, and what is found sooner costs less.
        """
        different = self.differing(asked)
        for _ in range(AGAIN):
            different = self.differing([question for question, _, _ in different])
        told = [(question["expression"], ours, theirs) for question, ours, theirs in different]
        self.assertEqual(told, [], which)

    def differing(self, asked: list[dict[str, Any]]) -> list[tuple[dict[str, Any], Any, Any]]:
        """
        What Kubernetes answers otherwise this time.
        """
        if not asked:
            return []
        usable = [
            (question, answer)
            for question, answer in zip(asked, ask(self.program, asked))
            if not str(answer.get("error")).startswith("internal error")
        ]
        return differences([question for question, _ in usable], [answer for _, answer in usable])
