"""
The rules of C{client.yaml}, tried with the package C{kubernetes}.
"""

from __future__ import annotations

from tests.clients.environments import python_program
from tests.clients.support import ClientTests, tests_of


@tests_of(__file__)
class PythonKubernetesTests(ClientTests):
    """
    One test a rule.
    """

    together = True

    @classmethod
    def command(cls) -> list[str]:
        """
        In an environment of its own.
        """
        return python_program("python_kubernetes")
