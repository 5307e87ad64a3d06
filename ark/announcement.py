"""
What a server says: that it is ready, where everything is and what to try; or why it cannot start.
"""

from __future__ import annotations

import sys
from typing import NamedTuple

from twisted.logger import Logger
from twisted.python.failure import Failure

import ark
from ark.bootstrap import obstacle
from ark.config import ServerConfig
from ark.storage.sqlitelibrary import doubts

FAILED = 1

_log = Logger()


class Started(NamedTuple):
    """
    How a server has come up.

    @ivar created: the database is new.
    @ivar objects: how many objects it holds.
    """

    url: str
    created: bool
    objects: int
    kinds: int


def announcement(config: ServerConfig, started: Started) -> list[str]:
    """
    At most twelve lines, for standard error.
    """
    storage = "SQLite, every write is on disk before it is answered"
    place = config.db_path
    if config.storage_scheme != "sqlite":
        storage = place = config.storage_scheme
    if started.created:
        opened = f"created database     {place}"
    else:
        opened = f"opened existing database {place}, {started.objects} objects"
    # In a cluster it is ready when the cluster has told all that it needs, which /readyz says.
    state = "has started" if config.aggregated else "is ready"
    lines = [f"ark-server {ark.__version__} {state} ({storage})"]
    lines.append(f"  {opened}")
    lines.append(f"  serving              {started.url} ({started.kinds} kinds, {_workers(config)})")
    if not config.aggregated:
        lines.append(f"  kubeconfig           {config.kubeconfig_out}")
    lines.append(f"  certificates         {config.cert_dir}")
    lines.extend(f"  warning: {text}" for text in warnings(config))
    if config.aggregated:
        return lines
    lines.append("Try:")
    lines.append(f"  export KUBECONFIG={config.kubeconfig_out}")
    lines.append("  kubectl api-resources")
    lines.append("  kubectl get agents --all-namespaces")
    return lines


def warnings(config: ServerConfig) -> list[str]:
    """
    What an operator should know to be unsafe.
    """
    found = [doubts()] if config.storage_scheme == "sqlite" and doubts() else []
    if config.storage_scheme == "memory":
        found.append("nothing is kept: --storage=memory forgets everything at exit.")
    if config.token_auth_file:
        found.append("tokens of --token-auth-file do not expire, and count until the server restarts.")
    return found


def _workers(config: ServerConfig) -> str:
    return "1 process" if config.workers == 1 else f"{config.workers} processes"


def told(failure: Failure) -> int:
    """
    Tell why a server could not start.

    @return: the exit code for it.
    """
    error = obstacle(failure.value)
    if error is not None:
        print(f"ark-server: {error.cause}\n{error.remedy}", file=sys.stderr, flush=True)
        return error.exit_code
    _log.failure("the server could not start", failure)
    return FAILED
