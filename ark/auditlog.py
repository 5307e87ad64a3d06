"""
The audit log of a server, as its configuration has it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ark.audit.log import STDOUT, AuditLog, open_log
from ark.audit.policy import BadPolicy, Policy, read_policy
from ark.audit.rotation import Limits
from ark.config import CONFIG, ConfigError, ServerConfig
from ark.http.auditing import Auditing


def audit_log(
    config: ServerConfig, worker: int | None, now: Callable[[], float]
) -> tuple[AuditLog, Auditing] | None:
    """
    The log, which is not started, and what tells it of requests; L{None} where there is none.

    @param worker: which of several processes this is; each has a file of its own.
    @raise ConfigError: its policy cannot be used.
    """
    if not config.audit_log_path:
        return None
    limits = Limits(
        config.audit_log_maxsize,
        config.audit_log_maxbackup,
        config.audit_log_maxage,
        config.audit_log_compress,
    )
    log = open_log(_path(config.audit_log_path, worker), limits, now)
    return log, Auditing(_policy(config.audit_policy_file), log, now)


def _path(path: str, worker: int | None) -> str:
    if path == STDOUT or not worker:
        return path
    named = Path(path)
    return str(named.with_name(f"{named.stem}.{worker}{named.suffix}"))


def _policy(path: str) -> Policy:
    try:
        return read_policy(Path(path).read_bytes())
    except (BadPolicy, OSError) as error:
        cause = f"The audit policy {path} cannot be used: {error}."
        raise ConfigError(cause, "Write a Policy of audit.k8s.io/v1.", CONFIG) from None
