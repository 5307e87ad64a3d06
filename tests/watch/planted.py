"""
Servers that are broken on purpose.
"""

from __future__ import annotations

import gc

from twisted.trial.unittest import SynchronousTestCase


class PlantedBugTestCase(SynchronousTestCase):
    """
    Breaks one.
    """

    def tearDown(self) -> None:
        """
        Broken servers complain, also when what was left of them is swept up: here, and
        not in whichever test comes next.
        """
        gc.collect()
        self.flushLoggedErrors()
