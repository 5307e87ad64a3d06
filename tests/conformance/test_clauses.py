"""
Every clause is shown by a test.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.conformance.clauses import Clause, named_tests, scenario_tests, scenarios, sections


def bare(clauses: list[Clause], tests: dict[str, list[str]]) -> list[str]:
    """
    Those that no test names, though they are served.
    """
    return [clause.number for clause in clauses if not clause.missing and clause.number not in tests]


class ClauseTests(SynchronousTestCase):
    """
    Clauses and tests name each other.
    """

    def test_every_clause_has_a_test(self) -> None:
        """
        But those that say why they are not followed.
        """
        self.assertEqual(bare([clause for _, clauses in sections() for clause in clauses], named_tests()), [])

    def test_every_scenario_has_a_test(self) -> None:
        """
        But those that mean nothing here.
        """
        self.assertEqual(bare(scenarios(), scenario_tests()), [])

    def test_every_named_clause_is_there(self) -> None:
        """
        A number that is mistyped shows nothing.
        """
        known = {clause.number for _, clauses in sections() for clause in clauses}
        self.assertEqual({name: tests for name, tests in named_tests().items() if name not in known}, {})
        known = {scenario.number for scenario in scenarios()}
        self.assertEqual({name: tests for name, tests in scenario_tests().items() if name not in known}, {})
