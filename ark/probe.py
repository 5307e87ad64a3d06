"""
Asks a server on this machine how it is, as the health check of a container does.

Nothing but the standard library: it runs every few seconds, each time in a new process.
"""

from __future__ import annotations

import ssl
from http.client import HTTPException, HTTPSConnection
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple

from ark.config import CERTIFICATE, PORT, ConfigError, ServerConfig

ENDPOINTS = ("healthz", "livez", "readyz")


class Health(NamedTuple):
    """
    What a server said of itself.
    """

    good: bool
    text: str


def ask(config: ServerConfig, endpoint: str, seconds: float) -> Health:
    """
    Ask a server that has this configuration.

    Its certificate must be the one that is configured, or of the authority in C{--cert-dir}; the name in it does not
    count, as the server may be known by any.

    @param endpoint: one of L{ENDPOINTS}.
    @raise ConfigError: nobody answers, or somebody else does.
    """
    host = local_address(config.bind_address)
    connection = HTTPSConnection(host, config.secure_port, timeout=seconds, context=_trust(config))
    try:
        connection.request("GET", f"/{endpoint}?verbose")
        answer = connection.getresponse()
        return Health(answer.status == 200, answer.read().decode(errors="replace").rstrip())
    except ssl.SSLError as error:
        remedy = "Give the options that the server was given."
        raise ConfigError(
            f"What listens on {host} is not this server: {error}.", remedy, CERTIFICATE
        ) from None
    except (OSError, HTTPException) as error:
        cause = f"No server answers on port {config.secure_port} of {host}: {error}."
        raise ConfigError(cause, "See its log for the reason.", PORT) from None
    finally:
        connection.close()


def local_address(bound: str) -> str:
    """
    Where a server can be reached from its own machine that listens on an address.
    """
    address = ip_address(bound)
    if not address.is_unspecified:
        return bound
    return "127.0.0.1" if address.version == 4 else "::1"


def _trust(config: ServerConfig) -> ssl.SSLContext:
    # The authority that replicas share is not on this machine; the certificate is.
    made = "apiserver.crt" if config.shares_authority else "ca.crt"
    path = Path(config.tls_cert_file or Path(config.cert_dir, made))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    # So that a given certificate vouches for itself, without the authority above it.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    try:
        context.load_verify_locations(path)
    except OSError as error:
        remedy = "Give the options that the server was given, and start it first."
        raise ConfigError(f"{path} cannot be read: {error.strerror}.", remedy, CERTIFICATE) from None
    return context
