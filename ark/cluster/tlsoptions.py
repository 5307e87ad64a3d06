"""
TLS towards the cluster: whom to trust, under which name, and with which certificate.
"""

from __future__ import annotations

import socket
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from OpenSSL.crypto import X509StoreFlags
from OpenSSL.SSL import Connection
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator
from twisted.internet.ssl import Certificate, optionsForClientTLS, platformTrust, trustRootFromCertificates
from zope.interface import implementer

from ark.cluster.errors import InvalidAccess

_KEEP_ALIVE = (("TCP_KEEPIDLE", 15), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 6), ("TCP_USER_TIMEOUT", 45_000))


@implementer(IOpenSSLClientConnectionCreator)
class _Anchored:
    """
    Trusts each authority by itself, also one that another has signed which is not given: as Go
    does, and as clusters count on whose authority stands below that of a company.
    """

    def __init__(self, options: IOpenSSLClientConnectionCreator) -> None:
        self._options = options

    def clientConnectionForTLS(self, tlsProtocol: Any) -> Connection:
        """
        See L{IOpenSSLClientConnectionCreator.clientConnectionForTLS}.
        """
        connection: Connection = self._options.clientConnectionForTLS(tlsProtocol)
        store = connection.get_context().get_cert_store()
        if store is not None:
            store.set_flags(X509StoreFlags.PARTIAL_CHAIN)
        return connection


def connection_options(
    name: str, authorities: bytes | None, certificate: bytes = b"", key: bytes = b""
) -> IOpenSSLClientConnectionCreator:
    """
    What makes TLS connections to a server that must prove to be C{name}, a DNS name or an IP address.

    @param authorities: PEM; L{None} for those that the machine trusts.
    @param certificate: the client's, and those between it and its authority, PEM; empty for none.
    @raise InvalidAccess: something is no PEM, or certificate and key do not belong together.
    """
    extra = _identity(certificate, key) if certificate else {}
    return _Anchored(optionsForClientTLS(name, _trust_root(authorities), extraCertificateOptions=extra))


def _trust_root(authorities: bytes | None) -> Any:
    if authorities is None:
        return platformTrust()  # type: ignore[no-untyped-call]  # Twisted's, without types
    found = [one.public_bytes(Encoding.PEM) for one in _certificates(authorities, "the authorities")]
    return trustRootFromCertificates([Certificate.loadPEM(one) for one in found])  # type: ignore[no-untyped-call]


def _certificates(data: bytes, what: str) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(data)
    except ValueError:
        raise InvalidAccess(f"{what} cannot be read as certificates in PEM") from None


def _identity(certificate: bytes, key: bytes) -> dict[str, Any]:
    chain = _certificates(certificate, "the client's certificate")
    try:
        private = load_pem_private_key(key, None)
    except (ValueError, TypeError):
        raise InvalidAccess("the client's key cannot be read as one in PEM without a password") from None
    form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if private.public_key().public_bytes(*form) != chain[0].public_key().public_bytes(*form):
        raise InvalidAccess("the client's key does not belong to its certificate")
    own, *between = chain
    return {"privateKey": private, "certificate": own, "extraCertChain": between}


def tune(transport: Any) -> None:
    """
    Have the kernel notice within a minute that the other end of a TCP connection is gone.
    """
    transport.setTcpKeepAlive(True)
    handle = transport.getHandle()
    for option, value in _KEEP_ALIVE:
        number = getattr(socket, option, None)
        if number is not None:
            handle.setsockopt(socket.IPPROTO_TCP, number, value)
