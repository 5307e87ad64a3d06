"""
Users that somebody may act for: what object stands for each, and which are fit for the narrow ways.

Follows C{k8s.io/apiserver/pkg/endpoints/filters/impersonation/mode.go} and
C{.../authentication/serviceaccount/util.go}.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from ark.authentication.userinfo import UserInfo
from ark.meta.fielderrors import invalid
from ark.meta.gotext import quote
from ark.meta.names import dns1123_label, dns1123_subdomain, name_is_dns_subdomain

NODE = "system:node:"
_NODES_GROUP = "system:nodes"
_NODE_NAME = "authentication.kubernetes.io/node-name"
_SERVICE_ACCOUNT = "system:serviceaccount:"
_PATH = r"[A-Za-z0-9/\-._~%!$&'()*+,;=:]+"
_is_path = re.compile(_PATH).fullmatch


class Subject(NamedTuple):
    """
    The object that stands for a user, and the groups that come with the name.
    """

    resource: str
    name: str
    namespace: str = ""
    groups: tuple[str, ...] = ()


def _account_of(name: str) -> tuple[str, str] | None:
    """
    The namespace and name of the account that a user name stands for (C{SplitUsername}).
    """
    parts = name.removeprefix(_SERVICE_ACCOUNT).split(":")
    if not name.startswith(_SERVICE_ACCOUNT) or len(parts) != 2:
        return None
    if dns1123_label(parts[0]) or name_is_dns_subdomain(parts[1]):
        return None
    return parts[0], parts[1]


def _node_of(name: str) -> str | None:
    """
    The name of the node that a user name stands for.
    """
    found = name.removeprefix(NODE)
    return None if not name.startswith(NODE) or name_is_dns_subdomain(found) else found


def account(wanted: UserInfo) -> Subject:
    """
    The service account of that name.
    """
    namespace, name = _account_of(wanted.name) or ("", "")
    groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}")
    return Subject("serviceaccounts", name, namespace, wanted.groups or groups)


def node(wanted: UserInfo) -> Subject:
    """
    The node of that name.
    """
    return Subject("nodes", wanted.name.removeprefix(NODE), "", (_NODES_GROUP,))


def person(wanted: UserInfo) -> Subject:
    """
    The user of that name, whatever it looks like.
    """
    return Subject("users", wanted.name, "", wanted.groups)


def person_or_account(wanted: UserInfo) -> Subject:
    """
    The service account of that name, or else the user.
    """
    return account(wanted) if _account_of(wanted.name) else person(wanted)


def is_account(wanted: UserInfo, requestor: UserInfo) -> bool:
    """
    Whether nothing but a service account is named.
    """
    return _is_bare(wanted) and _account_of(wanted.name) is not None


def is_node(wanted: UserInfo, requestor: UserInfo) -> bool:
    """
    Whether nothing but a node is named.
    """
    return _is_bare(wanted) and _node_of(wanted.name) is not None


def is_own_node(wanted: UserInfo, requestor: UserInfo) -> bool:
    """
    Whether a service account names the node that its token is bound to.
    """
    if not is_node(wanted, requestor) or _account_of(requestor.name) is None:
        return False
    return dict(requestor.extra).get(_NODE_NAME) == (_node_of(wanted.name),)


def is_person(wanted: UserInfo, requestor: UserInfo) -> bool:
    """
    Whether neither a node nor a service account is named.
    """
    return _node_of(wanted.name) is None and _account_of(wanted.name) is None


def _is_bare(wanted: UserInfo) -> bool:
    return not (wanted.uid or wanted.groups or wanted.extra)


def unfit(extra: Sequence[tuple[str, tuple[str, ...]]]) -> str:
    """
    Why attributes may not be acted with in one of the narrow ways; empty when they may.
    """
    for key, values in extra:
        if not key:
            return "impersonating the empty string key in extra is not allowed"
        errors = _unfit_key(key)
        if errors:
            told = errors[0] if len(errors) == 1 else f"[{', '.join(errors)}]"
            return f"impersonating an invalid key in extra is not allowed: {told}"
        if key != key.lower():
            return f"impersonating a non-lowercase key in extra is not allowed: {quote(key)}"
        if "" in values:
            return "impersonating the empty string value in extra is not allowed"
    return ""


def _unfit_key(key: str) -> list[str]:
    """
    C{IsDomainPrefixedPath}.
    """
    host, _, path = key.partition("/")
    if not host or not path:
        wrong = [(key, 'must be a domain-prefixed path (such as "acme.io/foo")')]
    else:
        wrong = [(host, why) for why in dns1123_subdomain(host)]
        if not _is_path(path):
            wrong.append((path, f"Invalid path (regex used for validation is '{_PATH}')"))
    causes = (invalid("extra.key", value, why) for value, why in wrong)
    return list(dict.fromkeys(f"{cause.field}: {cause.message}" for cause in causes))
