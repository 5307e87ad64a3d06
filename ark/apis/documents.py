"""
Discovery and OpenAPI documents as bytes that are made once and then sent as they are.

Contract 3 and 4.  Follows C{k8s.io/apiserver/pkg/endpoints/discovery/aggregated} and
C{k8s.io/kube-openapi/pkg/handler3} in what is answered to whom.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator
from email.utils import formatdate
from typing import Any, NamedTuple
from urllib.parse import parse_qs

from ark.apis import discovery
from ark.apis.kind import Kind
from ark.apis.loader import KindRegistry
from ark.apis.openapi import OpenAPI, group_version_path
from ark.apis.openapiproto import encode_openapi_v2
from ark.meta.mediatypes import parse_accept
from ark.meta.serializer import decode_json, encode_json, encode_yaml
from ark.meta.status import not_acceptable

JSON = "application/json"
YAML = "application/yaml"
AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
OPENAPI_V2_PROTOBUF = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
_OPENAPI_V2_FORMS = {
    JSON: JSON,
    OPENAPI_V2_PROTOBUF.replace(".v2.v1", ".v2@v1"): OPENAPI_V2_PROTOBUF,
    OPENAPI_V2_PROTOBUF: OPENAPI_V2_PROTOBUF,
}
_OPENAPI_V3 = "openapi/v3/"
_VARY = (b"vary", b"Accept")
_YEAR = 365 * 24 * 3600


class Document(NamedTuple):
    """
    An answer that is the same for everybody.

    @ivar etag: quoted, as the header has it; empty for none.
    @ivar extra: further headers.
    """

    body: bytes
    content_type: str = JSON
    etag: str = ""
    code: int = 200
    extra: tuple[tuple[bytes, bytes], ...] = ()

    def headers(self) -> list[tuple[bytes, bytes]]:
        """
        The headers that go with it.
        """
        headers = [(b"content-type", self.content_type.encode()), *self.extra]
        if self.etag:
            headers.append((b"etag", self.etag.encode()))
        return headers


def _hash(body: bytes) -> str:
    return hashlib.sha512(body).hexdigest().upper()


class Documents:
    """
    Finds the document of a path.  Each is made when it is first asked for.

    Nothing here changes but what has been made already, so that documents can be made in
    any thread.

    @param before: the documents of the kinds that were served before; what is the same is
        taken over.
    """

    def __init__(
        self,
        registry: KindRegistry,
        now: Callable[[], float] = time.time,
        address: str = "",
        before: Documents | None = None,
    ) -> None:
        self._registry = registry
        self._now = now
        self._address = address
        self._made_at = now()
        self._openapi: OpenAPI = OpenAPI(registry, None if before is None else before._openapi)
        self._made: dict[tuple[str, str], Document] = {}
        if before is not None:
            self._made.update(self._unchanged(before))

    def _unchanged(self, before: Documents) -> Iterator[tuple[tuple[str, str], Document]]:
        """
        The documents of versions of groups that have the same kinds as before.
        """
        for path, (group, version) in self._versions().items():
            made = before._made.get((_OPENAPI_V3, path))
            if made is not None and self._kinds(group, version) == before._kinds(group, version):
                yield (_OPENAPI_V3, path), made

    def _kinds(self, group: str, version: str) -> list[Kind]:
        return self._registry.of_version(group, version)

    def is_ready(self, path: str, accept: str = JSON) -> bool:
        """
        Whether the OpenAPI document of a path costs nothing any more.
        """
        path = path.strip("/")
        wanted = path.removeprefix(_OPENAPI_V3)
        form = _openapi_v2_form(accept) if path == "openapi/v2" else JSON
        return form is None or ((path, form) if wanted == path else (_OPENAPI_V3, wanted)) in self._made

    def prepare(self) -> Iterator[None]:
        """
        Make the documents that every client asks for, a little with each step.
        """
        yield from self._openapi.prepare()
        for path in self._versions():
            self._v3(path)
            yield

    def _once(self, key: tuple[str, str], make: Callable[[], Document]) -> Document:
        document = self._made.get(key)
        if document is None:
            document = self._made[key] = make()
        return document

    def index(self, others: Iterable[str]) -> bytes:
        """
        All paths that lead to a document, and others, as C{/} lists them.
        """
        versions = self._versions()
        groups = {f"/apis/{group}" for group, _ in versions.values() if group}
        documents = (f"/{path}" for path in versions)
        return encode_json({"paths": sorted({*others, *groups, *documents})}, pretty=True)

    def discovery(self, path: str, accept: str) -> Document | None:
        """
        The document of C{/api}, C{/apis} or a path below; L{None} when there is none.

        @raise ark.meta.status.APIStatus: 406.
        """
        path = path.strip("/")
        value = self._discovered(path)
        if value is None:
            return None
        form = self._form(accept, path in ("api", "apis"))
        if form == AGGREGATED:
            return self._once((path, form), lambda: self._aggregated(path))
        if form == YAML:
            return self._once((path, form), lambda: Document(encode_yaml(value()), form))
        return self._once((path, form), lambda: Document(encode_json(value()) + b"\n", form))

    def _aggregated(self, path: str) -> Document:
        body = encode_json(discovery.aggregated(self._registry, path == "api")) + b"\n"
        return Document(body, AGGREGATED, f'"{_hash(body)}"', 200, (_VARY, (b"cache-control", b"public")))

    def _discovered(self, path: str) -> Callable[[], Any] | None:
        """
        What makes the value of a discovery path.
        """
        registry = self._registry
        if path == "api":
            return (
                (lambda: discovery.api_versions(registry, self._address)) if "" in registry.groups() else None
            )
        if path == "apis":
            return lambda: discovery.api_group_list(registry)
        group, version = _group_version(path)
        if group is None or group not in registry.groups():
            return None
        if version is None:
            return lambda: discovery.api_group(registry, group)
        if version not in registry.preferred_versions(group):
            return None
        return lambda: discovery.api_resource_list(registry, group, version)

    def _form(self, accept: str, can_aggregate: bool) -> str:
        for clause in parse_accept(accept or "*/*"):
            wanted = {name: value for name, value in clause.parameters.items() if name in ("as", "g", "v")}
            if wanted:
                known = {"as": "APIGroupDiscoveryList", "g": "apidiscovery.k8s.io", "v": "v2"}
                if can_aggregate and wanted == known and clause.takes(JSON):
                    return AGGREGATED
                continue
            for media_type in (JSON, YAML):
                if clause.takes(media_type):
                    return media_type
        raise not_acceptable((JSON, YAML))

    def openapi(self, path: str, query: str, accept: str) -> Document | None:
        """
        The document of C{/openapi/v2}, C{/openapi/v3} or a path below; L{None} when there
        is none.

        @raise ark.meta.status.APIStatus: 406.
        """
        path = path.strip("/")
        wanted = path.removeprefix(_OPENAPI_V3)
        if path not in ("openapi/v2", "openapi/v3") and (wanted == path or wanted not in self._versions()):
            return None
        if path == "openapi/v3":
            # It has one form, whatever a client says.
            return self._once((path, JSON), self._index)
        if path == "openapi/v2":
            return self._v2(_openapi_v2_form(accept))
        if not any(clause.takes(JSON) for clause in parse_accept(accept or "*/*")):
            raise not_acceptable((JSON,))
        return self._versioned(wanted, (parse_qs(query).get("hash") or [""])[0])

    def _versions(self) -> dict[str, tuple[str, str]]:
        return {
            group_version_path(group, version): (group, version)
            for group in self._registry.groups()
            for version in self._registry.preferred_versions(group)
        }

    def _v2(self, form: str | None) -> Document:
        """
        @raise ark.meta.status.APIStatus: 406.
        """
        if form is None:
            raise not_acceptable((JSON,))
        document = self._once(("openapi/v2", JSON), lambda: self._hashed(self._openapi.v2()))
        if form == JSON:
            return document
        return self._once(
            ("openapi/v2", form),
            lambda: self._hashed(encode_openapi_v2(decode_json(document.body).value), form),
        )

    def _hashed(self, body: bytes, content_type: str = JSON) -> Document:
        modified = formatdate(self._made_at, usegmt=True).encode()
        return Document(body, content_type, f'"{_hash(body)}"', 200, (_VARY, (b"last-modified", modified)))

    def _v3(self, path: str) -> Document:
        group, version = self._versions()[path]
        return self._once((_OPENAPI_V3, path), lambda: self._hashed(self._openapi.v3(group, version)))

    def _location(self, path: str) -> str:
        etag = self._v3(path).etag.strip('"')
        return f"/{_OPENAPI_V3}{path}?hash={etag}"

    def _index(self) -> Document:
        paths = {path: {"serverRelativeURL": self._location(path)} for path in self._versions()}
        return self._hashed(encode_json({"paths": paths}))

    def _versioned(self, path: str, asked: str) -> Document:
        document = self._v3(path)
        if not asked:
            return document._replace(extra=(*document.extra, (b"cache-control", b"no-cache, private")))
        if f'"{asked}"' != document.etag:
            location = self._location(path).encode()
            return Document(b"", JSON, document.etag, 301, (_VARY, (b"location", location)))
        expires = formatdate(self._now() + _YEAR, usegmt=True).encode()
        return document._replace(
            extra=(*document.extra, (b"cache-control", b"public, immutable"), (b"expires", expires))
        )


def _openapi_v2_form(accept: str) -> str | None:
    """
    The form that a client wants of C{/openapi/v2} (C{k8s.io/kube-openapi/pkg/handler}).
    """
    for clause in parse_accept(accept or "*/*"):
        for media_type, form in _OPENAPI_V2_FORMS.items():
            if clause.takes(media_type):
                return form
    return None


def _group_version(path: str) -> tuple[str | None, str | None]:
    """
    The group and version of C{api/V}, C{apis/G} or C{apis/G/V}.
    """
    parts = path.split("/")
    if parts[0] == "api" and len(parts) == 2:
        return "", parts[1]
    if parts[0] == "apis" and len(parts) in (2, 3) and parts[1]:
        return parts[1], parts[2] if len(parts) == 3 else None
    return None, None
