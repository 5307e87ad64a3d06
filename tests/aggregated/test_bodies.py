"""
Bodies of requests on their way through kube-apiserver.
"""

from __future__ import annotations

from ark.meta.status import too_large
from tests.aggregated.cases import ARK, AggregatedTests

_LIMIT = 3 << 20


class BodyTests(AggregatedTests):
    """
    A client that sends all of a body before it reads anything.
    """

    def test_whoever_sends_too_much_reads_why(self) -> None:
        """
        Kube-apiserver ends the connection of a client whose upload it does not pass on, and we make it pass on all.
        """
        client = self.server.endpoint.connect()
        self.addCleanup(client.close)
        path = f"{ARK}/namespaces/{self.namespace()}/queries"
        for size in (_LIMIT + 1, _LIMIT + (1 << 20), 2 * _LIMIT, 3 * _LIMIT) * 5:
            answer = client.request(
                "POST", path, {"Content-Type": "application/json"}, b" " * size, retry=False
            )
            self.assertEqual(answer.code, 413, size)
            self.assertEqual(answer.json()["message"], too_large(_LIMIT).message)
