"""
The definitions that come with the server, and those that its operator gives it, as objects.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import orjson
from twisted.logger import Logger

from ark.apis.loader import BUILT_IN, InvalidDefinition, KindRegistry, read_definitions
from ark.apis.manifest import Manifest
from ark.authentication.userinfo import MASTERS_GROUP, UserInfo
from ark.config import CONFIG, ConfigError, ServerConfig
from ark.meta.metatypes import WrongType
from ark.meta.status import APIStatus
from ark.registry.definitions.strategy import RESOURCE
from ark.registry.definitions.types import read_definition
from ark.registry.store import Store, WriteContext
from ark.registry.stores import Stores

SHIPPED = "ark.mckinsey.com/shipped-spec"
"""
The annotation that tells which spec the server wrote.  While a definition still has that
one nobody else has changed it, and a newer server brings it up to date.
"""

_log = Logger()
_USER = UserInfo("system:apiserver", groups=(MASTERS_GROUP,))
_REMEDY = "Correct the manifest, or take it out of the directory."

Object = dict[str, Any]


class ShippedDefinitions(NamedTuple):
    """
    What there is to be served.

    @ivar built_in: the kinds that are built into Kubernetes.
    @ivar manifests: those of the others, by name.
    @ivar configured: the names of those that the operator gave: they count whatever
        somebody else made of them.
    """

    built_in: KindRegistry
    manifests: Mapping[str, Manifest]
    configured: frozenset[str] = frozenset()


def load_definitions(config: ServerConfig) -> ShippedDefinitions:
    """
    Those that come with the server, with those of C{--resource-definitions} beside or
    instead of them.

    @raise ConfigError: a manifest is wrong.
    """
    try:
        built_in, custom = read_definitions([Path(directory) for directory in config.resource_definitions])
    except InvalidDefinition as error:
        raise ConfigError(f"{error}.", _REMEDY, CONFIG) from None
    configured = (name for name, manifest in custom.items() if BUILT_IN not in Path(manifest.file).parents)
    return ShippedDefinitions(built_in, custom, frozenset(configured))


async def ensure_definitions(stores: Stores, shipped: ShippedDefinitions) -> list[str]:
    """
    Write the definitions that are not there or not up to date.

    @return: the names of those that there are now.
    @raise ConfigError: one cannot be written.
    """
    store = stores.of_resource(RESOURCE)
    if store is None:
        return []
    for name, manifest in shipped.manifests.items():
        try:
            await _ensure(store, _definition(manifest), name in shipped.configured)
        except (APIStatus, WrongType) as error:
            told = error.message if isinstance(error, APIStatus) else str(error)
            raise ConfigError(f"{manifest.file or name}: {told}.", _REMEDY, CONFIG) from None
    return list(shipped.manifests)


def _definition(manifest: Manifest) -> Object:
    # A copy: what YAML's aliases share must not be shared when it is changed.
    body: Object = orjson.loads(orjson.dumps(manifest.body))
    body.pop("status", None)
    read_definition(body)
    metadata = body["metadata"]
    metadata["annotations"] = {**(metadata.get("annotations") or {}), SHIPPED: _digest(body["spec"])}
    return body


def _digest(spec: Any) -> str:
    return sha256(orjson.dumps(spec, option=orjson.OPT_SORT_KEYS)).hexdigest()


async def _ensure(store: Store, wanted: Object, configured: bool) -> None:
    name = wanted["metadata"]["name"]
    version = await store.cacher.get(store.key("", name), None)
    context = WriteContext(user=_USER, field_manager="ark-server")
    if version is None:
        try:
            await store.create("", wanted, context)
        except APIStatus as status:
            # Another process was faster.
            if status.reason != "AlreadyExists":
                raise
        return
    stored = store.decode(version.body)
    noted = (stored["metadata"].get("annotations") or {}).get(SHIPPED)
    is_pristine = noted == _digest(stored["spec"])
    if _digest(stored["spec"]) == _digest(wanted["spec"]) or not (is_pristine or configured):
        return

    def brought_up_to_date(live: Object | None) -> Object:
        metadata = (live or {})["metadata"]
        annotations = {**(metadata.get("annotations") or {}), **wanted["metadata"]["annotations"]}
        return {**(live or {}), "metadata": {**metadata, "annotations": annotations}, "spec": wanted["spec"]}

    try:
        await store.update("", name, brought_up_to_date, context)
    except APIStatus as status:
        if configured:
            raise
        # Objects may still be stored in a version that this release has no more.
        _log.warn("the definition {name} stays as it is: {message}", name=name, message=status.message)
