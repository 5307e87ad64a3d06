"""
Whether a flow schema is about a request.

As C{k8s.io/apiserver/pkg/util/flowcontrol/rule.go} has it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ark.authentication.userinfo import UserInfo
from ark.endpoints.requestinfo import RequestInfo
from ark.http.flowcontrol.configuration import FlowSchema

_SERVICE_ACCOUNT = "system:serviceaccount:"

Rule = Mapping[str, Any]


def matches(schema: FlowSchema, user: UserInfo, info: RequestInfo) -> bool:
    """
    Whether one of the schema's rules is about who asks and what for.
    """
    return any(_matches_rule(rule, user, info) for rule in schema.rules)


def _matches_rule(rule: Rule, user: UserInfo, info: RequestInfo) -> bool:
    if not any(_is_subject(subject, user) for subject in rule.get("subjects") or ()):
        return False
    if info.resource:
        return any(_is_resource(one, info) for one in rule.get("resourceRules") or ())
    return any(_is_path(one, info) for one in rule.get("nonResourceRules") or ())


def _is_subject(subject: Rule, user: UserInfo) -> bool:
    kind = subject.get("kind")
    if kind == "User":
        name = (subject.get("user") or {}).get("name")
        return name == "*" or name == user.name
    if kind == "Group":
        name = (subject.get("group") or {}).get("name")
        return name == "*" or name in user.groups
    account = subject.get("serviceAccount")
    if kind != "ServiceAccount" or not account:
        return False
    prefix = f"{_SERVICE_ACCOUNT}{account.get('namespace', '')}:"
    if account.get("name") == "*":
        return user.name.startswith(prefix)
    return user.name == f"{prefix}{account.get('name', '')}"


def _is_resource(rule: Rule, info: RequestInfo) -> bool:
    resource = f"{info.resource}/{info.subresource}" if info.subresource else info.resource
    if not (
        _contains(rule.get("verbs"), info.verb)
        and _contains(rule.get("resources"), resource)
        and _contains(rule.get("apiGroups"), info.group)
    ):
        return False
    if not info.namespace:
        return bool(rule.get("clusterScope"))
    return _contains(rule.get("namespaces"), info.namespace)


def _is_path(rule: Rule, info: RequestInfo) -> bool:
    if not _contains(rule.get("verbs"), info.verb):
        return False
    return any(_is_below(info.path, given) for given in rule.get("nonResourceURLs") or ())


def _is_below(path: str, given: str) -> bool:
    if given in ("*", path):
        return True
    prefix = given.removesuffix("*")
    return path.startswith(prefix if prefix.endswith("/") else f"{prefix}/")


def _contains(values: Sequence[str] | None, value: str) -> bool:
    if not values:
        return False
    return value in values or (len(values) == 1 and values[0] == "*")
