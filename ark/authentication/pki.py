"""
The certificates that a server makes for itself.

A certificate authority of ten years, and below it a serving certificate and one for the
administrator, a year each.  Those two are made anew when two thirds of their life have
gone, so that a server that is started once in a while never serves a dead one, and when it
has not begun yet, so that none outlives a clock that was wrong; the authority stays, so that
every kubeconfig ever written goes on working.

Several servers of a cluster share an authority that none of them keeps, see
L{ark.servingcertificates}; then only the serving certificate is kept here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta, timezone
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from ark.authentication.userinfo import MASTERS_GROUP
from ark.files import make_private_directory, write_private

ADMINISTRATOR = "ark-admin"
_AUTHORITY_LIFE = timedelta(days=3653)
LEAF_LIFE = timedelta(days=365)
# A client whose clock is a little behind must not refuse a certificate made just now.
BACKDATE = timedelta(minutes=5)
_BEGIN = re.compile(rb"-----BEGIN (?:X509 )?CERTIFICATE-----")
_STANDARD_NAMES = (
    "localhost",
    "127.0.0.1",
    "::1",
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
)


class BadCertificate(Exception):
    """
    A certificate or key in the directory cannot be used.  The message says which.
    """


class Pair(NamedTuple):
    """
    A certificate and its key.
    """

    certificate: x509.Certificate
    key: CertificateIssuerPrivateKeyTypes

    @property
    def certificate_pem(self) -> bytes:
        """
        The certificate in PEM.
        """
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        """
        The key in PEM, not encrypted, in the form that is named after its algorithm.
        """
        # Java's clients take a key in PKCS #8 for one of RSA.
        form = serialization.PrivateFormat.TraditionalOpenSSL
        return self.key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())

    def is_issued_by(self, authority: Pair) -> bool:
        """
        Whether the authority has signed the certificate.
        """
        try:
            self.certificate.verify_directly_issued_by(authority.certificate)
        except (ValueError, TypeError, InvalidSignature):
            return False
        return True


class Authority:
    """
    The directory of made certificates: C{ca}, C{apiserver} and C{admin}, each C{.crt} and C{.key}.

    @ivar directory: where they are kept, with mode 0700; every file has mode 0600.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def certificate_path(self, name: str) -> Path:
        """
        Where the certificate of C{name} is.
        """
        return self.directory / f"{name}.crt"

    def key_path(self, name: str) -> Path:
        """
        Where the key of C{name} is.
        """
        return self.directory / f"{name}.key"

    def ensure_authority(self, now: datetime) -> Pair:
        """
        The authority, made when there is none.

        @raise BadCertificate: there is one, but it is broken or has run out.
        @raise OSError: it cannot be read or written.
        """
        make_private_directory(self.directory)
        found = self._load("ca")
        if found is None:
            return self._store("ca", make_authority(now))
        if found.certificate.not_valid_after_utc <= now:
            raise BadCertificate(f"{self.certificate_path('ca')} has run out")
        return found

    def ensure_serving(self, authority: Pair, names: Iterable[str], now: datetime) -> Pair:
        """
        A serving certificate for the standard names and C{names} that has a third of its life left.

        @raise OSError: it cannot be read or written.
        """
        wanted = dict.fromkeys((*_STANDARD_NAMES, *names))
        found = self._usable("apiserver", authority, now)
        if found is not None and set(wanted) <= set(alternative_names(found.certificate)):
            return found
        return self._store("apiserver", make_serving(authority, list(wanted), now))

    def ensure_administrator(self, authority: Pair, now: datetime) -> Pair:
        """
        The administrator's certificate, with a third of its life left.

        @raise OSError: it cannot be read or written.
        """
        found = self._usable("admin", authority, now)
        return found or self._store("admin", make_client(authority, ADMINISTRATOR, (MASTERS_GROUP,), now))

    def held_serving(self, names: Iterable[str], now: datetime) -> Pair | None:
        """
        The serving certificate that is there, whoever has signed it, if it is valid now and is
        for C{names}.

        @raise OSError: it cannot be read.
        """
        try:
            found = self._load("apiserver")
        except BadCertificate:
            return None
        if found is None or not set(names) <= set(alternative_names(found.certificate)):
            return None
        begin, end = found.certificate.not_valid_before_utc, found.certificate.not_valid_after_utc
        return found if begin <= now < end else None

    def put_serving(self, pair: Pair) -> None:
        """
        Keep another serving certificate.

        @raise OSError: it cannot be written.
        """
        make_private_directory(self.directory)
        self._store("apiserver", pair)

    def _usable(self, name: str, authority: Pair, now: datetime) -> Pair | None:
        try:
            found = self._load(name)
        except (BadCertificate, OSError):
            # Whatever is wrong with a leaf, a new one mends it.
            return None
        if found is None or not found.is_issued_by(authority):
            return None
        early = now < found.certificate.not_valid_before_utc
        return None if early or due(found.certificate, now) else found

    def _load(self, name: str) -> Pair | None:
        certificate_path, key_path = self.certificate_path(name), self.key_path(name)
        if not certificate_path.exists() and not key_path.exists():
            return None
        try:
            certificate = x509.load_pem_x509_certificate(certificate_path.read_bytes())
            key = serialization.load_pem_private_key(key_path.read_bytes(), None)
        except (ValueError, TypeError, FileNotFoundError) as error:
            raise BadCertificate(f"{certificate_path} and {key_path} are not both readable PEM") from error
        if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
            raise BadCertificate(f"{key_path} is not the key of {certificate_path}")
        return Pair(certificate, key)

    def _store(self, name: str, pair: Pair) -> Pair:
        write_private(self.key_path(name), pair.key_pem)
        write_private(self.certificate_path(name), pair.certificate_pem)
        return pair


def load_certificates(pem: bytes) -> list[x509.Certificate]:
    """
    All certificates of a text in PEM.

    @raise ValueError: it has none, or one that is broken or ends in the middle.
    """
    found = x509.load_pem_x509_certificates(pem)
    if len(found) != len(_BEGIN.findall(pem)):
        # What is cut off is passed over in silence; half a list would be taken for a whole one.
        raise ValueError("a certificate ends in the middle")
    return found


def due(certificate: x509.Certificate, now: datetime) -> bool:
    """
    Whether two thirds of a certificate's life have gone.
    """
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return now >= begin + (end - begin) * 2 / 3


def alternative_names(certificate: x509.Certificate) -> list[str]:
    """
    The names and addresses a serving certificate is for.
    """
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return []
    return [str(name.value) for name in extension.value]


def make_authority(now: datetime) -> Pair:
    """
    A new certificate authority that signs for itself.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name(f"ark-ca@{int(now.timestamp())}")
    builder = _builder(name, name, key, now, _AUTHORITY_LIFE)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    builder = builder.add_extension(_key_usage(signs_certificates=True), critical=True)
    return Pair(builder.sign(key, hashes.SHA256()), key)


def make_serving(authority: Pair, names: Sequence[str], now: datetime) -> Pair:
    """
    A certificate for a server that is reached under C{names}, each a DNS name or an IP address.
    """
    alternatives = x509.SubjectAlternativeName([_general_name(name) for name in names])
    return _leaf(authority, _name("ark-apiserver"), ExtendedKeyUsageOID.SERVER_AUTH, now, alternatives)


def make_client(authority: Pair, user: str, groups: Sequence[str], now: datetime) -> Pair:
    """
    A certificate that names a user and its groups.
    """
    return _leaf(authority, _name(user, groups), ExtendedKeyUsageOID.CLIENT_AUTH, now)


def _leaf(
    authority: Pair,
    subject: x509.Name,
    usage: x509.ObjectIdentifier,
    now: datetime,
    alternatives: x509.SubjectAlternativeName | None = None,
) -> Pair:
    key = ec.generate_private_key(ec.SECP256R1())
    builder = _builder(subject, authority.certificate.subject, key, now, LEAF_LIFE)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_key_usage(signs_certificates=False), critical=True)
    builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key())
    builder = builder.add_extension(issuer, critical=False)
    if alternatives is not None:
        builder = builder.add_extension(alternatives, critical=False)
    return Pair(builder.sign(authority.key, hashes.SHA256()), key)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, now: datetime, life: timedelta
) -> x509.CertificateBuilder:
    public = key.public_key()
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATE)
        .not_valid_after(now + life)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )


def _name(common: str, organisations: Sequence[str] = ()) -> x509.Name:
    attributes = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, value) for value in organisations]
    return x509.Name([*attributes, x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def utc(seconds: float) -> datetime:
    """
    A time of day, from seconds since the epoch.
    """
    return datetime.fromtimestamp(seconds, timezone.utc)
