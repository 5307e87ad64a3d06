"""
What a socket takes is sent at once, and nothing ever overtakes what waits.
"""

from __future__ import annotations

from twisted.internet.abstract import FileDescriptor
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IPushProducer
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from ark.http.prompt import prompt_write


class Pipe(FileDescriptor):
    """
    A transport of Twisted's whose socket takes as much as there is room for.
    """

    def __init__(self, reactor: MemoryReactorClock) -> None:
        super().__init__(reactor)  # type: ignore[arg-type]
        self.connected = 1
        self.room = 10
        self.broken = False
        self.taken = b""

    def writeSomeData(self, data: bytes) -> int | BaseException:
        """
        See L{FileDescriptor.writeSomeData}.
        """
        if self.broken:
            return ConnectionLost()
        part = bytes(data[: self.room])
        self.room -= len(part)
        self.taken += part
        return len(part)


@implementer(IPushProducer)
class Producer:
    """
    Notes what it is told.
    """

    def __init__(self) -> None:
        self.told: list[str] = []

    def pauseProducing(self) -> None:
        """
        See L{IPushProducer}.
        """
        self.told.append("pause")

    def resumeProducing(self) -> None:
        """
        See L{IPushProducer}.
        """
        self.told.append("resume")

    def stopProducing(self) -> None:
        """
        See L{IPushProducer}.
        """
        self.told.append("stop")


class PromptWriteTests(SynchronousTestCase):
    """
    Over a pipe of ten bytes.
    """

    def setUp(self) -> None:
        """
        A pipe, and what writes to it.
        """
        self.reactor = MemoryReactorClock()
        self.pipe = Pipe(self.reactor)
        self.write = prompt_write(self.pipe)

    def _is_watched(self) -> bool:
        return self.pipe in self.reactor.getWriters()

    def test_what_is_taken_is_sent_at_once(self) -> None:
        """
        Without a word to the reactor.
        """
        self.write(b"abc")
        self.assertEqual(self.pipe.taken, b"abc")
        self.assertFalse(self._is_watched())

    def test_the_rest_waits_for_room(self) -> None:
        """
        And what is written in the meantime waits behind it, though there should be room by then.
        """
        self.write(b"0123456789abc")
        self.assertTrue(self._is_watched())
        self.pipe.room = 10
        self.write(b"def")
        self.assertEqual(self.pipe.taken, b"0123456789")
        self.pipe.doWrite()
        self.assertEqual(self.pipe.taken, b"0123456789abcdef")
        self.assertFalse(self._is_watched())
        self.write(b"ghi")
        self.assertEqual(self.pipe.taken, b"0123456789abcdefghi")

    def test_what_is_half_sent_is_not_overtaken(self) -> None:
        """
        By anything that is written while the transport itself is in the middle of what waits.
        """
        self.write(b"0123456789abcdef")
        self.pipe.room = 2
        self.pipe.doWrite()
        self.pipe.room = 10
        self.write(b"ghi")
        self.assertEqual(self.pipe.taken, b"0123456789ab")
        self.pipe.doWrite()
        self.assertEqual(self.pipe.taken, b"0123456789abcdefghi")

    def test_the_producer_is_held_back_as_ever(self) -> None:
        """
        When more waits than the transport likes, until it is sent.
        """
        producer = Producer()
        self.pipe.registerProducer(producer, True)
        self.write(b"x" * (self.pipe.bufferSize + 11))
        self.assertEqual(producer.told, ["pause"])
        self.pipe.room = self.pipe.bufferSize + 1
        while self._is_watched():
            self.pipe.doWrite()
        self.assertEqual(producer.told, ["pause", "resume"])

    def test_a_lost_connection_is_found_by_the_transport(self) -> None:
        """
        Which tells the protocol so in its own way.
        """
        self.pipe.broken = True
        self.write(b"abc")
        self.assertTrue(self._is_watched())
        self.assertIsInstance(self.pipe.doWrite(), ConnectionLost)

    def test_nothing_follows_the_end(self) -> None:
        """
        Of what is written to a connection that has ended; what came before its end is sent.
        """
        self.write(b"0123456789abc")
        self.pipe.loseConnection()
        self.pipe.room = 10
        self.assertIsInstance(self.pipe.doWrite(), ConnectionDone)
        self.pipe.connectionLost(None)
        self.write(b"def")
        self.assertEqual(self.pipe.taken, b"0123456789abc")

    def test_other_transports_write_for_themselves(self) -> None:
        """
        Those in memory, and TLS.
        """
        transport = StringTransport()
        prompt_write(transport)(b"abc")
        self.assertEqual(transport.value(), b"abc")
