"""
Which writes policies and bindings are about.

Follows C{k8s.io/apiserver/pkg/admission/plugin/policy/matching} and
C{policy/generic/policy_matcher.go}.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ark.admission.attributes import Attributes, Subject
from ark.admission.rules import Rules
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
What L{MatchResources.version_met} may raise.
"""


class MatchResources:
    """
    The C{MatchResources} of a policy or a binding; a binding without any is about everything.
    """

    def __init__(self, source: Mapping[str, Any] | None) -> None:
        source = source or {}
        policy = source.get("matchPolicy")
        self._rules = Rules(source.get("resourceRules"), policy)
        self._excluded = Rules(source.get("excludeResourceRules"), policy)
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
        return not self._rules or self._rules.concerns(subject)

    async def version_met(self, attributes: Attributes, namespace_of: NamespaceLookup) -> str | None:
        """
        The version of the resource in which it is about a write; L{None} if it is not.

        @raise APIStatus: the namespace is not there, or not known.
        @raise InvalidSelector: it has a selector that means nothing.
        """
        if self._excluded and self._excluded.version_met(attributes) is not None:
            return None
        version = self._rules.version_met(attributes) if self._rules else attributes.version
        if version is None:
            return None
        if self._fault is not None:
            raise self._fault
        if not matches_object(self._objects, attributes):
            return None
        if self._namespaces.empty or await matches_namespace(self._namespaces, attributes, namespace_of):
            return version
        return None
