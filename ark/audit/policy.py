"""
What the audit log is told of which request.

As C{k8s.io/apiserver/pkg/audit/policy}; the file is a C{Policy} of C{audit.k8s.io/v1}.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from ark.authorization.attributes import Attributes
from ark.meta.known import Known
from ark.meta.names import dns1123_subdomain
from ark.meta.serializer import DecodeError, decode_yaml

NONE, METADATA, REQUEST, REQUEST_RESPONSE = "None", "Metadata", "Request", "RequestResponse"
LEVELS = (NONE, METADATA, REQUEST, REQUEST_RESPONSE)
REQUEST_RECEIVED, RESPONSE_STARTED = "RequestReceived", "ResponseStarted"
RESPONSE_COMPLETE, PANIC = "ResponseComplete", "Panic"
STAGES = (REQUEST_RECEIVED, RESPONSE_STARTED, RESPONSE_COMPLETE, PANIC)
API_VERSION = "audit.k8s.io/v1"

_MEMBERS: dict[str, type] = {
    "level": str,
    "users": list,
    "userGroups": list,
    "verbs": list,
    "resources": list,
    "namespaces": list,
    "nonResourceURLs": list,
    "omitStages": list,
    "omitManagedFields": bool,
}
_OF_RESOURCES = frozenset(("group", "resources", "resourceNames"))
_OF_POLICY = frozenset(("apiVersion", "kind", "metadata", "rules", "omitStages", "omitManagedFields"))
_REMEMBERED = 4096
# What a client can make long on purpose is not kept.
_LONGEST = 1024


class BadPolicy(ValueError):
    """
    A policy cannot be used; says where and why.
    """


class Told(NamedTuple):
    """
    What is told of a request.

    @ivar omitted: the stages of which nothing is told.
    @ivar omits_managed_fields: whether objects are told without their C{managedFields}.
    """

    level: str
    omitted: frozenset[str] = frozenset()
    omits_managed_fields: bool = False

    @property
    def has_request(self) -> bool:
        """
        Whether the body of the request is told.
        """
        return self.level in (REQUEST, REQUEST_RESPONSE)

    @property
    def has_response(self) -> bool:
        """
        Whether the body of the answer is told.
        """
        return self.level == REQUEST_RESPONSE


_Test = Callable[[Attributes], bool]


class _Rule(NamedTuple):
    tests: tuple[_Test, ...]
    told: Told


class Policy:
    """
    The rules, in order: the first that is about a request counts, and nothing is told of what none
    is about.
    """

    def __init__(self, document: Any) -> None:
        """
        @raise BadPolicy: it is none.
        """
        _check_policy(document)
        omitted = _stages(document.get("omitStages"), "omitStages")
        omits = bool(document.get("omitManagedFields"))
        rules = document.get("rules") or ()
        self._rules = [_rule(rule, f"rules[{place}]", omitted, omits) for place, rule in enumerate(rules)]
        self._otherwise = Told(NONE, omitted, omits)
        self._known: Known[tuple[object, ...], Told] = Known(_REMEMBERED)

    def of(self, attributes: Attributes) -> Told:
        """
        What is told of a request.
        """
        key = (attributes.user, attributes.verb, *attributes[2:9])
        told = self._known.get(key)
        if told is None:
            told = self._find(attributes)
            if attributes.size <= _LONGEST:
                self._known.keep(key, told)
        return told

    def _find(self, attributes: Attributes) -> Told:
        for rule in self._rules:
            if all(test(attributes) for test in rule.tests):
                return rule.told
        return self._otherwise


def read_policy(data: bytes) -> Policy:
    """
    The policy in a YAML or JSON text.

    @raise BadPolicy: there is none.
    """
    try:
        decoded = decode_yaml(data)
    except DecodeError as error:
        raise BadPolicy(f"it is no YAML: {error}") from None
    if decoded.duplicates:
        raise BadPolicy(f"{decoded.duplicates[0]} is there twice")
    return Policy(decoded.value)


def _check_policy(document: Any) -> None:
    if not isinstance(document, dict):
        raise BadPolicy("it is no object")
    found = (document.get("apiVersion"), document.get("kind"))
    if found != (API_VERSION, "Policy"):
        raise BadPolicy(f"it is not a Policy of {API_VERSION}")
    _check_members(document, _OF_POLICY, "")
    if not document.get("rules"):
        raise BadPolicy("it has no rules")
    if not isinstance(document["rules"], list):
        raise BadPolicy("rules is no list")


def _check_members(value: Mapping[str, Any], known: Iterable[str], where: str) -> None:
    for name in value:
        if name not in known:
            raise BadPolicy(f"{where}{name} is not known")


def _stages(value: Any, where: str) -> frozenset[str]:
    if not isinstance(value, (list, type(None))):
        raise BadPolicy(f"{where} is no list")
    for stage in value or ():
        if stage not in STAGES:
            raise BadPolicy(f"{where} has {stage!r}, and not one of {', '.join(STAGES)}")
    return frozenset(value or ())


def _rule(rule: Any, where: str, omitted: frozenset[str], omits: bool) -> _Rule:
    if not isinstance(rule, dict):
        raise BadPolicy(f"{where} is no object")
    _check_members(rule, _MEMBERS, f"{where}.")
    for name, value in rule.items():
        if value is not None and not isinstance(value, _MEMBERS[name]):
            raise BadPolicy(f"{where}.{name} is of the wrong type")
    if rule.get("level") not in LEVELS:
        raise BadPolicy(f"{where}.level is not one of {', '.join(LEVELS)}")
    own = rule.get("omitManagedFields")
    stages = omitted | _stages(rule.get("omitStages"), f"{where}.omitStages")
    return _Rule(tuple(_tests(rule, where)), Told(rule["level"], stages, omits if own is None else own))


def _tests(rule: Mapping[str, Any], where: str) -> Iterable[_Test]:
    users, groups = frozenset(rule.get("users") or ()), frozenset(rule.get("userGroups") or ())
    verbs = frozenset(rule.get("verbs") or ())
    if users:
        yield lambda attributes: attributes.user.name in users
    if groups:
        yield lambda attributes: not groups.isdisjoint(attributes.user.groups)
    if verbs:
        yield lambda attributes: attributes.verb in verbs
    paths, namespaces = rule.get("nonResourceURLs") or (), frozenset(rule.get("namespaces") or ())
    resources = [
        _resource(one, f"{where}.resources[{at}]") for at, one in enumerate(rule.get("resources") or ())
    ]
    if paths and (resources or namespaces):
        raise BadPolicy(f"{where} is about both resources and other paths")
    if resources or namespaces:
        yield lambda attributes: bool(attributes.resource)
    if namespaces:
        yield lambda attributes: attributes.namespace in namespaces
    if resources:
        yield lambda attributes: any(test(attributes) for test in resources)
    if paths:
        yield _paths(paths, f"{where}.nonResourceURLs")


def _paths(paths: Sequence[str], where: str) -> _Test:
    for place, path in enumerate(paths):
        if path != "*" and (not str(path).startswith("/") or "*" in path[:-1]):
            raise BadPolicy(f"{where}[{place}] does not begin with a slash, or has a * that is not the end")
    whole = frozenset(paths)
    # The path "*" begins like all.
    begun = tuple(path.rstrip("*") for path in paths if path.endswith("*"))
    return lambda attributes: (
        not attributes.resource and (attributes.path in whole or attributes.path.startswith(begun))
    )


def _resource(value: Any, where: str) -> _Test:
    if not isinstance(value, dict):
        raise BadPolicy(f"{where} is no object")
    _check_members(value, _OF_RESOURCES, f"{where}.")
    group = value.get("group") or ""
    resources = frozenset(value.get("resources") or ())
    names = frozenset(value.get("resourceNames") or ())
    if group not in ("", "*") and dns1123_subdomain(group):
        raise BadPolicy(f"{where}.group is not the name of a group, without a version")
    if names and not resources:
        raise BadPolicy(f"{where}.resourceNames needs resources")

    def test(attributes: Attributes) -> bool:
        if group not in ("*", attributes.group):
            return False
        if not resources:
            return True
        if names and attributes.name not in names:
            return False
        resource, sub = attributes.resource, attributes.subresource
        wanted = {"*", f"{resource}/*", f"{resource}/{sub}" if sub else resource}
        if sub:
            wanted.add(f"*/{sub}")
        return not resources.isdisjoint(wanted)

    return test
