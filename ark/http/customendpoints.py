"""
Paths beside the Kubernetes API: plug-ins that provide L{ICustomEndpoint}.

Which path is whose is settled when the server starts.  A path means the same to the
authorizer as to the endpoint: one that could be read in two ways leads nowhere.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import Any
from urllib.parse import unquote

from ark.endpoints.requestinfo import BadPath, RequestInfo
from ark.http.request import Request
from ark.http.webrequest import Mount, render
from ark.interfaces import ICustomEndpoint, IServer

_PREFIX = re.compile(r"(/[A-Za-z0-9_~][A-Za-z0-9._~-]*)+")


class BadEndpoint(ValueError):
    """
    A plug-in cannot be served.  The message names it and says why.
    """


class CustomEndpoints:
    """
    The endpoints of a server, each under its prefix.
    """

    def __init__(self, endpoints: Iterable[ICustomEndpoint], taken: Collection[str]) -> None:
        """
        @param taken: first segments of the server's own paths.
        @raise BadEndpoint: a prefix is not one, or is not free.
        """
        self._endpoints: dict[str, ICustomEndpoint] = {}
        self._mounts: dict[str, Mount] = {}
        self._reactor: Any = None
        for endpoint in endpoints:
            self._add(endpoint, taken)

    def _add(self, endpoint: ICustomEndpoint, taken: Collection[str]) -> None:
        prefix = getattr(endpoint, "prefix", None)
        if not isinstance(prefix, str) or _PREFIX.fullmatch(prefix) is None:
            raise BadEndpoint(f"{_name(endpoint)} wants {prefix!r}, which is not a path such as /v1/search")
        if prefix.split("/")[1] in taken:
            raise BadEndpoint(f"{_name(endpoint)} wants {prefix}, which is the server's own")
        for other, owner in self._endpoints.items():
            if _is_at_or_below(prefix, other) or _is_at_or_below(other, prefix):
                raise BadEndpoint(
                    f"{_name(endpoint)} wants {prefix}, but {other} is of {_name(owner)} already"
                )
        self._endpoints[prefix] = endpoint

    def start(self, server: IServer) -> None:
        """
        Make the resources.

        @raise BadEndpoint: a plug-in cannot make its own.
        """
        self._reactor = server.reactor
        for prefix, endpoint in self._endpoints.items():
            try:
                resource = endpoint.resource(server)
            except Exception as error:
                raise BadEndpoint(f"{_name(endpoint)} has no resource for {prefix}: {error}") from error
            segments = prefix.encode().split(b"/")[1:]
            self._mounts[prefix] = Mount(segments, resource)

    def prefix_of(self, path: str) -> str | None:
        """
        The prefix that a path is at or below.
        """
        for prefix in self._endpoints:
            if _is_at_or_below(path, prefix):
                return prefix
        return None

    def info_of(self, request: Request, info: RequestInfo) -> RequestInfo:
        """
        What a request that is not about a resource asks for: with the verb that its
        endpoint gives, and the path as it is meant.

        @raise BadPath: the path can be read in two ways.
        """
        prefix = self.prefix_of(request.path)
        if prefix is None:
            return info
        path = _decoded(request.path)
        endpoint = self._endpoints[prefix]
        verb = endpoint.verb_for(request)
        if not isinstance(verb, str) or not verb:
            raise TypeError(f"{_name(endpoint)} gave {verb!r} as a verb")
        return info._replace(verb=verb, path=path)

    async def answer(self, request: Request, prefix: str) -> None:
        """
        Let an endpoint answer; returns when it has.

        @raise ark.meta.status.APIStatus: what L{render} raises.
        """
        await render(request, self._mounts[prefix], self._reactor)


def _name(endpoint: ICustomEndpoint) -> str:
    kind = type(endpoint)
    return f"{kind.__module__}.{kind.__qualname__}"


def _is_at_or_below(path: str, place: str) -> bool:
    return path.startswith(place) and path[len(place) : len(place) + 1] in ("", "/")


def _decoded(path: str) -> str:
    if "%" not in path and "//" not in path and "/." not in path:
        return path
    try:
        segments = [unquote(segment, errors="strict") for segment in path.split("/")]
    except UnicodeDecodeError as error:
        raise BadPath(path) from error
    inner = segments[1:-1] if segments[-1] == "" else segments[1:]
    if any(_is_ambiguous(segment) for segment in inner):
        raise BadPath(path)
    return "/".join(segments)


def _is_ambiguous(segment: str) -> bool:
    return segment in ("", ".", "..") or "/" in segment or "\x00" in segment
