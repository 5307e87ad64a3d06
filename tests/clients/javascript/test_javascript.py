"""
The rules of C{client.yaml}, tried with C{@kubernetes/client-node}.
"""

from __future__ import annotations

from tests.clients.environments import node_program
from tests.clients.support import ClientTests, tests_of


@tests_of(__file__)
class JavaScriptTests(ClientTests):
    """
    One test a rule.
    """

    @classmethod
    def command(cls) -> list[str]:
        """
        With the packages of the lock.
        """
        return node_program("javascript")
