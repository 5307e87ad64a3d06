"""
Several ways to find out who asks, tried in order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from zope.interface import implementer

from ark.authentication.userinfo import UserInfo
from ark.interfaces import IAuthenticator, IRemembersUsers
from ark.meta.status import APIStatus, unauthorized


def memory_of(authenticator: Any) -> Callable[[Any], UserInfo | None]:
    """
    What tells the user of a request that an authenticator knows without asking, if it can.
    """
    if not IRemembersUsers.providedBy(authenticator):
        return _nobody
    remembered: Callable[[Any], UserInfo | None] = authenticator.remembered
    return remembered


def _nobody(request: Any) -> None:
    return None


@implementer(IAuthenticator, IRemembersUsers)
class UnionAuthenticator:
    """
    The first that knows the user wins (contract 15.3).

    One that finds wrong credentials does not end the search: a client may carry a certificate
    that is for others to judge, and a token beside it.  But who has shown wrong credentials,
    and no right ones, is never anonymous.

    @param authenticators: in the order in which they are asked.
    @param anonymous: answers for clients that have shown no credentials at all; L{None} to
        turn them away.
    @ivar remembered: see L{IRemembersUsers}.  Only the first can know without the others.
    """

    def __init__(self, authenticators: Sequence[Any], anonymous: IAuthenticator | None = None) -> None:
        self._authenticators = tuple(authenticators)
        self._anonymous = anonymous
        self.remembered = memory_of(self._authenticators[0]) if self._authenticators else _nobody

    async def authenticate(self, request: Any) -> UserInfo:
        """
        The user of a request.

        @raise APIStatus: 401, nobody knows who asks, or the credentials are wrong; 503, it
            cannot be found out now.
        """
        worst: APIStatus | None = None
        for authenticator in self._authenticators:
            try:
                user: UserInfo | None = await authenticator.authenticate(request)
            except APIStatus as status:
                if worst is None or status.code > worst.code:
                    worst = status
            else:
                if user is not None:
                    return user
        if worst is not None:
            raise worst
        if self._anonymous is None:
            raise unauthorized()
        nobody: UserInfo = await self._anonymous.authenticate(request)
        return nobody
