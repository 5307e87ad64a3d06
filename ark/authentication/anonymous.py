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

    A connection of HTTP/2 takes no more requests then (C{UnauthenticatedHTTP2DOSMitigation} of
    C{k8s.io/apiserver/pkg/endpoints/filters/authentication.go}).
    """

    async def authenticate(self, request: Any) -> UserInfo:
        """
        C{system:anonymous} in the group C{system:unauthenticated} (contract 15.3).
        """
        request.connection.is_last = True
        return _NOBODY
