"""
The server as a process over MySQL, while that is away.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from tests.e2e.outage import OutageTestsMixin
from tests.programs import NotInstalled
from tests.storage.mysqlserver import MySQLServer


class OutageTests(OutageTestsMixin, SynchronousTestCase):
    """
    A MariaDB that goes and comes back.
    """

    def start_database(self) -> tuple[str, dict[str, Callable[[], Any]], Callable[[], Any]]:
        """
        See L{OutageTestsMixin.start_database}.
        """
        try:
            server = MySQLServer()
        except NotInstalled as error:
            raise SkipTest(str(error)) from None
        self.addCleanup(server.remove)
        stops = {"ended": server.stop, "killed": partial(server.stop, kill=True)}
        return server.url(), stops, server.start
