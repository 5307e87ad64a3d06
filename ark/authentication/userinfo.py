"""
A user, as C{k8s.io/apiserver/pkg/authentication/user} describes one.
"""

from __future__ import annotations

from typing import Any, NamedTuple

ANONYMOUS = "system:anonymous"
AUTHENTICATED_GROUP = "system:authenticated"
UNAUTHENTICATED_GROUP = "system:unauthenticated"
MASTERS_GROUP = "system:masters"
CREDENTIAL_ID = "authentication.kubernetes.io/credential-id"


class UserInfo(NamedTuple):
    """
    Who asks.  Hashable, so that it can be part of the key of a cache.

    @ivar extra: further attributes as pairs of a lower-case name and its values.
    """

    name: str
    uid: str = ""
    groups: tuple[str, ...] = ()
    extra: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """
        The members of an C{authentication.k8s.io/v1} C{UserInfo}; empty ones are left out.
        """
        members: dict[str, Any] = {"username": self.name, "uid": self.uid, "groups": list(self.groups)}
        members["extra"] = {name: list(values) for name, values in self.extra}
        return {name: value for name, value in members.items() if value}


def authenticated(user: UserInfo) -> UserInfo:
    """
    The same user, in the group of all who have shown who they are (contract 15.3).
    """
    known = AUTHENTICATED_GROUP in user.groups or UNAUTHENTICATED_GROUP in user.groups
    if known or user.name == ANONYMOUS:
        return user
    return user._replace(groups=(*user.groups, AUTHENTICATED_GROUP))
