"""
The OpenAPI documents of the kinds, versions 2 and 3.

Contract 4.  What one kind adds is made for itself, so that no step takes long.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from ark.apis.kind import Kind
from ark.apis.loader import KindRegistry
from ark.apis.metaschemas import MetaSchemas
from ark.apis.operations import Operations
from ark.apis.publishing import Publisher

_V2, _V3 = "#/definitions/", "#/components/schemas/"
_INFO = {"title": "Ark", "version": "unversioned"}
_SECURITY = {
    "BearerToken": {
        "description": "A token in the Authorization header.",
        "in": "header",
        "name": "authorization",
        "type": "apiKey",
    }
}


def group_version_path(group: str, version: str) -> str:
    """
    The path of a group's version without the slash before it: C{api/v1}, C{apis/G/V}.
    """
    return f"apis/{group}/{version}" if group else f"api/{version}"


class _Part:
    """
    What one kind adds to a document: JSON members without the braces.
    """

    def __init__(self, kind: Kind, is_v2: bool) -> None:
        prefix = _V2 if is_v2 else _V3
        publisher = Publisher(MetaSchemas(prefix, wrap_refs=not is_v2), is_v2)
        self.paths = _members(Operations(kind, prefix, is_v2).paths())
        self.schemas = _members(publisher.schemas(kind))


def _members(value: dict[str, Any]) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS)[1:-1]


def _shared(kinds: Iterable[Kind], is_v2: bool) -> bytes:
    meta = MetaSchemas(_V2 if is_v2 else _V3, wrap_refs=not is_v2)
    schemas = meta.all()
    if any(kind.scale is not None for kind in kinds):
        schemas.update(meta.scale())
    return _members(schemas)


class OpenAPI:
    """
    The texts of the documents, made of parts that are made once.

    @param before: the documents of other kinds; parts of kinds that are in both are taken
        over.
    """

    def __init__(self, registry: KindRegistry, before: OpenAPI | None = None) -> None:
        self._registry = registry
        self._parts: dict[tuple[Kind, bool], _Part] = {}
        if before is not None:
            served = frozenset(registry)
            kept = tuple(before._parts.items())
            self._parts.update({key: part for key, part in kept if key[0] in served})

    def _part(self, kind: Kind, is_v2: bool) -> _Part:
        part = self._parts.get((kind, is_v2))
        if part is None:
            part = self._parts[kind, is_v2] = _Part(kind, is_v2)
        return part

    def prepare(self) -> Iterator[None]:
        """
        Make the parts of version 3, one with each step.
        """
        for kind in self._registry:
            self._part(kind, False)
            yield

    def v3(self, group: str, version: str) -> bytes:
        """
        The document of one version of a group.
        """
        kinds = self._registry.of_version(group, version)
        parts = [self._part(kind, False) for kind in kinds]
        return b"".join(
            (
                b'{"openapi":"3.0.0","info":',
                orjson.dumps(_INFO),
                b',"paths":{',
                b",".join(part.paths for part in parts),
                b'},"components":{"schemas":{',
                b",".join([part.schemas for part in parts] + [_shared(kinds, False)]),
                b'},"securitySchemes":',
                orjson.dumps(_SECURITY),
                b"}}",
            )
        )

    def v2(self) -> bytes:
        """
        The one document of everything.
        """
        kinds = self._registry.kinds()
        parts = [self._part(kind, True) for kind in kinds]
        return b"".join(
            (
                b'{"swagger":"2.0","info":',
                orjson.dumps(_INFO),
                b',"paths":{',
                b",".join(part.paths for part in parts),
                b'},"definitions":{',
                b",".join([part.schemas for part in parts] + [_shared(kinds, True)]),
                b'},"securityDefinitions":',
                orjson.dumps(_SECURITY),
                b',"security":[{"BearerToken":[]}]}',
            )
        )


def openapi_v2(registry: KindRegistry) -> dict[str, Any]:
    """
    The document of version 2.
    """
    document: dict[str, Any] = orjson.loads(OpenAPI(registry).v2())
    return document


def openapi_v3(registry: KindRegistry, group: str, version: str) -> dict[str, Any]:
    """
    The document of version 3 of one version of a group.
    """
    document: dict[str, Any] = orjson.loads(OpenAPI(registry).v3(group, version))
    return document
