"""
Whose certificates are believed, for one purpose.

TLS believes every authority of the server, whatever it was given for.  Which of them vouches
for a client decides what the client may be: one for front proxies lets it speak for others,
one for users does not.  So each way to authenticate judges a certificate once more, by the
authorities that are its own, as C{x509.Certificate.Verify} in Go does for kube-apiserver.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timezone
from typing import Any, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID
from OpenSSL.crypto import X509, X509Store, X509StoreContext, X509StoreContextError, X509StoreFlags

from ark.authentication.pki import load_certificates

_FOR_CLIENTS = frozenset((ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE))


class InvalidTrust(ValueError):
    """
    A text is not a list of certificates in PEM.
    """


class Verdict(NamedTuple):
    """
    Whether a certificate is believed.

    @ivar since: from when, seconds since the epoch.
    @ivar until: to when.
    @ivar problem: why not; empty when it is.
    """

    since: float
    until: float
    problem: str = ""

    def holds(self, now: float) -> bool:
        """
        Whether the certificate is believed at this time.
        """
        return not self.problem and self.since <= now <= self.until


class Trust:
    """
    Authorities that vouch for clients.  Never changes, so that a verdict lasts as long as it.

    @ivar pem: the authorities, as TLS is told them.
    """

    def __init__(self, pem: bytes) -> None:
        """
        @raise InvalidTrust: it holds no certificate, or something that is none.
        """
        try:
            authorities = load_certificates(pem)
        except ValueError as error:
            raise InvalidTrust(f"it is not a list of PEM certificates: {error}") from None
        self.pem = b"".join(one.public_bytes(Encoding.PEM) for one in authorities)
        self._authorities = [X509.from_cryptography(one) for one in authorities]

    def verify(self, chain: Sequence[bytes], now: float) -> Verdict:
        """
        Judge a client's certificate.

        Every certificate of the way to an authority must be valid and, where it says what it is
        for, be for clients.  An authority need not be a root.

        @param chain: in DER, the client's certificate first, then any that may be needed.
        """
        try:
            whole = [X509.from_cryptography(x509.load_der_x509_certificate(der)) for der in chain]
            # OpenSSL keeps the first time that a store is told, so each judgement has its own.
            store = X509Store()
            for authority in self._authorities:
                store.add_cert(authority)
            store.set_flags(X509StoreFlags.PARTIAL_CHAIN)
            store.set_time(datetime.fromtimestamp(now, timezone.utc))
            found = X509StoreContext(store, whole[0], whole[1:]).get_verified_chain()
            path = [one.to_cryptography() for one in found]
            return _judged(path)
        except (X509StoreContextError, ValueError) as error:
            return Verdict(0.0, 0.0, str(error) or "it cannot be verified")


def newer(known: Trust | None, found: Trust) -> Trust:
    """
    What was found, unless it is what was known: verdicts last as long as the very same object.
    """
    return known if known is not None and known.pem == found.pem else found


def _judged(path: list[x509.Certificate]) -> Verdict:
    problem = ""
    if not all(map(_is_for_clients, path)):
        problem = "it is not for clients"
    elif not all(map(_may_vouch, path[1:])):
        problem = "one that vouches for it is no authority"
    since = max(one.not_valid_before_utc.timestamp() for one in path)
    until = min(one.not_valid_after_utc.timestamp() for one in path)
    return Verdict(since, until, problem)


def _extension(certificate: x509.Certificate, kind: Any) -> Any:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _is_for_clients(certificate: x509.Certificate) -> bool:
    usages: Iterable[x509.ObjectIdentifier] | None = _extension(certificate, x509.ExtendedKeyUsage)
    return usages is None or not _FOR_CLIENTS.isdisjoint(usages)


def _may_vouch(certificate: x509.Certificate) -> bool:
    constraints: x509.BasicConstraints | None = _extension(certificate, x509.BasicConstraints)
    if constraints is None:
        return certificate.version is x509.Version.v1
    return constraints.ca


class PeerVerifier:
    """
    Judges the certificates of connections, once each as long as the same authorities count.

    @param purpose: tells verdicts for different purposes apart.
    @param trust: whom to believe now; L{None} while nobody is to be believed.
    @param now: the time of day, in seconds since the epoch.
    """

    def __init__(self, purpose: str, trust: Callable[[], Trust | None], now: Callable[[], float]) -> None:
        self._state = f"ark.authentication.trust.{purpose}"
        self._trust = trust
        self._now = now

    def judge(self, connection: Any) -> bool | None:
        """
        Whether the client's certificate is believed at this moment; L{None} when it has none,
        or nobody is to be believed.
        """
        known = self.verdict(connection)
        return None if known is None else known[1].holds(self._now())

    def verdict(self, connection: Any) -> tuple[Trust, Verdict] | None:
        """
        What was found of the client's certificate, and whom that is believed of; L{None} likewise.
        """
        trust = self._trust()
        known: tuple[Trust, Verdict] | None = connection.state.get(self._state)
        if known is not None and known[0] is trust:
            return known
        if trust is None or connection.peer_certificate_der is None:
            return None
        chain = connection.peer_chain_der or (connection.peer_certificate_der,)
        known = connection.state[self._state] = (trust, trust.verify(chain, self._now()))
        return known
