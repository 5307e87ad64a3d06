"""
Which writes policies and bindings are about.

Follows C{k8s.io/apiserver/pkg/admission/plugin/policy/matching} and
C{policy/generic/policy_matcher.go}.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ark.admission.attributes import Attributes, Subject
from ark.admission.rules import Rule, read_rules
from ark.admission.selectors import (
    InvalidSelector,
    NamespaceLookup,
    matches_namespace,
    matches_object,
    read_selector,
)
from ark.meta.status import APIStatus

_MOST_REMEMBERED = 1024

MatchError = (APIStatus, InvalidSelector)
"""
What L{MatchResources.matches} may raise.
"""


class MatchResources:
    """
    The C{MatchResources} of a policy or a binding; a binding without any is about everything.
    """

    def __init__(self, source: Mapping[str, Any] | None) -> None:
        source = source or {}
        self._rules = read_rules(source.get("resourceRules"))
        self._excluded = read_rules(source.get("excludeResourceRules"))
        self._known: dict[Subject, tuple[tuple[Rule, ...], tuple[Rule, ...]]] = {}
        self._fault: InvalidSelector | None = None
        try:
            self._namespaces = read_selector(source.get("namespaceSelector"))
            self._objects = read_selector(source.get("objectSelector"))
        except InvalidSelector as error:
            self._fault = error

    def concerns(self, subject: Subject) -> bool:
        """
        Whether it can be about writes of that sort.
        """
        return not self._rules or bool(_of(self._rules, subject))

    async def matches(self, attributes: Attributes, namespace_of: NamespaceLookup) -> bool:
        """
        Whether it is about a write.

        @raise APIStatus: the namespace is not there, or not known.
        @raise InvalidSelector: it has a selector that means nothing.
        """
        if not self._is_ruled(attributes):
            return False
        if self._fault is not None:
            raise self._fault
        if not matches_object(self._objects, attributes):
            return False
        return self._namespaces.empty or await matches_namespace(self._namespaces, attributes, namespace_of)

    def _is_ruled(self, attributes: Attributes) -> bool:
        if not self._rules and not self._excluded:
            return True
        subject = attributes.subject
        known = self._known.get(subject)
        if known is None:
            if len(self._known) >= _MOST_REMEMBERED:
                self._known.clear()
            known = self._known[subject] = (_of(self._excluded, subject), _of(self._rules, subject))
        excluded, rules = known
        if excluded and any(rule.matches(attributes) for rule in excluded):
            return False
        return not self._rules or any(rule.matches(attributes) for rule in rules)


def _of(rules: tuple[Rule, ...], subject: Subject) -> tuple[Rule, ...]:
    """
    The rules that can be about writes of that sort.
    """
    return tuple(rule for rule in rules if rule.concerns(subject))
