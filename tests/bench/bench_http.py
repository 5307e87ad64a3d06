"""
CPU of the HTTP edge: C{python -m tests.bench.bench_http [--tls]}.

Both ends are in memory and only the calls into the server are timed, so that the figures
are what a request costs the server above the socket.
"""

from __future__ import annotations

import gc
import os
import ssl
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

import trustme
from jh2._hazmat import Encoder
from OpenSSL import SSL
from twisted.internet.address import IPv4Address
from twisted.internet.protocol import Factory
from twisted.internet.ssl import CertificateOptions, PrivateCertificate
from twisted.internet.task import Clock
from twisted.protocols.tls import TLSMemoryBIOFactory

from ark.http.h1 import HTTP1Connection
from ark.http.h2 import HTTP2Connection
from ark.http.h2frames import DATA, END_HEADERS, END_STREAM, HEADERS, PREFACE, frame, settings, window_update
from ark.http.limits import Limits
from ark.http.request import ClientConnection, Request
from ark.http.site import Site
from ark.http.tls import TLSContext, TLSFiles

_BODY = b'{"kind":"Query","spec":{"input":"' + b"a" * 2013 + b'"}}'
_HEADERS = [
    (b"audit-id", b"0a1b2c3d-0000-1111-2222-333344445555"),
    (b"cache-control", b"no-cache, private"),
    (b"content-type", b"application/json"),
]
_PATH = b"/apis/ark.mckinsey.com/v1alpha1/namespaces/default/queries/q-%d"
_IN_FLIGHT = 32
_ROUNDS = 1500


class Sink:
    """
    A transport that counts what is written.
    """

    disconnecting = False

    def __init__(self) -> None:
        self.data: list[bytes] = []
        self.producer: Any = None

    def write(self, data: bytes) -> None:
        self.data.append(data)

    def writeSequence(self, data: Any) -> None:
        self.data.extend(data)

    def take(self) -> bytes:
        data = b"".join(self.data)
        self.data.clear()
        return data

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        self.producer = producer

    def unregisterProducer(self) -> None:
        self.producer = None

    def getHost(self) -> Any:
        return IPv4Address("TCP", "127.0.0.1", 6443)

    getPeer = getHost

    def pauseProducing(self) -> None:
        pass

    def resumeProducing(self) -> None:
        pass

    def loseConnection(self) -> None:
        pass

    abortConnection = loseConnection


async def _dispatch(request: Request) -> None:
    if request.method == "POST":
        await request.read_body()
    request.respond(200, _HEADERS, _BODY)


class _Timer:
    """
    Keeps the time of each round, so that a round that was disturbed does not count.
    """

    def __init__(self) -> None:
        self.rounds: list[float] = []
        self._round = 0.0

    def __call__(self, call: Callable[..., Any], *arguments: Any) -> None:
        before = time.perf_counter()
        call(*arguments)
        self._round += time.perf_counter() - before

    def finish(self) -> None:
        self.rounds.append(self._round)
        self._round = 0.0

    def microseconds(self) -> float:
        """
        The lower quartile.
        """
        return sorted(self.rounds)[len(self.rounds) // 4] * 1e6


def _site(tls: TLSContext | None = None) -> Site:
    return Site(_dispatch, Limits(), Clock(), tls)


def _h1_rounds(method: bytes, together: int) -> list[bytes]:
    body = _BODY if method == b"POST" else b""
    head = (
        b"%b " + _PATH + b" HTTP/1.1\r\nHost: 127.0.0.1:6443\r\nUser-Agent: kubectl/v1.36.3 (linux/amd64)\r\n"
        b"Accept: application/json\r\nContent-Length: %d\r\nAuthorization: Bearer abcdefghijklmnop\r\n"
        b"Accept-Encoding: gzip\r\n\r\n"
    )
    return [
        b"".join([head % (method, number, len(body)) + body for number in range(together)])
        for _ in range(_ROUNDS)
    ]


def _h2_rounds(method: bytes, together: int) -> list[bytes]:
    encoder = Encoder()
    body = _BODY if method == b"POST" else b""
    rounds = []
    stream = 1
    for _ in range(_ROUNDS):
        frames = [window_update(0, together * len(_BODY))]
        for number in range(together):
            fields = [
                (b":method", method, False),
                (b":scheme", b"https", False),
                (b":path", _PATH % number, True),
                (b":authority", b"127.0.0.1:6443", False),
                (b"user-agent", b"kubectl/v1.36.3 (linux/amd64)", False),
                (b"accept", b"application/json", False),
                (b"authorization", b"Bearer abcdefghijklmnop", False),
                (b"accept-encoding", b"gzip", False),
            ]
            if body:
                fields.append((b"content-length", b"%d" % len(body), False))
            flags = END_HEADERS | (0 if body else END_STREAM)
            frames.append(frame(HEADERS, flags, stream, encoder.encode(fields)))
            if body:
                frames.append(frame(DATA, END_STREAM, stream, body))
            stream += 2
        rounds.append(b"".join(frames))
    return rounds


def _plain(protocol: str, method: bytes, together: int) -> float:
    site = _site()
    client = ClientConnection("127.0.0.1", 1)
    connection = HTTP2Connection(site, client) if protocol == "h2" else HTTP1Connection(site, client)
    sink = Sink()
    connection.makeConnection(sink)
    if protocol == "h2":
        connection.dataReceived(PREFACE + settings({}))
    timer = _Timer()
    expected = 0
    for data in (_h2_rounds if protocol == "h2" else _h1_rounds)(method, together):
        timer(connection.dataReceived, data)
        timer.finish()
        expected += len(sink.take()) >= together * len(_BODY)
    assert expected == _ROUNDS, expected
    return timer.microseconds() / together


class _Client:
    """
    The client's end of TLS in memory.
    """

    def __init__(self, authority: str) -> None:
        self._context = ssl.create_default_context(cafile=authority)

    def connect(self, protocol: Any, sink: Sink, timer: _Timer, alpn: str = "h2") -> None:
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._context.set_alpn_protocols([alpn])
        self.tls = self._context.wrap_bio(self.incoming, self.outgoing, server_hostname="localhost")
        while True:
            try:
                self.tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                timer(protocol.dataReceived, self.outgoing.read())
                self.incoming.write(sink.take())
        if self.outgoing.pending:
            timer(protocol.dataReceived, self.outgoing.read())

    def encrypt(self, data: bytes) -> bytes:
        view = memoryview(data)
        while len(view):
            view = view[self.tls.write(view) :]
        return self.outgoing.read()


class _Files:
    def __init__(self) -> None:
        authority = trustme.CA()
        issued = authority.issue_cert("localhost")
        self.folder = tempfile.mkdtemp()
        self.certificate = os.path.join(self.folder, "tls.crt")
        self.key = os.path.join(self.folder, "tls.key")
        self.authority = os.path.join(self.folder, "ca.crt")
        issued.cert_chain_pems[0].write_to_path(self.certificate)
        issued.private_key_pem.write_to_path(self.key)
        authority.cert_pem.write_to_path(self.authority)

    def context(self) -> TLSContext:
        return TLSContext(TLSFiles(self.certificate, self.key, (self.authority,)))

    def twisted(self) -> Any:
        with open(self.certificate) as certificate, open(self.key) as key:
            pair = PrivateCertificate.loadPEM(certificate.read() + key.read())
        return CertificateOptions(
            privateKey=pair.privateKey.original,
            certificate=pair.original,
            acceptableProtocols=[b"h2", b"http/1.1"],
        )


class _Plain(Factory):
    """
    Serves our connections behind Twisted's TLS.
    """

    acceptableProtocols = (b"h2", b"http/1.1")

    def __init__(self, protocol: str) -> None:
        self._site = _site()
        self._h2 = protocol == "h2"

    def buildProtocol(self, addr: Any) -> Any:
        client = ClientConnection("127.0.0.1", 1)
        client.secure = True
        return HTTP2Connection(self._site, client) if self._h2 else HTTP1Connection(self._site, client)


class _BarePyOpenSSL:
    """
    As lean a transport on pyOpenSSL as L{ark.http.tlstransport} is on C{ssl}.
    """

    def __init__(self, context: Any, http: Any) -> None:
        self._tls = SSL.Connection(context, None)
        self._tls.set_accept_state()
        self._http = http
        self._up = False

    def makeConnection(self, transport: Any) -> None:
        self.transport = transport

    def dataReceived(self, data: bytes) -> None:
        self._tls.bio_write(data)
        if not self._up:
            try:
                self._tls.do_handshake()
                self._up = True
            except SSL.WantReadError:
                pass
            self._send()
            if not self._up:
                return
            self._http.makeConnection(self)
        pieces = []
        try:
            while True:
                pieces.append(self._tls.recv(65536))
        except SSL.WantReadError:
            pass
        if pieces:
            self._http.dataReceived(b"".join(pieces))

    def write(self, data: bytes) -> None:
        view = memoryview(data)
        while len(view):
            view = view[self._tls.send(view[:16384]) :]
        self._send()

    def _send(self) -> None:
        try:
            while True:
                self.transport.write(self._tls.bio_read(65536))
        except SSL.WantReadError:
            pass

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        pass

    def getHost(self) -> Any:
        return self.transport.getHost()


def _server(kind: str, files: _Files, protocol: str) -> Callable[[], Any]:
    if kind == "ssl":
        site = _site(files.context())
        return lambda: site.buildProtocol(IPv4Address("TCP", "127.0.0.1", 1))
    plain = _Plain(protocol)
    options = files.twisted()
    if kind == "bare":
        context = options.getContext()
        context.set_alpn_select_callback(
            lambda connection, offered: protocol.encode().replace(b"h1", b"http/1.1")
        )
        return lambda: _BarePyOpenSSL(context, plain.buildProtocol(None))
    factory = TLSMemoryBIOFactory(options, False, plain, Clock())
    return lambda: factory.buildProtocol(IPv4Address("TCP", "127.0.0.1", 1))


def _settle(connection: Any) -> None:
    # Twisted's TLS writes at the end of the reactor's turn.
    aggregator = getattr(connection, "_aggregator", None)
    if aggregator is not None:
        aggregator.flush()


def _over_tls(kind: str, protocol: str, method: bytes, together: int, files: _Files) -> float:
    client = _Client(files.authority)
    connection = _server(kind, files, protocol)()
    sink = Sink()
    connection.makeConnection(sink)
    client.connect(connection, sink, _Timer(), "h2" if protocol == "h2" else "http/1.1")
    if protocol == "h2":
        connection.dataReceived(client.encrypt(PREFACE + settings({})))
    _settle(connection)
    timer = _Timer()
    answered = 0
    for data in (_h2_rounds if protocol == "h2" else _h1_rounds)(method, together):
        sealed = client.encrypt(data)
        timer(connection.dataReceived, sealed)
        timer(_settle, connection)
        timer.finish()
        answered += len(sink.take()) >= together * len(_BODY)
    assert answered >= _ROUNDS - 1, answered
    return timer.microseconds() / together


def _handshakes(kind: str, files: _Files, count: int = 300) -> float:
    client = _Client(files.authority)
    make = _server(kind, files, "h2")
    timer = _Timer()
    for _ in range(count):
        connection = make()
        sink = Sink()
        connection.makeConnection(sink)
        client.connect(connection, sink, timer)
        timer.finish()
    return timer.microseconds()


def _resident() -> int:
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _idle_memory(kind: str, files: _Files, count: int = 1500) -> float:
    client = _Client(files.authority)
    make = _server(kind, files, "h2")
    kept = []
    for number in range(count + 100):
        if number == 100:
            gc.collect()
            before = _resident()
        connection = make()
        sink = Sink()
        connection.makeConnection(sink)
        client.connect(connection, sink, _Timer())
        connection.dataReceived(client.encrypt(PREFACE + settings({})))
        sink.take()
        kept.append(connection)
    gc.collect()
    return (_resident() - before) / count / 1024


def _fan_out(kind: str, files: _Files, watchers: int = 1000, turns: int = 30) -> float:
    """
    One event of 2 KiB a turn to many connections in HTTP/1.1.
    """
    client = _Client(files.authority)
    make = _server(kind, files, "h1")
    pairs = []
    streams: list[Any] = []

    async def watch(request: Request) -> None:
        streams.append(request.start_stream(200, _HEADERS))

    for _ in range(watchers):
        connection = make()
        sink = Sink()
        connection.makeConnection(sink)
        client.connect(connection, sink, _Timer(), "http/1.1")
        http = getattr(connection, "_http", None) or connection.wrappedProtocol
        http.site.dispatch = watch
        connection.dataReceived(client.encrypt(b"GET /w HTTP/1.1\r\nHost: a\r\n\r\n"))
        pairs.append((connection, http, sink))
    event = b"e" * 2048
    timer = _Timer()

    def turn() -> None:
        for stream in streams:
            stream.write(event)
        for connection, http, sink in pairs:
            http.flush()
            _settle(connection)
            sink.data.clear()

    for _ in range(turns):
        timer(turn)
        timer.finish()
    return timer.microseconds() / watchers


def _in_child(measure: Callable[[], float]) -> float:
    """
    Measure memory in a process that has not used and freed any before.
    """
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        os.write(writer, b"%.2f" % measure())
        os._exit(0)
    os.waitpid(child, 0)
    return float(os.read(reader, 100))


def main() -> None:
    """
    Print the table.
    """
    files = _Files()
    kinds = ("ssl", "bare", "twisted") if "--tls" in sys.argv else ("ssl",)
    for kind in kinds:
        print(f"{kind:8} idle connection: {_in_child(lambda kind=kind: _idle_memory(kind, files)):6.1f} KiB")
    print("microseconds of CPU, 2 KiB, in memory")
    shapes = [("h2", _IN_FLIGHT), ("h2", 1), ("h1", 1)]
    for protocol, together in shapes:
        for method in (b"GET", b"POST"):
            costs = [f"plain {_plain(protocol, method, together):5.1f}"]
            costs += [f"{kind} {_over_tls(kind, protocol, method, together, files):5.1f}" for kind in kinds]
            print(f"  {protocol} {method.decode():4} {together:2} a read:", "  ".join(costs))
    for kind in kinds:
        print(f"  {kind:8} handshake: {_handshakes(kind, files):6.1f}")
        print(f"  {kind:8} fan-out, an event and connection: {_fan_out(kind, files):6.2f}")


if __name__ == "__main__":
    main()
