"""
L{ark.authentication.requestheader}
"""

from __future__ import annotations

from typing import Any

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
from ark.interfaces import IAuthenticator

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
