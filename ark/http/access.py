"""
What is remembered of a request once it was answered: its metrics, and a line in the log.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Protocol

from twisted.logger import Logger

from ark.endpoints.requestinfo import RequestInfo
from ark.http.requestseries import RequestLabels, RequestSeries

_VERBS = {
    "create": "POST",
    "update": "PUT",
    "patch": "PATCH",
    "delete": "DELETE",
    "deletecollection": "DELETECOLLECTION",
    "get": "GET",
    "list": "LIST",
    "watch": "WATCH",
    "post": "POST",
    "put": "PUT",
    "head": "GET",
}
_OTHER = "OTHER"
_TOO_MANY = 429
_SUBRESOURCES = frozenset(("", "status", "scale", "finalize"))
_PATHS = frozenset(("healthz", "livez", "readyz", "metrics", "version", "api", "apis", "openapi"))
_APPLY = b"application/apply-patch"

_log = Logger()


class RequestSink(Protocol):
    """
    Where requests are counted.
    """

    def requests(self, labels: RequestLabels, code: int) -> RequestSeries:
        """Requests that were answered."""

    def aborted(self, labels: RequestLabels) -> None:
        """A request whose client left before it was answered."""

    def terminated(self, labels: RequestLabels, code: int) -> None:
        """A request that was refused because there are too many."""


class RequestObserver:
    """
    Counts requests and, when asked to, logs them.

    What a client may invent never becomes a label: resources that are not served are
    counted together.

    @param sink: where they are counted.
    @param resources: the served ones, as group, version and plural.
    @param logged: whether each request gets a line in the log.
    """

    def __init__(
        self,
        sink: RequestSink,
        resources: Collection[tuple[str, str, str]],
        *,
        logged: bool,
    ) -> None:
        self._sink = sink
        self._resources = frozenset(resources)
        self._logged = logged
        self._series: dict[tuple[Any, ...], RequestSeries] = {}

    def serve(self, resources: Collection[tuple[str, str, str]]) -> None:
        """
        These are served from now on, as group, version and plural.
        """
        self._resources = frozenset(resources)

    def observe_request(self, request: Any, info: RequestInfo, code: int, seconds: float) -> None:
        """
        A request was answered with C{code}, C{seconds} after its header was complete.
        """
        route = request.route
        series: RequestSeries | None = None
        if route is not None and "dryRun" not in request.query:
            series = route.series.get((code, info.verb == "patch" and _is_applied(request)))
        if series is None and code:
            series = self._series_of(request, info, code)
        if series is None:
            self._sink.aborted(self._labels(request, info))
        else:
            series.observe(seconds, request.sent)
            waits = request.waits
            if waits is not None and waits.seconds:
                series.waited(seconds, waits.seconds)
        if self._logged:
            self._log_request(request, info, code, seconds)

    def _series_of(self, request: Any, info: RequestInfo, code: int) -> RequestSeries:
        verb, _path, group, version, namespace, resource, subresource, name, *_ = info
        if not resource or code == _TOO_MANY or "dryRun" in request.query:
            return self._unusual(request, info, code)
        applied = verb == "patch" and _is_applied(request)
        key = (verb, group, version, resource, subresource, not name, not namespace, code, applied)
        series = self._series.get(key)
        if series is None:
            series = self._unusual(request, info, code)
            if (group, version, resource) not in self._resources or subresource not in _SUBRESOURCES:
                return series
            self._series[key] = series
        if request.route is not None:
            request.route.series[code, applied] = series
        return series

    def _unusual(self, request: Any, info: RequestInfo, code: int) -> RequestSeries:
        labels = self._labels(request, info)
        if code == _TOO_MANY:
            self._sink.terminated(labels, code)
        return self._sink.requests(labels, code)

    def _labels(self, request: Any, info: RequestInfo) -> RequestLabels:
        verb = _VERBS.get(info.verb, _OTHER)
        dry = "All" if "dryRun=All" in request.query else ""
        if not info.resource:
            first = info.path.strip("/").partition("/")[0]
            return RequestLabels(verb, subresource=f"/{first}" if first in _PATHS else "")
        if (info.group, info.version, info.resource) not in self._resources:
            return RequestLabels(verb)
        if verb == "PATCH" and _is_applied(request):
            verb = "APPLY"
        subresource = info.subresource if info.subresource in _SUBRESOURCES else ""
        return RequestLabels(verb, info.group, info.version, info.resource, subresource, _scope(info), dry)

    def _log_request(self, request: Any, info: RequestInfo, code: int, seconds: float) -> None:
        user = request.user
        _log.info(
            "HTTP verb={verb} uri={uri!r} user={user!r} code={code} ms={ms:.3f} bytes={bytes} "
            "agent={agent!r} address={address} auditID={audit_id!r}",
            verb=_VERBS.get(info.verb, _OTHER),
            uri=f"{request.path}?{request.query}" if request.query else request.path,
            user=user.name if user is not None else "",
            code=code,
            ms=seconds * 1000,
            bytes=request.sent,
            agent=(request.header(b"user-agent") or b"").decode("latin-1"),
            address=request.client_address,
            audit_id=request.audit_id,
        )


def _is_applied(request: Any) -> bool:
    applied: bool = request.headers.get(b"content-type", b"").startswith(_APPLY)
    return applied


def _scope(info: RequestInfo) -> str:
    if info.name or info.verb == "create":
        return "resource"
    return "namespace" if info.namespace else "cluster"
