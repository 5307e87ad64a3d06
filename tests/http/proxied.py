"""
A server that believes front proxies, and clients of both protocols that talk TLS to it in memory.
"""

from __future__ import annotations

import ssl
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
import trustme
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import ConnectionTerminated, DataReceived, ResponseReceived, StreamReset
from h2.exceptions import ProtocolError

from ark.authentication.anonymous import AnonymousAuthenticator
from ark.authentication.requestheader import RequestHeaderAuthenticator
from ark.authentication.settings import NAME, NAMESPACE, AuthenticationSettings
from ark.authentication.tokenreview import TokenReviewAuthenticator
from ark.authentication.union import UnionAuthenticator
from ark.authentication.x509 import X509Authenticator
from ark.authorization.alwaysallowed import AlwaysAllowedAuthorizer
from ark.authorization.subjectaccess import SubjectAccessAuthorizer
from ark.authorization.union import UnionAuthorizer
from ark.cluster.memory import MemoryCluster
from ark.endpoints.requestinfo import RequestInfo, parse
from ark.http.chain import Chain
from ark.http.inflight import Deadlines, InFlight
from ark.http.request import Request
from ark.http.tls import TLSContext, TLSFiles
from tests.http.edge import Edge

NOW = 1_800_000_000.0
PATH = b"/apis/ark.mckinsey.com/v1alpha1/namespaces/default/queries/q"
PROXY = "front-proxy-client"
MAY = "ann"
Fields = Sequence[tuple[bytes, bytes]]


class Telling:
    """
    Answers who asked, and which header fields came as far as the handler.
    """

    def info_of(self, request: Any) -> RequestInfo:
        """
        What the path says.
        """
        return parse(request.method, request.path)

    async def handle(self, request: Request, info: RequestInfo) -> None:
        """
        Answer.
        """
        body = await request.read_body()
        names = sorted(
            {name.decode() for name, _ in request.raw_headers} | {n.decode() for n in request.headers}
        )
        told = {"user": request.user.to_dict(), "fields": names, "body": body.decode()}
        request.respond(200, [(b"content-type", b"application/json")], orjson.dumps(told))

    def observe_request(self, request: Any, info: RequestInfo, code: int, seconds: float) -> None:
        """
        Nobody counts.
        """


class Proxied:
    """
    The server, its cluster, and who may have a certificate.

    Only C{ann} may do anything.  The token C{bob} is that user's.

    @ivar now: the time of day; certificates are valid from 2000 to 3000 unless made otherwise.
    """

    def __init__(self) -> None:
        self.now = NOW
        self.proxies, self.users = trustme.CA(organization_name="proxies"), trustme.CA()
        self.folder = Path(tempfile.mkdtemp())
        serving = trustme.CA()
        issued = serving.issue_cert("localhost")
        issued.cert_chain_pems[0].write_to_path(str(self.folder / "tls.crt"))
        issued.private_key_pem.write_to_path(str(self.folder / "tls.key"))
        serving.cert_pem.write_to_path(str(self.folder / "ca.crt"))
        self.tls = TLSContext(TLSFiles(str(self.folder / "tls.crt"), str(self.folder / "tls.key")))
        self.edge = Edge(tls=self.tls)
        self.plain = Edge()
        self.cluster = MemoryCluster(self.edge.clock)
        self._answer_reviews()
        self.settings = AuthenticationSettings(self.cluster, self._trust)
        self._trust()
        self.configure()
        self.edge.handler.answer = self.plain.handler.answer = self._chain().dispatch

    def _answer_reviews(self) -> None:
        def access(review: Any) -> dict[str, Any]:
            return {"status": {"allowed": review["spec"]["user"] == MAY}}

        def token(review: Any) -> dict[str, Any]:
            if review["spec"]["token"] == "bob":
                return {"status": {"authenticated": True, "user": {"username": "bob"}}}
            return {"status": {"authenticated": False, "error": "invalid bearer token"}}

        self.cluster.answer("/apis/authorization.k8s.io/v1/subjectaccessreviews", access)
        self.cluster.answer("/apis/authentication.k8s.io/v1/tokenreviews", token)

    def _chain(self) -> Chain:
        clock, telling = self.edge.clock, Telling()
        authenticators = (
            RequestHeaderAuthenticator(lambda: self.settings.proxy, lambda: self.now),
            X509Authenticator(lambda: self.now, lambda: self.settings.clients),
            TokenReviewAuthenticator(self.cluster, clock),
        )
        access = UnionAuthorizer((AlwaysAllowedAuthorizer(), SubjectAccessAuthorizer(self.cluster, clock)))
        union: Any = UnionAuthenticator(authenticators, AnonymousAuthenticator())
        return Chain(telling, union, access, InFlight(0, 0), Deadlines(clock, 60.0), telling)

    def _trust(self) -> None:
        self.tls.trust(self.settings.authorities)

    async def start(self) -> None:
        """
        Follow the cluster.
        """
        await self.settings.start()

    def configure(self, **changes: str) -> None:
        """
        Put the ConfigMap into the cluster; underscores in keys stand for hyphens.
        """
        data = {
            "client-ca-file": self.users.cert_pem.bytes().decode(),
            "requestheader-client-ca-file": self.proxies.cert_pem.bytes().decode(),
            "requestheader-allowed-names": f'["{PROXY}"]',
            "requestheader-username-headers": '["X-Remote-User"]',
            "requestheader-uid-headers": '["X-Remote-Uid"]',
            "requestheader-group-headers": '["X-Remote-Group"]',
            "requestheader-extra-headers-prefix": '["X-Remote-Extra-"]',
            **{key.replace("_", "-"): value for key, value in changes.items()},
        }
        metadata = {"name": NAME, "namespace": NAMESPACE}
        self.cluster.put(f"/api/v1/namespaces/{NAMESPACE}/configmaps", {"metadata": metadata, "data": data})

    def client(self, certificate: Any = None, protocol: str = "http/1.1") -> Caller:
        """
        A client that has done its handshake.

        @param certificate: a C{trustme.LeafCert}, or the path of a PEM file with certificates and key.
        """
        context = ssl.create_default_context(cafile=str(self.folder / "ca.crt"))
        context.set_alpn_protocols([protocol])
        if isinstance(certificate, Path):
            context.load_cert_chain(certificate)
        elif certificate is not None:
            certificate.configure_cert(context)
        return (H2Caller if protocol == "h2" else H1Caller)(self.edge, context)


class Refused(Exception):
    """
    The server did not take a connection, or a request, and said so by its protocol.
    """


class Caller:
    """
    The client's end of TLS.
    """

    def __init__(self, edge: Edge, context: ssl.SSLContext) -> None:
        self.edge = edge
        self.protocol, self.transport = edge.connect()
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname="localhost")
        while True:
            try:
                self._tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                self._carry()
            except ssl.SSLError as error:
                raise Refused(str(error)) from None
        self._carry()
        self.greet()

    def greet(self) -> None:
        """
        Begin to speak.
        """

    def _carry(self) -> None:
        if self._outgoing.pending:
            self.protocol.dataReceived(self._outgoing.read())
        self.edge.clock.advance(0)
        said = self.transport.take()
        if said:
            self._incoming.write(said)

    def tell(self, data: bytes) -> bytes:
        """
        Send, and return what was answered.

        @raise Refused: the server has closed the connection by TLS.
        """
        try:
            if data:
                self._tls.write(data)
            self._carry()
            pieces = []
            while piece := self._tls.read(65536):
                pieces.append(piece)
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as error:
            raise Refused(str(error)) from None
        return b"".join(pieces)

    def ask(self, *fields: tuple[bytes, bytes], path: bytes = PATH) -> tuple[int, Any]:
        """
        Make a request; the code, and the body of the answer as JSON.

        @raise Refused: there is no answer.
        """
        raise NotImplementedError


def _answers(data: bytes) -> list[tuple[int, Any]]:
    found = []
    while data:
        head, _, rest = data.partition(b"\r\n\r\n")
        lines = head.split(b"\r\n")
        fields = dict(line.lower().split(b": ", 1) for line in lines[1:])
        length = int(fields[b"content-length"])
        body, data = rest[:length], rest[length:]
        is_json = fields.get(b"content-type", b"").startswith(b"application/json")
        found.append((int(lines[0].split()[1]), orjson.loads(body) if is_json else body))
    return found


class H1Caller(Caller):
    """
    Speaks HTTP/1.1.
    """

    def request(self, fields: Fields, path: bytes = PATH) -> bytes:
        """
        A request as it is sent.
        """
        lines = b"".join(name + b": " + value + b"\r\n" for name, value in fields)
        return b"GET " + path + b" HTTP/1.1\r\nHost: a\r\n" + lines + b"\r\n"

    def ask(self, *fields: tuple[bytes, bytes], path: bytes = PATH) -> tuple[int, Any]:
        """
        See L{Caller.ask}.
        """
        return self.ask_raw(self.request(fields, path))[0]

    def ask_raw(self, data: bytes) -> list[tuple[int, Any]]:
        """
        Send bytes as they are, and return all answers.
        """
        answers = _answers(self.tell(data))
        if not answers:
            raise Refused("no answer")
        return answers


class H2Caller(Caller):
    """
    Speaks HTTP/2, also in ways that a good client would not.
    """

    def greet(self) -> None:
        """
        Begin to speak.
        """
        configuration = H2Configuration(
            client_side=True,
            header_encoding=None,
            validate_outbound_headers=False,
            normalize_outbound_headers=False,
        )
        self.h2 = H2Connection(configuration)
        self.h2.initiate_connection()
        self.codes: dict[int, int] = {}
        self.bodies: dict[int, bytes] = {}
        self.refused: set[int] = set()
        self.exchange()

    def exchange(self) -> None:
        """
        Carry bytes both ways until there are none.
        """
        while True:
            mine = self.h2.data_to_send()
            said = self.tell(mine)
            if said:
                for event in self.h2.receive_data(said):
                    self._note(event)
            elif not mine:
                return

    def _note(self, event: Any) -> None:
        if isinstance(event, ResponseReceived):
            self.codes[event.stream_id] = int(dict(event.headers)[b":status"])
        elif isinstance(event, DataReceived):
            self.bodies[event.stream_id] = self.bodies.get(event.stream_id, b"") + event.data
        elif isinstance(event, StreamReset):
            self.refused.add(event.stream_id)
        elif isinstance(event, ConnectionTerminated) and event.error_code:
            raise Refused("GOAWAY")

    def send(self, *fields: tuple[bytes, bytes], path: bytes = PATH) -> int:
        """
        Open a stream without waiting for the answer.
        """
        stream = self.h2.get_next_available_stream_id()
        pseudo = [(b":method", b"GET"), (b":scheme", b"https"), (b":path", path), (b":authority", b"a")]
        try:
            self.h2.send_headers(stream, [*pseudo, *fields], end_stream=True)
        except ProtocolError as error:
            raise Refused(str(error)) from None
        return stream

    def answer(self, stream: int) -> tuple[int, Any]:
        """
        What came on a stream.
        """
        if stream in self.refused or stream not in self.codes:
            raise Refused("no answer")
        return self.codes[stream], orjson.loads(self.bodies.get(stream) or b"null")

    def ask(self, *fields: tuple[bytes, bytes], path: bytes = PATH) -> tuple[int, Any]:
        """
        See L{Caller.ask}.
        """
        stream = self.send(*fields, path=path)
        self.exchange()
        return self.answer(stream)
