"""
The configuration of a server: completed and checked once, then frozen.

Nothing past this module reads the command line, the environment or a config file.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, NamedTuple

from ark.options import OPTIONS, BadValue, Option

USAGE, CONFIG, STORAGE, PORT, CERTIFICATE = 2, 3, 4, 5, 6


class ConfigError(Exception):
    """
    The server cannot start with what it was given.

    @ivar cause: one sentence that says what is wrong.
    @ivar remedy: one sentence that says what to do.
    @ivar exit_code: 2 a bad value, 3 a bad config file or manifest, 4 storage, 5 the
        port, 6 a certificate.
    """

    def __init__(self, cause: str, remedy: str, exit_code: int = USAGE) -> None:
        super().__init__(f"{cause} {remedy}")
        self.cause = cause
        self.remedy = remedy
        self.exit_code = exit_code


class Given(NamedTuple):
    """
    The text somebody gave an option, and where.

    @ivar origin: C{command line}, C{environment ARK_X}, or the path of a config file.
    """

    value: str | tuple[str, ...]
    origin: str


# Both URLs are handed out by those who run such databases.
_ALIASES = {"postgres": "postgresql", "mariadb": "mysql"}


@dataclass(frozen=True)
class ServerConfig:
    """
    What a server needs to know, one field an option (see L{ark.options.OPTIONS}).

    Paths are absolute; durations are seconds; a file that nobody named is C{""}.
    """

    storage: str
    db_path: str
    db_url: str
    postgres_host: str
    postgres_port: str
    postgres_database: str
    postgres_user: str
    postgres_password: str
    postgres_sslmode: str
    postgres_sslrootcert: str
    postgres_sslcert: str
    postgres_sslkey: str
    postgres_pool_size: int
    mysql_host: str
    mysql_port: str
    mysql_database: str
    mysql_user: str
    mysql_password: str
    mysql_ssl_mode: str
    mysql_ssl_ca: str
    mysql_ssl_cert: str
    mysql_ssl_key: str
    mysql_pool_size: int
    history_retention: float
    history_events: int
    compaction_interval: float
    storage_wait: float
    watch_window: int
    cache_size: int
    resource_definitions: tuple[str, ...]
    bind_address: str
    secure_port: int
    tls_cert_file: str
    tls_private_key_file: str
    tls_san: tuple[str, ...]
    cert_dir: str
    request_timeout: float
    max_requests_inflight: int
    max_mutating_requests_inflight: int
    enable_priority_and_fairness: bool
    shutdown_delay_duration: float
    shutdown_send_retry_after: bool
    client_ca_file: str
    token_auth_file: str
    anonymous_auth: bool
    kubeconfig_out: str
    kubeconfig: str
    in_cluster: bool
    service: str
    tls_secret: str
    enable_admission_plugins: tuple[str, ...]
    requestheader_client_ca_file: str
    requestheader_allowed_names: tuple[str, ...]
    requestheader_username_headers: tuple[str, ...]
    requestheader_uid_headers: tuple[str, ...]
    requestheader_group_headers: tuple[str, ...]
    requestheader_extra_headers_prefix: tuple[str, ...]
    api_audiences: tuple[str, ...]
    authentication_token_webhook_cache_ttl: float
    authorization_webhook_cache_authorized_ttl: float
    authorization_webhook_cache_unauthorized_ttl: float
    authorization_always_allow_paths: tuple[str, ...]
    audit_policy_file: str
    audit_log_path: str
    audit_log_maxsize: int
    audit_log_maxbackup: int
    audit_log_maxage: int
    audit_log_compress: bool
    audit_webhook_config_file: str
    audit_webhook_initial_backoff: float
    audit_webhook_batch_buffer_size: int
    audit_webhook_batch_max_size: int
    audit_webhook_batch_max_wait: float
    audit_webhook_batch_throttle_enable: bool
    audit_webhook_batch_throttle_qps: float
    audit_webhook_batch_throttle_burst: int
    audit_webhook_truncate_enabled: bool
    audit_webhook_truncate_max_event_size: int
    audit_webhook_truncate_max_batch_size: int
    workers: int
    event_ttl: float
    controllers: tuple[str, ...]
    log_format: str
    tracing_config_file: str
    verbosity: int

    @property
    def aggregated(self) -> bool:
        """
        Whether it serves behind the kube-apiserver of a cluster, and not alone.
        """
        return self.in_cluster or bool(self.kubeconfig)

    @property
    def shares_authority(self) -> bool:
        """
        Whether the serving certificate is made below an authority that a Secret of the cluster has.
        """
        return bool(self.service) and not self.tls_cert_file

    @property
    def storage_scheme(self) -> str:
        """
        The scheme of C{--storage}, without the rest of its URL and by the name that plug-ins have.
        """
        scheme = self.storage.partition(":")[0]
        return _ALIASES.get(scheme, scheme)

    def storage_options(self, names: Sequence[str]) -> dict[str, Any]:
        """
        The values that a storage factory asks for by the names of options.

        @raise KeyError: there is no such option.
        """
        return {name: getattr(self, name.replace("-", "_")) for name in names}

    def to_json(self) -> str:
        """
        The whole configuration, for a worker process.
        """
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> ServerConfig:
        """
        The inverse of L{to_json}.
        """
        members = json.loads(text)
        lists = {name: tuple(value) for name, value in members.items() if isinstance(value, list)}
        return cls(**{**members, **lists})


# Up to the last sign of its kind: what should have been escaped in a password is hidden, too.
_IN_AUTHORITY = re.compile(r"(://[^:@/?#]*:).*(?=@)", re.DOTALL)
_IN_QUERY = re.compile(r"([?&](?:ssl)?password=)[^&]*")


def redacted(option: Option, value: object) -> str:
    """
    A value as it may be shown: passwords are left out, also those in a URL.
    """
    shown = ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
    if shown and option.name.endswith("-password"):
        return "***"
    if not option.secret or "://" not in shown:
        return shown
    return _IN_QUERY.sub(r"\1***", _IN_AUTHORITY.sub(r"\1***", shown, count=1))


def complete(given: Mapping[str, Given], environ: Mapping[str, str]) -> ServerConfig:
    """
    Parse what was given, fill in the rest, and check that it fits together.

    @param given: by the names of options.
    @param environ: read for C{XDG_DATA_HOME} and C{HOME} only.
    @raise ConfigError: it does not.
    """
    values = {option.field: _value(option, given.get(option.name)) for option in OPTIONS}
    values["db_path"] = _absolute(values["db_path"] or str(data_home(environ) / "ark.db"))
    _check_storage(values, given)
    if "://" in values["storage"]:
        values["db_url"] = values["storage"]
    values["kubeconfig_out"] = values["kubeconfig_out"] or str(
        Path(values["db_path"]).with_name("admin.kubeconfig")
    )
    values["cert_dir"] = values["cert_dir"] or f"{values['db_path']}.d/pki"
    for name in (
        "kubeconfig",
        "kubeconfig_out",
        "cert_dir",
        "tls_cert_file",
        "tls_private_key_file",
        "client_ca_file",
        "requestheader_client_ca_file",
        "tracing_config_file",
        "audit_policy_file",
        "audit_webhook_config_file",
    ):
        values[name] = _absolute(values[name])
    if values["audit_log_path"] != "-":
        values["audit_log_path"] = _absolute(values["audit_log_path"])
    values["token_auth_file"] = _absolute(values["token_auth_file"])
    if values["service"] and not values["tls_cert_file"]:
        values["tls_secret"] = values["tls_secret"] or f"{values['service']}-ca"
    values["resource_definitions"] = tuple(map(_absolute, values["resource_definitions"]))
    _check(values)
    return ServerConfig(**values)


def data_home(environ: Mapping[str, str]) -> Path:
    """
    Where the database is kept when nobody says where (XDG Base Directory Specification).
    """
    home = environ.get("XDG_DATA_HOME") or os.path.join(environ.get("HOME", "~"), ".local", "share")
    return Path(home).expanduser() / "ark"


def _absolute(path: str) -> str:
    return os.path.abspath(os.path.expanduser(path)) if path else ""


def _value(option: Option, given: Given | None) -> Any:
    if given is None:
        if option.repeatable:
            return ()
        return option.parse(option.default) if option.default is not None else ""
    try:
        if option.repeatable:
            texts = given.value if isinstance(given.value, tuple) else (given.value,)
            return tuple(option.parse(value) for value in texts)
        if isinstance(given.value, tuple):
            raise BadValue("is a list", "Give one value.")
        return option.parse(given.value)
    except BadValue as error:
        where = "" if given.origin == COMMAND_LINE else f" (from {given.origin})"
        raise ConfigError(f"{option.flags[-1]}{where} {error.cause}.", error.remedy) from None


COMMAND_LINE = "command line"


def _check_storage(values: Mapping[str, Any], given: Mapping[str, Given]) -> None:
    """
    Nobody is to be led to another database than the one that he has named.
    """
    url, storage = values["db_url"], values["storage"]
    if not url:
        return
    where = "" if given["db-url"].origin == COMMAND_LINE else f" (from {given['db-url'].origin})"
    if "storage" not in given:
        raise ConfigError(
            f"--db-url{where} names a database, but without --storage the server keeps its data in SQLite.",
            f"Give --storage={url.partition(':')[0]}, too, or take the URL away.",
        )
    if "://" in storage and storage != url:
        raise ConfigError(f"--storage and --db-url{where} name two databases.", "Give one of them.")


def _check(values: Mapping[str, Any]) -> None:
    if bool(values["tls_cert_file"]) != bool(values["tls_private_key_file"]):
        raise ConfigError(
            "Only one of --tls-cert-file and --tls-private-key-file is given.", "Give both, or neither."
        )
    if values["workers"] > 1 and values["storage"].partition(":")[0] == "memory":
        raise ConfigError(
            f"--workers is {values['workers']}, but processes cannot share --storage=memory.",
            "Use --storage=sqlite, or one worker.",
        )
    _check_cluster(values)
    if bool(values["audit_policy_file"]) != bool(
        values["audit_log_path"] or values["audit_webhook_config_file"]
    ):
        raise ConfigError(
            "Only one is given of --audit-policy-file and a place for what it selects.",
            "Give it together with --audit-log-path or --audit-webhook-config-file, or neither.",
        )
    for directory in values["resource_definitions"]:
        if not os.path.isdir(directory):
            raise ConfigError(
                f"--resource-definitions names {directory}, which is not a directory.",
                "Name a directory that holds CustomResourceDefinition manifests.",
            )


def _check_cluster(values: Mapping[str, Any]) -> None:
    if values["kubeconfig"] and values["in_cluster"]:
        raise ConfigError("Both --kubeconfig and --in-cluster are given.", "Give one of them.")
    aggregated = values["kubeconfig"] or values["in_cluster"]
    if aggregated and values["token_auth_file"]:
        raise ConfigError(
            "--token-auth-file is given, but behind a cluster's kube-apiserver tokens are the cluster's.",
            "Leave it out.",
        )
    stray = (
        "enable-admission-plugins",
        "requestheader-client-ca-file",
        "api-audiences",
        "service",
        "tls-secret",
    )
    for name in stray:
        if values[name.replace("-", "_")] and not aggregated:
            raise ConfigError(
                f"--{name} is given, but this server stands alone.",
                "Leave it out, or give --kubeconfig or --in-cluster.",
            )
    if values["requestheader_allowed_names"] and not values["requestheader_client_ca_file"]:
        raise ConfigError(
            "--requestheader-allowed-names is given, but the cluster says who is a front proxy.",
            "Leave it out, or give --requestheader-client-ca-file.",
        )
    if values["tls_secret"] and values["tls_cert_file"]:
        raise ConfigError(
            "--tls-secret is given, but with --tls-cert-file no certificate is made.", "Give one of them."
        )
    if values["tls_secret"] and not values["service"]:
        raise ConfigError(
            "--tls-secret is given, but not the Service that the certificate is for.", "Give --service too."
        )


FIELDS = tuple(field.name for field in fields(ServerConfig))
