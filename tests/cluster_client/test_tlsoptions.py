"""
Tests for L{ark.cluster.tlsoptions}.
"""

from __future__ import annotations

import socket
import ssl
from pathlib import Path
from time import time
from typing import Any

from cryptography import x509
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.testing import StringTransport
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase

from ark.authentication.pki import Pair, make_authority, make_client, make_serving, utc
from ark.cluster.tlsoptions import connection_options, tune
from tests.cluster_client.chains import below


class _Client(Protocol):
    lost: Any = None

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]
        self.lost = reason.value


class ConnectionOptionsTests(TestCase):
    """
    A connection is up only with a server that proves who it is.
    """

    def setUp(self) -> None:

        self.now = utc(time())
        self.authority = make_authority(self.now)

    def server(self, pair: Pair, clients: Pair | None = None) -> ssl.SSLContext:
        """
        A server with a certificate, which asks clients for theirs.
        """
        folder = Path(self.mktemp())
        folder.mkdir()
        (folder / "crt").write_bytes(pair.certificate_pem)
        (folder / "key").write_bytes(pair.key_pem)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "crt", folder / "key")
        if clients is not None:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(cadata=clients.certificate_pem.decode())
        return context

    def connect(self, options: Any, server: ssl.SSLContext) -> ssl.SSLObject | None:
        """
        Let both speak until nothing is left to say; the server's side if they agree.
        """
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = server.wrap_bio(incoming, outgoing, server_side=True)
        transport = StringTransport()
        client = TLSMemoryBIOFactory(options, True, Factory.forProtocol(_Client)).buildProtocol(None)
        client.makeConnection(transport)
        agreed = False
        for _ in range(10):
            incoming.write(transport.value())
            transport.clear()
            try:
                if not agreed:
                    tls.do_handshake()
                    agreed = True
                else:
                    tls.read()
            except ssl.SSLWantReadError:
                pass
            except ssl.SSLError:
                return None
            if outgoing.pending:
                client.dataReceived(outgoing.read())
        return tls if agreed and client.wrappedProtocol.lost is None else None

    def test_names(self) -> None:
        """
        The certificate must be for the name, or for the address: one of them does not do for the other.
        """
        server = self.server(make_serving(self.authority, ["kube.example.com", "10.0.0.1"], self.now))
        for name, expected in (
            ("kube.example.com", True),
            ("10.0.0.1", True),
            ("other.example.com", False),
            ("10.0.0.2", False),
            ("fd00::1", False),
        ):
            options = connection_options(name, self.authority.certificate_pem)
            self.assertEqual(self.connect(options, server) is not None, expected, name)

    def test_authorities(self) -> None:
        """
        One of the authorities that are given must have signed it, and no other will do.
        """
        server = self.server(make_serving(self.authority, ["kube"], self.now))
        other = make_authority(self.now)
        both = other.certificate_pem + self.authority.certificate_pem
        for authorities, expected in ((both, True), (other.certificate_pem, False), (None, False)):
            options = connection_options("kube", authorities)
            self.assertEqual(self.connect(options, server) is not None, expected)

    def test_authorities_below_others(self) -> None:
        """
        An authority is trusted by itself, without the one that has signed it.
        """
        between = below(self.authority, self.now)
        server = self.server(make_serving(between, ["kube"], self.now))
        options = connection_options("kube", between.certificate_pem)
        self.assertIsNotNone(self.connect(options, server))

    def test_client_certificates(self) -> None:
        """
        The client shows its certificate, and the chain that leads to an authority.
        """
        serving = make_serving(self.authority, ["kube"], self.now)
        server = self.server(serving, self.authority)
        between = below(self.authority, self.now)
        pair = make_client(between, "jane", (), self.now)
        chain = pair.certificate_pem + between.certificate_pem
        options = connection_options("kube", self.authority.certificate_pem, chain, pair.key_pem)
        tls = self.connect(options, server)
        assert tls is not None
        shown = x509.load_der_x509_certificate(tls.getpeercert(True) or b"")
        self.assertEqual(shown, pair.certificate)
        options = connection_options("kube", self.authority.certificate_pem)
        self.assertIsNone(self.connect(options, server))
        self.assertEqual(self.flushWarnings(), [], "it is shown in a way that is to go")


class TuneTests(TestCase):
    """
    Dead connections are noticed by the kernel.
    """

    def test_keep_alive(self) -> None:
        """
        The kernel asks within seconds whether the other end is there.
        """
        with socket.socket() as unconnected:

            class Transport:
                def setTcpKeepAlive(self, enabled: bool) -> None:
                    unconnected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, enabled)

                def getHandle(self) -> socket.socket:
                    return unconnected

            tune(Transport())
            self.assertTrue(unconnected.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE))
            if hasattr(socket, "TCP_KEEPIDLE"):
                self.assertEqual(unconnected.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE), 15)
