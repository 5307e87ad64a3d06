"""
Several authorizers, asked in order.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from zope.interface import implementer

from ark.authorization.attributes import NO_OPINION, Attributes, Decision
from ark.interfaces import IAuthorizer


@implementer(IAuthorizer)
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
