"""
What would keep a server from running, found without changing anything.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from cryptography import x509
from pysqlite3 import dbapi2

from ark.audit.log import STDOUT
from ark.auditlog import audit_logs
from ark.authentication.credentials import read_serving, read_tokens
from ark.authentication.pki import due, utc
from ark.bootstrap import load_kinds, unusable
from ark.config import ConfigError, ServerConfig
from ark.sockets import bind
from ark.spans import read_tracing
from ark.storage.errors import UnusableDatabase
from ark.storage.registry import storage_factories
from ark.storage.sqlitefile import schema_state
from ark.storage.sqlitelibrary import doubts
from ark.storage.sqliteplace import check_place, room

LEAST_ROOM = 4 * 1024 * 1024
"""
With less than that a database has no future.
"""


class Finding(NamedTuple):
    """
    Something that was looked at.
    """

    subject: str
    good: bool
    text: str


def examine(config: ServerConfig) -> Iterator[Finding]:
    """
    Look at everything, one thing after the other.
    """
    checks: tuple[Callable[[ServerConfig], Iterator[Finding]], ...] = (
        _sqlite,
        _storage,
        _database,
        _kinds,
        _private_files,
        _certificates,
        _serving_key,
        _tokens,
        _audit_log,
        _traces,
        _port,
    )
    for check in checks:
        try:
            yield from check(config)
        except ConfigError as error:
            yield Finding(check.__name__.strip("_").replace("_", " "), False, f"{error.cause} {error.remedy}")


def _sqlite(_config: ServerConfig) -> Iterator[Finding]:
    found = doubts()
    yield Finding("sqlite", not found, found or dbapi2.sqlite_version)


def _storage(config: ServerConfig) -> Iterator[Finding]:
    known = storage_factories()
    good = config.storage_scheme in known
    yield Finding(
        "storage", good, config.storage_scheme if good else f"unknown; known are {', '.join(known)}."
    )


def _database(config: ServerConfig) -> Iterator[Finding]:
    if config.storage_scheme != "sqlite":
        return
    path = Path(config.db_path)
    try:
        check_place(path)
        yield _room(path)
        if not path.exists():
            yield Finding("database", True, f"{path} will be made")
            return
        schema_state(config.db_path)
    except UnusableDatabase as error:
        raise unusable(error) from None
    connection = dbapi2.connect(f"file:{quote(config.db_path)}?mode=ro", uri=True)
    try:
        (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        yield Finding("database", verdict == "ok", f"{path}: {verdict}")
    except dbapi2.Error as error:
        yield Finding("database", False, f"{path}: {error}.")
    finally:
        connection.close()


def _room(path: Path) -> Finding:
    free = room(path)
    text = f"{free / 2**20:.0f} MiB are free beside {path}"
    return Finding("disk", free >= LEAST_ROOM, text if free >= LEAST_ROOM else f"Only {text}: make room.")


def _place(subject: str, path: Path) -> Finding:
    """
    Of a file that is not there yet.
    """
    parent = next(place for place in path.parents if place.exists())
    good = os.access(parent, os.W_OK | os.X_OK)
    return Finding(subject, good, f"{path} will be made" if good else f"{parent} may not be written to.")


def _kinds(config: ServerConfig) -> Iterator[Finding]:
    kinds = list(load_kinds(config).kinds())
    yield Finding("kinds", True, f"{len(kinds)} are served")


def _private_files(config: ServerConfig) -> Iterator[Finding]:
    keys = list(Path(config.cert_dir).glob("*.key")) if os.path.isdir(config.cert_dir) else []
    paths = [Path(config.kubeconfig_out), *keys]
    open_ones = [path for path in paths if path.exists() and stat.S_IMODE(path.stat().st_mode) & 0o077]
    for path in open_ones:
        yield Finding("private files", False, f"{path} can be read by others: chmod 600 it.")
    if not open_ones:
        yield Finding("private files", True, "nobody else can read them")


def _certificates(config: ServerConfig) -> Iterator[Finding]:
    now = utc(time.time())
    made = sorted(Path(config.cert_dir).glob("*.crt")) if os.path.isdir(config.cert_dir) else []
    named = (config.tls_cert_file, config.client_ca_file, config.requestheader_client_ca_file)
    for path in [*made, *(Path(given) for given in named if given)]:
        try:
            certificate = x509.load_pem_x509_certificate(path.read_bytes())
        except (OSError, ValueError):
            yield Finding("certificate", False, f"{path} cannot be read.")
            continue
        end = f"valid until {certificate.not_valid_after_utc:%Y-%m-%d}"
        if certificate.not_valid_before_utc > now:
            yield Finding("certificate", False, f"{path} is not valid yet: check this machine's clock.")
        elif certificate.not_valid_after_utc <= now:
            mended = path in made and path.stem != "ca"
            yield Finding(
                "certificate", mended, f"{path} has run out{'; the next start renews it' if mended else '.'}"
            )
        else:
            soon = ", to be renewed" if due(certificate, now) else ""
            yield Finding("certificate", True, f"{path} {end}{soon}")


def _serving_key(config: ServerConfig) -> Iterator[Finding]:
    if config.tls_cert_file:
        try:
            read_serving(config, time.time())
        except OSError as error:
            yield Finding("serving key", False, f"{error.filename} cannot be read: {error.strerror}.")
        else:
            yield Finding("serving key", True, f"{config.tls_private_key_file} is that of the certificate")


def _tokens(config: ServerConfig) -> Iterator[Finding]:
    if config.token_auth_file:
        yield Finding("tokens", True, f"{len(read_tokens(config))} in {config.token_auth_file}")


def _audit_log(config: ServerConfig) -> Iterator[Finding]:
    if audit_logs(config, None, time.time) is None:
        return
    yield Finding("audit log", True, f"as {config.audit_policy_file} says")
    path = Path(config.audit_log_path)
    if config.audit_log_path in ("", STDOUT):
        return
    if not path.exists():
        yield _place("audit log", path)
    elif not os.access(path, os.W_OK):
        yield Finding("audit log", False, f"{path} may not be written by this user.")


def _traces(config: ServerConfig) -> Iterator[Finding]:
    if config.tracing_config_file:
        configuration, collector = read_tracing(config.tracing_config_file)
        collector.close()
        yield Finding(
            "traces", True, f"of {configuration.rate} in a million requests, to {configuration.endpoint}"
        )


def _port(config: ServerConfig) -> Iterator[Finding]:
    bind(config.bind_address, config.secure_port).close()
    yield Finding("port", True, f"{config.secure_port} of {config.bind_address} is free")
