"""
The Klein application: the verbs of the REST API, and all other paths.

A path that names a resource finds its endpoint through L{RequestInfo} at once; Klein's
own matching serves every other path.  The routes below declare both.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from klein import Klein
from twisted.internet.defer import maybeDeferred
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from ark.apis.documents import Document, Documents
from ark.endpoints.create import create
from ark.endpoints.delete import delete, deletecollection
from ark.endpoints.get import get
from ark.endpoints.list import list_
from ark.endpoints.patch import patch
from ark.endpoints.requestinfo import RequestInfo
from ark.endpoints.responses import GZIP_ABOVE, accepts_gzip, compress, send
from ark.endpoints.scope import RequestScope
from ark.endpoints.update import update
from ark.endpoints.watch import watch
from ark.http.health import Health
from ark.http.metrics import Metrics
from ark.meta.gvk import GroupResource
from ark.meta.status import bad_request, method_not_supported, not_found

_NOSNIFF = (b"x-content-type-options", b"nosniff")
_TEXT = (b"content-type", b"text/plain; charset=utf-8")
_METRICS = (b"content-type", b"text/plain; version=0.0.4; charset=utf-8")

_COLLECTION = ("<resource>", "namespaces/<namespace>/<resource>")
_OBJECT = tuple(f"{rule}/<name>" for rule in _COLLECTION)
_SUBRESOURCE = tuple(f"{rule}/<subresource>" for rule in _OBJECT)

Endpoint = Callable[[RequestScope, Any, RequestInfo], Awaitable[None]]


def _rules(tails: Iterable[str]) -> list[str]:
    return [f"{prefix}/{tail}" for tail in tails for prefix in ("/api/<version>", "/apis/<group>/<version>")]


_VERBS: dict[str, tuple[Endpoint, list[str], Sequence[str]]] = {
    "list": (list_, _rules(_COLLECTION), ("GET", "HEAD")),
    "watch": (
        watch,
        [rule.replace("<version>/", "<version>/watch/", 1) for rule in _rules(_COLLECTION)],
        ("GET",),
    ),
    "create": (create, _rules(_COLLECTION), ("POST",)),
    "deletecollection": (deletecollection, _rules(_COLLECTION), ("DELETE",)),
    "get": (get, _rules(_OBJECT + _SUBRESOURCE), ("GET", "HEAD")),
    "update": (update, _rules(_OBJECT + _SUBRESOURCE), ("PUT",)),
    "patch": (patch, _rules(_OBJECT + _SUBRESOURCE), ("PATCH",)),
    "delete": (delete, _rules(_OBJECT), ("DELETE",)),
}


def _declare_verbs(app: Klein) -> dict[str, Endpoint]:
    """
    Declare a route for each verb, and return the endpoint of each.
    """

    def declared(name: str, rules: list[str], methods: Sequence[str]) -> None:
        async def endpoint(self: Root, request: Any, **_segments: str) -> None:
            await self.serve(request, request.info)

        endpoint.__name__ = name
        for rule in rules:
            app.route(rule, methods=methods, endpoint=name)(endpoint)

    for name, (_, rules, methods) in _VERBS.items():
        declared(name, rules, methods)
    return {name: endpoint for name, (endpoint, _, _) in _VERBS.items()}


@dataclass
class RootParts:
    """
    What the application is made of.

    @ivar scopes: by (group, version, plural).
    """

    scopes: dict[tuple[str, str, str], RequestScope]
    documents: Documents
    health: Health
    metrics: Metrics
    version: bytes


class Root:
    """
    Carries out requests that may go on.
    """

    app = Klein()
    verbs = _declare_verbs(app)

    def __init__(self, parts: RootParts) -> None:
        self._scopes = parts.scopes
        self._documents = parts.documents
        self._health = parts.health
        self._metrics = parts.metrics
        self._version = parts.version

    async def handle(self, request: Any, info: RequestInfo) -> None:
        """
        Answer a request whose C{info} has been read off its path.

        @raise ark.meta.status.APIStatus: it cannot be carried out.
        """
        if info.resource:
            await self.serve(request, info)
        else:
            await self._route(request)

    async def _route(self, request: Any) -> None:
        adapter = self.app.url_map.bind("localhost", path_info=request.path, default_method=request.method)
        try:
            rule, segments = adapter.match(return_rule=True)
        except MethodNotAllowed:
            _plain(request, 405, b"405 method not allowed\n")
            return
        except HTTPException:
            page_not_found(request)
            return
        await maybeDeferred(self.app.execute_endpoint, rule.endpoint, request, **segments)

    async def serve(self, request: Any, info: RequestInfo) -> None:
        """
        Carry out a verb on a resource.

        @raise ark.meta.status.APIStatus: 404, 405, and what the verb raises.
        """
        scope = self._scopes.get((info.group, info.version, info.resource))
        if scope is None:
            page_not_found(request)
            return
        if not self._fits(scope, info):
            page_not_found(request)
            return
        if info.subresource:
            self._check_subresource(scope, info)
        verb = info.verb
        if not info.name and verb in ("update", "patch"):
            raise bad_request("name must be provided")
        endpoint = self.verbs.get(verb)
        if endpoint is None:
            action = verb if verb not in ("options", "trace", "connect") else ""
            raise method_not_supported(scope.kind.gr, action)
        await endpoint(scope, request, info)

    def _fits(self, scope: RequestScope, info: RequestInfo) -> bool:
        """
        Whether the path's scope is the kind's: a namespaced kind is only read across
        namespaces (contract 1.1).
        """
        if scope.kind.namespaced:
            return bool(info.namespace) or (not info.name and info.verb in ("list", "watch"))
        return not info.namespace or info.resource == "namespaces"

    def _check_subresource(self, scope: RequestScope, info: RequestInfo) -> None:
        kind = scope.kind
        if info.subresource not in kind.subresources:
            raise not_found(kind.gr, info.name)
        if info.verb not in ("get", "update", "patch"):
            raise method_not_supported(GroupResource(kind.group, kind.plural), info.verb)

    @app.route("/version", methods=["GET"])
    async def version(self, request: Any) -> None:
        """
        Which server this is (contract 3.7).
        """
        send(request, 200, self._version)

    @app.route("/healthz", methods=["GET", "HEAD"])
    @app.route("/livez", methods=["GET", "HEAD"])
    @app.route("/readyz", methods=["GET", "HEAD"])
    @app.route("/healthz/<path:check>", methods=["GET", "HEAD"])
    @app.route("/livez/<path:check>", methods=["GET", "HEAD"])
    @app.route("/readyz/<path:check>", methods=["GET", "HEAD"])
    async def health(self, request: Any, check: str = "") -> None:
        """
        The named checks (contract 18.1).
        """
        answer = await self._health.respond(request.path, request.query)
        _plain(request, answer.code, answer.text.encode())

    @app.route("/metrics", methods=["GET"])
    async def metrics(self, request: Any) -> None:
        """
        What the server counts (contract 18.3).
        """
        _respond(request, 200, (_METRICS,), self._metrics.render())

    @app.route("/api", methods=["GET"])
    @app.route("/apis", methods=["GET"])
    @app.route("/api/", methods=["GET"])
    @app.route("/apis/", methods=["GET"])
    @app.route("/api/<version>", methods=["GET"])
    @app.route("/apis/<group>", methods=["GET"])
    @app.route("/apis/<group>/<version>", methods=["GET"])
    async def discovery(self, request: Any, group: str = "", version: str = "") -> None:
        """
        Which kinds there are (contract 3).
        """
        accept = (request.header(b"accept") or b"").decode("latin-1")
        await self._document(request, self._documents.discovery(request.path.rstrip("/"), accept))

    @app.route("/openapi/v2", methods=["GET"])
    @app.route("/openapi/v3", methods=["GET"])
    @app.route("/openapi/v3/<path:group_version>", methods=["GET"])
    async def openapi(self, request: Any, group_version: str = "") -> None:
        """
        What the kinds look like (contract 4).
        """
        accept = (request.header(b"accept") or b"").decode("latin-1")
        await self._document(request, self._documents.openapi(request.path, request.query, accept))

    async def _document(self, request: Any, document: Document | None) -> None:
        if document is None:
            page_not_found(request)
            return
        etag = document.etag.encode()
        if etag and request.header(b"if-none-match") == etag:
            _respond(request, 304, ((b"etag", etag), (b"vary", b"Accept")), b"")
            return
        _respond(request, document.code, document.headers(), document.body)


def page_not_found(request: Any) -> None:
    """
    The plain 404 of a path that leads nowhere (contract 1.15).
    """
    _plain(request, 404, b"404 page not found\n")


def _plain(request: Any, code: int, text: bytes) -> None:
    _respond(request, code, (_TEXT, _NOSNIFF), text)


def _respond(request: Any, code: int, headers: Sequence[tuple[bytes, bytes]], body: bytes) -> None:
    made = [(b"audit-id", request.audit_id.encode()), (b"cache-control", b"no-cache, private")]
    names = {name for name, _ in headers}
    made = [header for header in made if header[0] not in names]
    made.extend(headers)
    if len(body) > GZIP_ABOVE and accepts_gzip(request):
        made.append((b"content-encoding", b"gzip"))
        body = compress(body)
    request.respond(code, made, body)
