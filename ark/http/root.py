"""
The Klein application: the verbs of the REST API, and all other paths.

A path that names a resource finds its endpoint through L{RequestInfo} at once; Klein's
own matching serves every other path.  The routes below declare both.  Plug-ins answer
under the prefixes that they have taken (L{ark.http.customendpoints}).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from klein import Klein
from twisted.internet.defer import maybeDeferred
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from ark.apis.documents import Document, Documents
from ark.apis.kind import Kind
from ark.endpoints import requestinfo
from ark.endpoints.create import create
from ark.endpoints.delete import delete, deletecollection
from ark.endpoints.get import get
from ark.endpoints.list import list_
from ark.endpoints.patch import patch
from ark.endpoints.requestinfo import RequestInfo
from ark.endpoints.responses import GZIP_ABOVE, accepts_gzip, compress, page_not_found, send_plain
from ark.endpoints.review import ReviewScope, review
from ark.endpoints.scale import get_scale, patch_scale, update_scale
from ark.endpoints.scope import Aside
from ark.endpoints.update import update
from ark.endpoints.watch import watch
from ark.http.customendpoints import CustomEndpoints
from ark.http.health import Health
from ark.http.knownroutes import Endpoint, KnownRoutes, Route, Scopes
from ark.http.metrics import Metrics
from ark.meta.mediatypes import parse_accept
from ark.meta.names import path_segment_name
from ark.meta.status import (
    APIStatus,
    bad_request,
    method_not_allowed,
    method_not_supported,
    no_such_resource,
    not_acceptable,
    not_found,
)

_JSON = (b"content-type", b"application/json")
_METRICS = (b"content-type", b"text/plain; version=0.0.4; charset=utf-8")

_COLLECTION = ("<resource>", "namespaces/<namespace>/<resource>")
_OBJECT = tuple(f"{rule}/<name>" for rule in _COLLECTION)
_SUBRESOURCE = tuple(f"{rule}/<subresource>" for rule in _OBJECT)
_OF_NAMESPACE = [f"/api/<version>/namespaces/<name>/{subresource}" for subresource in ("status", "finalize")]


def _rules(tails: Iterable[str]) -> list[str]:
    return [f"{prefix}/{tail}" for tail in tails for prefix in ("/api/<version>", "/apis/<group>/<version>")]


_VERBS: dict[str, tuple[Endpoint, list[str], Sequence[str]]] = {
    "list": (list_, _rules(_COLLECTION), ("GET", "HEAD")),
    "watch": (
        watch,
        [rule.replace("<version>/", "<version>/watch/", 1) for rule in _rules(_COLLECTION + _OBJECT)],
        ("GET",),
    ),
    "create": (create, _rules(_COLLECTION), ("POST",)),
    "deletecollection": (deletecollection, _rules(_COLLECTION), ("DELETE",)),
    "get": (get, _rules(_OBJECT + _SUBRESOURCE) + _OF_NAMESPACE, ("GET", "HEAD")),
    "update": (update, _rules(_OBJECT + _SUBRESOURCE) + _OF_NAMESPACE, ("PUT",)),
    "patch": (patch, _rules(_OBJECT + _SUBRESOURCE) + _OF_NAMESPACE, ("PATCH",)),
    "delete": (delete, _rules(_OBJECT), ("DELETE",)),
}

_OWN_VERBS: dict[str, dict[str, Endpoint]] = {
    "scale": {"get": get_scale, "update": update_scale, "patch": patch_scale},
    "finalize": {"update": update},
}
"""
The verbs of subresources that do not have those of the object.
"""


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
    @ivar reviews: likewise, of the kinds that are only asked.
    @ivar aside: calls what takes long outside of the reactor's thread.
    @ivar catch_up: waits until every kind is known that was there when it was called.
    """

    scopes: Scopes
    reviews: Mapping[tuple[str, str, str], ReviewScope]
    documents: Documents
    health: Health
    metrics: Metrics
    version: bytes
    custom: CustomEndpoints
    aside: Aside | None
    catch_up: Callable[[], Awaitable[None]]


class Root:
    """
    Carries out requests that may go on.

    @ivar info_of: see L{KnownRoutes.info_of}; raises L{ark.endpoints.requestinfo.BadPath} where nothing
        can be meant by a path.
    """

    app = Klein()
    verbs = _declare_verbs(app)

    def __init__(self, parts: RootParts) -> None:
        self._scopes = parts.scopes
        self._reviews = parts.reviews
        self._documents = parts.documents
        self._health = parts.health
        self._metrics = parts.metrics
        self._version = parts.version
        self._custom = parts.custom
        self._aside = parts.aside
        self._catch_up = parts.catch_up
        self._routes = KnownRoutes(self._read)
        # Not a method that calls another: it runs at every request.
        self.info_of = self._routes.info_of

    def serve_kinds(self, scopes: Scopes, documents: Documents) -> None:
        """
        Serve these from now on.
        """
        self._scopes = scopes
        self._documents = documents
        self._routes.clear()

    def _read(self, request: Any) -> RequestInfo:
        info = requestinfo.parse(request.method, request.path)
        if not info.resource:
            return self._custom.info_of(request, info)
        scope = self._scopes.get((info.group, info.version, info.resource))
        # With nothing to see to on the way.
        if scope is not None and _fits(scope.kind, info) and not scope.warnings:
            with suppress(APIStatus):
                endpoint = self._endpoint(scope.kind, info, request.method)
                route = Route(info, self._scopes, scope, endpoint)
                self._routes.keep(request.method, route)
        return info

    def handle(self, request: Any, info: RequestInfo) -> Awaitable[None]:
        """
        Answer a request whose C{info} has been read off its path.

        @raise ark.meta.status.APIStatus: it cannot be carried out.
        """
        route = request.route
        if route is not None and route.scopes is self._scopes:
            done: Awaitable[None] = route.endpoint(route.scope, request, info)
            return done
        return self._find(request, info)

    async def _find(self, request: Any, info: RequestInfo) -> None:
        if info.resource:
            await self.serve(request, info)
            return
        prefix = self._custom.prefix_of(request.path)
        if prefix is None:
            await self.route(request)
        else:
            await self._custom.answer(request, prefix)

    async def route(self, request: Any) -> None:
        """
        Let Klein find who answers a request.

        @raise ark.meta.status.APIStatus: nobody does, or what the endpoint raises.
        """
        if "//" in request.path:
            _lead_nowhere(request)
            return
        adapter = self.app.url_map.bind("localhost", path_info=request.path, default_method=request.method)
        try:
            rule, segments = adapter.match(return_rule=True)
        except MethodNotAllowed:
            raise method_not_allowed() from None
        except HTTPException:
            _lead_nowhere(request)
            return
        await maybeDeferred(self.app.execute_endpoint, rule.endpoint, request, **segments)

    async def serve(self, request: Any, info: RequestInfo) -> None:
        """
        Carry out a verb on a resource.

        @raise ark.meta.status.APIStatus: 404, 405, and what the verb raises.
        """
        scope = self._scopes.get((info.group, info.version, info.resource))
        if scope is None:
            asked = self._reviews.get((info.group, info.version, info.resource))
            if asked is not None:
                await review(asked, request, info)
                return
            # Another process may have been told of it first.
            await self._catch_up()
            scope = self._scopes.get((info.group, info.version, info.resource))
        if scope is None or not _fits(scope.kind, info):
            if scope is not None and scope.kind.typed and not info.namespace and not info.name:
                # The path is known: the kind is read across namespaces.
                raise method_not_allowed()
            _lead_nowhere(request)
            return
        if scope.warnings:
            request.warnings = scope.warnings
        await self._endpoint(scope.kind, info, request.method)(scope, request, info)

    def _endpoint(self, kind: Kind, info: RequestInfo, method: str) -> Endpoint:
        """
        What carries out a verb.

        @raise ark.meta.status.APIStatus: 400, 404, 405.
        """
        check_path(kind, info)
        if kind.typed and info.verb == "watch" and method != "GET":
            # A path can say that it is watched whatever the method is.
            raise method_not_allowed()
        endpoint = _OWN_VERBS.get(info.subresource, self.verbs).get(info.verb)
        if endpoint is None:
            raise unsupported(kind, info.verb)
        return endpoint

    @app.route("/", methods=["GET"])
    async def index(self, request: Any) -> None:
        """
        The paths that there are.
        """
        _respond(request, 200, (_JSON,), self._documents.index(_OWN_PATHS))

    @app.route("/version", methods=["GET"])
    @app.route("/version/", methods=["GET"])
    async def version(self, request: Any) -> None:
        """
        Which server this is (contract 3.7).

        @raise ark.meta.status.APIStatus: 406.
        """
        accept = (request.header(b"accept") or b"*/*").decode("latin-1")
        if not any(clause.takes("application/json") for clause in parse_accept(accept)):
            raise not_acceptable(("application/json",))
        _respond(request, 200, (_JSON,), self._version)

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
        send_plain(request, answer.code, answer.text.encode())

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
    @app.route("/api/<version>/", methods=["GET"])
    @app.route("/apis/<group>", methods=["GET"])
    @app.route("/apis/<group>/", methods=["GET"])
    @app.route("/apis/<group>/<version>", methods=["GET"])
    @app.route("/apis/<group>/<version>/", methods=["GET"])
    async def discovery(self, request: Any, group: str = "", version: str = "") -> None:
        """
        Which kinds there are (contract 3).
        """
        accept = (request.header(b"accept") or b"").decode("latin-1")
        await self._catch_up()
        await self._document(request, self._documents.discovery(request.path.rstrip("/"), accept))

    @app.route("/openapi/v2", methods=["GET"])
    @app.route("/openapi/v3", methods=["GET"])
    @app.route("/openapi/v3/<path:group_version>", methods=["GET"])
    async def openapi(self, request: Any, group_version: str = "") -> None:
        """
        What the kinds look like (contract 4).
        """
        accept = (request.header(b"accept") or b"").decode("latin-1")
        await self._catch_up()
        make, asked = self._documents.openapi, (request.path, request.query, accept)
        if self._aside is None or self._documents.is_ready(request.path, accept):
            await self._document(request, make(*asked))
        else:
            await self._document(request, await self._aside(make, *asked))

    async def _document(self, request: Any, document: Document | None) -> None:
        if document is None:
            _lead_nowhere(request)
            return
        etag = document.etag.encode()
        if etag and request.header(b"if-none-match") == etag:
            _respond(request, 304, ((b"etag", etag), (b"vary", b"Accept")), b"")
            return
        _respond(request, document.code, document.headers(), document.body)


_OWN_PATHS = [
    rule.rule for rule in Root.app.url_map.iter_rules() if "<" not in rule.rule and rule.rule != "/"
]
OWN_SEGMENTS = frozenset(rule.rule.split("/")[1] for rule in Root.app.url_map.iter_rules())
"""
The first segments of the paths of the API, which no plug-in may take.
"""


def _lead_nowhere(request: Any) -> None:
    """
    @raise ark.meta.status.APIStatus: 404, where the built-in API would be.
    """
    if request.path.startswith("/api/"):
        raise no_such_resource()
    page_not_found(request)


def _fits(kind: Kind, info: RequestInfo) -> bool:
    """
    Whether the path's scope is the kind's: a namespaced kind is only read across
    namespaces (contract 1.1).
    """
    if kind.namespaced:
        return bool(info.namespace) or (not info.name and info.verb in ("list", "watch"))
    return not info.namespace or info.resource == "namespaces"


def check_path(kind: Kind, info: RequestInfo) -> None:
    """
    Whether what a path says of a kind can be (contract 1.15).

    @raise ark.meta.status.APIStatus: 400, 404, 405.
    """
    if kind.typed and "//" in info.path.strip("/").replace("/namespaces//", "/"):
        raise no_such_resource()
    if info.verb != "create" and (wrong := path_segment_name(info.name)):
        raise bad_request(f'Name parameter invalid: "{info.name}": {wrong[0]}')
    if info.subresource:
        if info.subresource not in kind.subresources:
            raise no_such_resource() if kind.typed else not_found(kind.gr, info.name)
        if info.verb not in ("get", "update", "patch"):
            raise unsupported(kind, info.verb)
    elif kind.typed and (info.verb not in kind.verbs or (info.name and info.verb == "create")):
        raise method_not_allowed()
    if not info.name and info.verb in ("update", "patch"):
        raise method_not_allowed() if kind.typed else bad_request("name must be provided")


def unsupported(kind: Kind, verb: str) -> APIStatus:
    """
    405: a kind does not do that (contract 1.15, 1.17).
    """
    if kind.typed:
        return method_not_allowed()
    return method_not_supported(kind.gr, verb if verb not in ("options", "trace", "connect") else "")


def _respond(request: Any, code: int, headers: Sequence[tuple[bytes, bytes]], body: bytes) -> None:
    made = [(b"audit-id", request.audit_id.encode()), (b"cache-control", b"no-cache, private")]
    made.extend(request.flow_headers)
    names = {name for name, _ in headers}
    made = [header for header in made if header[0] not in names]
    made.extend(headers)
    if len(body) > GZIP_ABOVE and accepts_gzip(request):
        made.append((b"content-encoding", b"gzip"))
        body = compress(body)
    request.respond(code, made, body)
