"""
What requests mean, remembered by their paths.

Most requests are about objects of few resources in few namespaces: their paths differ in nothing but the
object's name.  What such a path means, and who carries it out, is found out once.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from ark.endpoints.requestinfo import RequestInfo
from ark.endpoints.scope import RequestScope
from ark.http.requestseries import RequestSeries
from ark.meta.known import Known

MOST = 4096
LONGEST = 512
"""A longer path is not kept: clients can make them long on purpose."""

Scopes = dict[tuple[str, str, str], RequestScope]
Endpoint = Callable[[RequestScope, Any, RequestInfo], Awaitable[None]]

_SUBRESOURCES = frozenset(("status", "scale", "finalize"))
# What may be no name; check_path and the parser say what it is.
_NO_NAMES = frozenset(("", ".", ".."))

_made: Callable[[tuple[str, ...]], RequestInfo] = partial(tuple.__new__, RequestInfo)


class Route:
    """
    Requests of one method whose paths are the same but for the name.

    @ivar info: what one of them asks for.
    @ivar scopes: all that was served when it was found; it counts as long as that is served.
    @ivar series: where they are counted, by their answer's code and whether something is applied.
    """

    __slots__ = ("endpoint", "info", "rest", "scope", "scopes", "series", "verb")

    def __init__(self, info: RequestInfo, scopes: Scopes, scope: RequestScope, endpoint: Endpoint) -> None:
        self.info = info
        self.verb = info.verb
        self.rest = info[2:7]
        self.scopes = scopes
        self.scope = scope
        self.endpoint = endpoint
        self.series: dict[tuple[int, bool], RequestSeries] = {}


class KnownRoutes:
    """
    The routes of requests that came before.

    @param read: what a request asks for, off its path.
    """

    def __init__(self, read: Callable[[Any], RequestInfo]) -> None:
        self._read = read
        # By method and what stands before a name, and what behind it; with "" behind it there is no name.
        self._known: Known[tuple[str, ...], Route] = Known(MOST)

    def clear(self) -> None:
        """
        Forget all.
        """
        self._known.clear()

    def info_of(self, request: Any) -> RequestInfo:
        """
        What a request asks for.  Where one was kept that differs from it in its name only, that one's
        route becomes its C{route}.
        """
        method, path = request.method, request.path
        head, _, name = path.rpartition("/")
        if name in _SUBRESOURCES:
            part = name
            head, _, name = head.rpartition("/")
            route = self._known.get((method, head, part))
        else:
            route = self._known.get((method, head))
        if route is not None and "%" not in name and name not in _NO_NAMES:
            request.route = route
            return _made((route.verb, path, *route.rest, name))
        route = self._known.get((method, path, ""))
        if route is None:
            return self._read(request)
        request.route = route
        return route.info

    def keep(self, method: str, route: Route) -> None:
        """
        Keep what a request asks for whose path is exactly how that is written, so that another name in
        the same place can only mean another object.
        """
        info = route.info
        head = _collection(info)
        tail = tuple(filter(None, (info.name, info.subresource)))
        if "/".join((head, *tail)) != info.path or len(info.path) > LONGEST:
            return
        if not info.name:
            behind: tuple[str, ...] = ("",)
        else:
            behind = (info.subresource,) if info.subresource else ()
        self._known.keep((method, head, *behind), route)


def _collection(info: RequestInfo) -> str:
    """
    The path of all objects of a resource, in a namespace if there is one.
    """
    group = f"/apis/{info.group}" if info.group else "/api"
    namespace = f"/namespaces/{info.namespace}" if info.namespace else ""
    return f"{group}/{info.version}{namespace}/{info.resource}"
