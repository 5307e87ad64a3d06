"""
Expressions, rules and definitions, and what Kubernetes says of them.

C{answers} was recorded from Kubernetes' own packages; C{python -m tests.cel.record} asks them
again.
"""

from __future__ import annotations

import re
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ark.registry.definitions.rules import check_rules
from ark.registry.rules import BUDGET, compile_tree
from tests.cel import admissioncases, rulecases
from tests.cel.asking import differences
from tests.cel.record import questions, recorded

PATH = "spec.validation.openAPIV3Schema"


def told(causes: list[Any]) -> list[tuple[str, str, str]]:
    """
    Causes in an order of their own: Kubernetes walks through maps in any.
    """
    members = ("reason", "message", "field")
    rows = [
        tuple(cause[name] if isinstance(cause, dict) else getattr(cause, name) for name in members)
        for cause in causes
    ]
    return sorted(
        (reason, re.sub(r"selfType\d+", "selfType", message), field) for reason, message, field in rows
    )


class AnswerTests(SynchronousTestCase):
    """
    Contract 19.3 to 19.6.
    """

    maxDiff = None

    def test_expressions(self) -> None:
        """
        Values, errors, compile errors, types, runtime costs and estimated costs (contract 19.5, 19.6).
        """
        asked, answers = questions()["expressions"], recorded("expressions")
        self.assertEqual(len(asked), len(answers))
        self.assertGreater(len(asked), 1400)
        different = differences(asked, answers)
        told = [(question["expression"], ours, theirs) for question, ours, theirs in different]
        self.assertEqual(told, [])

    def test_objects(self) -> None:
        """
        What rules hold against objects, and what is left of the budget (contract 19.3, 19.4, 19.6).
        """
        asked, answers = questions()["validations"], recorded("validations")
        self.assertEqual(len(asked), len(answers))
        for question, answer in zip(asked, answers):
            tree = compile_tree(question["schema"], question["root"])
            assert tree is not None
            verdict = tree.judge(question["self"], question.get("oldSelf"), question.get("budget", BUDGET))
            self.assertEqual(told(verdict.causes), told(answer["causes"]), question["self"])
            self.assertEqual(max(verdict.left, -1), max(answer["left"], -1), question["self"])

    def test_policies(self) -> None:
        """
        Values, errors and costs of expressions that ask for rights, name variables, and make objects
        and patches (contract 16.2).
        """
        answers = recorded("policies")
        asked = admissioncases.questions()
        self.assertEqual(len(asked), len(answers))
        for question, answer in zip(asked, answers):
            ours = admissioncases.normal(admissioncases.our_answer(question))
            self.assertEqual(ours, admissioncases.normal(answer), question["expression"])

    def test_definitions(self) -> None:
        """
        What rules a definition may have (contract 19.6).
        """
        answers = recorded("definitions")
        self.assertEqual(len(rulecases.schemas()), len(answers))
        for schema, answer in zip(rulecases.schemas(), answers):
            self.assertEqual(told(check_rules(schema, PATH)), told(answer["causes"]), schema)
