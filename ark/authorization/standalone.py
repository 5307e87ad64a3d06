"""
Who may do what on a server that stands alone and has no roles.
"""

from __future__ import annotations

from zope.interface import implementer

from ark.authentication.userinfo import AUTHENTICATED_GROUP, MASTERS_GROUP
from ark.authorization.attributes import ALLOW, NO_OPINION, Attributes, Decision
from ark.interfaces import IAuthorizer

_EVERYTHING = Decision(ALLOW)
_PUBLIC = Decision(ALLOW)
_DISCOVERY = Decision(ALLOW)
_NOTHING = Decision(NO_OPINION)

_PUBLIC_PATHS = ("/version", "/healthz", "/livez", "/readyz")
_DISCOVERY_PATHS = ("/api", "/apis", "/openapi")
_READING = ("get", "head")


@implementer(IAuthorizer)
class StandaloneAuthorizer:
    """
    C{system:masters} may do everything.  Everybody may see version and health, and who
    has shown who they are may also see which kinds there are, as the roles
    C{system:public-info-viewer} and C{system:discovery} of Kubernetes allow.
    """

    async def authorize(self, attributes: Attributes) -> Decision:
        """
        Allow, or have no opinion.
        """
        if MASTERS_GROUP in attributes.user.groups:
            return _EVERYTHING
        if attributes.resource or attributes.verb not in _READING:
            return _NOTHING
        if _is_at_or_below(attributes.path, _PUBLIC_PATHS):
            return _PUBLIC
        if AUTHENTICATED_GROUP in attributes.user.groups and _is_at_or_below(
            attributes.path, _DISCOVERY_PATHS
        ):
            return _DISCOVERY
        return _NOTHING


def _is_at_or_below(path: str, places: tuple[str, ...]) -> bool:
    # A path with an escape may mean another place to whoever decodes it later.
    if "%" in path or "/." in path or "//" in path:
        return False
    return any(path == place or path.startswith(f"{place}/") for place in places)
