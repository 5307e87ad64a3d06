"""
One webhook of a configuration, compiled.

Follows C{ShouldCallHook} in C{k8s.io/apiserver/pkg/admission/plugin/webhook/generic/webhook.go}
and C{accessors.go} beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any, NamedTuple

from ark.admission.attributes import Attributes, Subject
from ark.admission.expressions import Turn
from ark.admission.matchconditions import MatchConditions
from ark.admission.rules import Rules
from ark.admission.selectors import (
    InvalidSelector,
    NamespaceLookup,
    matches_namespace,
    matches_object,
    read_selector,
)
from ark.admission.webhooks.review import KNOWN_VERSIONS
from ark.interfaces import IAuthorizer
from ark.meta.selectors import LabelSelector
from ark.meta.status import internal_error

DEFAULT_SECONDS = 10
_WITHOUT_EFFECT = frozenset(("None", "NoneOnDryRun"))


class Surroundings(NamedTuple):
    """
    What it takes to find out which webhooks a write concerns.

    @ivar namespace_of: finds the namespaces of what is written.
    @ivar authorizer: answers what conditions ask about rights.
    @ivar turn: lets others have their turn between conditions that take long.
    """

    namespace_of: NamespaceLookup
    authorizer: IAuthorizer
    turn: Turn | None = None


class Hook:
    """
    A webhook.

    @ivar uid: tells it from all others.
    @ivar configuration: the name of what it is configured in.
    @ivar client_config: says where it is.
    @ivar ignores: whether a write goes on when it fails.
    @ivar seconds: how long its answer may take.
    @ivar review_version: of the reviews that it is sent; empty if it knows none that is known here.
    @ivar bears_dry_run: whether it may be asked about what is not to happen; L{None} if that is
        not said.
    @ivar reinvocable: whether it wants to be asked again about what others changed after it.
    """

    def __init__(self, uid: str, configuration: str, source: Mapping[str, Any]) -> None:
        self.uid = uid
        self.configuration = configuration
        self.name: str = source.get("name") or ""
        self.client_config: Mapping[str, Any] = source.get("clientConfig") or {}
        self.ignores = source.get("failurePolicy") == "Ignore"
        self.seconds: int = source.get("timeoutSeconds") or DEFAULT_SECONDS
        versions = source.get("admissionReviewVersions") or ()
        self.review_version: str = next((each for each in versions if each in KNOWN_VERSIONS), "")
        effects = source.get("sideEffects")
        self.bears_dry_run = None if effects is None else effects in _WITHOUT_EFFECT
        self.reinvocable = source.get("reinvocationPolicy") == "IfNeeded"
        self._rules = Rules(source.get("rules"), source.get("matchPolicy"))
        self._source = source

    @cached_property
    def conditions(self) -> MatchConditions | None:
        """
        What has to hold besides.
        """
        conditions = self._source.get("matchConditions")
        return MatchConditions(conditions, self.ignores) if conditions else None

    @cached_property
    def _objects(self) -> LabelSelector:
        return read_selector(self._source.get("objectSelector"))

    @cached_property
    def _namespaces(self) -> LabelSelector:
        return read_selector(self._source.get("namespaceSelector"))

    def concerns(self, subject: Subject) -> bool:
        """
        Whether it can be about writes of that sort.
        """
        return self._rules.concerns(subject)

    async def version_met(
        self, attributes: Attributes, seen: Attributes, namespace_of: NamespaceLookup
    ) -> str | None:
        """
        The version of the resource in which it is about a write that it L{concerns}, as far as rules
        and selectors tell; L{None} if it is not.

        @param seen: the write as the webhook before saw it.
        @raise APIStatus: 404 and 500, the namespace cannot be found.
        """
        version = self._rules.version_met(attributes)
        if version is None:
            return None
        try:
            selected = matches_object(self._objects, seen) and await matches_namespace(
                self._namespaces, attributes, namespace_of
            )
        except InvalidSelector as error:
            raise internal_error(str(error)) from error
        return version if selected else None
