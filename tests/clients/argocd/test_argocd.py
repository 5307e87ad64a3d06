"""
The rules of C{client.yaml}, tried by our program C{argocd}.
"""

from __future__ import annotations

from tests.clients.support import ClientTests, go_program, tests_of


@tests_of(__file__)
class ArgoCDTests(ClientTests):
    """
    One test a rule.
    """

    @classmethod
    def command(cls) -> list[str]:
        """
        Made from the sources beside this file.
        """
        return go_program("argocd")
