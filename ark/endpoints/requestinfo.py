"""
What a request asks for, read off its method and path alone.

Follows C{k8s.io/apiserver/pkg/endpoints/request/requestinfo.go}; contract 1.1, 1.2, 15.5.
"""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import unquote

from ark.authentication.userinfo import UserInfo
from ark.authorization.attributes import Attributes
from ark.meta.gotext import quote
from ark.meta.status import bad_request

_VERBS = {
    "POST": "create",
    "GET": "get",
    "HEAD": "get",
    "PUT": "update",
    "PATCH": "patch",
    "DELETE": "delete",
}
_BROKEN_ESCAPE = re.compile("%(?![0-9A-Fa-f]{2})[^/]{0,2}")
_OTHER_METHODS = frozenset(("OPTIONS", "TRACE", "CONNECT"))
_COLLECTION_VERBS = {"get": "list", "delete": "deletecollection"}
_NAMESPACE_SUBRESOURCES = frozenset(("status", "finalize"))


class RequestInfo(NamedTuple):
    """
    A request on a resource, or on any other path when C{resource} is empty.

    C{verb} is a Kubernetes verb on resources (C{watch} is told from C{list} by the
    caller, who has read the query) and the lower-case method elsewhere.  C{name} is
    empty for a whole collection; segments after a subresource mean nothing.
    """

    verb: str
    path: str
    group: str = ""
    version: str = ""
    namespace: str = ""
    resource: str = ""
    subresource: str = ""
    name: str = ""

    def attributes(self, user: UserInfo, verb: str) -> Attributes:
        """
        What an authorizer judges of a user who does C{verb} there.
        """
        return Attributes(
            user,
            verb,
            self.path,
            self.group,
            self.version,
            self.resource,
            self.subresource,
            self.namespace,
            self.name,
        )


class BadPath(Exception):
    """
    The path hides a separator; nothing can be meant by it.
    """


def _segments(path: str) -> list[str]:
    parts = path.strip("/").split("/")
    if "%" not in path:
        return parts
    broken = _BROKEN_ESCAPE.search(path)
    if broken is not None:
        raise bad_request(f"invalid URL escape {quote(broken[0])}")
    segments = [unquote(part, errors="strict") for part in parts]
    if any("/" in segment or "\x00" in segment for segment in segments):
        raise BadPath(path)
    return segments


def parse(method: str, path: str) -> RequestInfo:
    """
    Read a request's method and raw path.

    @raise BadPath: a segment decodes to something with a slash or a NUL.
    @raise ark.meta.status.APIStatus: 400, a percent sign begins no escape.
    """
    if path.startswith("/apis/"):
        offset = 3
    elif path.startswith("/api/"):
        offset = 2
    else:
        return RequestInfo(method.lower(), path)
    try:
        segments = _segments(path)
    except UnicodeDecodeError as error:
        raise BadPath(path) from error
    if len(segments) <= offset:
        return RequestInfo(method.lower(), path)
    verb = _VERBS.get(method)
    if verb is None:
        # No verb of Kubernetes; authorization and messages see none.
        verb = method.lower() if method in _OTHER_METHODS else ""
    info = _resource(verb, path, segments, offset)
    return info if info.resource else RequestInfo(method.lower(), path)


def _resource(verb: str, path: str, segments: list[str], offset: int) -> RequestInfo:
    group = segments[1] if offset == 3 else ""
    version = segments[offset - 1]
    rest = segments[offset:]
    if rest[0] == "watch" and len(rest) > 1:
        verb, rest = "watch", rest[1:]
    namespace = ""
    if rest[0] == "namespaces":
        if len(rest) > 2 and rest[2] not in _NAMESPACE_SUBRESOURCES:
            namespace, rest = rest[1], rest[2:]
        elif len(rest) > 1:
            namespace = rest[1]
    count = len(rest)
    name = rest[1] if count > 1 else ""
    if not name:
        verb = _COLLECTION_VERBS.get(verb, verb)
    subresource = rest[2] if count > 2 else ""
    return RequestInfo(verb, path, group, version, namespace, rest[0], subresource, name)
