"""
What the reactor watches of a connection whose socket is closed by others.
"""

from __future__ import annotations

import os
import socket
from typing import Any

from twisted.internet import reactor as default_reactor
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase

from ark.storage.postgresqldescriptor import ConnectionDescriptor

reactor: Any = default_reactor


class Polling:
    """
    Has a socket as libpq has, and is told as a connection of txpostgres is.
    """

    disconnected = False

    def __init__(self) -> None:
        self.ours, self.theirs = socket.socketpair()
        self.told: list[str] = []
        self.heard: Deferred[None] = Deferred()

    def fileno(self) -> int:
        return self.ours.fileno()

    def _note(self, what: str) -> None:
        self.told.append(what)
        if not self.heard.called:
            self.heard.callback(None)

    def doRead(self) -> None:
        self._note("read")

    def doWrite(self) -> None:
        self._note("write")

    def connectionLost(self, reason: Failure) -> None:
        self._note("lost")

    def continuePolling(self, swallowErrors: bool = False) -> None:
        self._note("goes on")

    def close(self) -> None:
        self.ours.close()
        self.theirs.close()


class DescriptorTests(TestCase):
    """
    The reactor's own books stay right.
    """

    timeout = 10

    def setUp(self) -> None:
        """
        A connection.
        """
        self.polling = Polling()
        self.descriptor = ConnectionDescriptor(reactor)
        self.addCleanup(self.polling.close)
        self.addCleanup(self.descriptor.release)

    async def test_reading_and_writing_are_told(self) -> None:
        """
        To whoever asked last, and nobody after it was taken back.
        """
        self.descriptor.addReader(self.polling)
        self.polling.theirs.send(b"x")
        await self.polling.heard
        self.assertEqual(self.polling.told, ["read"])
        self.descriptor.removeReader(self.polling)
        self.assertNotIn(self.descriptor, reactor.getReaders())
        self.polling.heard = Deferred()
        self.descriptor.addWriter(self.polling)
        await self.polling.heard
        self.assertEqual(self.polling.told, ["read", "write"])

    async def test_a_socket_that_was_closed_is_not_held_on_to(self) -> None:
        """
        Its number may be used again at once, for something that the reactor watches as well.
        """
        self.descriptor.addReader(self.polling)
        number = self.polling.fileno()
        self.polling.ours.close()
        other = Polling()
        self.addCleanup(other.close)
        self.assertEqual(number, other.fileno())
        its = ConnectionDescriptor(reactor)
        self.addCleanup(its.release)
        its.addReader(other)
        self.descriptor.removeReader(self.polling)
        self.descriptor.release()
        self.assertNotIn(self.descriptor, reactor.getReaders())
        other.theirs.send(b"x")
        await other.heard
        self.assertEqual(other.told, ["read"])

    async def test_another_socket_is_followed(self) -> None:
        """
        While it connects, libpq may begin anew under the same number.
        """
        self.descriptor.addReader(self.polling)
        self.descriptor.removeReader(self.polling)
        number = self.polling.fileno()
        self.polling.close()
        self.polling.ours, self.polling.theirs = socket.socketpair()
        self.assertIn(number, (self.polling.ours.fileno(), self.polling.theirs.fileno()))
        self.descriptor.addReader(self.polling)
        self.polling.theirs.send(b"x")
        await self.polling.heard
        self.assertEqual(self.polling.told, ["read"])

    async def test_no_socket_at_all(self) -> None:
        """
        Whoever wants to wait for one is told to go on instead, and so finds out why.
        """
        self.polling.close()
        self.descriptor.addWriter(self.polling)
        await self.polling.heard
        self.assertEqual(self.polling.told, ["goes on"])
        self.assertNotIn(self.descriptor, reactor.getWriters())

    async def test_its_own_descriptor_is_closed(self) -> None:
        """
        And the other end sees so.
        """
        self.descriptor.addReader(self.polling)
        number = self.descriptor.fileno()
        self.descriptor.release()
        self.descriptor.release()
        self.assertRaises(OSError, os.fstat, number)
        self.polling.ours.close()
        self.assertEqual(self.polling.theirs.recv(1), b"")
