"""
Informers keep up with a server that is killed, compacted and cut off from them.
"""

from __future__ import annotations

import random

from twisted.trial.unittest import TestCase

from tests.cluster.ark import ArkServer
from tests.cluster.build import require
from tests.cluster.shared import obligatory
from tests.e2e.informers.chaos import FLAGS, Chaos


class InformerTests(TestCase):
    """
    A short run of C{python -m tests.e2e.informers}.
    """

    timeout = 400

    def test_caches_equal_the_database(self) -> None:
        """
        After random writes, cuts and a kill; and nothing was listed again without need.
        """
        require("informers", "toxiproxy")
        seed = str(random.randrange(10**6))
        server = obligatory(lambda: ArkServer(flags=FLAGS).start())
        self.addCleanup(server.remove)
        result = Chaos(server, seed, lambda line: None).run([12.0, 12.0])
        self.assertEqual([], result.faults, f"seed {seed}")
        self.assertGreater(result.writes, 100)
        self.assertEqual(result.kills, 2)
