"""
The rules of C{client.yaml}, tried with an operator on C{kopf}.
"""

from __future__ import annotations

from tests.clients.environments import python_program
from tests.clients.support import ClientTests, tests_of


@tests_of(__file__)
class KopfTests(ClientTests):
    """
    One test a rule.
    """

    @classmethod
    def command(cls) -> list[str]:
        """
        In an environment of its own.
        """
        return python_program("kopf")
