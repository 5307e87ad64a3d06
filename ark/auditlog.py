"""
The audit logs of a server, as its configuration has them.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ark.audit.batching import WHOLE, Batching, Truncation
from ark.audit.log import STDOUT, WEBHOOK, AuditLog, open_log
from ark.audit.policy import BadPolicy, Policy, read_policy
from ark.audit.rotation import Limits
from ark.audit.webhook import Webhook
from ark.cluster.errors import InvalidAccess
from ark.cluster.kubeconfig import read_kubeconfig
from ark.config import CONFIG, ConfigError, ServerConfig
from ark.http.auditing import Auditing


def audit_logs(
    config: ServerConfig, worker: int | None, now: Callable[[], float]
) -> tuple[tuple[AuditLog, ...], Auditing] | None:
    """
    The logs, which are not started, and what tells them of requests; L{None} where there are none.

    @param worker: which of several processes this is; each has a file of its own.
    @raise ConfigError: the policy or the webhook cannot be used.
    """
    logs = []
    if config.audit_log_path:
        limits = Limits(
            config.audit_log_maxsize,
            config.audit_log_maxbackup,
            config.audit_log_maxage,
            config.audit_log_compress,
        )
        logs.append(open_log(_path(config.audit_log_path, worker), limits, now))
    if config.audit_webhook_config_file:
        logs.append(_webhook(config, now))
    if not logs:
        return None
    return tuple(logs), Auditing(_policy(config.audit_policy_file), logs, now)


def _webhook(config: ServerConfig, now: Callable[[], float]) -> AuditLog:
    path = config.audit_webhook_config_file
    try:
        webhook = Webhook(read_kubeconfig(path), config.audit_webhook_initial_backoff)
    except InvalidAccess as error:
        cause = f"The audit webhook of {path} cannot be used: {error}."
        raise ConfigError(
            cause, "Name its URL, authority and credentials as in a kubeconfig.", CONFIG
        ) from None
    batching = Batching(
        config.audit_webhook_batch_buffer_size,
        config.audit_webhook_batch_max_size,
        config.audit_webhook_batch_max_wait,
        config.audit_webhook_batch_throttle_qps if config.audit_webhook_batch_throttle_enable else 0.0,
        config.audit_webhook_batch_throttle_burst,
    )
    truncation = Truncation(
        config.audit_webhook_truncate_max_event_size, config.audit_webhook_truncate_max_batch_size
    )
    return AuditLog(
        webhook, now, WEBHOOK, batching, truncation if config.audit_webhook_truncate_enabled else WHOLE
    )


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
