"""
What is judged, and the judgement.

Follows C{k8s.io/apiserver/pkg/authorization/authorizer} and, for the wording,
C{.../endpoints/handlers/responsewriters/errors.go}; contract 2.3 and 15.5.
"""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import unquote

from ark.authentication.userinfo import UserInfo
from ark.meta.gotext import quote
from ark.meta.gvk import GroupResource
from ark.meta.selectors import FieldRequirement, LabelRequirement
from ark.meta.status import APIStatus, forbidden

ALLOW = "allow"
DENY = "deny"
NO_OPINION = "no opinion"


class Attributes(NamedTuple):
    """
    A user wants to do something.

    @ivar verb: a Kubernetes verb on a resource, the lower-case method on any other path.
    @ivar resource: empty when the request is not about a resource of the API.
    @ivar path: the request's path.
    @ivar field_requirements: of a list, a watch or a deletion of many, what C{fieldSelector}
        asks for.
    @ivar label_requirements: what C{labelSelector} asks for.
    """

    user: UserInfo
    verb: str
    path: str
    group: str = ""
    version: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    field_requirements: tuple[FieldRequirement, ...] = ()
    label_requirements: tuple[LabelRequirement, ...] = ()

    @property
    def size(self) -> int:
        """
        How many characters a client has chosen: what is asked for, without who asks.
        """
        selected = (*self.field_requirements, *self.label_requirements)
        values = (value for _, _, values in selected for value in values)
        return sum(map(len, (*self[1:9], *(key for key, _, _ in selected), *values)))

    def describe(self) -> str:
        """
        The sentence that says who cannot do what where.
        """
        who = f"User {quote(self.user.name)} cannot {self.verb}"
        if not self.resource:
            return _harmless(f"{who} path {quote(unquote(self.path))}")
        resource = f"{self.resource}/{self.subresource}" if self.subresource else self.resource
        place = f"in the namespace {quote(self.namespace)}" if self.namespace else "at the cluster scope"
        return _harmless(f"{who} resource {quote(resource)} in API group {quote(self.group)} {place}")


def _harmless(text: str) -> str:
    """
    A text that no browser takes for HTML.
    """
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


class Decision(NamedTuple):
    """
    What an authorizer says, and why.
    """

    verdict: str
    reason: str = ""

    @property
    def allowed(self) -> bool:
        """
        Whether the request may go on.
        """
        return self.verdict == ALLOW


def refusal(attributes: Attributes, reason: str = "") -> APIStatus:
    """
    The 403 that tells a client that it may not.
    """
    message = attributes.describe()
    if reason:
        message = f"{message}: {reason}"
    if not attributes.resource:
        return APIStatus(403, "Forbidden", f"forbidden: {message}", details={})
    resource = GroupResource(attributes.group, attributes.resource)
    return forbidden(resource, attributes.name, message)


class Undecided(APIStatus):
    """
    500: it cannot be found out whether something is allowed.

    @ivar why: what went wrong, and the reason that was given even so.
    """

    def __init__(self, attributes: Attributes, why: str, reason: str = "") -> None:
        super().__init__(500, "InternalError", f'Internal Server Error: "{attributes.path}": {why}')
        self.why = f"{why}: {reason}" if reason else why
