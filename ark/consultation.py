"""
What would keep a server from running that others have to be asked about: its database and its cluster.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from typing import Any

from twisted.internet.defer import CancelledError

from ark.aggregation import connect
from ark.bootstrap import load_kinds, storage_factory, unusable
from ark.cluster.client import Cluster
from ark.cluster.errors import Unreachable
from ark.cluster.rights import has, rights_of
from ark.config import ConfigError, ServerConfig
from ark.doctor import Finding
from ark.interfaces import IInspectsSchema
from ark.meta.status import APIStatus
from ark.storage.errors import StorageError, UnusableDatabase

MOST_SKEW = 5.0
"""
How many seconds the clocks may differ: times of objects and leases are compared across machines.
"""

Check = Callable[[ServerConfig, Any], AsyncIterator[Finding]]


async def consult(config: ServerConfig, reactor: Any) -> AsyncIterator[Finding]:
    """
    Ask everybody, one after the other.
    """
    checks: tuple[tuple[str, Check], ...] = (("database", _schema), ("cluster", _cluster))
    for name, check in checks:
        try:
            async for finding in check(config, reactor):
                yield finding
        except (CancelledError, GeneratorExit):
            raise
        except ConfigError as error:
            yield Finding(name, False, f"{error.cause} {error.remedy}")
        except Unreachable as error:
            yield Finding(name, False, f"the cluster cannot be reached: {error}.")
        except APIStatus as status:
            yield Finding(name, False, f"the cluster refuses: {status.message}.")


async def _schema(config: ServerConfig, reactor: Any) -> AsyncIterator[Finding]:
    """
    The state of a database that is a server; a file was looked at already.
    """
    factory = storage_factory(config)
    if "db_path" in factory.options or not IInspectsSchema.providedBy(factory):
        return
    try:
        state = await IInspectsSchema(factory).inspect(config.storage_options(factory.options), reactor)
    except UnusableDatabase as error:
        raise unusable(error) from None
    except StorageError as error:
        yield Finding("database", False, f"{config.storage_scheme}: {error}.")
        return
    text = f"{config.storage_scheme} with schema {state.version} of {state.newest}"
    if state.version < state.newest:
        text += "; the next start, or ark-server migrate, brings it up to date"
    yield Finding("database", True, text)


async def _cluster(config: ServerConfig, reactor: Any) -> AsyncIterator[Finding]:
    if not config.kubeconfig and not config.in_cluster:
        return
    cluster = connect(config, reactor, time.time)
    try:
        yield await _clock(cluster)
        async for finding in _rights(config, cluster):
            yield finding
    finally:
        await cluster.close()


async def _clock(cluster: Cluster) -> Finding:
    before = time.time()
    there = await cluster.time_of_day()
    # The answer was given at some moment in between, and says the second only.
    early, late = there - time.time(), there + 1 - before
    skew = early if early > 0 else min(late, 0.0)
    text = f"at most {max(abs(skew), 1):.0f} s from that of {cluster.server}"
    if abs(skew) > MOST_SKEW:
        text = f"{abs(skew):.0f} s {'behind' if skew > 0 else 'ahead of'} that of {cluster.server}: synchronize them."
    return Finding("clock", abs(skew) <= MOST_SKEW, text)


async def _rights(config: ServerConfig, cluster: Cluster) -> AsyncIterator[Finding]:
    services = sorted(
        {f"{kind.version}.{kind.group}" for kind in load_kinds(config).kinds() if not kind.typed}
    )
    secret = config.tls_secret if config.shares_authority else ""
    asked = 0
    missing = False
    for right in rights_of(secret, services, by_address=not config.in_cluster):
        asked += 1
        if not await has(cluster, right):
            missing = True
            yield Finding("rights", False, f"may not {right}: needed for {right.purpose}.")
    if not missing:
        yield Finding("rights", True, f"all {asked} that are needed are there")
