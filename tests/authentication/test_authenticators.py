"""
Tests of the ways to find out who asks.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import CertificateBuilder, Name, NameAttribute, NameOID, ObjectIdentifier
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from ark.authentication import pki
from ark.authentication.anonymous import AnonymousAuthenticator
from ark.authentication.tokenfile import InvalidTokenFile, TokenFileAuthenticator, read_token_file
from ark.authentication.trust import Trust
from ark.authentication.union import UnionAuthenticator
from ark.authentication.userinfo import CREDENTIAL_ID, UserInfo
from ark.authentication.x509 import X509Authenticator
from ark.http.request import ClientConnection
from ark.interfaces import IAuthenticator, IRemembersUsers
from ark.meta.status import APIStatus, service_unavailable, unauthorized

NOW = 1_800_000_000.0


class HeaderOnly:
    """
    The part of a request that authenticators see.
    """

    def __init__(self, connection: ClientConnection | None = None, **headers: str) -> None:
        self.connection = connection or ClientConnection()
        self._headers = {name.encode(): value.encode() for name, value in headers.items()}

    def header(self, name: bytes) -> bytes | None:
        """
        As L{ark.http.request.Request.header}.
        """
        return self._headers.get(name)


def connection_of(user: str, *groups: str, made: float = NOW) -> ClientConnection:
    """
    A connection whose client has shown a certificate.
    """
    moment = pki.utc(made)
    pair = pki.make_client(pki.make_authority(moment), user, groups, moment)
    connection = ClientConnection()
    connection.peer_certificate_der = pair.certificate.public_bytes(Encoding.DER)
    return connection


class AuthenticatorTests(SynchronousTestCase):
    """
    Each authenticator on its own, and all of them together.
    """

    def ask(self, authenticator: Any, request: Any) -> UserInfo | None:
        """
        The user of a request.
        """
        found: UserInfo | None = self.successResultOf(authenticator.authenticate(request))
        return found

    def refused(self, authenticator: Any, request: Any) -> None:
        """
        The request is answered with 401.
        """
        failure = self.failureResultOf(authenticator.authenticate(request), APIStatus)
        self.assertEqual((failure.value.code, failure.value.message), (401, "Unauthorized"))

    def test_every_authenticator_provides_the_interface(self) -> None:
        """
        All have the methods that the interface declares.
        """
        for authenticator in (
            AnonymousAuthenticator(),
            TokenFileAuthenticator({}),
            UnionAuthenticator(()),
            X509Authenticator(lambda: NOW),
        ):
            verifyObject(IAuthenticator, authenticator)
        verifyObject(IRemembersUsers, UnionAuthenticator(()))
        verifyObject(IRemembersUsers, X509Authenticator(lambda: NOW))

    def test_common_name_is_the_user_and_organisations_are_groups(self) -> None:
        """
        As Kubernetes reads a client certificate.
        """
        request = HeaderOnly(connection_of("ann", "dev", "ops"))
        user = self.ask(X509Authenticator(lambda: NOW), request)
        assert user is not None
        self.assertEqual((user.name, user.groups), ("ann", ("dev", "ops", "system:authenticated")))
        self.assertEqual(user.extra[0][0], CREDENTIAL_ID)
        self.assertTrue(user.extra[0][1][0].startswith("X509SHA256="))

    def test_certificate_is_read_once_a_connection(self) -> None:
        """
        The second request of a connection gets the very same user.
        """
        request, authenticator = HeaderOnly(connection_of("ann")), X509Authenticator(lambda: NOW)
        first = self.ask(authenticator, request)
        request.connection.peer_certificate_der = None
        self.assertIs(self.ask(authenticator, request), first)

    def test_certificate_has_one_uid_at_most(self) -> None:
        """
        Several, or an empty one, make it useless.
        """
        kind = ObjectIdentifier("1.3.6.1.4.1.57683.2")
        moment = pki.utc(NOW)
        authority = pki.make_authority(moment)
        for uids, refused in (((), False), (("7",), False), (("7", "8"), True)):
            attributes = [NameAttribute(NameOID.COMMON_NAME, "ann")]
            attributes += [NameAttribute(kind, uid) for uid in uids]
            key = ec.generate_private_key(ec.SECP256R1())
            builder = CertificateBuilder().subject_name(Name(attributes)).public_key(key.public_key())
            builder = builder.issuer_name(authority.certificate.subject).serial_number(1)
            builder = builder.not_valid_before(moment).not_valid_after(moment + timedelta(days=1))
            connection = ClientConnection()
            signed = builder.sign(authority.key, hashes.SHA256())
            connection.peer_certificate_der = signed.public_bytes(Encoding.DER)
            request, authenticator = HeaderOnly(connection), X509Authenticator(lambda: NOW)
            if refused:
                self.refused(authenticator, request)
            else:
                user = self.ask(authenticator, request)
                assert user is not None
                self.assertEqual(user.uid, "".join(uids))

    def test_certificate_that_runs_out_ends_the_identity(self) -> None:
        """
        A connection may live longer than the certificate that opened it.
        """
        now = [NOW]
        request, authenticator = HeaderOnly(connection_of("ann")), X509Authenticator(lambda: now[0])
        self.assertIsNotNone(self.ask(authenticator, request))
        now[0] += 366 * 86400
        self.refused(authenticator, request)

    def test_a_connection_is_remembered(self) -> None:
        """
        Its user is the same at once; nobody else's connection is known by it.
        """
        request, authenticator = HeaderOnly(connection_of("ann")), X509Authenticator(lambda: NOW)
        self.assertIsNone(authenticator.remembered(request))
        user = self.ask(authenticator, request)
        self.assertIs(authenticator.remembered(request), user)
        self.assertIs(authenticator.remembered(HeaderOnly(request.connection)), user)
        self.assertIsNone(authenticator.remembered(HeaderOnly()))
        self.assertIsNone(authenticator.remembered(HeaderOnly(connection_of("ann"))))

    def test_nobody_is_remembered_without_a_user(self) -> None:
        """
        Others are asked about whom no certificate names.
        """
        request, authenticator = HeaderOnly(), X509Authenticator(lambda: NOW)
        self.assertIsNone(self.ask(authenticator, request))
        self.assertIsNone(authenticator.remembered(request))

    def test_who_is_remembered_runs_out(self) -> None:
        """
        With the certificate, to the second; and not before the authority was valid.
        """
        now = [NOW]
        moment = pki.utc(NOW)
        authority = pki.make_authority(moment)
        pair = pki.make_client(authority, "ann", (), moment)
        connection = ClientConnection()
        connection.peer_certificate_der = pair.certificate.public_bytes(Encoding.DER)
        ends = pair.certificate.not_valid_after_utc.timestamp()
        begins = authority.certificate.not_valid_before_utc.timestamp()
        trust = Trust(authority.certificate_pem)
        for authenticator in (
            X509Authenticator(lambda: now[0]),
            X509Authenticator(lambda: now[0], lambda: trust),
        ):
            connection.state.clear()
            request, now[0] = HeaderOnly(connection), NOW
            user = self.ask(authenticator, request)
            now[0] = ends
            self.assertIs(authenticator.remembered(request), user)
            now[0] = ends + 1
            self.assertIsNone(authenticator.remembered(request))
            self.refused(authenticator, request)
        now[0] = begins - 1
        self.assertIsNone(authenticator.remembered(request))

    def test_who_is_remembered_goes_with_the_authority(self) -> None:
        """
        Once others vouch for users, or nobody does, the certificate is judged anew.
        """
        moment = pki.utc(NOW)
        authority = pki.make_authority(moment)
        pair = pki.make_client(authority, "ann", (), moment)
        connection = ClientConnection()
        connection.peer_certificate_der = pair.certificate.public_bytes(Encoding.DER)
        first, other = Trust(authority.certificate_pem), Trust(pki.make_authority(moment).certificate_pem)
        trust: list[Trust | None] = [first]
        request, authenticator = HeaderOnly(connection), X509Authenticator(lambda: NOW, lambda: trust[0])
        user = self.ask(authenticator, request)
        self.assertIs(authenticator.remembered(request), user)
        trust[0] = other
        self.assertIsNone(authenticator.remembered(request))
        self.refused(authenticator, request)
        self.assertIsNone(authenticator.remembered(request))
        trust[0] = None
        self.assertIsNone(authenticator.remembered(request))
        self.assertIsNone(self.ask(authenticator, request))
        trust[0] = first
        self.assertIs(self.ask(authenticator, request), user)
        self.assertIs(authenticator.remembered(request), user)

    def test_only_the_first_is_known_without_asking(self) -> None:
        """
        Whoever stands before it must be asked before.
        """
        request, known = HeaderOnly(connection_of("ann")), X509Authenticator(lambda: NOW)
        user = self.ask(known, request)
        tokens = TokenFileAuthenticator({})
        self.assertIs(UnionAuthenticator((known, tokens)).remembered(request), user)
        self.assertIsNone(UnionAuthenticator((tokens, known)).remembered(request))
        self.assertIsNone(UnionAuthenticator(()).remembered(request))

    def test_no_certificate_is_no_opinion(self) -> None:
        """
        So that other authenticators are asked.
        """
        self.assertIsNone(self.ask(X509Authenticator(lambda: NOW), HeaderOnly()))

    def test_known_token_is_its_user(self) -> None:
        """
        Groups come from the file, and the group of all who are known is added.
        """
        users = read_token_file(['s3cret,bob,7,"dev,ops"', "", "other,eve,8"])
        authenticator = TokenFileAuthenticator(users)
        bob = UserInfo("bob", "7", ("dev", "ops", "system:authenticated"))
        for header in ("Bearer s3cret", "bearer s3cret", "Bearer s3cret more"):
            self.assertEqual(self.ask(authenticator, HeaderOnly(authorization=header)), bob)

    def test_unknown_token_is_refused(self) -> None:
        """
        A wrong token is not anonymous (contract 15.3).
        """
        union = UnionAuthenticator((TokenFileAuthenticator({}),), AnonymousAuthenticator())
        self.refused(union, HeaderOnly(authorization="Bearer guess"))

    def test_other_schemes_are_no_opinion(self) -> None:
        """
        Basic authentication, or an empty token, is somebody else's matter.
        """
        for header in ("Basic YTpi", "Bearer", "Bearer ", ""):
            self.assertIsNone(self.ask(TokenFileAuthenticator({}), HeaderOnly(authorization=header)))

    def test_broken_token_files_are_refused(self) -> None:
        """
        Too few columns, an empty token or an empty name; the line is named, the token is not.
        """
        for line in ("canary,bob", ",bob,1", "canary,,1"):
            error = self.assertRaises(InvalidTokenFile, read_token_file, ["t,u,1", line])
            self.assertIn("line 2", str(error))
            self.assertNotIn("canary", str(error))

    def test_first_who_knows_wins(self) -> None:
        """
        A certificate counts before a token, and nobody is anonymous who is known.
        """
        tokens = TokenFileAuthenticator({"t": UserInfo("bob")})
        union = UnionAuthenticator((X509Authenticator(lambda: NOW), tokens), AnonymousAuthenticator())
        both = HeaderOnly(connection_of("ann"), authorization="Bearer t")
        for request, name in (
            (both, "ann"),
            (HeaderOnly(authorization="Bearer t"), "bob"),
            (HeaderOnly(), "system:anonymous"),
        ):
            user = self.ask(union, request)
            assert user is not None
            self.assertEqual(user.name, name)

    def test_wrong_credentials_do_not_hide_right_ones(self) -> None:
        """
        A certificate that is for others to judge, and a good token beside it; but whoever has
        nothing that is right is refused with the worst that was found.
        """

        @implementer(IAuthenticator)
        class Failing:
            def __init__(self, status: APIStatus) -> None:
                self._status = status

            async def authenticate(self, request: Any) -> UserInfo | None:
                raise self._status

        away, wrong = Failing(service_unavailable("away")), Failing(unauthorized())
        tokens = TokenFileAuthenticator({"t": UserInfo("bob")})
        good = UnionAuthenticator((wrong, away, tokens), AnonymousAuthenticator())
        user = self.ask(good, HeaderOnly(authorization="Bearer t"))
        assert user is not None
        self.assertEqual(user.name, "bob")
        for order in ((wrong, away), (away, wrong)):
            union = UnionAuthenticator((*order, tokens), AnonymousAuthenticator())
            failure = self.failureResultOf(union.authenticate(HeaderOnly()), APIStatus)
            self.assertEqual(failure.value.code, 503)

    def test_nobody_is_refused_where_anonymous_access_is_off(self) -> None:
        """
        Without an answer from anybody it is 401.
        """
        self.refused(UnionAuthenticator((TokenFileAuthenticator({}),)), HeaderOnly())

    def test_user_as_json_leaves_empty_members_out(self) -> None:
        """
        The form of C{authentication.k8s.io/v1}.
        """
        user = UserInfo("ann", groups=("dev",), extra=(("k", ("v",)),))
        self.assertEqual(user.to_dict(), {"username": "ann", "groups": ["dev"], "extra": {"k": ["v"]}})
