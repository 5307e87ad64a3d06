"""
What has to be there before a server can serve: kinds, a database, the first namespaces.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure

from ark.apis.loader import InvalidDefinition, KindRegistry
from ark.authentication.userinfo import MASTERS_GROUP, UserInfo
from ark.config import CONFIG, STORAGE, ConfigError, ServerConfig
from ark.files import make_private_directory
from ark.interfaces import (
    IInspectsSchema,
    IOpensBeside,
    IReportsKinds,
    IRestores,
    IStorageBackend,
    IStorageBackendFactory,
)
from ark.meta.records import Range, SchemaState
from ark.meta.status import APIStatus
from ark.registry.definitions.strategy import RESOURCE
from ark.registry.store import WriteContext
from ark.registry.stores import KindsChange, Stores
from ark.storage.copying import Database
from ark.storage.errors import StorageError, StorageFull, UnusableDatabase
from ark.storage.marks import check_servable
from ark.storage.registry import DuplicateStorage, UnknownStorage, find_storage_factory

FIRST_NAMESPACES = ("default", "kube-node-lease", "kube-public", "kube-system")
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 4.0
_log = Logger()
_USER = UserInfo("system:apiserver", groups=(MASTERS_GROUP,))


class Contents(NamedTuple):
    """
    What a database held when it was opened.
    """

    created: bool
    objects: int


def load_kinds(config: ServerConfig) -> KindRegistry:
    """
    The built-in kinds, with those of C{--resource-definitions} beside or instead of them.

    @raise ConfigError: a manifest is wrong.
    """
    try:
        return KindRegistry.load([Path(directory) for directory in config.resource_definitions])
    except InvalidDefinition as error:
        raise ConfigError(
            f"{error}.", "Correct the manifest, or take it out of the directory.", CONFIG
        ) from None


async def open_storage(config: ServerConfig, reactor: Any) -> IStorageBackend:
    """
    The opened database, which may be served; waits for one that cannot be reached yet, as
    long as C{--storage-wait} says.

    @raise ConfigError: there is no such storage, it cannot be opened, or was moved.
    """
    factory = storage_factory(config)
    with _told():
        backend = await opened_in_time(lambda: _open(factory, config, reactor), config.storage_wait, reactor)
    try:
        with _told():
            await check_servable(backend)
    except BaseException:
        await backend.close()
        raise
    return backend


async def opened_in_time(
    opened: Callable[[], Awaitable[IStorageBackend]], seconds: float, reactor: Any
) -> IStorageBackend:
    """
    The opened database, when one that is only away for a while comes in time.
    """
    deadline = reactor.seconds() + seconds
    pause = _FIRST_PAUSE
    while True:
        try:
            return await opened()
        except UnusableDatabase as error:
            if not error.passing or reactor.seconds() + pause > deadline:
                raise
            _log.warn("Waiting for the database, which cannot be opened yet: {error}", error=error)
        await deferLater(reactor, pause, lambda: None)
        pause = min(2 * pause, _LONGEST_PAUSE)


async def _open(factory: IStorageBackendFactory, config: ServerConfig, reactor: Any) -> IStorageBackend:
    if "db_path" in factory.options:
        make_private_directory(Path(config.db_path).parent)
    return await factory.open(config.storage_options(factory.options), reactor)


async def open_database(
    config: ServerConfig, reactor: Any, *, beside_server: bool = False
) -> IStorageBackend:
    """
    The opened database, be it servable or not.

    @param beside_server: a server may have it open at this time; nothing is made of it that it is not.
    @raise ConfigError: there is no such storage, or it cannot be opened.
    """
    factory = storage_factory(config)
    with _told():
        options = config.storage_options(factory.options)
        if beside_server and IOpensBeside.providedBy(factory):
            return await IOpensBeside(factory).open_beside(options, reactor)
        if beside_server and IInspectsSchema.providedBy(factory):
            _check_made(await IInspectsSchema(factory).inspect(options, reactor))
        return await _open(factory, config, reactor)


def _check_made(state: SchemaState) -> None:
    """
    See that a database is one of ours, for to open it would make it one.

    @raise UnusableDatabase: it is none, or not yet what this release makes of it.
    """
    if state.version < state.newest:
        what = f"has schema version {state.version}" if state.version else "was never served"
        raise UnusableDatabase(
            f"the database {what}; this release knows version {state.newest}",
            "Name the right database; run ark-server migrate if it is of an older release.",
        )


async def open_restorable(
    name: str, config: ServerConfig, reactor: Any, *, beside_server: bool = False
) -> Database:
    """
    The opened database, which can be moved as it is.

    @param name: what to call it.
    @raise ConfigError: there is no such storage, it cannot be opened, or cannot be moved.
    """
    backend = await open_database(config, reactor, beside_server=beside_server)
    restores: IRestores | None = IRestores(backend, None)
    if restores is None:
        await backend.close()
        raise ConfigError(
            f"The storage {config.storage_scheme} cannot be copied from or to.",
            "Use one that provides IRestores.",
            STORAGE,
        )
    return Database(name, backend, restores)


@contextmanager
def _told() -> Iterator[None]:
    """
    What goes wrong with a database is told as an operator needs to know it.
    """
    try:
        yield
    except UnusableDatabase as error:
        raise unusable(error) from None
    except (StorageError, OSError) as error:
        remedy = "Check that the place exists, is writable, and has room."
        raise ConfigError(f"The database cannot be opened: {error}.", remedy, STORAGE) from None


def storage_factory(config: ServerConfig) -> IStorageBackendFactory:
    """
    What opens the database.

    @raise ConfigError: there is no such storage.
    """
    try:
        return find_storage_factory(config.storage_scheme)
    except (UnknownStorage, DuplicateStorage) as error:
        raise ConfigError(_sentence(error), "Choose one of them.") from None


def unusable(error: UnusableDatabase) -> ConfigError:
    """
    How an operator is told that a database cannot be used.
    """
    return ConfigError(_sentence(error), _sentence(error.remedy), STORAGE)


def obstacle(error: BaseException | None) -> ConfigError | None:
    """
    What kept a server from starting, as an operator needs to know it; L{None} where nobody foresaw it.
    """
    if isinstance(error, ConfigError):
        return error
    if isinstance(error, UnusableDatabase):
        return unusable(error)
    if isinstance(error, StorageFull):
        return ConfigError(
            "The disk of the database is full.", "Make room, and start the server again.", STORAGE
        )
    if isinstance(error, StorageError):
        cause = f"The database failed while the server started: {error}."
        return ConfigError(cause, "Start the server again; ark-server check looks at the database.", STORAGE)
    return None


def _sentence(text: object) -> str:
    words = str(text).rstrip(".")
    return f"{words[:1].upper()}{words[1:]}."


async def count_objects(backend: IStorageBackend, resources: Iterable[str]) -> int:
    """
    How many objects there are of some resources, definitions left out.
    """
    objects = 0
    for resource in sorted(set(resources) - {RESOURCE}):
        objects += await backend.count(Range(resource))
    return objects


class Views:
    """
    Lets those who read the database with SQL see the kinds that are served, where the
    backend can.
    """

    def __init__(self, backend: IStorageBackend, stores: Stores) -> None:
        self._reporter = IReportsKinds(backend, None)
        self._stores = stores
        self._running: Deferred[None] | None = None
        self._again = False
        self._unsubscribe: Callable[[], None] | None = None

    async def start(self) -> None:
        """
        Describe them now, and again whenever there are others.
        """
        if self._reporter is not None:
            await self._reporter.describe(self._stores.resources())
            self._unsubscribe = self._stores.subscribe(self._changed)

    def stop(self) -> None:
        """
        Leave the views as they are.
        """
        if self._unsubscribe is not None:
            self._unsubscribe()
        if self._running is not None:
            self._running.cancel()

    def _changed(self, _change: KindsChange) -> None:
        self._again = True
        if self._running is None:
            self._running = Deferred.fromCoroutine(self._describe())
            self._running.addErrback(_not_described)

    async def _describe(self) -> None:
        try:
            while self._again and self._reporter is not None:
                self._again = False
                await self._reporter.describe(self._stores.resources())
        finally:
            self._running = None


def _not_described(failure: Failure) -> None:
    error = failure.value
    if isinstance(error, StorageError):
        _log.warn("the views of the database were not brought up to date: {error}", error=error)
    elif not isinstance(error, CancelledError):
        _log.failure("the views of the database were not brought up to date", failure)


async def inspect(config: ServerConfig, reactor: Any) -> Contents:
    """
    Open the database alone, bring it up to date, and close it again.

    So that worker processes find it ready, and one message tells what is wrong with it.
    """
    resources = load_kinds(config).stored()
    backend = await open_storage(replace(config, workers=1), reactor)
    try:
        is_new = await backend.current_revision() <= 1
        return Contents(is_new, 0 if is_new else await count_objects(backend, resources))
    finally:
        await backend.close()


async def ensure_namespaces(stores: Stores) -> None:
    """
    Make the namespaces that are always there.
    """
    store = stores.of_resource("namespaces")
    if store is None:
        return
    for name in FIRST_NAMESPACES:
        if await store.cacher.get(store.key("", name), None) is not None:
            continue
        try:
            await store.create(
                "",
                {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}},
                WriteContext(user=_USER, field_manager="ark-apiserver"),
            )
        except APIStatus as status:
            # Another worker was faster.
            if status.reason != "AlreadyExists":
                raise
