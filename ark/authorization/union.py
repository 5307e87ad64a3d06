"""
Several authorizers, asked in order.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from zope.interface import implementer

from ark.authentication.userinfo import UserInfo
from ark.authorization.attributes import NO_OPINION, Attributes, Decision
from ark.authorization.rules import Rules
from ark.interfaces import IAuthorizer, IRuleResolver


@implementer(IAuthorizer, IRuleResolver)
class UnionAuthorizer:
    """
    The first opinion counts; where nobody has one, the request is not allowed.
    """

    def __init__(self, authorizers: Sequence[Any]) -> None:
        self._authorizers = tuple(authorizers)

    async def authorize(self, attributes: Attributes) -> Decision:
        """
        The first opinion, or none with all the reasons given.
        """
        reasons = []
        for authorizer in self._authorizers:
            decision: Decision = await authorizer.authorize(attributes)
            if decision.verdict != NO_OPINION:
                return decision
            if decision.reason:
                reasons.append(decision.reason)
        return Decision(NO_OPINION, "\n".join(reasons))

    async def rules_for(self, user: UserInfo, namespace: str) -> Rules:
        """
        The rules of all; incomplete where one cannot tell its own.
        """
        told = Rules()
        for authorizer in self._authorizers:
            resolver: Any = IRuleResolver(authorizer, None)
            if resolver is None:
                told = told._replace(incomplete=True)
                continue
            rules: Rules = await resolver.rules_for(user, namespace)
            told = Rules(
                told.resources + rules.resources,
                told.paths + rules.paths,
                told.incomplete or rules.incomplete,
                "\n".join(filter(None, (told.error, rules.error))),
            )
        return told
