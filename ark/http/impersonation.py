"""
Acting for somebody else: C{Impersonate-User} and the other header fields of that kind.

Contract 15.6.  Follows C{k8s.io/apiserver/pkg/endpoints/filters/impersonation}; whether that is allowed says
L{ark.authorization.impersonation}.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ark.authentication.requestheader import unescaped
from ark.authentication.userinfo import UserInfo
from ark.meta.gotext import quote
from ark.meta.status import bad_request

_PREFIX = b"impersonate-"
_FIRST = _PREFIX[0]
_USER = b"impersonate-user"
_UID = b"impersonate-uid"
_GROUP = b"impersonate-group"
_EXTRA = b"impersonate-extra-"


def is_wanted(names: Iterable[bytes]) -> bool:
    """
    Whether header fields of these names, of which none is empty, say for whom somebody acts.
    """
    for name in names:  # noqa: SIM110 - every request comes by, and a generator costs six times as much
        # Next to no name goes beyond its first letter.
        if name[0] == _FIRST and name[:12] == _PREFIX:
            return True
    return False


def wanted_user(headers: Iterable[tuple[bytes, bytes]]) -> UserInfo | None:
    """
    The user that a request says it acts for, as it says; L{None} when it names nobody at all.

    @param headers: all header fields of the request in order.
    @raise ark.meta.status.APIStatus: 400, more than the name is said, but not the name.
    """
    wanted = _wanted(headers)
    if wanted.name:
        return wanted
    if wanted != UserInfo(""):
        status = bad_request(f"requested {_described(wanted)} without impersonating a user name")
        status.nosniff = True
        raise status
    return None


def forget(request: Any) -> None:
    """
    Keep it from whatever comes after that somebody acts for another.
    """
    fields = [field for field in request.raw_headers if field[0][:12] != _PREFIX]
    request.raw_headers = fields
    for name in [name for name in request.headers if name[:12] == _PREFIX]:
        del request.headers[name]


def _wanted(headers: Iterable[tuple[bytes, bytes]]) -> UserInfo:
    first: dict[bytes, str] = {}
    groups: list[str] = []
    extra: dict[str, list[str]] = {}
    for name, raw in headers:
        if name[:12] != _PREFIX:
            continue
        value = raw.decode("utf-8", "replace")
        if name == _GROUP:
            groups.append(value)
        elif name.startswith(_EXTRA):
            extra.setdefault(unescaped(name[len(_EXTRA) :].decode("latin-1")), []).append(value)
        else:
            first.setdefault(name, value)
    pairs = tuple((name, tuple(values)) for name, values in sorted(extra.items()))
    return UserInfo(first.get(_USER, ""), first.get(_UID, ""), tuple(groups), pairs)


def _described(wanted: UserInfo) -> str:
    """
    As Go shows a C{user.DefaultInfo}.
    """

    def texts(values: Iterable[str]) -> str:
        return f"[]string{{{', '.join(map(quote, values))}}}"

    groups = texts(wanted.groups) if wanted.groups else "[]string(nil)"
    pairs = ", ".join(f"{quote(name)}:{texts(values)}" for name, values in wanted.extra)
    extra = f"map[string][]string{{{pairs}}}" if pairs else "map[string][]string(nil)"
    return f'&user.DefaultInfo{{Name:"", UID:{quote(wanted.uid)}, Groups:{groups}, Extra:{extra}}}'
