"""
Which writes policies and bindings are about.

Follows C{k8s.io/apiserver/pkg/admission/plugin/policy/matching} and
C{policy/generic/policy_matcher.go}.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ark.admission.attributes import Attributes, Subject
from ark.admission.rules import read_rules
from ark.admission.selectors import (
    InvalidSelector,
    NamespaceLookup,
    matches_namespace,
    matches_object,
    read_selector,
)
from ark.meta.status import APIStatus

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
        return not self._rules or any(rule.concerns(subject) for rule in self._rules)

    async def matches(self, attributes: Attributes, namespace_of: NamespaceLookup) -> bool:
        """
        Whether it is about a write.

        @raise APIStatus: the namespace is not there, or not known.
        @raise InvalidSelector: it has a selector that means nothing.
        """
        subject = attributes.subject
        if not self._is_ruled(attributes, subject):
            return False
        if self._fault is not None:
            raise self._fault
        if not matches_object(self._objects, attributes):
            return False
        return await matches_namespace(self._namespaces, attributes, namespace_of)

    def _is_ruled(self, attributes: Attributes, subject: Subject) -> bool:
        if any(rule.concerns(subject) and rule.matches(attributes) for rule in self._excluded):
            return False
        if not self._rules:
            return True
        return any(rule.concerns(subject) and rule.matches(attributes) for rule in self._rules)
