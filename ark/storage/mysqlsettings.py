"""
Where a MySQL database is, and how to get in.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from ark.storage.errors import UnusableDatabase

DISABLED, PREFERRED, REQUIRED, VERIFY_CA, VERIFY_IDENTITY = MODES = (
    "disabled",
    "preferred",
    "required",
    "verify-ca",
    "verify-identity",
)
_OPTIONS = ("host", "port", "database", "user", "password", "ssl-ca", "ssl-cert", "ssl-key", "ssl-mode")
_IN_URLS = frozenset(("ssl-ca", "ssl-cert", "ssl-key", "ssl-mode"))
_DEFAULTS = {"host": "127.0.0.1", "port": "3306", "database": "ark", "user": "ark"}
SCHEMES = ("mysql", "mariadb")
_FORM = "Write it as mysql://USER@HOST:PORT/DATABASE?ssl-mode=verify-identity."


@dataclass(frozen=True)
class Settings:
    """
    What a connection is made of.

    @ivar host: a name, an address, or the path of a socket.
    @ivar ssl_mode: one of C{MODES}, which are the C{mysql} program's.
    """

    host: str
    port: int
    database: str
    user: str
    password: str = field(repr=False)
    ssl_ca: str
    ssl_cert: str
    ssl_key: str
    ssl_mode: str

    def tls_context(self) -> ssl.SSLContext | None:
        """
        How connections are encrypted, if they must be; reads the files.

        @raise OSError: one cannot be read, or is none of its kind.
        """
        if self.ssl_mode in (DISABLED, PREFERRED):
            return None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.check_hostname = self.ssl_mode == VERIFY_IDENTITY
        if self.ssl_mode == REQUIRED:
            context.verify_mode = ssl.CERT_NONE
        elif self.ssl_ca:
            with _named(self.ssl_ca):
                context.load_verify_locations(self.ssl_ca)
        else:
            context.load_default_certs()
        if self.ssl_cert:
            with _named(f"{self.ssl_cert} with {self.ssl_key}" if self.ssl_key else self.ssl_cert):
                context.load_cert_chain(self.ssl_cert, self.ssl_key or None)
        return context


@contextmanager
def _named(path: str) -> Iterator[None]:
    """
    Errors of C{ssl} do not say which file they are about.
    """
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, f"{path}: {error.strerror}") from None


def connection_settings(config: Mapping[str, Any]) -> Settings:
    """
    The settings that options and the URL give; options count more.

    As for the C{mysql} program, who names an authority and no mode means C{verify-ca}; who
    shows a certificate means C{required}.

    @param config: options by their fields, and C{db_url}.
    @raise UnusableDatabase: they make no sense.
    """
    found = dict(_DEFAULTS)
    url = config.get("db_url") or ""
    if url:
        found.update(_from_url(url))
    for name in _OPTIONS:
        value = config.get(f"mysql_{name.replace('-', '_')}")
        if value not in (None, ""):
            found[name] = str(value)
    mode = found.get("ssl-mode", "").lower().replace("_", "-")
    mode = mode or (VERIFY_CA if found.get("ssl-ca") else REQUIRED if found.get("ssl-cert") else PREFERRED)
    if mode not in MODES:
        raise UnusableDatabase(f"the ssl-mode {mode!r} is not known", f"Write one of {', '.join(MODES)}.")
    if not (found["port"].isdigit() and 0 < int(found["port"]) < 65536):
        raise UnusableDatabase(f"the port {found['port']!r} of MySQL is no port", "Give one like 3306.")
    return Settings(
        found["host"], int(found["port"]), found["database"], found["user"], found.get("password", ""),
        found.get("ssl-ca", ""), found.get("ssl-cert", ""), found.get("ssl-key", ""), mode,
    )  # fmt: skip


def _from_url(url: str) -> dict[str, str]:
    try:
        parts = urlsplit(url)
    except ValueError:
        raise UnusableDatabase(
            "the database URL cannot be read: what has a meaning in URLs is written as %XX in passwords",
            _FORM,
        ) from None
    if parts.fragment:
        raise UnusableDatabase("the database URL has a # in it, which is written as %23", _FORM)
    found = dict(parse_qsl(parts.query))
    unknown = sorted(set(found) - _IN_URLS)
    if parts.scheme not in SCHEMES or unknown:
        what = f"has the unknown parameter {unknown[0]!r}" if unknown else "does not begin with mysql://"
        raise UnusableDatabase(f"the database URL {what}", _FORM)
    try:
        port = parts.port
    except ValueError:
        raise UnusableDatabase("the port in the database URL is no number", _FORM) from None
    where = parts.netloc.rpartition("@")[2]
    for name, value in (
        # The path of a socket has large and small letters.
        ("host", where.partition(":")[0] if where.startswith("%") else parts.hostname),
        ("port", port),
        ("user", parts.username),
        ("password", parts.password),
        ("database", parts.path.lstrip("/")),
    ):
        if value:
            found[name] = unquote(str(value))
    return found
