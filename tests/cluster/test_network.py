"""
What is done to a way between programs is what those notice.
"""

from __future__ import annotations

import socket
import threading
import time

from twisted.trial.unittest import SynchronousTestCase

from tests.cluster.build import require
from tests.cluster.network import Link, Network

_PATIENCE = 10.0


class NetworkTests(SynchronousTestCase):
    """
    A way to somebody who says everything again.
    """

    def setUp(self) -> None:
        """
        A way to it.
        """
        require("toxiproxy")
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(self.listener.close)
        self.heard: list[bytes] = []
        network = Network()
        self.addCleanup(network.remove)
        self.link = network.link(self.listener.getsockname()[1])

    def connect(self, link: Link) -> socket.socket:
        """
        Somebody who has come through.
        """
        made = socket.create_connection(("127.0.0.1", link.port), _PATIENCE)
        self.addCleanup(made.close)
        other, _ = self.listener.accept()
        answering = threading.Thread(target=self._answer, args=(other,), daemon=True)
        answering.start()
        self.addCleanup(answering.join)
        self.addCleanup(made.close)
        return made

    def _answer(self, other: socket.socket) -> None:
        with other:
            try:
                while data := other.recv(1024):
                    self.heard.append(data)
                    other.sendall(data)
            except ConnectionError:
                pass

    def say(self, connection: socket.socket) -> float:
        """
        After how many seconds something comes back.
        """
        began = time.monotonic()
        connection.sendall(b"x")
        self.assertEqual(connection.recv(1), b"x")
        return time.monotonic() - began

    def test_what_is_wrong_ends(self) -> None:
        """
        What comes late comes at once afterwards, on the same connection.
        """
        connection = self.connect(self.link)
        with self.link.toxic("latency", latency=100):
            self.assertGreaterEqual(self.say(connection), 0.2)
        self.assertLess(self.say(connection), 0.2)

    def test_nobody_comes_through_a_shut_way(self) -> None:
        """
        Connections end, others are refused, and it has the same port when it is open again.
        """
        connection = self.connect(self.link)
        with self.link.shut():
            self.assertEqual(connection.recv(1), b"")
            self.assertRaises(ConnectionRefusedError, self.connect, self.link)
        self.say(self.connect(self.link))

    def test_connections_end_by_a_reset(self) -> None:
        """
        Those that were made while that was wrong.
        """
        with self.link.toxic("reset_peer", toxicity=0):
            connection = self.connect(self.link)
            self.say(connection)
            self.link.cut()
            self.assertRaises(ConnectionResetError, connection.recv, 1)

    def test_answers_alone_are_lost(self) -> None:
        """
        The question was heard.
        """
        connection = self.connect(self.link)
        with self.link.toxic("timeout", streams=["downstream"], timeout=0):
            connection.sendall(b"question")
            connection.settimeout(0.5)
            self.assertRaises(TimeoutError, connection.recv, 1)
            self.assertEqual(self.heard, [b"question"])
        connection.settimeout(_PATIENCE)
        self.assertEqual(connection.recv(1), b"")

    def test_it_leads_elsewhere(self) -> None:
        """
        Those that come later; the others' connections end.
        """
        before = self.connect(self.link)
        self.listener.close()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.link.lead_to(self.listener.getsockname()[1])
        self.assertEqual(before.recv(1), b"")
        self.say(self.connect(self.link))
