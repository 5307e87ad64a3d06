"""
Several ways to find out who asks, tried in order.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from zope.interface import implementer

from ark.authentication.userinfo import UserInfo
from ark.interfaces import IAuthenticator
from ark.meta.status import unauthorized


@implementer(IAuthenticator)
class UnionAuthenticator:
    """
    The first that knows the user wins; wrong credentials end the search (contract 15.3).
    """

    def __init__(self, authenticators: Sequence[Any]) -> None:
        self._authenticators = tuple(authenticators)

    async def authenticate(self, request: Any) -> UserInfo:
        """
        The user of a request.

        @raise APIStatus: 401, nobody knows who asks, or the credentials are wrong.
        """
        for authenticator in self._authenticators:
            user: UserInfo | None = await authenticator.authenticate(request)
            if user is not None:
                return user
        raise unauthorized()
