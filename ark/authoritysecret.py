"""
The authority that the replicas of a server share: what a Secret holds of it, and how it is
followed by another without a moment in which somebody trusts the wrong one.

An authority lasts ten years.  When two thirds of them have gone a second one is made, which
everybody is told to trust but which signs nothing.  A day later it takes over.  The first stays
trusted for as long as a certificate that it has signed may be in use.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ark.authentication.pki import (
    BACKDATE,
    LEAF_LIFE,
    BadCertificate,
    Pair,
    due,
    load_certificates,
    make_authority,
)

OVERLAP = timedelta(days=1)
"""
How long before it signs an authority is trusted.
"""

_CERTIFICATE, _KEY, _BUNDLE = "tls.crt", "tls.key", "ca.crt"
_NEXT_CERTIFICATE, _NEXT_KEY = "next.crt", "next.key"


class Authorities(NamedTuple):
    """
    Who signs, who will, and who did.

    @ivar following: is trusted already and signs after L{OVERLAP}.
    @ivar former: still trusted.
    """

    current: Pair
    following: Pair | None = None
    former: tuple[x509.Certificate, ...] = ()

    @property
    def bundle(self) -> bytes:
        """
        All that are trusted, PEM.
        """
        following = () if self.following is None else (self.following.certificate,)
        trusted = (self.current.certificate, *following, *self.former)
        return b"".join(one.public_bytes(Encoding.PEM) for one in trusted)

    def advanced(self, now: datetime) -> Authorities:
        """
        What they should be now; equal to this when nothing has come due.
        """
        if self.current.certificate.not_valid_after_utc <= now:
            # Nobody trusts anything here any more.
            return Authorities(self.following or make_authority(now))
        current, following, former = self
        if following is not None and now >= _made(following.certificate) + OVERLAP:
            current, following, former = following, None, (current.certificate, *former)
        elif following is None and due(current.certificate, now):
            following = make_authority(now)
        forgotten = now >= _made(current.certificate) + OVERLAP + LEAF_LIFE
        kept = () if forgotten else tuple(one for one in former if one.not_valid_after_utc > now)
        return Authorities(current, following, kept)

    def to_data(self) -> dict[str, str | None]:
        """
        The members of a Secret's C{data}; L{None} for those that must not be there.
        """
        following = self.following
        return {
            _CERTIFICATE: _base64(self.current.certificate_pem),
            _KEY: _base64(self.current.key_pem),
            _BUNDLE: _base64(self.bundle),
            _NEXT_CERTIFICATE: None if following is None else _base64(following.certificate_pem),
            _NEXT_KEY: None if following is None else _base64(following.key_pem),
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Authorities | None:
        """
        What a Secret's C{data} has; L{None} when it is empty.

        @raise BadCertificate: it has something else.
        """
        if not any(data.get(name) for name in (_CERTIFICATE, _KEY, _BUNDLE)):
            return None
        current = _pair(data, _CERTIFICATE, _KEY)
        has_next = data.get(_NEXT_CERTIFICATE) or data.get(_NEXT_KEY)
        following = _pair(data, _NEXT_CERTIFICATE, _NEXT_KEY) if has_next else None
        known = [current.certificate, *([following.certificate] if following is not None else [])]
        try:
            bundle = load_certificates(_member(data, _BUNDLE)) if data.get(_BUNDLE) else []
        except ValueError:
            raise BadCertificate(f"its {_BUNDLE} holds no PEM certificates") from None
        return cls(current, following, tuple(one for one in bundle if one not in known))


def _made(certificate: x509.Certificate) -> datetime:
    return certificate.not_valid_before_utc + BACKDATE


def _base64(data: bytes) -> str:
    return b64encode(data).decode()


def _member(data: Mapping[str, Any], name: str) -> bytes:
    try:
        return b64decode(data.get(name) or "", validate=True)
    except (ValueError, TypeError):
        raise BadCertificate(f"its {name} is not base64") from None


def _pair(data: Mapping[str, Any], certificate_name: str, key_name: str) -> Pair:
    try:
        certificate = x509.load_pem_x509_certificate(_member(data, certificate_name))
        key: Any = serialization.load_pem_private_key(_member(data, key_name), None)
    except (ValueError, TypeError):
        what = f"its {certificate_name} and {key_name} are not both readable PEM"
        raise BadCertificate(what) from None
    form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if key.public_key().public_bytes(*form) != certificate.public_key().public_bytes(*form):
        raise BadCertificate(f"its {key_name} is not the key of {certificate_name}")
    if not _signs(certificate):
        raise BadCertificate(f"its {certificate_name} is not the certificate of an authority")
    return Pair(certificate, key)


def _signs(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False
