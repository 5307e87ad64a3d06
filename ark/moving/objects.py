"""
The objects of a cluster's custom resources: where they are, and what a database keeps of them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from hashlib import sha256
from typing import Any, NamedTuple
from urllib.parse import quote

import orjson

from ark.apis.kind import Kind
from ark.apis.loader import KindRegistry
from ark.apply.managedfields import NOTHING, InvalidManagedFields, ManagedFields, parse
from ark.interfaces import ICluster, IStorageBackend
from ark.meta.records import Key, Range, Version
from ark.meta.status import APIStatus
from ark.registry.codec import Codec, Object, labels_of

GROUP = "ark.mckinsey.com"
PAGE = 500
PAGE_SECONDS = 60.0
_GONE = 410


class Collection:
    """
    All objects of one resource, in the version that they are kept in.

    @ivar kind: that version of its kind.
    @ivar resource: what storage calls it.
    """

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self.resource = kind.resource
        self._codec = Codec(kind.api_version, kind.kind)
        self._root = f"/apis/{kind.group}/{kind.version}"

    @property
    def path(self) -> str:
        """
        The path of the objects in all namespaces.
        """
        return f"{self._root}/{self.kind.plural}"

    def path_in(self, namespace: str) -> str:
        """
        The path of the objects in one namespace.
        """
        if not namespace:
            return self.path
        return f"{self._root}/namespaces/{quote(namespace, safe='')}/{self.kind.plural}"

    def path_of(self, key: Key) -> str:
        """
        The path of an object.
        """
        return f"{self.path_in(key.namespace)}/{quote(key.name, safe='')}"

    def key_of(self, obj: Object) -> Key:
        """
        Where an object is kept.
        """
        metadata = obj["metadata"]
        return Key(self.resource, metadata.get("namespace", ""), metadata["name"])

    def version_of(self, obj: Object, revision: int, event: str, previous: int) -> Version:
        """
        An object of the cluster as a version of the log, all that it has kept.
        """
        metadata = dict(obj["metadata"])
        managed = _managed(metadata.pop("managedFields", ()))
        body = self._codec.encode({**obj, "metadata": metadata}, managed.text)
        key = self.key_of(obj)
        return Version(
            key, revision, event, body.at(revision), labels_of(obj), metadata.get("uid", ""), previous
        )


class Listed(NamedTuple):
    """
    A stretch of a list.

    @ivar revision: the cluster's, when the list was begun.
    @ivar token: leads to the next stretch; empty after the last one.
    @ivar left: how many follow.
    """

    items: list[Object]
    revision: int
    token: str
    left: int


async def list_page(cluster: ICluster, collection: Collection, token: str = "", limit: int = PAGE) -> Listed:
    """
    Some objects of a collection.

    @param token: of the stretch before.
    @raise ark.meta.status.APIStatus: 410, the list took too long and has to begin anew; or another refusal.
    @raise ark.cluster.errors.Unreachable: there was no answer.
    """
    query = {"limit": str(limit), **({"continue": token} if token else {})}
    answer = await cluster.request("GET", collection.path, query=query, timeout=PAGE_SECONDS)
    metadata = answer["metadata"]
    return Listed(
        [_settled(item, collection.kind) for item in answer["items"] or ()],
        int(metadata["resourceVersion"]),
        metadata.get("continue") or "",
        metadata.get("remainingItemCount") or 0,
    )


async def pages(cluster: ICluster, collection: Collection) -> AsyncIterator[Listed]:
    """
    All objects of a collection, a stretch at a time.

    @raise ark.meta.status.APIStatus: see L{list_page}.
    @raise ark.cluster.errors.Unreachable: there was no answer.
    """
    page = await list_page(cluster, collection)
    yield page
    while page.token:
        page = await list_page(cluster, collection, page.token)
        yield page


async def kept(backend: IStorageBackend, collection: Collection) -> AsyncIterator[Version]:
    """
    What a database has of a collection now, in the order of its keys.
    """
    after: tuple[str, str] | None = None
    more = True
    while more:
        page = await backend.list(Range(collection.resource, None, after), PAGE)
        for version in page.versions:
            yield version
            after = (version.key.namespace, version.key.name)
        more = page.more


def _settled(item: Object, kind: Kind) -> Object:
    """
    An object of a list as it is kept; entries of managed fields that mean nothing are dropped, as they are when it is
    next written.
    """
    metadata = dict(item["metadata"])
    members = _managed(metadata.pop("managedFields", ())).members()
    if members:
        metadata["managedFields"] = members
    return {**item, "apiVersion": kind.api_version, "kind": kind.kind, "metadata": metadata}


def _managed(entries: Any) -> ManagedFields:
    try:
        return parse(entries)
    except InvalidManagedFields:
        return NOTHING


async def count(cluster: ICluster, collection: Collection) -> int:
    """
    How many objects the cluster has.
    """
    page = await list_page(cluster, collection, limit=1)
    return len(page.items) + page.left


def expired(status: APIStatus) -> bool:
    """
    Whether a list has to begin anew.
    """
    return status.code == _GONE


def collections_of(registry: KindRegistry) -> list[Collection]:
    """
    The collections of the group, by the names of their resources.
    """
    return [
        Collection(kind)
        for resource, kind in sorted(registry.stored().items())
        if kind.group == GROUP and not kind.typed
    ]


def definition_path(collection: Collection) -> str:
    """
    Where the definition of a collection's kind is.
    """
    return f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{collection.resource}"


def digest(obj: Mapping[str, Any]) -> bytes:
    """
    What tells whether two objects are the same, wherever and whenever they were written.
    """
    metadata = {name: value for name, value in obj["metadata"].items() if name not in _PLACE}
    text = orjson.dumps({**obj, "metadata": metadata}, option=orjson.OPT_SORT_KEYS)
    return sha256(text).digest()


_PLACE = frozenset(("resourceVersion", "selfLink"))
