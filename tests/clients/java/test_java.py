"""
The rules of C{client.yaml}, tried with fabric8's C{kubernetes-client}.
"""

from __future__ import annotations

from tests.clients.environments import java_program
from tests.clients.support import ClientTests, tests_of


@tests_of(__file__)
class JavaTests(ClientTests):
    """
    One test a rule.
    """

    together = True

    @classmethod
    def command(cls) -> list[str]:
        """
        Made with Maven.
        """
        return java_program("java")
