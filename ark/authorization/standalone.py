"""
Who may do what on a server that stands alone and has no roles of its users' making.
"""

from __future__ import annotations

from typing import NamedTuple

from zope.interface import implementer

from ark.authentication.userinfo import (
    AUTHENTICATED_GROUP,
    MASTERS_GROUP,
    UNAUTHENTICATED_GROUP,
    UserInfo,
)
from ark.authorization.attributes import ALLOW, NO_OPINION, Attributes, Decision
from ark.authorization.rules import ALL, NonResourceRule, ResourceRule, Rules
from ark.interfaces import IAuthorizer, IRuleResolver

_ALLOWED = Decision(ALLOW)
_NOTHING = Decision(NO_OPINION)
_READING = ("get",)


class _Role(NamedTuple):
    """
    What the members of some groups may do.
    """

    groups: frozenset[str]
    resources: tuple[ResourceRule, ...]
    paths: tuple[NonResourceRule, ...]


_HEALTH = ("/healthz", "/livez", "/readyz", "/version", "/version/")
_KINDS = tuple(sorted((*_HEALTH, "/api", "/api/*", "/apis", "/apis/*", "/openapi", "/openapi/*")))
_ROLES = (
    # cluster-admin
    _Role(
        frozenset((MASTERS_GROUP,)),
        (ResourceRule((ALL,), (ALL,), (ALL,)),),
        (NonResourceRule((ALL,), (ALL,)),),
    ),
    # system:basic-user
    _Role(
        frozenset((AUTHENTICATED_GROUP,)),
        (
            ResourceRule(
                ("create",),
                ("authorization.k8s.io",),
                ("selfsubjectaccessreviews", "selfsubjectrulesreviews"),
            ),
            ResourceRule(("create",), ("authentication.k8s.io",), ("selfsubjectreviews",)),
        ),
        (),
    ),
    # system:discovery
    _Role(frozenset((AUTHENTICATED_GROUP,)), (), (NonResourceRule(_READING, _KINDS),)),
    # system:public-info-viewer
    _Role(
        frozenset((AUTHENTICATED_GROUP, UNAUTHENTICATED_GROUP)),
        (),
        (NonResourceRule(_READING, _HEALTH),),
    ),
)


@implementer(IAuthorizer, IRuleResolver)
class StandaloneAuthorizer:
    """
    C{system:masters} may do everything.  Everybody may see version and health, and who
    has shown who they are may also see which kinds there are and what they may do, as the
    roles of these names that Kubernetes starts with allow.
    """

    async def authorize(self, attributes: Attributes) -> Decision:
        """
        Allow, or have no opinion.
        """
        groups = attributes.user.groups
        if MASTERS_GROUP in groups:
            return _ALLOWED
        for role in _ROLES:
            rules = role.resources if attributes.resource else role.paths
            if not role.groups.isdisjoint(groups) and any(rule.allows(attributes) for rule in rules):
                return _ALLOWED
        return _NOTHING

    async def rules_for(self, user: UserInfo, namespace: str) -> Rules:
        """
        The rules of all roles that a user has; they are the same in every namespace.
        """
        roles = [role for role in _ROLES if not role.groups.isdisjoint(user.groups)]
        return Rules(
            tuple(rule for role in roles for rule in role.resources),
            tuple(rule for role in roles for rule in role.paths),
        )
