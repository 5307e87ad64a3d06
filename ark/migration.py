"""
Bringing the schema of a database up to date without serving it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from twisted.internet.defer import Deferred

from ark.apis.kind import Kind
from ark.apis.loader import KindRegistry
from ark.bootstrap import load_kinds, open_database, storage_factory, unusable
from ark.config import STORAGE, ConfigError, ServerConfig
from ark.controllers.definitions import kinds_in_force
from ark.interfaces import IInspectsSchema, IReportsKinds, IStorageBackend
from ark.meta.records import Range, SchemaState
from ark.registry.definitions.strategy import RESOURCE
from ark.storage.errors import StorageError, UnusableDatabase

_MOST_DEFINITIONS = 10_000


def look(config: ServerConfig) -> SchemaState | None:
    """
    The state of the schema; L{None} where there is none.

    @raise ark.config.ConfigError: the database cannot be read.
    """
    return _run(lambda reactor: _inspected(config, reactor))


def bring_up_to_date(config: ServerConfig) -> SchemaState | None:
    """
    Migrate, and return the state of the schema then.

    @raise ark.config.ConfigError: the database cannot be opened.
    """
    return _run(lambda reactor: _migrated(config, reactor))


async def _migrated(config: ServerConfig, reactor: Any) -> SchemaState | None:
    backend = await open_database(config, reactor)
    try:
        # A server's role need not own the views that it shows kinds in: this one's does.
        reporter = IReportsKinds(backend, None)
        if reporter is not None:
            await reporter.describe(await _kept(config, backend))
    finally:
        await backend.close()
    return await _inspected(config, reactor)


async def _kept(config: ServerConfig, backend: IStorageBackend) -> list[Kind]:
    """
    The kinds of which a server keeps objects, also those of definitions that somebody else made: it must
    not find other views than it would make.
    """
    own = load_kinds(config)
    if config.aggregated:
        own = KindRegistry(kind for kind in own if not kind.typed or kind.resource == RESOURCE)
    page = await backend.list(Range(RESOURCE), _MOST_DEFINITIONS)
    made = [kind for version in page.versions for kind in kinds_in_force(version)]
    return list(own.extended(made).stored().values())


async def _inspected(config: ServerConfig, reactor: Any) -> SchemaState | None:
    factory = storage_factory(config)
    if not IInspectsSchema.providedBy(factory):
        return None
    try:
        return await IInspectsSchema(factory).inspect(config.storage_options(factory.options), reactor)
    except UnusableDatabase as error:
        raise unusable(error) from None


def _run(work: Callable[[Any], Awaitable[SchemaState | None]]) -> SchemaState | None:
    from twisted.internet import reactor

    running: Any = reactor
    ended: list[Any] = []

    def begin() -> None:
        done: Deferred[Any] = Deferred.fromCoroutine(_awaited(work(running)))
        done.addBoth(ended.append).addBoth(lambda _: running.stop())

    running.callWhenRunning(begin)
    running.run()
    (result,) = ended
    if hasattr(result, "raiseException"):
        result.raiseException()
    state: SchemaState | None = result
    return state


async def _awaited(work: Awaitable[SchemaState | None]) -> SchemaState | None:
    try:
        return await work
    except StorageError as error:
        raise ConfigError(f"The database failed: {error}.", "Give the same command again.", STORAGE) from None
