"""
Which requests a configuration of admission is about.

Follows C{k8s.io/apiserver/pkg/admission/plugin/webhook/predicates/rules} and, for names of
objects, C{pkg/admission/plugin/policy/matching}; contract 16.2 and 16.10.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from ark.admission.attributes import Attributes, Subject
from ark.meta.known import Known

EXACT = "Exact"
"""
The C{matchPolicy} of rules that are only about the versions which they name.
"""

_MOST_REMEMBERED = 1024
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


class Rules:
    """
    The rules of a configuration, in order.

    Where rules for the resource in the version that a request is for do not meet it, rules for
    other versions of the resource do, if C{matchPolicy} lets them (C{matchesResourceRules}).

    @param source: the rules as they are configured.
    @param policy: C{matchPolicy}.
    """

    def __init__(self, source: Iterable[Mapping[str, Any]] | None, policy: str | None = None) -> None:
        self._rules = tuple(map(_read, source or ()))
        self._is_exact = policy == EXACT
        self._known: Known[Subject, tuple[tuple[str, Rule], ...]] = Known(_MOST_REMEMBERED)

    def __bool__(self) -> bool:
        return bool(self._rules)

    def concerns(self, subject: Subject) -> bool:
        """
        Whether any can be about requests of that sort.
        """
        return bool(self._of(subject))

    def version_met(self, attributes: Attributes) -> str | None:
        """
        The version of the resource in which a rule is about a request; L{None} if none is.
        """
        for version, rule in self._of(attributes.subject):
            if rule.matches(attributes):
                return version
        return None

    def _of(self, subject: Subject) -> tuple[tuple[str, Rule], ...]:
        known = self._known.get(subject)
        if known is None:
            known = self._known.keep(subject, tuple(self._find(subject)))
        return known

    def _find(self, subject: Subject) -> Iterator[tuple[str, Rule]]:
        """
        Those that can be about requests of that sort, each with the version that it is about.
        """
        for rule in self._rules:
            if rule.concerns(subject):
                yield subject.version, rule
        if self._is_exact:
            return
        for rule in self._rules:
            for version in subject.others:
                if rule.concerns(subject._replace(version=version)):
                    yield version, rule


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
