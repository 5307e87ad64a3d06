"""
What may be done, as lists of rules.

Follows C{PolicyRule} and C{RuleAllows} of C{k8s.io/kubernetes/pkg/apis/rbac} and, for what is
told of them, C{SubjectRulesReviewStatus} of C{k8s.io/api/authorization/v1}.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from ark.authorization.attributes import Attributes

ALL = "*"


class ResourceRule(NamedTuple):
    """
    Verbs on resources; C{*} stands for all.

    @ivar names: of the objects; empty for all.
    """

    verbs: tuple[str, ...]
    groups: tuple[str, ...]
    resources: tuple[str, ...]
    names: tuple[str, ...] = ()

    def allows(self, attributes: Attributes) -> bool:
        """
        Whether a request on a resource is among them.
        """
        return (
            _covers(self.verbs, attributes.verb)
            and _covers(self.groups, attributes.group)
            and _covers_resource(self.resources, attributes)
            and (not self.names or attributes.name in self.names)
        )

    def to_dict(self) -> dict[str, Any]:
        """
        The rule as a review tells it.
        """
        rule: dict[str, Any] = {"verbs": list(self.verbs)}
        for member, values in (
            ("apiGroups", self.groups),
            ("resources", self.resources),
            ("resourceNames", self.names),
        ):
            if values:
                rule[member] = list(values)
        return rule


class NonResourceRule(NamedTuple):
    """
    Verbs on paths; one that ends with C{*} stands for all that begin so.
    """

    verbs: tuple[str, ...]
    paths: tuple[str, ...]

    def allows(self, attributes: Attributes) -> bool:
        """
        Whether a request on another path is among them.
        """
        return _covers(self.verbs, attributes.verb) and any(
            _covers_path(path, attributes.path) for path in self.paths
        )

    def to_dict(self) -> dict[str, Any]:
        """
        The rule as a review tells it.
        """
        return {"verbs": list(self.verbs), "nonResourceURLs": list(self.paths)}


def _covers(allowed: tuple[str, ...], wanted: str) -> bool:
    return ALL in allowed or wanted in allowed


def _covers_resource(allowed: tuple[str, ...], attributes: Attributes) -> bool:
    if not attributes.subresource:
        return _covers(allowed, attributes.resource)
    wanted = f"{attributes.resource}/{attributes.subresource}"
    return _covers(allowed, wanted) or f"*/{attributes.subresource}" in allowed


def _covers_path(allowed: str, path: str) -> bool:
    if not allowed.endswith(ALL):
        return path == allowed
    # A path with an escape may mean another place to whoever decodes it later.
    hidden = allowed != ALL and ("%" in path or "/." in path or "//" in path)
    return path.startswith(allowed[:-1]) and not hidden


class Rules(NamedTuple):
    """
    All that a user may do in a namespace.

    @ivar incomplete: whether more may be allowed than the rules say.
    @ivar error: what went wrong in finding them.
    """

    resources: tuple[ResourceRule, ...] = ()
    paths: tuple[NonResourceRule, ...] = ()
    incomplete: bool = False
    error: str = ""

    def to_dict(self) -> dict[str, Any]:
        """
        The C{status} of a review.
        """
        status: dict[str, Any] = {
            "resourceRules": [rule.to_dict() for rule in self.resources],
            "nonResourceRules": [rule.to_dict() for rule in self.paths],
            "incomplete": self.incomplete,
        }
        if self.error:
            status["evaluationError"] = self.error
        return status
