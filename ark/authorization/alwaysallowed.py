"""
What needs no question: the groups that may do everything, and the paths that all may get.

Follows C{k8s.io/apiserver/pkg/authorization/path} and C{.../authorizerfactory}
(C{NewPrivilegedGroups}); contract 15.4.
"""

from __future__ import annotations

from collections.abc import Iterable

from zope.interface import implementer

from ark.authentication.userinfo import MASTERS_GROUP
from ark.authorization.attributes import ALLOW, NO_OPINION, Attributes, Decision
from ark.interfaces import IAuthorizer

HEALTH_PATHS = ("/healthz", "/livez", "/readyz")
_ALLOWED = Decision(ALLOW)
_NO_OPINION = Decision(NO_OPINION)


class InvalidPath(ValueError):
    """
    A path has a C{*} that is not at its end.
    """


@implementer(IAuthorizer)
class AlwaysAllowedAuthorizer:
    """
    Allows members of some groups everything, and everybody some paths.

    @param groups: who may do everything.
    @param paths: each a whole path, or with a C{*} at the end all that begin so; the C{/} they
        begin with may be left out.  They are compared with paths as they were sent.
    @raise InvalidPath: a path has a C{*} elsewhere.
    """

    def __init__(self, groups: Iterable[str] = (MASTERS_GROUP,), paths: Iterable[str] = HEALTH_PATHS) -> None:
        self._groups = frozenset(groups)
        whole, beginnings = set(), []
        for path in paths:
            text = path.removeprefix("/")
            if "*" in text[:-1]:
                raise InvalidPath(f'only one * at the end is allowed in "{path}"')
            if text.endswith("*"):
                beginnings.append(text[:-1])
            else:
                whole.add(text)
        self._paths = frozenset(whole)
        self._beginnings = tuple(beginnings)

    async def authorize(self, attributes: Attributes) -> Decision:
        """
        Allow, or have no opinion.
        """
        if not self._groups.isdisjoint(attributes.user.groups):
            return _ALLOWED
        if attributes.resource:
            return _NO_OPINION
        path = attributes.path.removeprefix("/")
        return _ALLOWED if path in self._paths or path.startswith(self._beginnings) else _NO_OPINION
