"""
Where a PostgreSQL database is, and how to get in.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from ark.storage.errors import UnusableDatabase

SCHEMES = ("postgresql", "postgres")
MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
#: The options of the server that say the same as parts of a URL, by libpq's names.
OPTIONS = {
    "postgres_host": "host",
    "postgres_port": "port",
    "postgres_database": "dbname",
    "postgres_user": "user",
    "postgres_password": "password",
    "postgres_sslmode": "sslmode",
    "postgres_sslrootcert": "sslrootcert",
    "postgres_sslcert": "sslcert",
    "postgres_sslkey": "sslkey",
}
_CERTIFICATES = (
    "sslmode", "sslrootcert", "sslcert", "sslkey", "sslpassword", "sslcrl", "ssl_min_protocol_version"
)  # fmt: skip
_IN_URLS = frozenset((
    "host", "port", "dbname", "user", "password", "passfile", "options", "connect_timeout", "application_name",
    *_CERTIFICATES, "channel_binding", "gssencmode", "target_session_attrs",
))  # fmt: skip
# Of target_session_attrs: what is asked for anyway.
_WRITABLE = ("read-write", "primary")
_PLACE = re.compile(r"(\[[^]]*\]|[^:\[\]]*)(?::([0-9]*))?")
# A server that died without a word is noticed after about 15 seconds.
_ALWAYS = {
    "application_name": "ark-server",
    "client_encoding": "UTF8",
    "connect_timeout": "10",
    # What a standby says may be old, and nothing can be written there.
    "target_session_attrs": "read-write",
    "keepalives_idle": "5",
    "keepalives_interval": "3",
    "keepalives_count": "3",
    "tcp_user_timeout": "15000",
}


def connection_settings(config: Mapping[str, Any]) -> dict[str, str]:
    """
    What libpq wants to know to connect.  Options count more than parts of the URL;
    what neither says is left to libpq, which reads C{PGHOST}, C{PGPASSFILE} and the like.

    @param config: options by their fields, and C{db_url}.
    @raise UnusableDatabase: the URL is none of PostgreSQL, or libpq would not know what is meant.
    """
    settings = dict(_ALWAYS)
    url = config.get("db_url") or ""
    if url:
        settings.update(_from_url(url))
    for option, name in OPTIONS.items():
        value = config.get(option)
        if value not in (None, ""):
            settings[name] = str(value)
    mode = settings.get("sslmode", MODES[0])
    if mode not in MODES:
        raise UnusableDatabase(f"the sslmode {mode!r} is not known", f"Write one of {', '.join(MODES)}.")
    return settings


def _from_url(url: str) -> dict[str, str]:
    try:
        parts = urlsplit(url)
    except ValueError:
        # Brackets in it, which are of an address.
        raise _wrong("cannot be read: what has a meaning in URLs is written as %XX in passwords") from None
    if parts.scheme not in SCHEMES:
        raise _wrong("does not begin with postgresql://")
    if parts.fragment:
        raise _wrong("has a # in it, which is written as %23")
    found = dict(_parameters(parts.query))
    unknown = sorted(set(found) - _IN_URLS)
    if unknown:
        raise _wrong(f"has the unknown parameter {unknown[0]!r}")
    if found.pop("target_session_attrs", _WRITABLE[0]) not in _WRITABLE:
        raise _wrong("asks for a server that need not take writes (target_session_attrs)")
    user, _, password = parts.netloc.rpartition("@")[0].partition(":")
    hosts, ports = _hosts_of(parts.netloc.rpartition("@")[2])
    told = {
        "host": hosts,
        "port": ports,
        "user": unquote(user),
        "password": unquote(password),
        "dbname": unquote(parts.path.lstrip("/")),
    }
    return {**found, **{name: value for name, value in told.items() if value}}


def _wrong(what: str) -> UnusableDatabase:
    return UnusableDatabase(
        f"the database URL {what}", "Write it as postgresql://USER@HOST:PORT/DATABASE?sslmode=verify-full."
    )


def _parameters(query: str) -> Iterator[tuple[str, str]]:
    """
    What stands behind the question mark, as libpq reads it: a plus sign is one.
    """
    for part in filter(None, query.split("&")):
        name, _, value = part.partition("=")
        if value:
            yield unquote(name), unquote(value)


def _hosts_of(text: str) -> tuple[str, str]:
    """
    The hosts and the ports of a URL, each with commas between, as libpq reads them.
    """
    found = [_PLACE.fullmatch(place) for place in text.split(",")]
    if not all(found):
        raise UnusableDatabase(
            "the port in the database URL is no number", "Write it as postgresql://USER@HOST:PORT/DATABASE."
        )
    places = [place.groups("") for place in found if place]
    hosts = ",".join(_host(host) for host, _ in places)
    return hosts, ",".join(port for _, port in places) if any(port for _, port in places) else ""


def _host(text: str) -> str:
    """
    A name, an address, or the path of the folder of a socket, in which large and small letters differ.
    """
    found = unquote(text.strip("[]"))
    return found if found.startswith(("/", "@")) else found.lower()
