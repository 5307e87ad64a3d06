"""
The certificates a server serves and trusts, from files or made by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ark.authentication import kubeconfig
from ark.authentication.pki import Authority, BadCertificate, load_certificates, utc
from ark.authentication.tokenfile import InvalidTokenFile, read_token_file
from ark.authentication.userinfo import UserInfo
from ark.config import CERTIFICATE, CONFIG, ConfigError, ServerConfig
from ark.files import write_private

_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}


class Credentials(NamedTuple):
    """
    What the TLS side of a server is made of.

    @ivar certificate: the file with the serving certificate and its chain.
    @ivar private_key: the file with its key.
    @ivar client_authorities: files with who vouches for client certificates.
    @ivar server_authority: who vouches for the serving certificate, PEM, for a kubeconfig.
    @ivar administrator: certificate and key of the administrator, PEM; empty for a server that
        has none of its own.
    @ivar expiry: until when they are valid, seconds since the epoch, by name.
    """

    certificate: str
    private_key: str
    client_authorities: tuple[str, ...]
    server_authority: bytes
    administrator: tuple[bytes, bytes]
    expiry: dict[str, float]


def prepare(config: ServerConfig, now: float) -> Credentials:
    """
    Read, make or renew every certificate.

    @param now: the time of day.
    @raise ConfigError: with exit code 6.
    """
    return _told(lambda: _prepare(config, now), config.cert_dir)


def _prepare(config: ServerConfig, now: float) -> Credentials:
    moment, made = utc(now), Authority(Path(config.cert_dir))
    client, authorities, expiry = (b"", b""), [], {}
    if not config.aggregated:
        authority = made.ensure_authority(moment)
        administrator = made.ensure_administrator(authority, moment)
        client = (administrator.certificate_pem, administrator.key_pem)
        expiry["admin"] = _end(administrator.certificate)
        expiry["ca"] = _end(authority.certificate)
        authorities.append(str(made.certificate_path("ca")))
    if config.client_ca_file:
        expiry["client-ca"] = min(map(_end, _read_certificates(config.client_ca_file)))
        authorities.append(config.client_ca_file)
    if config.tls_cert_file:
        chain = read_serving(config, now)
        leaf, server_authority = chain[0], b"".join(one.public_bytes(Encoding.PEM) for one in chain)
        files = (config.tls_cert_file, config.tls_private_key_file)
    else:
        leaf, server_authority = _made_serving(config, made, moment)
        files = (str(made.certificate_path("apiserver")), str(made.key_path("apiserver")))
    expiry["serving"] = _end(leaf)
    return Credentials(*files, tuple(authorities), server_authority, client, expiry)


def _made_serving(config: ServerConfig, made: Authority, now: datetime) -> tuple[x509.Certificate, bytes]:
    """
    The serving certificate that is made here, and who vouches for it: itself, when that is an
    authority that is not here.
    """
    names = serving_names(config)
    held = made.held_serving(names, now) if config.shares_authority else None
    if held is not None:
        return held.certificate, held.certificate_pem
    authority = made.ensure_authority(now)
    return made.ensure_serving(authority, names, now).certificate, authority.certificate_pem


def _told(work: Callable[[], Credentials], directory: str) -> Credentials:
    try:
        return work()
    except BadCertificate as error:
        remedy = f"Correct the file, or move {directory} away to have all certificates made anew."
        raise ConfigError(f"{error}.", remedy, CERTIFICATE) from None
    except OSError as error:
        cause = f"A certificate cannot be read or written: {error}."
        raise ConfigError(cause, "Make the file accessible to the server's user.", CERTIFICATE) from None


def serving_names(config: ServerConfig) -> list[str]:
    """
    The names and addresses that a serving certificate made here is for, besides those it always is for.
    """
    names = [] if config.bind_address in _EVERYWHERE else [config.bind_address]
    if config.service:
        namespace, name = config.service.split("/")
        host = f"{name}.{namespace}"
        names += [f"{host}.svc", f"{host}.svc.cluster.local", host, name]
    return [*names, *config.tls_san]


def _end(certificate: x509.Certificate) -> float:
    return certificate.not_valid_after_utc.timestamp()


def _read_certificates(path: str) -> list[x509.Certificate]:
    try:
        return load_certificates(Path(path).read_bytes())
    except ValueError:
        cause = f"{path} holds no PEM certificate, or not the whole of one."
        raise ConfigError(cause, "Name a PEM file.", CERTIFICATE) from None


def read_serving(config: ServerConfig, now: float) -> list[x509.Certificate]:
    """
    The chain of C{--tls-cert-file}, its leaf first.

    @raise ConfigError: it or its key cannot be used.
    @raise OSError: one of them cannot be read.
    """
    chain = _read_certificates(config.tls_cert_file)
    pem = Path(config.tls_private_key_file).read_bytes()
    try:
        key = serialization.load_pem_private_key(pem, None)
    except (ValueError, TypeError):
        raise ConfigError(
            f"{config.tls_private_key_file} is not an unencrypted PEM key.", "Name such a key.", CERTIFICATE
        ) from None
    form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if key.public_key().public_bytes(*form) != chain[0].public_key().public_bytes(*form):
        raise ConfigError(
            f"{config.tls_private_key_file} is not the key of {config.tls_cert_file}.",
            "Name the key that belongs to the certificate.",
            CERTIFICATE,
        )
    if _end(chain[0]) <= now:
        raise ConfigError(f"{config.tls_cert_file} has run out.", "Renew it.", CERTIFICATE)
    return chain


def server_url(config: ServerConfig, port: int) -> str:
    """
    Where clients on this machine reach the server.
    """
    host = _EVERYWHERE.get(config.bind_address, config.bind_address)
    return f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"


def write_kubeconfig(config: ServerConfig, credentials: Credentials, url: str) -> None:
    """
    Write the administrator's kubeconfig where C{--kubeconfig-out} says, if it is not there yet.

    @raise ConfigError: it cannot be written.
    """
    document = kubeconfig.make(url, credentials.server_authority, credentials.administrator)
    path, data = Path(config.kubeconfig_out), kubeconfig.dump(document)
    try:
        if not path.exists() or path.read_bytes() != data:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_private(path, data)
    except OSError as error:
        raise ConfigError(
            f"The kubeconfig cannot be written: {error}.",
            "Choose another place with --kubeconfig-out.",
            CONFIG,
        ) from None


def read_tokens(config: ServerConfig) -> dict[str, UserInfo]:
    """
    The users of C{--token-auth-file}, none when it is not given.

    @raise ConfigError: it cannot be read or is not such a file.
    """
    if not config.token_auth_file:
        return {}
    try:
        with open(config.token_auth_file, encoding="utf-8", newline="") as file:
            return read_token_file(file)
    except InvalidTokenFile as error:
        cause = f"{config.token_auth_file}: {error}."
        raise ConfigError(cause, 'Write lines of the form token,user,uid,"group1,group2".', CONFIG) from None
    except (OSError, UnicodeDecodeError) as error:
        cause = f"{config.token_auth_file} cannot be read: {error}."
        raise ConfigError(cause, "Make it a readable text file.", CONFIG) from None
