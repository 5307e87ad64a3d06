"""
Nobody in particular.
"""

from __future__ import annotations

from typing import Any

from zope.interface import implementer

from ark.authentication.userinfo import ANONYMOUS, UNAUTHENTICATED_GROUP, UserInfo
from ark.interfaces import IAuthenticator

_NOBODY = UserInfo(ANONYMOUS, groups=(UNAUTHENTICATED_GROUP,))


@implementer(IAuthenticator)
class AnonymousAuthenticator:
    """
    Takes every request; stands behind a union, and only where anonymous access is on.
    """

    async def authenticate(self, request: Any) -> UserInfo:
        """
        C{system:anonymous} in the group C{system:unauthenticated} (contract 15.3).
        """
        return _NOBODY
