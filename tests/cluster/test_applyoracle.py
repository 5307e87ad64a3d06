"""
Server-side apply against the library that Kubernetes does it with.
"""

from __future__ import annotations

import json

from twisted.trial import unittest

from tests.cluster.applyoracle import Oracle, disagreements
from tests.cluster.build import require


class StructuredMergeDiffTests(unittest.TestCase):
    """
    What structured-merge-diff answers is what we answer.
    """

    def setUp(self) -> None:
        require("applyoracle")
        self.oracle = Oracle()
        self.addCleanup(self.oracle.stop)

    def test_generated_cases(self) -> None:
        """
        Thousands of operations with generated schemas and with those of Ark's kinds: the same
        sets in the same text, the same objects, the same errors.
        """
        for schema, case, theirs, mine in disagreements(self.oracle, 60, seed=20260101):
            request = json.dumps(case.request)
            self.fail(f"{json.dumps(schema)}\n{case.op} {request}\ntheirs {theirs}\nours   {mine}")
