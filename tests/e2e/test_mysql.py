"""
The server as a process over MySQL, while that is away, or the way to it is not what it should be.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from tests.cluster.networkfaults import NETWORK
from tests.e2e.load import under_load
from tests.e2e.outage import PATIENCE, OutageTestsMixin, send, start_ark, through_network, wait_for
from tests.programs import NotInstalled
from tests.storage.mysqlserver import MySQLServer

#: What is wrong with the way to the database, with commas between; C{all} for everything once.
_CHOSEN = os.environ.get("ARK_TEST_NETWORK", "unanswered")
_SECONDS = 2.0


def start_mariadb() -> MySQLServer:
    """
    A MariaDB of a test's own.
    """
    try:
        return MySQLServer()
    except NotInstalled as error:
        raise SkipTest(str(error)) from None


class OutageTests(OutageTestsMixin, SynchronousTestCase):
    """
    A MariaDB that goes and comes back.
    """

    def start_database(self) -> tuple[str, dict[str, Callable[[], Any]], Callable[[], Any]]:
        """
        See L{OutageTestsMixin.start_database}.
        """
        server = start_mariadb()
        self.addCleanup(server.remove)
        stops = {"ended": server.stop, "killed": partial(server.stop, kill=True)}
        return server.url(), stops, server.start


class NetworkTests(SynchronousTestCase):
    """
    A way to MariaDB on which things go wrong.
    """

    def test_nothing_is_lost_on_the_way(self) -> None:
        """
        Whatever is wrong with it for a while: each acknowledged write is in the log once, and each watcher heard
        exactly the log.
        """
        database = start_mariadb()
        link, url = through_network(self, database)
        server = start_ark(url)
        self.addCleanup(server.remove)
        client = server.endpoint.connect(PATIENCE)
        self.addCleanup(client.close)
        for name in NETWORK if _CHOSEN == "all" else _CHOSEN.split(","):

            def happen(fault: str = name) -> None:
                time.sleep(_SECONDS / 4)
                NETWORK[fault](link, _SECONDS)
                wait_for(lambda: send(client, "GET", "/readyz").code == 200, "readiness")
                time.sleep(_SECONDS / 4)

            outcome = under_load([server.endpoint], name, happen)
            self.assertEqual(outcome.faults, [], name)
            self.assertTrue(outcome.writes, name)
