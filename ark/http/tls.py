"""
Certificates of the server, and whose certificates it accepts from clients.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass

_PROTOCOLS = ["h2", "http/1.1"]

# Forward secrecy and authenticated encryption only, as RFC 9113 (9.2.2) asks for TLS 1.2.
_CIPHERS_1_2 = "ECDHE+AESGCM:ECDHE+CHACHA20"


@dataclass(frozen=True)
class TLSFiles:
    """
    Where the certificates are, all PEM.

    @ivar client_authorities: files with the authorities that may vouch for clients, beside
        those that L{TLSContext.trust} is given; without any no client is asked for a
        certificate.
    """

    certificate: str
    private_key: str
    client_authorities: tuple[str, ...] = ()


class TLSContext:
    """
    Makes the TLS state of new connections.

    Clients need not have a certificate.  One that shows a certificate that none of the
    authorities vouches for, or that has expired, is refused in the handshake.  An authority
    need not be a root.

    Sessions are not resumed: a resumed session would outlive an authority that was taken
    away, and saves little.
    """

    def __init__(self, files: TLSFiles) -> None:
        """
        @raise OSError: a file cannot be read; C{ssl.SSLError} is one.
        """
        self._files = files
        self._authorities: str | None = None
        self._context = _make_context(files, None)

    def reload(self) -> None:
        """
        Read the files again.  Connections that are up go on as they are.

        @raise OSError: a file cannot be read, or certificate and key do not belong
            together; the old ones stay in use.
        """
        self._context = _make_context(self._files, self._authorities)

    def trust(self, authorities: bytes) -> None:
        """
        From now on let these vouch for clients too, beside those in files.

        Connections that are up go on as they are: what their certificates are worth is for
        authenticators to judge.  So that none stays without a certificate whose client has one,
        clients are asked for it even while there is nobody to vouch; those that show one are
        refused then.

        @param authorities: PEM; empty for none.
        @raise OSError: it is not PEM; those before stay in use.
        """
        text = authorities.decode("ascii", "replace")
        self._context = _make_context(self._files, text)
        self._authorities = text

    def wrap(self, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO) -> ssl.SSLObject:
        """
        The server's side of a new connection.
        """
        return self._context.wrap_bio(incoming, outgoing, server_side=True)


def _make_context(files: TLSFiles, authorities: str | None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_CIPHERS_1_2)
    context.options |= ssl.OP_NO_TICKET | ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    context.options |= ssl.OP_CIPHER_SERVER_PREFERENCE
    context.num_tickets = 0
    context.set_alpn_protocols(_PROTOCOLS)
    context.load_cert_chain(files.certificate, files.private_key)
    for path in files.client_authorities:
        context.load_verify_locations(path)
    if authorities:
        context.load_verify_locations(cadata=authorities)
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    asks = bool(files.client_authorities) or authorities is not None
    context.verify_mode = ssl.CERT_OPTIONAL if asks else ssl.CERT_NONE
    return context


def verified_chain(tls: ssl.SSLObject) -> tuple[bytes, ...]:
    """
    The client's certificate and those that vouch for it, in DER, the authority last;
    empty when the client has none.
    """
    if tls.getpeercert(True) is None:
        return ()
    public = getattr(tls, "get_verified_chain", None)
    if public is not None:
        return tuple(public())
    # Public only since Python 3.13.
    chain = tls._sslobj.get_verified_chain()  # type: ignore[attr-defined]
    return tuple(certificate.public_bytes(ssl._ssl.ENCODING_DER) for certificate in chain)  # type: ignore[attr-defined]
