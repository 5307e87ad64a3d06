"""
Acting for somebody else: C{Impersonate-User} and the other header fields of that kind.

Contract 15.6.  Follows C{k8s.io/apiserver/pkg/endpoints/filters/impersonation}, where a right to C{impersonate} is
asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ark.authentication.requestheader import unescaped
from ark.authentication.userinfo import ANONYMOUS, AUTHENTICATED_GROUP, UNAUTHENTICATED_GROUP, UserInfo
from ark.authorization.attributes import Attributes, refusal
from ark.interfaces import IAuthorizer
from ark.meta.gotext import quote
from ark.meta.names import dns1123_label, name_is_dns_subdomain
from ark.meta.status import bad_request

_PREFIX = b"impersonate-"
_FIRST = _PREFIX[0]
_USER = b"impersonate-user"
_UID = b"impersonate-uid"
_GROUP = b"impersonate-group"
_EXTRA = b"impersonate-extra-"
_AUTHENTICATION = "authentication.k8s.io"
_SERVICE_ACCOUNT = "system:serviceaccount:"


def is_wanted(names: Iterable[bytes]) -> bool:
    """
    Whether header fields of these names, of which none is empty, say for whom somebody acts.
    """
    for name in names:  # noqa: SIM110 - every request comes by, and a generator costs six times as much
        # Next to no name goes beyond its first letter.
        if name[0] == _FIRST and name[:12] == _PREFIX:
            return True
    return False


async def impersonated(
    headers: Iterable[tuple[bytes, bytes]], path: str, requestor: UserInfo, authorizer: IAuthorizer
) -> UserInfo:
    """
    The user for whom a request acts; the one who makes it when that is nobody else.

    @param headers: all header fields of the request in order.
    @param path: the path of the request.
    @raise ark.meta.status.APIStatus: 400 when no user is named; 403 when the requestor may not act for that user,
        with that uid, as a member of these groups or with these attributes.
    """
    wanted = _wanted(headers)
    if not wanted.name:
        if wanted != UserInfo(""):
            raise bad_request(f"requested {_described(wanted)} without impersonating a user name")
        return requestor
    for question in _questions(wanted):
        attributes = question._replace(user=requestor, path=path)
        decision = await authorizer.authorize(attributes)
        if not decision.allowed:
            raise refusal(attributes, decision.reason)
    return _completed(wanted)


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


def _service_account(name: str) -> tuple[str, str] | None:
    """
    The namespace and name of the account that a user name stands for (C{SplitUsername}).
    """
    parts = name.removeprefix(_SERVICE_ACCOUNT).split(":")
    if not name.startswith(_SERVICE_ACCOUNT) or len(parts) != 2:
        return None
    namespace, account = parts
    if dns1123_label(namespace) or name_is_dns_subdomain(account):
        return None
    return namespace, account


def _questions(wanted: UserInfo) -> Iterator[Attributes]:
    """
    What must be allowed, one thing after the other.
    """

    def about(resource: str, name: str, namespace: str = "", group: str = "", part: str = "") -> Attributes:
        return Attributes(UserInfo(""), "impersonate", "", group, "v1", resource, part, namespace, name)

    account = _service_account(wanted.name)
    yield about("serviceaccounts", account[1], account[0]) if account else about("users", wanted.name)
    if wanted.uid:
        yield about("uids", wanted.uid, "", _AUTHENTICATION)
    for member in wanted.groups:
        yield about("groups", member)
    for attribute, values in wanted.extra:
        for value in values:
            yield about("userextras", value, "", _AUTHENTICATION, attribute)


def _completed(wanted: UserInfo) -> UserInfo:
    """
    The user with the groups that follow from the name.
    """
    groups = wanted.groups
    account = _service_account(wanted.name)
    if account and not groups:
        groups = ("system:serviceaccounts", f"system:serviceaccounts:{account[0]}")
    known = (
        {UNAUTHENTICATED_GROUP} if wanted.name == ANONYMOUS else {AUTHENTICATED_GROUP, UNAUTHENTICATED_GROUP}
    )
    if known.isdisjoint(groups):
        usual = UNAUTHENTICATED_GROUP if wanted.name == ANONYMOUS else AUTHENTICATED_GROUP
        groups = (*groups, usual)
    return wanted._replace(groups=groups)


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
