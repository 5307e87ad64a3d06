"""
Questions that are asked by creating an object: who may do what, and who somebody is.

Nothing of them is kept.  Follows C{k8s.io/kubernetes/pkg/registry/authorization} and
C{.../authentication}; contract 15.3, 15.4 and 15.7.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

from ark.apis.kind import Kind
from ark.authentication.userinfo import UserInfo
from ark.authorization.attributes import ALLOW, DENY, Attributes
from ark.authorization.rules import Rules
from ark.interfaces import IAuthenticator, IAuthorizer, IRuleResolver
from ark.meta.gvk import GroupKind
from ark.meta.selectors import parse_field_selector, parse_label_selector
from ark.meta.status import APIStatus, Cause, bad_request, internal_error, invalid
from ark.meta.time import rfc3339
from ark.registry.codec import Object
from ark.registry.reviewvalidation import validate_local_review, validate_review, validate_self_review

API_AUDIENCES = ("https://kubernetes.default.svc",)
"""
Whom a token is for that names nobody: this server.
"""

Review = Callable[[Object, UserInfo], Awaitable[Object]]


class Reviews:
    """
    Answers reviews.

    @param now: the time of day.
    """

    def __init__(
        self, authenticator: IAuthenticator, authorizer: IAuthorizer, now: Callable[[], float]
    ) -> None:
        self._authenticator = authenticator
        self._authorizer = authorizer
        self._now = now
        self._known: dict[str, Review] = {
            "selfsubjectaccessreviews.authorization.k8s.io": self._self_access,
            "subjectaccessreviews.authorization.k8s.io": self._access,
            "localsubjectaccessreviews.authorization.k8s.io": self._local_access,
            "selfsubjectrulesreviews.authorization.k8s.io": self._rules,
            "selfsubjectreviews.authentication.k8s.io": self._self,
            "tokenreviews.authentication.k8s.io": self._token,
        }

    def of(self, kind: Kind) -> Review | None:
        """
        What answers reviews of a kind: it takes the review, which it may change, and the user
        who asks, and raises an L{APIStatus} when the review makes no sense.
        """
        return self._known.get(kind.resource)

    # Authorization

    async def _self_access(self, obj: Object, user: UserInfo) -> Object:
        _check(obj, validate_self_review(obj))
        return await self._judged(obj, user)

    async def _access(self, obj: Object, user: UserInfo) -> Object:
        _check(obj, validate_review(obj))
        return await self._judged(obj, _subject(obj["spec"]))

    async def _local_access(self, obj: Object, user: UserInfo) -> Object:
        _check(obj, validate_local_review(obj))
        return await self._judged(obj, _subject(obj["spec"]))

    async def _judged(self, obj: Object, user: UserInfo) -> Object:
        resource = obj["spec"].get("resourceAttributes")
        path = obj["spec"].get("nonResourceAttributes") or {}
        if resource is None:
            attributes = Attributes(user, path.get("verb") or "", path.get("path") or "")
        else:
            attributes = _resource_attributes(user, resource)
        decision = await self._authorizer.authorize(attributes)
        told = {
            "denied": decision.verdict == DENY,
            "reason": decision.reason,
            "evaluationError": _evaluation_error(resource or {}),
        }
        said = {member: value for member, value in told.items() if value}
        obj["status"] = {"allowed": decision.verdict == ALLOW, **said}
        return obj

    async def _rules(self, obj: Object, user: UserInfo) -> Object:
        namespace = obj["spec"].get("namespace") or ""
        if not namespace:
            raise bad_request("no namespace on request")
        resolver = IRuleResolver(self._authorizer, None)
        rules = Rules(incomplete=True) if resolver is None else await resolver.rules_for(user, namespace)
        return {**_type_of(obj), "metadata": {}, "spec": {}, "status": rules.to_dict()}

    # Authentication

    async def _self(self, obj: Object, user: UserInfo) -> Object:
        metadata = {"creationTimestamp": rfc3339(self._now())}
        return {**_type_of(obj), "metadata": metadata, "status": {"userInfo": user.to_dict()}}

    async def _token(self, obj: Object, user: UserInfo) -> Object:
        spec = obj["spec"]
        token = spec.get("token") or ""
        if not token:
            raise bad_request("token is required for TokenReview in authentication")
        try:
            holder: UserInfo | None = await self._authenticator.authenticate(_Bearing(token))
        except APIStatus:
            holder = None
        if holder is None:
            obj["status"] = {"user": {}, "error": "invalid bearer token"}
            return obj
        audiences = [one for one in spec.get("audiences") or API_AUDIENCES if one in API_AUDIENCES]
        if not audiences:
            raise internal_error("error validating audiences")
        obj["status"] = {"authenticated": True, "user": holder.to_dict(), "audiences": audiences}
        return obj


class _Bearing:
    """
    A request of which nothing is known but a token.
    """

    def __init__(self, token: str) -> None:
        self._authorization = b"Bearer " + token.encode()
        self.connection = SimpleNamespace(peer_certificate_der=None, state={})

    def header(self, name: bytes) -> bytes | None:
        """
        The token, as clients send it.
        """
        return self._authorization if name == b"authorization" else None


def _check(obj: Object, causes: list[Cause]) -> None:
    if causes:
        # Kubernetes judges a form of the object that has no kind.
        group = obj["apiVersion"].partition("/")[0]
        raise invalid(GroupKind(group, ""), "", causes)


def _type_of(obj: Object) -> Object:
    return {"kind": obj["kind"], "apiVersion": obj["apiVersion"]}


def _subject(spec: dict[str, Any]) -> UserInfo:
    extra = spec.get("extra") or {}
    return UserInfo(
        spec.get("user") or "",
        spec.get("uid") or "",
        tuple(spec.get("groups") or ()),
        tuple((name, tuple(values or ())) for name, values in extra.items()),
    )


def _resource_attributes(user: UserInfo, resource: dict[str, Any]) -> Attributes:
    def given(member: str, otherwise: str = "") -> str:
        text: str = resource.get(member) or otherwise
        return text

    return Attributes(
        user,
        given("verb"),
        "",
        given("group"),
        given("version", "*"),
        given("resource"),
        given("subresource"),
        given("namespace"),
        given("name"),
    )


# Selectors are not judged by; what cannot be understood of them is told all the same.


def _evaluation_error(resource: dict[str, Any]) -> str:
    told = []
    for member, parse, judge in (
        ("fieldSelector", parse_field_selector, _field_requirement),
        ("labelSelector", parse_label_selector, _label_requirement),
    ):
        selector = resource.get(member) or {}
        understood = [judge(requirement) for requirement in selector.get("requirements") or ()]
        if not understood and selector.get("rawSelector"):
            understood = [_parses(parse, selector["rawSelector"])]
        if not all(understood):
            how = "partially ignored" if any(understood) else "ignored"
            told.append(f"spec.resourceAttributes.{member} {how} due to parse error")
    return "; ".join(told)


def _parses(parse: Callable[[str], Any], text: str) -> bool:
    try:
        parse(text)
    except APIStatus:
        return False
    return True


def _field_requirement(requirement: dict[str, Any]) -> bool:
    return requirement.get("operator") in ("In", "NotIn") and len(requirement.get("values") or ()) == 1


def _label_requirement(requirement: dict[str, Any]) -> bool:
    return requirement.get("operator") in ("In", "NotIn", "Exists", "DoesNotExist")
