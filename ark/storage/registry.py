"""
From the word after C{--storage=} to the factory that opens the database.

The server's own backends come through the same door as a third party's: a plug-in of
L{ark.interfaces.IStorageBackendFactory} in C{twisted.plugins}.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from twisted.plugin import IPlugin, getPlugins
from twisted.python.reflect import namedAny
from zope.interface import alsoProvides, implementer

from ark.interfaces import IInspectsSchema, IOpensBeside, IStorageBackend, IStorageBackendFactory
from ark.meta.records import SchemaState
from ark.storage.errors import UnusableDatabase

_OWN = "ark."
_THEIRS = "Install it; the package of the storage should have asked for it."


class UnknownStorage(ValueError):
    """
    No backend has this scheme.  The message lists those that are known.
    """


class DuplicateStorage(ValueError):
    """
    Two plug-ins claim the same scheme.
    """


@implementer(IPlugin, IStorageBackendFactory)
class StorageBackendFactory:
    """
    A factory that imports its backend only when it is opened.

    @param opener: dotted name of an C{async def open_backend(config, reactor)}.
    @param inspector: dotted name of an C{async def inspect(config, reactor)}; with it, it
        provides L{IInspectsSchema} too.
    @param beside: dotted name of an C{async def open_beside(config, reactor)}; with it, it
        provides L{IOpensBeside} too.
    """

    def __init__(
        self,
        scheme: str,
        summary: str,
        opener: str,
        options: Sequence[str] = (),
        inspector: str = "",
        *,
        beside: str = "",
    ) -> None:
        self.scheme = scheme
        self.summary = summary
        self.opener = opener
        self.options = tuple(options)
        self.inspector = inspector
        if inspector:
            alsoProvides(self, IInspectsSchema)
        self.beside = beside
        if beside:
            alsoProvides(self, IOpensBeside)

    async def open(self, config: Mapping[str, Any], reactor: Any) -> IStorageBackend:
        """
        See L{IStorageBackendFactory.open}.
        """
        backend: IStorageBackend = await self._load(self.opener)(config, reactor)
        return backend

    async def open_beside(self, config: Mapping[str, Any], reactor: Any) -> IStorageBackend:
        """
        See L{IOpensBeside.open_beside}.
        """
        backend: IStorageBackend = await self._load(self.beside)(config, reactor)
        return backend

    async def inspect(self, config: Mapping[str, Any], reactor: Any) -> SchemaState:
        """
        See L{IInspectsSchema.inspect}.
        """
        state: SchemaState = await self._load(self.inspector)(config, reactor)
        return state

    def _load(self, name: str) -> Any:
        try:
            return namedAny(name)  # type: ignore[no-untyped-call]
        except ModuleNotFoundError as error:
            own = name.startswith(_OWN)
            remedy = f"Install it with: pip install 'ark-apiserver[{self.scheme}]'." if own else _THEIRS
            raise UnusableDatabase(
                f"the storage {self.scheme} needs the package {error.name}, which is not installed", remedy
            ) from error


def storage_factories(
    plugins: Iterable[IStorageBackendFactory] | None = None,
) -> dict[str, IStorageBackendFactory]:
    """
    Every installed factory by scheme, in order of scheme.

    @raise DuplicateStorage: it would be a matter of luck which of two is used.
    """
    found: dict[str, IStorageBackendFactory] = {}
    for factory in getPlugins(IStorageBackendFactory) if plugins is None else plugins:
        if factory.scheme in found:
            raise DuplicateStorage(f"two plug-ins provide the storage {factory.scheme!r}: remove one of them")
        found[factory.scheme] = factory
    return dict(sorted(found.items()))


def find_storage_factory(
    scheme: str, plugins: Iterable[IStorageBackendFactory] | None = None
) -> IStorageBackendFactory:
    """
    The factory for a scheme.

    @raise UnknownStorage: there is none.
    """
    factories = storage_factories(plugins)
    try:
        return factories[scheme]
    except KeyError:
        known = ", ".join(factories) or "none is installed"
        raise UnknownStorage(f"unknown storage {scheme!r}; known are: {known}") from None
