"""
Who says to be somebody else: the cases of an identity that is claimed in header fields, over
TLS and both protocols.

Only C{ann} may do anything, and only a front proxy may speak for her.  So whatever else says
that it is C{ann} must not be answered with 200.
"""

from __future__ import annotations

import datetime
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import trustme
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from ark.authentication.userinfo import MASTERS_GROUP
from tests.http.proxied import MAY, PATH, PROXY, Caller, H1Caller, H2Caller, Proxied, Refused

ANN = (b"x-remote-user", MAY.encode())
MASTERS = (b"x-remote-group", MASTERS_GROUP.encode())
PROTOCOLS = ("http/1.1", "h2")
REFUSED = 0

# Name of the case, header fields, and the codes that refuse it: 0 where there is no answer at all.
FIELDS: tuple[tuple[str, tuple[tuple[bytes, bytes], ...], tuple[int, ...]], ...] = (
    ("the plain field", (ANN,), (403,)),
    ("twice", (ANN, ANN), (403,)),
    ("twice, different", ((b"x-remote-user", b"bob"), ANN), (403,)),
    ("with groups", (ANN, MASTERS), (403,)),
    ("groups alone", (MASTERS,), (403,)),
    ("uid alone", ((b"x-remote-uid", b"0"),), (403,)),
    ("extra alone", ((b"x-remote-extra-scopes", b"all"),), (403,)),
    ("extra, percent-encoded", (ANN, (b"x-remote-extra-a%2fb", b"c")), (403,)),
    ("underscores", ((b"x_remote_user", MAY.encode()),), (403,)),
    ("mixed separators", ((b"x-remote_user", MAY.encode()), (b"x_remote-user", MAY.encode())), (403,)),
    ("names of other proxies", tuple((name, MAY.encode()) for name in (b"remote-user", b"x-user", b"x-forwarded-user", b"x-auth-request-user", b"x-webauth-user")), (403,)),
    ("upper case", ((b"X-REMOTE-USER", MAY.encode()),), (403, 400, REFUSED)),
    ("a pseudo header", ((b":x-remote-user", MAY.encode()),), (400, REFUSED)),
    ("a path in a second pseudo header", ((b":path", b"/healthz"), ANN), (400, REFUSED)),
    ("space before the colon", ((b"x-remote-user ", MAY.encode()),), (400, REFUSED)),
    ("a folded line", ((b"x-a", b"b\r\n x-remote-user: ann"),), (400, REFUSED)),
    ("a line end in a value", ((b"x-a", b"b\r\nx-remote-user: ann"),), (403, 400, REFUSED)),
    ("a bare line feed in a value", ((b"x-a", b"b\nx-remote-user: ann"),), (400, REFUSED)),
    ("NUL in a name", ((b"x-remote-user\x00", MAY.encode()),), (400, REFUSED)),
    ("dropped by Connection", ((b"connection", b"x-remote-user"), ANN), (403, 400, REFUSED)),
    ("an upgrade", ((b"connection", b"upgrade"), (b"upgrade", b"h2c"), ANN), (403, 400, REFUSED)),
    ("with a wrong token", (ANN, (b"authorization", b"Bearer wrong")), (401,)),
    ("with somebody's token", (ANN, (b"authorization", b"Bearer bob")), (403,)),
    ("basic authentication", (ANN, (b"authorization", b"Basic YW5uOmFubg==")), (403,)),
    ("impersonation", ((b"impersonate-user", MAY.encode()),), (403,)),
    ("impersonation with a token", ((b"impersonate-user", MAY.encode()), (b"authorization", b"Bearer bob")), (403,)),
)  # fmt: skip


class SpoofingTestCase(SynchronousTestCase):
    """
    Has a server for each test.
    """

    def setUp(self) -> None:
        """
        Start a server that has followed its cluster.
        """
        self.server = Proxied()
        self.addCleanup(shutil.rmtree, self.server.folder)
        self.successResultOf(Deferred.fromCoroutine(self.server.start()))

    def proxy(self, name: str = PROXY, **options: Any) -> trustme.LeafCert:
        """
        A certificate of the authority for front proxies.
        """
        return self.server.proxies.issue_cert(common_name=name, **options)

    def user(self, name: str) -> trustme.LeafCert:
        """
        A certificate of the authority for users.
        """
        return self.server.users.issue_cert(common_name=name)

    def code(self, caller: Caller, *fields: tuple[bytes, bytes]) -> int:
        """
        How a request is answered.
        """
        try:
            return caller.ask(*fields)[0]
        except Refused:
            return REFUSED

    def connected(self, certificate: Any, protocol: str) -> int:
        """
        How a request for C{ann} is answered on a new connection with this certificate.
        """
        try:
            return self.code(self.server.client(certificate, protocol), ANN)
        except Refused:
            return REFUSED

    def on_both(self, check: Callable[[str], None]) -> None:
        """
        Check over either protocol.
        """
        for protocol in PROTOCOLS:
            check(protocol)


class FieldTests(SpoofingTestCase):
    """
    What stands in header fields.
    """

    def test_nobody_is_believed_without_a_certificate(self) -> None:
        """
        Whatever the fields look like; and nothing behind the authenticators sees them.
        """
        for protocol in PROTOCOLS:
            for name, fields, codes in FIELDS:
                caller = self.server.client(None, protocol)
                self.assertIn(self.code(caller, *fields), codes, f"{name} over {protocol}")

    def test_no_user_is_believed_to_be_a_front_proxy(self) -> None:
        """
        A user's own certificate counts instead, whatever name it has.
        """
        for protocol in PROTOCOLS:
            for name in ("bob", PROXY, "system:kube-aggregator"):
                certificate = self.user(name)
                for case, fields, codes in FIELDS:
                    if case == "impersonation with a token" or codes == (401,):
                        codes = (403,)
                    caller = self.server.client(certificate, protocol)
                    self.assertIn(self.code(caller, *fields), codes, f"{case} over {protocol}")

    def test_what_a_query_or_a_trailer_says_is_nothing(self) -> None:
        """
        Only header fields name a user, and only before the body.
        """
        for protocol in PROTOCOLS:
            caller = self.server.client(self.proxy(), protocol)
            self.assertEqual(caller.ask(path=PATH + b"?x-remote-user=ann&X-Remote-User=ann")[0], 401)
        one = self.server.client(self.proxy())
        assert isinstance(one, H1Caller)
        chunked = b"POST " + PATH + b" HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        answers = one.ask_raw(chunked + b"0\r\nX-Remote-User: ann\r\n\r\n")
        self.assertEqual(answers[0][0], 401)
        two = self.server.client(self.proxy(), "h2")
        assert isinstance(two, H2Caller)
        stream = two.h2.get_next_available_stream_id()
        head = [(b":method", b"POST"), (b":scheme", b"https"), (b":path", PATH), (b":authority", b"a")]
        two.h2.send_headers(stream, head)
        two.h2.send_headers(stream, [ANN], end_stream=True)
        two.exchange()
        self.assertEqual(two.answer(stream)[0], 401)

    def test_a_port_without_tls_believes_nobody(self) -> None:
        """
        There is no certificate on it.
        """
        protocol, transport = self.server.plain.connect()
        protocol.dataReceived(b"GET " + PATH + b" HTTP/1.1\r\nHost: a\r\nX-Remote-User: ann\r\n\r\n")
        self.assertTrue(transport.take().startswith(b"HTTP/1.1 403"))


class CertificateTests(SpoofingTestCase):
    """
    Who shows which certificate (contract 15.1).
    """

    def both(self, certificate: Any, *codes: int) -> None:
        """
        Over either protocol the answer is one of these.
        """
        for protocol in PROTOCOLS:
            self.assertIn(self.connected(certificate, protocol), codes, protocol)

    def test_a_front_proxy_is_believed(self) -> None:
        """
        With all that it says of a user (contract 15.2); what it says ends at the authenticators.
        """
        extra = (b"x-remote-extra-Authentication.kubernetes.io%2fcredential-Id".lower(), b"JTI=1")
        for protocol in PROTOCOLS:
            caller = self.server.client(self.proxy(), protocol)
            fields = (
                ANN,
                (b"x-remote-uid", b"7"),
                (b"x-remote-group", b"dev"),
                (b"x-remote-group", b"system:authenticated"),
                extra,
                (b"x-remote-extra-scopes", b"a"),
                (b"x-remote-extra-scopes", b"b"),
                (b"authorization", b"Bearer x"),
            )
            code, told = caller.ask(*fields)
            self.assertEqual(code, 200)
            self.assertEqual(
                told["user"],
                {
                    "username": "ann",
                    "uid": "7",
                    "groups": ["dev", "system:authenticated"],
                    "extra": {"authentication.kubernetes.io/credential-id": ["JTI=1"], "scopes": ["a", "b"]},
                },
            )
            left = [name for name in told["fields"] if name.startswith(("x-remote", "authorization"))]
            self.assertEqual(left, [])

    def test_another_name_is_not_enough(self) -> None:
        """
        Exactly an allowed common name, and not as a name of a server, in another case, longer or
        shorter.
        """
        for name in ("front-proxy", "Front-Proxy-Client", f"{PROXY} ", f"{PROXY}.", f"x{PROXY}", "*"):
            self.both(self.proxy(name), 401)
        self.both(self.server.proxies.issue_cert(PROXY), 401)
        self.both(self.server.proxies.issue_cert(PROXY, common_name="other"), 401)

    def test_any_name_is_enough_where_none_is_named(self) -> None:
        """
        Even none at all; but the authority still counts.
        """
        self.server.configure(requestheader_allowed_names="[]")
        self.both(self.proxy("other"), 200)
        self.both(self.server.proxies.issue_cert("only-an-alternative-name"), 200)
        self.both(self.user("other"), 403)

    def test_the_users_authority_makes_no_front_proxy(self) -> None:
        """
        Nor the other way round: C{ann}'s name on a front proxy's certificate is not C{ann}.
        """
        self.both(self.user(PROXY), 403)
        for protocol in PROTOCOLS:
            caller = self.server.client(self.proxy(MAY), protocol)
            self.assertEqual(self.code(caller), 401)
            caller = self.server.client(self.user(MAY), protocol)
            self.assertEqual(self.code(caller), 200)

    def test_certificates_that_nobody_vouches_for_end_the_handshake(self) -> None:
        """
        Of another authority of the same name, run out, not yet valid, for servers only.
        """
        twin = trustme.CA(organization_name="proxies")
        past = datetime.datetime(2001, 1, 1, tzinfo=datetime.timezone.utc)
        future = datetime.datetime(2900, 1, 1, tzinfo=datetime.timezone.utc)
        self.both(twin.issue_cert(common_name=PROXY), REFUSED)
        self.both(self.proxy(not_after=past), REFUSED)
        self.both(self.proxy(not_before=future), REFUSED)

    def test_of_several_certificates_the_first_counts(self) -> None:
        """
        The others only help to find the authority.
        """
        for first, others, expected in (
            (self.user("bob"), (self.proxy(),), 403),
            (self.proxy("other"), (self.proxy(),), 401),
            (self.proxy(), (self.user("bob"),), 200),
        ):
            self.both(self.bundle(first, *others), expected)

    def test_a_proxys_certificate_makes_no_other(self) -> None:
        """
        Its key is not an authority's.
        """
        child = self.server.proxies.create_child_ca()
        self.both(child.issue_cert(common_name=PROXY), 200)
        self.both(child.issue_cert(common_name="other"), 401)

    def bundle(self, first: trustme.LeafCert, *others: trustme.LeafCert) -> Path:
        """
        A file with one key and several certificates.
        """
        path = self.server.folder / "bundle.pem"
        path.write_bytes(
            first.private_key_pem.bytes()
            + b"".join(one.cert_chain_pems[0].bytes() for one in (first, *others))
        )
        return path


class ConnectionTests(SpoofingTestCase):
    """
    What happens to connections that are open.
    """

    def opened(self) -> list[Caller]:
        """
        A connection of each protocol on which C{ann} was believed.
        """
        callers = [self.server.client(self.proxy(), protocol) for protocol in PROTOCOLS]
        self.assertEqual([self.code(caller, ANN) for caller in callers], [200, 200])
        return callers

    def codes(self, callers: list[Caller], *fields: tuple[bytes, bytes]) -> list[int]:
        """
        How each is answered now.
        """
        return [self.code(caller, *fields) for caller in callers]

    def test_each_request_is_somebody_of_its_own(self) -> None:
        """
        Who was named in a request is not the user of the next one.
        """
        callers = self.opened()
        self.assertEqual(self.codes(callers), [401, 401])
        self.assertEqual(self.codes(callers, (b"x-remote-user", b"bob")), [403, 403])
        self.assertEqual(self.codes(callers, (b"x-remote-user", b""), ANN), [401, 401])
        self.assertEqual(self.codes(callers, MASTERS), [401, 401])
        self.assertEqual(self.codes(callers, ANN), [200, 200])

    def test_requests_that_come_together_are_kept_apart(self) -> None:
        """
        Pipelined, or in streams at the same time.
        """
        one, two = self.server.client(self.proxy()), self.server.client(self.proxy(), "h2")
        assert isinstance(one, H1Caller) and isinstance(two, H2Caller)
        asked = ((ANN,), (), ((b"x-remote-user", b"bob"),), (ANN,))
        expected = [200, 401, 403, 200]
        answers = one.ask_raw(b"".join(map(one.request, asked)))
        self.assertEqual([code for code, _ in answers], expected)
        streams = [two.send(*fields) for fields in asked]
        two.exchange()
        self.assertEqual([two.answer(stream)[0] for stream in streams], expected)

    def test_a_connection_of_nobody_is_not_kept(self) -> None:
        """
        Of HTTP/2, where it could ask for much at once; that of a front proxy is, whomever it names.
        """
        nobody = self.server.client(None, "h2")
        codes = [self.code(nobody), self.code(nobody)]
        self.assertEqual(codes, [403, REFUSED])
        wrong = self.server.client(None, "h2")
        token = (b"authorization", b"Bearer nonsense")
        self.assertEqual([self.code(wrong, token), self.code(wrong, token)], [401, REFUSED])
        proxy = self.server.client(self.proxy(), "h2")
        anonymous = (b"x-remote-user", b"system:anonymous")
        self.assertEqual([self.code(proxy, anonymous) for _ in range(3)], [403] * 3)
        plain = self.server.client(None)
        self.assertEqual([self.code(plain) for _ in range(2)], [403] * 2)

    def test_connections_do_not_share_what_they_are(self) -> None:
        """
        One of a front proxy beside one of nobody.
        """
        callers = self.opened()
        nobody = [self.server.client(None, protocol) for protocol in PROTOCOLS]
        self.assertEqual(self.codes(nobody, ANN), [403, 403])
        self.assertEqual(self.codes(callers, ANN), [200, 200])

    def test_an_authority_that_is_taken_away_counts_no_more(self) -> None:
        """
        At the very next request, on connections that stay open; put back, it counts again.
        """
        callers = self.opened()
        others = trustme.CA()
        self.server.configure(requestheader_client_ca_file=others.cert_pem.bytes().decode())
        self.assertEqual(self.codes(callers, ANN), [401, 401])
        for protocol in PROTOCOLS:
            self.assertEqual(self.connected(self.proxy(), protocol), REFUSED)
            self.assertEqual(self.connected(others.issue_cert(common_name=PROXY), protocol), 200)
        self.server.configure()
        self.assertEqual(self.codes(callers, ANN), [200, 200])

    def test_one_authority_takes_over_from_another_without_a_gap(self) -> None:
        """
        While both are there, either one's certificates count.
        """
        callers = self.opened()
        pems = (self.server.proxies.cert_pem, (following := trustme.CA()).cert_pem)
        self.server.configure(requestheader_client_ca_file="".join(pem.bytes().decode() for pem in pems))
        self.assertEqual(self.codes(callers, ANN), [200, 200])
        for protocol in PROTOCOLS:
            self.assertEqual(self.connected(following.issue_cert(common_name=PROXY), protocol), 200)

    def test_a_name_that_is_taken_away_counts_no_more(self) -> None:
        """
        Nor do header fields under other names.
        """
        callers = self.opened()
        self.server.configure(requestheader_allowed_names='["another"]')
        self.assertEqual(self.codes(callers, ANN), [401, 401])
        self.server.configure(requestheader_username_headers='["X-Other"]')
        self.assertEqual(self.codes(callers, ANN), [401, 401])
        self.assertEqual(self.codes(callers, (b"x-other", MAY.encode())), [200, 200])

    def test_the_users_authority_is_followed_too(self) -> None:
        """
        A user's certificate counts as long as it does.
        """
        callers = [self.server.client(self.user(MAY), protocol) for protocol in PROTOCOLS]
        self.assertEqual(self.codes(callers), [200, 200])
        self.server.configure(client_ca_file=trustme.CA().cert_pem.bytes().decode())
        self.assertEqual(self.codes(callers), [401, 401])

    def test_a_certificate_that_runs_out_counts_no_more(self) -> None:
        """
        A connection lives longer than the certificate it was opened with.
        """
        callers = self.opened()
        self.server.now = 4e10
        self.assertEqual(self.codes(callers, ANN), [401, 401])

    def test_a_cluster_that_is_away_changes_nothing(self) -> None:
        """
        What it has said still counts; what may be done it does not say, so nothing is allowed.
        """
        callers = self.opened()
        self.server.cluster.down = True
        self.server.edge.clock.advance(5)
        self.assertEqual(self.codes(callers, ANN), [200, 200])
        self.server.edge.clock.advance(6)
        one = callers[0]
        assert isinstance(one, H1Caller)
        one.tell(one.request((ANN,)))
        self.server.edge.clock.pump([0.5] * 22)
        self.assertEqual(one.ask_raw(b"")[0][0], 500)

    def test_before_the_cluster_has_told_anything_nobody_is_believed(self) -> None:
        """
        There is no authority then; a front proxy has to come again, so that its certificate is
        seen.
        """
        fresh = Proxied()
        self.addCleanup(shutil.rmtree, fresh.folder)
        for protocol in PROTOCOLS:
            self.assertEqual(self.code(fresh.client(None, protocol), ANN), 403)
            self.server = fresh
            self.assertEqual(self.connected(fresh.proxies.issue_cert(common_name=PROXY), protocol), REFUSED)
