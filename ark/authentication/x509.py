"""
Users who show a client certificate.

Follows C{k8s.io/apiserver/pkg/authentication/request/x509} (C{CommonNameUserConversion}).
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from math import inf
from typing import Any, NamedTuple

from cryptography.x509 import Certificate, Name, NameOID, ObjectIdentifier, load_der_x509_certificate
from zope.interface import implementer

from ark.authentication.trust import PeerVerifier, Trust
from ark.authentication.userinfo import CREDENTIAL_ID, UserInfo, authenticated
from ark.interfaces import IAuthenticator, IRemembersUsers
from ark.meta.status import unauthorized

_UID = ObjectIdentifier("1.3.6.1.4.1.57683.2")
_STATE = "ark.authentication.x509"
_BELIEVED = "ark.authentication.x509.believed"


class _Identity(NamedTuple):
    user: UserInfo | None
    valid_until: float


class _Believed(NamedTuple):
    """
    Whom a connection's certificate names, as long as C{trust} counts and from C{since} to C{until}.
    """

    trust: Trust | None
    since: float
    until: float
    user: UserInfo


@implementer(IAuthenticator, IRemembersUsers)
class X509Authenticator:
    """
    The common name is the user, the organisations are the groups.

    The edge has verified the certificate against all authorities before it shows it.  Who it
    names is found out once a connection; that it has not run out since, and that its
    authority still counts, is checked at every request.

    @param now: the time of day, in seconds since the epoch.
    @param trust: the authorities that vouch for users now, or L{None} while there are none;
        leave it out where those of the edge vouch for nobody else.
    """

    def __init__(self, now: Callable[[], float], trust: Callable[[], Trust | None] | None = None) -> None:
        self._now = now
        self._trust = trust or (lambda: None)
        self._verifier = None if trust is None else PeerVerifier("x509", trust, now)

    def remembered(self, request: Any) -> UserInfo | None:
        """
        The user whom the certificate named before, if it would again.
        """
        believed: _Believed | None = request.connection.state.get(_BELIEVED)
        if believed is not None:
            trust, since, until, user = believed
            if trust is self._trust() and since <= self._now() <= until:
                return user
        return None

    async def authenticate(self, request: Any) -> UserInfo | None:
        """
        The user that the connection's certificate names.

        @return: L{None} without a certificate, or when it has no common name.
        @raise APIStatus: 401, the certificate has run out, or is not for users.
        """
        connection = request.connection
        trust, since, until = None, 0.0, inf
        if self._verifier is not None:
            known = self._verifier.verdict(connection)
            if known is None:
                return None
            if not known[1].holds(self._now()):
                raise unauthorized()
            trust, (since, until, _) = known
        identity = connection.state.get(_STATE)
        if identity is None:
            identity = _identity(connection.peer_certificate_der)
            connection.state[_STATE] = identity
        user: UserInfo | None = identity.user
        if user is not None:
            if self._now() > identity.valid_until:
                raise unauthorized()
            connection.state[_BELIEVED] = _Believed(trust, since, min(until, identity.valid_until), user)
        return user


def _identity(der: bytes | None) -> _Identity:
    if der is None:
        return _Identity(None, 0.0)
    certificate = load_der_x509_certificate(der)
    user = user_of(certificate, der)
    return _Identity(user, certificate.not_valid_after_utc.timestamp())


def common_name(certificate: Certificate) -> str:
    """
    The last common name of a certificate's subject; empty when it has none.
    """
    names = _texts(certificate.subject, NameOID.COMMON_NAME)
    return names[-1] if names else ""


def user_of(certificate: Certificate, der: bytes) -> UserInfo | None:
    """
    The user that a certificate names, L{None} when it has no common name.

    @raise ark.meta.status.APIStatus: 401, it has more than one uid, or an empty one.
    """
    subject = certificate.subject
    name = common_name(certificate)
    if not name:
        return None
    uids = _texts(subject, _UID)
    if len(uids) > 1 or uids == [""]:
        raise unauthorized()
    return authenticated(
        UserInfo(
            name,
            uids[0] if uids else "",
            tuple(_texts(subject, NameOID.ORGANIZATION_NAME)),
            ((CREDENTIAL_ID, (f"X509SHA256={sha256(der).hexdigest()}",)),),
        )
    )


def _texts(subject: Name, oid: ObjectIdentifier) -> list[str]:
    return [str(attribute.value) for attribute in subject.get_attributes_for_oid(oid)]
