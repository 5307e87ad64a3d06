"""
What has to be there before a server can serve: kinds, a database, the first namespaces.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from ark.apis.kind import Kind
from ark.apis.loader import InvalidDefinition, KindRegistry
from ark.authentication.userinfo import MASTERS_GROUP, UserInfo
from ark.config import CONFIG, STORAGE, ConfigError, ServerConfig
from ark.files import make_private_directory
from ark.interfaces import IReportsKinds, IStorageBackend
from ark.meta.records import Range
from ark.meta.status import APIStatus
from ark.registry.store import WriteContext
from ark.registry.stores import Stores
from ark.storage.errors import StorageError, UnusableDatabase
from ark.storage.registry import DuplicateStorage, UnknownStorage, find_storage_factory

FIRST_NAMESPACES = ("default", "kube-node-lease", "kube-public", "kube-system")
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
    The opened database.

    @raise ConfigError: there is no such storage, or it cannot be opened.
    """
    try:
        factory = find_storage_factory(config.storage_scheme)
    except (UnknownStorage, DuplicateStorage) as error:
        text = str(error)
        raise ConfigError(f"{text[:1].upper()}{text[1:]}.", "Choose one of them with --storage.") from None
    try:
        if "db_path" in factory.options:
            make_private_directory(Path(config.db_path).parent)
        return await factory.open(config.storage_options(factory.options), reactor)
    except UnusableDatabase as error:
        raise ConfigError(_sentence(error), _sentence(error.remedy), STORAGE) from None
    except (StorageError, OSError) as error:
        remedy = "Check that the place exists, is writable, and has room."
        raise ConfigError(f"The database cannot be opened: {error}.", remedy, STORAGE) from None


def _sentence(text: object) -> str:
    words = str(text).rstrip(".")
    return f"{words[:1].upper()}{words[1:]}."


async def contents_of(backend: IStorageBackend, kinds: Iterable[Kind]) -> Contents:
    """
    What a database holds before this server writes to it.
    """
    if await backend.current_revision() <= 1:
        return Contents(True, 0)
    resources = {kind.resource for kind in kinds}
    objects = 0
    for resource in sorted(resources):
        objects += await backend.count(Range(resource))
    return Contents(False, objects)


async def describe(backend: IStorageBackend, kinds: Iterable[Kind]) -> None:
    """
    Let those who read the database with SQL see the kinds, where the backend can.
    """
    reporter = IReportsKinds(backend, None)
    if reporter is not None:
        await reporter.describe([kind for kind in kinds if kind.is_storage])


async def inspect(config: ServerConfig, reactor: Any) -> Contents:
    """
    Open the database alone, bring it up to date, and close it again.

    So that worker processes find it ready, and one message tells what is wrong with it.
    """
    kinds = list(load_kinds(config).kinds())
    backend = await open_storage(replace(config, workers=1), reactor)
    try:
        contents = await contents_of(backend, kinds)
        await describe(backend, kinds)
        return contents
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
                WriteContext(user=_USER),
            )
        except APIStatus as status:
            # Another worker was faster.
            if status.reason != "AlreadyExists":
                raise
