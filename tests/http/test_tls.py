"""
L{ark.http.tls} and L{ark.http.tlstransport}
"""

from __future__ import annotations

import datetime
import os
import ssl
from typing import Any

import trustme
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from ark.http.tls import TLSContext, TLSFiles
from tests.http.edge import Edge, MemoryTransport, disconnect

_GET = b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n"


class _Peer:
    """
    The client's end of TLS, in memory.
    """

    def __init__(self, edge: Edge, context: ssl.SSLContext) -> None:
        self.protocol, self.transport = edge.connect()
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_hostname="localhost")

    def handshake(self) -> None:
        while True:
            try:
                self.tls.do_handshake()
            except ssl.SSLWantReadError:
                self.carry()
            else:
                self.carry()
                return

    def carry(self) -> None:
        """
        Carry bytes both ways.
        """
        if self.outgoing.pending:
            self.protocol.dataReceived(self.outgoing.read())
        said = self.transport.take()
        if said:
            self.incoming.write(said)

    def ask(self, data: bytes = _GET) -> bytes:
        self.tls.write(data)
        self.carry()
        return self.read()

    def read(self) -> bytes:
        pieces = []
        try:
            while piece := self.tls.read(65536):
                pieces.append(piece)
        except ssl.SSLWantReadError:
            pass
        return b"".join(pieces)


class TLSTests(SynchronousTestCase):
    """
    Handshakes, certificates and the end.
    """

    def setUp(self) -> None:
        self.authority = trustme.CA()
        self.folder = self.mktemp()
        os.mkdir(self.folder)
        self._write(self.authority.issue_cert("localhost"))
        self.authority.cert_pem.write_to_path(self._path("ca.crt"))
        self.context = TLSContext(
            TLSFiles(self._path("tls.crt"), self._path("tls.key"), (self._path("ca.crt"),))
        )
        self.edge = Edge(tls=self.context)

    def _path(self, name: str) -> str:
        return os.path.join(self.folder, name)

    def _write(self, issued: Any) -> None:
        issued.cert_chain_pems[0].write_to_path(self._path("tls.crt"))
        issued.private_key_pem.write_to_path(self._path("tls.key"))

    def _client(self, *alpn: str) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self._path("ca.crt"))
        if alpn:
            context.set_alpn_protocols(list(alpn))
        return context

    def _connect(self, context: ssl.SSLContext | None = None) -> _Peer:
        peer = _Peer(self.edge, context or self._client())
        peer.handshake()
        return peer

    def test_alpn_chooses_the_protocol(self) -> None:
        """
        HTTP/2 when offered, HTTP/1.1 otherwise and without ALPN.
        """
        for offered, chosen in ((("h2", "http/1.1"), "h2"), (("http/1.1",), "http/1.1"), ((), None)):
            peer = self._connect(self._client(*offered))
            self.assertEqual(peer.tls.selected_alpn_protocol(), chosen)
            if chosen == "h2":
                self.assertEqual(peer.read()[3:4], b"\x04")
            else:
                self.assertTrue(peer.ask().endswith(b"/x"))
                self.assertTrue(self.edge.handler.requests[-1].connection.secure)

    def test_old_versions_are_refused(self) -> None:
        """
        TLS 1.2 at least.
        """
        context = self._client()
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        self.assertEqual(self._connect(context).tls.version(), "TLSv1.2")
        self.assertEqual(self._connect().tls.version(), "TLSv1.3")
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
        context.set_ciphers("DEFAULT@SECLEVEL=0")
        self._assert_refused(context)
        self.flushWarnings()

    def test_no_tickets(self) -> None:
        """
        A session that is resumed would outlive an authority that was taken away.
        """
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context = self._client()
            context.maximum_version = version
            peer = self._connect(context)
            peer.ask()
            session = peer.tls.session
            self.assertFalse(session is not None and session.has_ticket)

    def test_client_needs_no_certificate(self) -> None:
        """
        Tokens are an identity too.
        """
        self._connect().ask()
        connection = self.edge.handler.requests[0].connection
        self.assertIsNone(connection.peer_certificate_der)
        self.assertEqual(connection.peer_chain_der, ())

    def test_verified_certificate_is_shown(self) -> None:
        """
        With the chain up to the authority that vouches for it.
        """
        issued = self.authority.issue_cert("me@example.com", common_name="me")
        context = self._client()
        issued.configure_cert(context)
        self._connect(context).ask()
        connection = self.edge.handler.requests[0].connection
        leaf = ssl.PEM_cert_to_DER_cert(issued.cert_chain_pems[0].bytes().decode())
        root = ssl.PEM_cert_to_DER_cert(self.authority.cert_pem.bytes().decode())
        self.assertEqual(connection.peer_certificate_der, leaf)
        self.assertEqual(connection.peer_chain_der, (leaf, root))

    def _assert_refused(self, context: ssl.SSLContext) -> None:
        peer = _Peer(self.edge, context)
        try:
            peer.handshake()
            peer.ask()
        except ssl.SSLError:
            peer.carry()
        self.assertTrue(peer.transport.closed)
        self.assertEqual(self.edge.handler.requests, [])

    def test_certificate_of_a_stranger_is_refused(self) -> None:
        """
        In the handshake: no request is read.
        """
        context = self._client()
        trustme.CA().issue_cert("me@example.com").configure_cert(context)
        self._assert_refused(context)

    def test_expired_certificate_is_refused(self) -> None:
        """
        Likewise.
        """
        context = self._client()
        past = datetime.datetime(2001, 1, 1, tzinfo=datetime.timezone.utc)
        self.authority.issue_cert("me@example.com", not_after=past).configure_cert(context)
        self._assert_refused(context)

    def test_refused_certificates_are_told_of(self) -> None:
        """
        The log says whose and why, since there is no request that could be seen elsewhere, and not without end.
        """
        context = self._client()
        past = datetime.datetime(2001, 1, 1, tzinfo=datetime.timezone.utc)
        self.authority.issue_cert("me@example.com", not_after=past).configure_cert(context)
        with capturedLogs() as logs:
            for _ in range(30):
                self._assert_refused(context)
        said = [formatEvent(event) for event in logs if "was refused" in formatEvent(event)]
        self.assertEqual(
            said, ["The certificate of a client at 192.0.2.1 was refused: certificate has expired"] * 10
        )

    def test_reload_takes_effect_for_new_connections(self) -> None:
        """
        Those that are up go on.
        """
        before = self._connect()
        old = before.tls.getpeercert(True)
        self._write(self.authority.issue_cert("localhost"))
        self.context.reload()
        after = self._connect()
        self.assertNotEqual(after.tls.getpeercert(True), old)
        self.assertTrue(before.ask().endswith(b"/x"))

    def test_unusable_files_leave_the_old_ones_in_use(self) -> None:
        """
        Half-written or mismatched: the error says so, service goes on.
        """
        with open(self._path("tls.crt"), "wb") as file:
            file.write(trustme.CA().issue_cert("localhost").cert_chain_pems[0].bytes())
        self.assertRaises(OSError, self.context.reload)
        os.remove(self._path("tls.key"))
        self.assertRaises(OSError, self.context.reload)
        self.assertTrue(self._connect().ask().endswith(b"/x"))

    def test_bytes_in_any_pieces(self) -> None:
        """
        Records need not end where a read ends.
        """
        peer = self._connect()
        peer.tls.write(_GET * 3)
        for byte in peer.outgoing.read():
            peer.protocol.dataReceived(bytes((byte,)))
        peer.carry()
        self.assertEqual(peer.read().count(b"\r\n\r\n/x"), 3)

    def test_large_answers_and_bodies(self) -> None:
        """
        Longer than a record both ways.
        """
        self.edge.handler.answer = self.edge.handler.echo
        peer = self._connect()
        body = os.urandom(1000000)
        view = memoryview(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        while len(view):
            view = view[peer.tls.write(view) :]
        peer.carry()
        self.assertTrue(peer.read().endswith(body))

    def test_back_pressure_reaches_the_stream(self) -> None:
        """
        The pause of TCP is the pause of the stream.
        """
        self.edge.handler.answer = self.edge.handler.stream
        peer = self._connect()
        peer.ask()
        stream = self.edge.handler.requests[0]._stream
        assert stream is not None
        peer.transport.room = 10
        stream.write(b"x" * 100000)
        self.assertTrue(stream.paused)
        peer.transport.make_room()
        self.assertFalse(stream.paused)

    def test_close_says_goodbye(self) -> None:
        """
        So that the client can tell the end from a cut.
        """
        peer = self._connect()
        answer = peer.ask(b"GET /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        self.assertTrue(answer.endswith(b"/x"))
        self.assertTrue(peer.transport.closed)
        self.assertEqual(peer.tls.read(10), b"")

    def test_goodbye_of_the_client_ends_the_requests(self) -> None:
        """
        As the end of the TCP connection does.
        """
        self.edge.handler.answer = self.edge.handler.stream
        peer = self._connect()
        peer.ask()
        try:
            peer.tls.unwrap()
        except ssl.SSLWantReadError:
            pass
        peer.carry()
        self.assertTrue(peer.transport.closed)
        disconnect(peer.protocol)
        self.assertTrue(self.edge.handler.requests[0].gone)
        self.assertEqual(self.edge.site.connections, set())

    def test_noise_is_refused(self) -> None:
        """
        Plain HTTP on the port of TLS, and bytes at random.
        """
        for data in (_GET, b"\x16\x03\x01\xff\xff" + b"x" * 100, bytes(1000)):
            protocol, transport = self.edge.connect()
            protocol.dataReceived(data)
            protocol.dataReceived(data)
            self.assertTrue(transport.closed, data[:10])

    def test_http_is_told_that_this_is_https(self) -> None:
        """
        As C{net/http} of Go tells it: in plain text, for a client that cannot read an alert.
        """
        for method in (b"GET", b"POST"):
            protocol, transport = self.edge.connect()
            protocol.dataReceived(method + b" /healthz HTTP/1.1\r\nHost: ark\r\n\r\n")
            head, _, body = transport.take().partition(b"\r\n\r\n")
            self.assertEqual(head, b"HTTP/1.0 400 Bad Request")
            self.assertEqual(body, b"Client sent an HTTP request to an HTTPS server.\n")
            self.assertTrue(transport.closed)

    def test_damaged_record_ends_the_connection(self) -> None:
        """
        Nothing of it is handed on.
        """
        peer = self._connect()
        peer.tls.write(_GET)
        sealed = bytearray(peer.outgoing.read())
        sealed[-1] ^= 1
        peer.protocol.dataReceived(bytes(sealed))
        self.assertTrue(peer.transport.closed)
        self.assertEqual(self.edge.handler.requests, [])

    def test_authorities_come_and_go(self) -> None:
        """
        Those that are told count beside those in files, for new connections, also after the files
        were read again; connections that are up go on.
        """
        other = trustme.CA()
        context = self._client()
        other.issue_cert("me@example.com").configure_cert(context)
        self._assert_refused(context)
        self.context.trust(other.cert_pem.bytes())
        self.context.reload()
        peer = self._connect(context)
        self.assertTrue(peer.ask().endswith(b"/x"))
        mine = self._client()
        self.authority.issue_cert("me@example.com").configure_cert(mine)
        self.assertTrue(self._connect(mine).ask().endswith(b"/x"))
        self.assertRaises(OSError, self.context.trust, b"nonsense")
        self.assertTrue(self._connect(context).ask().endswith(b"/x"))
        self.context.trust(b"")
        self.assertTrue(peer.ask().endswith(b"/x"))
        self.edge.handler.requests.clear()
        self._assert_refused(context)

    def test_a_certificate_is_asked_for_before_there_is_an_authority(self) -> None:
        """
        Where there will be one: who has none is let in; who has one has to come again, and is
        known then.
        """
        tls = TLSContext(TLSFiles(self._path("tls.crt"), self._path("tls.key")))
        tls.trust(b"")
        self.edge = Edge(tls=tls)
        context = self._client()
        self.authority.issue_cert("me@example.com").configure_cert(context)
        self._assert_refused(context)
        self.assertTrue(self._connect().ask().endswith(b"/x"))
        tls.trust(self.authority.cert_pem.bytes())
        self._connect(context).ask()
        shown = [one.connection.peer_certificate_der is not None for one in self.edge.handler.requests]
        self.assertEqual(shown, [False, True])

    def test_an_authority_need_not_be_a_root(self) -> None:
        """
        As Go has it.
        """
        child = self.authority.create_child_ca()
        tls = TLSContext(TLSFiles(self._path("tls.crt"), self._path("tls.key")))
        tls.trust(child.cert_pem.bytes())
        self.edge = Edge(tls=tls)
        context = self._client()
        child.issue_cert("me@example.com").configure_cert(context)
        self.assertTrue(self._connect(context).ask().endswith(b"/x"))
        context = self._client()
        self.authority.issue_cert("me@example.com").configure_cert(context)
        self.edge.handler.requests.clear()
        self._assert_refused(context)

    def test_dribbling_handshake_is_cut_off(self) -> None:
        """
        Ten seconds, however steadily bytes come.
        """
        peer = _Peer(self.edge, self._client())
        try:
            peer.tls.do_handshake()
        except ssl.SSLWantReadError:
            pass
        hello = peer.outgoing.read()
        for second in range(12):
            if not peer.transport.closed:
                peer.protocol.dataReceived(hello[second : second + 1])
            self.edge.clock.advance(1.0)
        self.assertTrue(peer.transport.aborted)

    def test_drain_and_abort_before_the_handshake(self) -> None:
        """
        There is nothing to wait for.
        """
        protocol, transport = self.edge.connect()
        self.edge.site.stop(60)
        self.assertTrue(transport.aborted)
        self.assertIsInstance(transport, MemoryTransport)
        disconnect(protocol)
