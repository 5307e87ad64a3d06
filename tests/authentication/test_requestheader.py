"""
L{ark.authentication.requestheader}
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from ark.authentication import pki
from ark.authentication.requestheader import (
    STANDARD_HEADERS,
    FrontProxy,
    RequestHeaderAuthenticator,
    RequestHeaders,
    unescaped,
)
from ark.authentication.trust import Trust
from ark.authentication.userinfo import UserInfo
from ark.http.request import ClientConnection, Request
from ark.interfaces import IAuthenticator, IRemembersUsers
from ark.meta.status import APIStatus

NOW = 1_800_000_000.0
Field = tuple[bytes, bytes]


class HeadersTests(SynchronousTestCase):
    """
    How header fields name a user; those of C{k8s.io/apiserver/pkg/authentication/request/headerrequest}.
    """

    def user(self, *fields: Field, headers: RequestHeaders = STANDARD_HEADERS) -> UserInfo | None:
        """
        The user that these fields name.
        """
        return headers.user(fields)

    def test_without_a_name_there_is_no_user(self) -> None:
        """
        Whatever else is said.
        """
        group = (b"x-remote-group", b"dev")
        self.assertIsNone(self.user())
        self.assertIsNone(self.user(group, (b"x-remote-uid", b"7")))
        self.assertIsNone(self.user(group, (b"x-remote-user", b"")))

    def test_the_first_of_a_name_counts(self) -> None:
        """
        Names are tried in their order, not in that of the fields.
        """
        headers = RequestHeaders.named((" X-First", "x-second "), ("u", "v"), (), ())
        for fields, name in (
            (((b"x-second", b"b"), (b"x-first", b"a"), (b"x-first", b"c")), "a"),
            (((b"x-first", b""), (b"x-first", b"a"), (b"x-second", b"b")), "b"),
        ):
            user = self.user(*fields, (b"v", b"2"), headers=headers)
            assert user is not None
            self.assertEqual((user.name, user.uid), (name, "2"))

    def test_all_groups_count(self) -> None:
        """
        In their order, without empty ones; who is known is in the group of all who are.
        """
        groups = [(b"x-remote-group", value) for value in (b"b", b"", b"a", b"b")]
        user = self.user((b"x-remote-user", b"ann"), *groups)
        self.assertEqual(user, UserInfo("ann", "", ("b", "a", "b", "system:authenticated")))

    def test_nobody_stays_nobody(self) -> None:
        """
        kube-apiserver forwards requests of C{system:anonymous} too.
        """
        fields = ((b"x-remote-user", b"system:anonymous"), (b"x-remote-group", b"system:unauthenticated"))
        self.assertEqual(self.user(*fields), UserInfo("system:anonymous", "", ("system:unauthenticated",)))
        self.assertEqual(self.user(fields[0]), UserInfo("system:anonymous"))

    def test_attributes_are_decoded(self) -> None:
        """
        Percent-encoding in their names only, and only where it is well formed; values come together.
        """
        fields = [
            (b"x-remote-extra-" + name, value)
            for name, value in (
                (b"scopes", b"b"),
                (b"scopes", b""),
                (b"example.org%2fk%c3%bc", b"a%2fb"),
                (b"100%", b"c"),
                (b"%zz", b"d"),
                (b"", b"e"),
            )
        ]
        user = self.user((b"x-remote-user", "käthe".encode()), *fields)
        assert user is not None
        self.assertEqual(user.name, "käthe")
        self.assertEqual(
            dict(user.extra),
            {"scopes": ("b", ""), "example.org/kü": ("a%2fb",), "100%": ("c",), "%zz": ("d",), "": ("e",)},
        )

    def test_escapes_that_are_not_well_formed_stand(self) -> None:
        """
        All of the name then.
        """
        for text, decoded in (("a", "a"), ("%41", "A"), ("%41%", "%41%"), ("%4", "%4"), ("+", "+")):
            self.assertEqual(unescaped(text), decoded)

    def test_names_are_not_empty(self) -> None:
        """
        Every request would have them.
        """
        self.assertRaises(ValueError, RequestHeaders.named, ("a", " "), (), (), ())
        self.assertRaises(ValueError, RequestHeaders.named, (), (), (), ("",))


class TakingTests(SynchronousTestCase):
    """
    What is left of a request.
    """

    def setUp(self) -> None:
        moment = pki.utc(NOW)
        authority = pki.make_authority(moment)
        certificate = pki.make_client(authority, "proxy", (), moment).certificate
        self.connection = ClientConnection()
        self.connection.peer_certificate_der = certificate.public_bytes(pki.serialization.Encoding.DER)
        self.proxy: FrontProxy | None = FrontProxy(Trust(authority.certificate_pem))
        self.authenticator = RequestHeaderAuthenticator(lambda: self.proxy, lambda: NOW)

    def request(self, *fields: Field) -> Request:
        """
        A request.
        """
        exchange: Any = None
        return Request(exchange, self.connection, ("GET", "/", ""), list(fields), dict(reversed(fields)))

    def left(self, *fields: Field) -> list[bytes]:
        """
        The names of the fields that are left of a request.
        """
        request = self.request(*fields)
        self.successResultOf(self.authenticator.authenticate(request))
        names = [name for name, _ in request.raw_headers]
        self.assertEqual(set(names), set(request.headers))
        return names

    def test_it_is_an_authenticator(self) -> None:
        """
        As far as its methods go.
        """
        verifyObject(IAuthenticator, self.authenticator)
        verifyObject(IRemembersUsers, self.authenticator)

    def test_fields_of_front_proxies_are_taken_away(self) -> None:
        """
        Those of the configuration and those that everybody knows, from whomever they come.
        """
        headers = RequestHeaders((b"x-u",), (b"x-i",), (b"x-g",), (b"x-e-",))
        fields = [(name, b"v") for names in (*STANDARD_HEADERS, *headers) for name in names]
        kept = [(b"host", b"a"), (b"x-remote", b"b"), (b"x_remote_user", b"c")]
        for proxy in (self.proxy, None):
            self.proxy = proxy and proxy._replace(headers=headers)
            expected = [name for name, _ in kept]
            own = {name for names in headers for name in names}
            if proxy is None:
                expected += [name for name, _ in fields if name in own]
            self.assertEqual(self.left(*kept, *fields), expected)

    def test_users_are_read_once(self) -> None:
        """
        The same fields give the very same user, and other fields another; however many there were.
        """

        def user(name: bytes) -> UserInfo | None:
            return self.successResultOf(
                self.authenticator.authenticate(self.request((b"x-remote-user", name)))
            )

        first = user(b"ann")
        self.assertIs(user(b"ann"), first)
        for number in range(3000):
            found = user(b"%d" % number)
            assert found is not None
            self.assertEqual(found.name, str(number))
        self.assertEqual(user(b"ann"), first)

    def test_what_is_remembered_is_what_would_be_told(self) -> None:
        """
        Once the connection is known to be a front proxy's: the same user, and the same is left.
        """
        kept = (b"host", b"a")
        for fields in (
            (kept, (b"x-remote-user", b"ann"), (b"x-remote-group", b"dev")),
            ((b"x-remote-user", b"bob"), kept, (b"x-remote-extra-a", b"1")),
            (kept, (b"x-remote-group", b"dev")),
            (kept,),
        ):
            self.connection.state.clear()
            asked = [self.request(*fields) for _ in range(2)]
            told = self.successResultOf(self.authenticator.authenticate(asked[0]))
            self.assertIs(self.authenticator.remembered(asked[1]), told)
            for request in asked:
                self.assertIsNone(self.successResultOf(self.authenticator.authenticate(request)))
                self.assertEqual((request.raw_headers, request.headers), ([kept], dict([kept])))

    def test_nobody_is_remembered_for_another_connection(self) -> None:
        """
        Without a certificate, or with one that is not a front proxy's, as long as it is none.
        """
        fields = ((b"host", b"a"), (b"x-remote-user", b"ann"))
        known = self.connection
        self.assertIsNotNone(self.successResultOf(self.authenticator.authenticate(self.request(*fields))))
        moment = pki.utc(NOW)
        other = pki.make_client(pki.make_authority(moment), "proxy", (), moment).certificate
        stranger = ClientConnection()
        stranger.peer_certificate_der = other.public_bytes(pki.serialization.Encoding.DER)
        for self.connection in (ClientConnection(), stranger):
            request = self.request(*fields)
            self.assertIsNone(self.authenticator.remembered(request))
            self.assertIn((b"x-remote-user", b"ann"), request.raw_headers)
        self.connection = known
        self.assertIsNotNone(self.authenticator.remembered(self.request(*fields)))

    def test_nobody_is_remembered_once_the_configuration_is_another(self) -> None:
        """
        Another authority, other names of front proxies, or none at all.
        """
        fields = ((b"x-remote-user", b"ann"),)
        proxy = self.proxy
        assert proxy is not None
        authority = pki.make_authority(pki.utc(NOW))
        for another in (
            proxy._replace(trust=Trust(authority.certificate_pem)),
            proxy._replace(allowed_names=frozenset(("other",))),
            None,
        ):
            self.proxy = proxy
            self.assertIsNotNone(self.successResultOf(self.authenticator.authenticate(self.request(*fields))))
            self.assertIsNotNone(self.authenticator.remembered(self.request(*fields)))
            self.proxy = another
            self.assertIsNone(self.authenticator.remembered(self.request(*fields)))
            told: list[Any] = []
            Deferred.fromCoroutine(self.authenticator.authenticate(self.request(*fields))).addBoth(
                told.append
            )
            self.assertTrue(told[0] is None or told[0].check(APIStatus))
            self.assertIsNone(self.authenticator.remembered(self.request(*fields)))

    def test_little_is_remembered_of_what_clients_invent(self) -> None:
        """
        Names of header fields are known for so many requests, and none that are long.
        """
        for number in range(2000):
            self.assertEqual(self.left((b"a%d" % number, b""), (b"x-remote-group", b"b")), [b"a%d" % number])
        self.assertEqual(self.left((b"a" * 3000, b""), (b"x-remote-group", b"b")), [b"a" * 3000])
        known = self.authenticator._reading._taken
        self.assertLessEqual(len(known), 512)
        self.assertLess(max(len(repr(names)) for names in known), 100)

    def test_another_configuration_forgets_users(self) -> None:
        """
        What a field means may have changed.
        """
        fields = ((b"x-remote-user", b"ann"), (b"x-remote-group", b"dev"))
        self.successResultOf(self.authenticator.authenticate(self.request(*fields)))
        assert self.proxy is not None
        self.proxy = self.proxy._replace(headers=STANDARD_HEADERS._replace(groups=()))
        user = self.successResultOf(self.authenticator.authenticate(self.request(*fields)))
        self.assertEqual(user, UserInfo("ann", "", ("system:authenticated",)))
