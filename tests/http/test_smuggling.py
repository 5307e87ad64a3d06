"""
Requests that two readers could understand in two ways.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.http.edge import Edge

_HOST = b"Host: a\r\n"


def _get(fields: bytes = b"", line: bytes = b"GET / HTTP/1.1") -> bytes:
    return line + b"\r\n" + _HOST + fields + b"\r\n"


def _post(fields: bytes, body: bytes = b"") -> bytes:
    return b"POST / HTTP/1.1\r\n" + _HOST + fields + b"\r\n" + body


_CHUNKED = b"Transfer-Encoding: chunked\r\n"

REFUSED = {
    "length and chunks": _post(b"Content-Length: 4\r\n" + _CHUNKED, b"0\r\n\r\n"),
    "chunks and length": _post(_CHUNKED + b"Content-Length: 4\r\n", b"0\r\n\r\n"),
    "two lengths": _post(b"Content-Length: 4\r\nContent-Length: 5\r\n", b"abcde"),
    "two equal lengths": _post(b"Content-Length: 4\r\nContent-Length: 4\r\n", b"abcd"),
    "list of lengths": _post(b"Content-Length: 4, 4\r\n", b"abcd"),
    "length with plus": _post(b"Content-Length: +4\r\n", b"abcd"),
    "length with minus": _post(b"Content-Length: -4\r\n", b"abcd"),
    "length in hex": _post(b"Content-Length: 0x4\r\n", b"abcd"),
    "length with underscore": _post(b"Content-Length: 1_0\r\n", b"abcdefghij"),
    "length in Arabic digits": _post("Content-Length: ٤\r\n".encode(), b"abcd"),
    "length with space inside": _post(b"Content-Length: 1 0\r\n", b"abcdefghij"),
    "empty length": _post(b"Content-Length:\r\n", b""),
    "length beyond counting": _post(b"Content-Length: 99999999999999999999\r\n", b""),
    "unknown coding": _post(b"Transfer-Encoding: xchunked\r\n", b"0\r\n\r\n"),
    "coding behind chunked": _post(b"Transfer-Encoding: chunked, identity\r\n", b"0\r\n\r\n"),
    "coding before chunked": _post(b"Transfer-Encoding: gzip, chunked\r\n", b"0\r\n\r\n"),
    "two codings": _post(_CHUNKED + b"Transfer-Encoding: identity\r\n", b"0\r\n\r\n"),
    "chunked twice": _post(_CHUNKED + _CHUNKED, b"0\r\n\r\n"),
    "identity": _post(b"Transfer-Encoding: identity\r\n", b""),
    "identity and length": _post(b"Transfer-Encoding: identity\r\nContent-Length: 4\r\n", b"abcd"),
    "coding with vertical tab": _post(b"Transfer-Encoding: \x0bchunked\r\n", b"0\r\n\r\n"),
    "coding in HTTP/1.0": b"POST / HTTP/1.0\r\n" + _CHUNKED + b"\r\n0\r\n\r\n",
    "space before colon": _get(b"X-A : 1\r\n"),
    "space before coding's colon": _post(b"Transfer-Encoding : chunked\r\n", b"0\r\n\r\n"),
    "vertical tab in value": _get(b"X-A: a\x0bb\r\n"),
    "NUL in value": _get(b"X-A: a\x00b\r\n"),
    "bare CR in value": _get(b"X-A: a\rb\r\n"),
    "bare LF in value": _get(b"X-A: a\nX-B: b\r\n"),
    "bare LF everywhere": b"GET / HTTP/1.1\nHost: a\n\n",
    "NUL in name": _get(b"X\x00A: 1\r\n"),
    "space in name": _get(b"X A: 1\r\n"),
    "empty name": _get(b": 1\r\n"),
    "no colon": _get(b"X-A\r\n"),
    "folded with space": _get(b"X-A: 1\r\n 2\r\n"),
    "folded with tab": _get(b"X-A: 1\r\n\t2\r\n"),
    "folded first field": b"GET / HTTP/1.1\r\n X-A: 1\r\n" + _HOST + b"\r\n",
    "no Host": b"GET / HTTP/1.1\r\n\r\n",
    "two Hosts": _get(b"Host: b\r\n"),
    "bad Host": b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
    "Host with path": b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",
    "other host in target": _get(line=b"GET http://b/ HTTP/1.1"),
    "user in target": _get(line=b"GET http://u@a/ HTTP/1.1"),
    "other scheme": _get(line=b"GET ftp://a/ HTTP/1.1"),
    "authority form": b"CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n",
    "asterisk form": _get(line=b"OPTIONS * HTTP/1.1"),
    "relative target": _get(line=b"GET x HTTP/1.1"),
    "fragment": _get(line=b"GET /#x HTTP/1.1"),
    "space in target": _get(line=b"GET /a b HTTP/1.1"),
    "ten thousand segments": _get(line=b"GET " + b"/%20" * 10_001 + b" HTTP/1.1"),
    "ten thousand parameters": _get(line=b"GET /?a" + b"&b" * 10_000 + b" HTTP/1.1"),
    "raw bytes in target": _get(line="GET /ä HTTP/1.1".encode()),
    "HTTP/0.9": b"GET /\r\n\r\n",
    "HTTP/1.2": _get(line=b"GET / HTTP/1.2"),
    "HTTP/2.0": _get(line=b"GET / HTTP/2.0"),
    "HTTP/01.1": _get(line=b"GET / HTTP/01.1"),
    "lower-case version": _get(line=b"GET / http/1.1"),
    "bad method": _get(line=b"G(T / HTTP/1.1"),
    "no method": _get(line=b" / HTTP/1.1"),
    "two spaces": _get(line=b"GET  / HTTP/1.1"),
    "tab for space": _get(line=b"GET\t/ HTTP/1.1"),
    "space behind version": _get(line=b"GET / HTTP/1.1 "),
    "line end before request": b"\r\n" + _get(),
    "501 fields": _get(b"".join(b"X-%d: 1\r\n" % number for number in range(501))),
    "preface of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
}

BROKEN_BODIES = {
    "size in hex with prefix": b"0x4\r\nabcd\r\n0\r\n\r\n",
    "size with plus": b"+4\r\nabcd\r\n0\r\n\r\n",
    "size with underscore": b"1_0\r\nabcd\r\n0\r\n\r\n",
    "size with space": b" 4\r\nabcd\r\n0\r\n\r\n",
    "size ends in LF": b"4\nabcd\r\n0\r\n\r\n",
    "extension with LF": b"4;a\nb\r\nabcd\r\n0\r\n\r\n",
    "extension without end": b"4;" + b"a" * 300,
    "no size": b"\r\nabcd\r\n0\r\n\r\n",
    "negative size": b"-4\r\nabcd\r\n0\r\n\r\n",
    "size beyond counting": b"FFFFFFFFFFFFFFFFF\r\nabcd\r\n0\r\n\r\n",
    "chunk longer than its size": b"3\r\nabcd\r\n0\r\n\r\n",
    "chunk ends in LF": b"4\r\nabcd\n0\r\n\r\n",
    "trailer that is none": b"0\r\nx y\r\n\r\n",
}


class SmugglingTests(SynchronousTestCase):
    """
    Nothing that is not framed for certain gets an answer, or lets a second request through.
    """

    _SECOND = b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"

    def _send(self, data: bytes) -> tuple[Edge, bytes]:
        edge = Edge()
        protocol, transport = edge.connect()
        protocol.dataReceived(data)
        protocol.dataReceived(self._SECOND)
        edge.clock.pump([1.0] * 4)
        self.assertTrue(transport.closed)
        return edge, transport.written

    def test_ambiguous_heads_are_refused(self) -> None:
        """
        Each gets one refusal, no handler sees it, and the connection closes.
        """
        for name, data in REFUSED.items():
            edge, answer = self._send(data)
            code = answer.split(b" ")[1] if answer else b""
            self.assertIn(code, (b"400", b"431", b"505"), name)
            self.assertEqual(edge.handler.requests, [], name)
            self.assertEqual(answer.count(b"HTTP/1.1 "), 1, name)
            self.assertIn(b"Connection: close\r\n", answer, name)

    def test_ambiguous_heads_are_refused_byte_by_byte(self) -> None:
        """
        The same when each byte arrives alone.
        """
        for name, data in REFUSED.items():
            if len(data) > 1000:
                continue
            edge = Edge()
            protocol, transport = edge.connect()
            for index in range(len(data)):
                protocol.dataReceived(data[index : index + 1])
            self.assertEqual(edge.handler.requests, [], name)
            self.assertIn(transport.written[9:12], (b"400", b"431", b"505"), name)

    def test_broken_chunks_are_refused(self) -> None:
        """
        The handler that reads the body gets 400; nothing after it is taken for a request.
        """
        for name, body in BROKEN_BODIES.items():
            edge = Edge()
            edge.handler.answer = edge.handler.echo
            protocol, transport = edge.connect()
            protocol.dataReceived(_post(_CHUNKED, body))
            protocol.dataReceived(self._SECOND)
            edge.clock.pump([1.0] * 4)
            self.assertEqual(transport.written[9:12], b"400", name)
            self.assertEqual(len(edge.handler.requests), 1, name)
            self.assertTrue(transport.closed, name)

    def test_fields_of_groups_are_not_counted(self) -> None:
        """
        A front proxy sends one field for each group, and users have many groups.
        """
        edge = Edge()
        protocol, transport = edge.connect()
        groups = b"".join(b"X-Remote-Group: team-%d\r\n" % number for number in range(2000))
        protocol.dataReceived(_get(groups))
        self.assertEqual(transport.written[9:12], b"200")
        self.assertEqual(len(edge.handler.requests[0].header_values(b"x-remote-group")), 2000)

    def test_forms_that_only_one_reading_has_are_accepted(self) -> None:
        """
        Strictness must not cost what clients really send.
        """
        accepted = {
            "HTTP/1.0": b"GET / HTTP/1.0\r\n\r\n",
            "absolute form": _get(line=b"GET http://a/ HTTP/1.1"),
            "no space behind colon": _get(b"X-A:1\r\n"),
            "empty value": _get(b"X-A:\r\n"),
            "bytes in value": _get("X-A: ä\r\n".encode()),
            "upgrade is ignored": _get(b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"),
            "quotes in query": _get(line=b'GET /?labelSelector=a="b" HTTP/1.1'),
            "long target": _get(line=b"GET /" + b"a" * 500_000 + b"?b=" + b"c" * 500_000 + b" HTTP/1.1"),
            "many parameters": _get(line=b"GET /?a" + b"&b" * 9_000 + b" HTTP/1.1"),
            "many spaces": _get(b"X-A: a" + b" " * 100000 + b"b" + b" " * 100000 + b"\r\n"),
        }
        for name, data in accepted.items():
            edge = Edge()
            protocol, transport = edge.connect()
            protocol.dataReceived(data)
            self.assertEqual(transport.written[9:12], b"200", name)
            self.assertNotIn(b"101", transport.written[:20], name)
