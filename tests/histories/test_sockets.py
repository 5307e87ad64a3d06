"""
Tests for L{tests.histories.sockets}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.histories.sockets import LineReader

_HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


class LineReaderTests(SynchronousTestCase):
    """
    Lines of an answer in chunks.
    """

    def test_however_it_comes(self) -> None:
        """
        Lines are the same wherever chunks begin, and wherever what is received does.
        """
        chunks = (b"one\ntwo\nth", b"ree\n", b"\r\nfour\n", b"")
        text = _HEAD + b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
        for most in range(1, len(text) + 1):
            reader, found = LineReader(), []
            for place in range(0, len(text), most):
                found += reader.feed(text[place : place + most])
            self.assertEqual(found, [b"one", b"two", b"three", b"\r", b"four"])
            self.assertTrue(reader.ended)

    def test_another_answer(self) -> None:
        """
        Its code is what counts.
        """
        reader = LineReader()
        self.assertEqual(reader.feed(b"HTTP/1.1 503 Service Unavailable\r\n\r\n{}"), [])
        self.assertEqual((reader.code, reader.ended), (503, False))
