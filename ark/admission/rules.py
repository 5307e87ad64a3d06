"""
Which requests a configuration of admission is about.

Follows C{k8s.io/apiserver/pkg/admission/plugin/webhook/predicates/rules} and, for names of
objects, C{pkg/admission/plugin/policy/matching}; contract 16.2.  No two of the resources that
this server has are the same in other versions, so that C{matchPolicy} makes no difference.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from ark.admission.attributes import Attributes, Subject

_REGISTRATION = "admissionregistration.k8s.io"
_EXEMPT = frozenset(
    (
        "validatingwebhookconfigurations",
        "mutatingwebhookconfigurations",
        "validatingadmissionpolicies",
        "validatingadmissionpolicybindings",
        "mutatingadmissionpolicies",
        "mutatingadmissionpolicybindings",
    )
)


def is_exempt(subject: Subject) -> bool:
    """
    Whether a write is of what configures admission, which no configuration is about.
    """
    return subject.group == _REGISTRATION and subject.resource in _EXEMPT


class Rule(NamedTuple):
    """
    One rule, C{RuleWithOperations} or C{NamedRuleWithOperations}.

    @ivar names: those of the objects that it is about; empty for all.
    """

    operations: frozenset[str]
    groups: frozenset[str]
    versions: frozenset[str]
    resources: tuple[tuple[str, str], ...]
    scope: str
    names: frozenset[str]

    def concerns(self, subject: Subject) -> bool:
        """
        Whether it can be about requests of that sort.
        """
        return (
            _among(self.operations, subject.operation)
            and _among(self.groups, subject.group)
            and _among(self.versions, subject.version)
            and any(
                resource in ("*", subject.resource) and below in ("*", subject.subresource)
                for resource, below in self.resources
            )
        )

    def matches(self, attributes: Attributes) -> bool:
        """
        Whether a request that it L{concerns} is in its scope, and of a name that it has.
        """
        if self.scope != "*" and (self.scope == "Namespaced") is not in_namespace(attributes):
            return False
        return not self.names or attributes.name in self.names


def in_namespace(attributes: Attributes) -> bool:
    """
    Whether a request is about something in a namespace, which a namespace itself is not.
    """
    return bool(attributes.namespace) and attributes.resource != ("", "namespaces")


def read_rules(rules: Iterable[Mapping[str, Any]] | None) -> tuple[Rule, ...]:
    """
    The rules of a configuration.
    """
    return tuple(map(_read, rules or ()))


def _read(rule: Mapping[str, Any]) -> Rule:
    resources = [each.partition("/") for each in rule.get("resources") or ()]
    return Rule(
        frozenset(rule.get("operations") or ()),
        frozenset(rule.get("apiGroups") or ()),
        frozenset(rule.get("apiVersions") or ()),
        tuple((resource, below) for resource, _, below in resources),
        rule.get("scope") or "*",
        frozenset(rule.get("resourceNames") or ()),
    )


def _among(named: frozenset[str], asked: str) -> bool:
    return "*" in named or asked in named
