"""
Leaving it to the cluster who may do what.

Follows C{k8s.io/apiserver/plugin/pkg/authorizer/webhook}; contract 15.4.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Hashable
from typing import Any, NamedTuple
from urllib.parse import unquote

from twisted.logger import Logger
from zope.interface import implementer

from ark.authentication.userinfo import UserInfo
from ark.authorization.attributes import ALLOW, DENY, NO_OPINION, Attributes, Decision, Undecided
from ark.cluster.errors import Unreachable
from ark.cluster.reviewing import Reviewer, Shared
from ark.interfaces import IAuthorizer, ICluster
from ark.meta.known import Known
from ark.meta.status import APIStatus

_log = Logger()

REMEMBER_SECONDS = 10.0
MOST_REMEMBERED = 10_000
# What a client can make long on purpose is not kept from here on.
_LONG = 10_000
_MOST_LATEST = 1024
_CONTRADICTION = "webhook subject access review returned both allow and deny response"
_OPERATORS = {
    "=": "In",
    "==": "In",
    "in": "In",
    "!=": "NotIn",
    "notin": "NotIn",
    "exists": "Exists",
    "!": "DoesNotExist",
}


class Remembering(NamedTuple):
    """
    How long answers count.

    @ivar allowed: seconds; 0 to ask each time.
    @ivar refused: the same of refusals.
    @ivar most: how many answers are kept.
    """

    allowed: float = REMEMBER_SECONDS
    refused: float = REMEMBER_SECONDS
    most: int = MOST_REMEMBERED


USUAL = Remembering()


@implementer(IAuthorizer)
class SubjectAccessAuthorizer:
    """
    Asks the cluster by C{SubjectAccessReview}, exactly as kube-apiserver asks a webhook, and
    remembers for ten seconds what it said.

    Answers are kept under all that was asked and of whom: name, uid, groups in any order and
    further attributes of the user included.  Requests that ask the same at the same time share
    a review.  What is not answered is not allowed, and not remembered.

    @ivar requests: how often the cluster was asked, by the code of its answer.
    @ivar decisions: how often which verdict was given, remembered ones included.
    """

    def __init__(
        self,
        cluster: ICluster,
        reactor: Any,
        remembering: Remembering = USUAL,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """
        @param reactor: C{IReactorTime}.
        @param chance: a number from 0 to 1, another one each time.
        """
        self._reviewer = Reviewer(cluster, reactor, "authorization.k8s.io", "SubjectAccessReview", chance)
        self._seconds = reactor.seconds
        self._remembering = remembering
        self._known: dict[Hashable, tuple[float, Decision]] = {}
        # The same for what was asked in the very same words, which need not be put in order.
        self._latest: Known[Attributes, tuple[float, Decision]] = Known(_MOST_LATEST)
        self._shared: Shared[Decision] = Shared()
        self.requests = self._reviewer.requests
        self.decisions: Counter[str] = Counter()

    async def authorize(self, attributes: Attributes) -> Decision:
        """
        What the cluster says.

        @raise APIStatus: 500, it says nothing, or contradicts itself.
        """
        now = self._seconds()
        known = self._latest.get(attributes)
        if known is None or now >= known[0]:
            key = _key(attributes)
            known = self._known.get(key)
            if known is None or now >= known[0]:
                decision = await self._shared.of(key, lambda: self._ask(key, attributes))
                self.decisions[decision[0]] += 1
                return decision
            if attributes.size < _LONG:
                self._latest.keep(attributes, known)
        decision = known[1]
        self.decisions[decision[0]] += 1
        return decision

    async def _ask(self, key: Hashable, attributes: Attributes) -> Decision:
        try:
            status = await self._reviewer.review(spec_of(attributes))
        except (APIStatus, Unreachable) as error:
            _log.error("the cluster does not say what may be done: {error}", error=error)
            raise Undecided(attributes, str(error)) from error
        allowed, denied = status.get("allowed") is True, bool(status.get("denied"))
        reason = status.get("reason") or ""
        if allowed and denied:
            raise Undecided(attributes, _CONTRADICTION, reason)
        verdict = DENY if denied else ALLOW if allowed else NO_OPINION
        decision = Decision(verdict, reason)
        seconds = self._remembering.allowed if allowed else self._remembering.refused
        if seconds and attributes.size < _LONG:
            self._keep(key, self._seconds() + seconds, decision)
        return decision

    def _keep(self, key: Hashable, until: float, decision: Decision) -> None:
        known = self._known
        known.pop(key, None)
        if len(known) >= self._remembering.most:
            del known[next(iter(known))]
        known[key] = (until, decision)


def _key(attributes: Attributes) -> Hashable:
    user, verb, path, group, version, resource, subresource, namespace, name, fields, labels = attributes
    who, uid, groups, extra = user
    if len(groups) > 1:
        groups = tuple(sorted(groups))
    if not resource:
        return (who, uid, groups, extra, verb, path)
    return (
        who, uid, groups, extra, verb, group, version, resource, subresource, namespace, name, fields, labels,
    )  # fmt: skip


def spec_of(attributes: Attributes) -> dict[str, Any]:
    """
    The C{spec} of the C{SubjectAccessReview} that asks whether a request may go on; members
    that are empty are left out, as Go leaves them out.
    """
    spec: dict[str, Any] = _subject(attributes.user)
    if not attributes.resource:
        path = _decoded(attributes.path)
        spec["nonResourceAttributes"] = _filled({"path": path, "verb": attributes.verb})
        return spec
    asked: dict[str, Any] = {
        "namespace": attributes.namespace,
        "verb": attributes.verb,
        "group": attributes.group,
        "version": attributes.version,
        "resource": attributes.resource,
        "subresource": attributes.subresource,
        "name": attributes.name,
    }
    for member, requirements in (
        ("fieldSelector", attributes.field_requirements),
        ("labelSelector", attributes.label_requirements),
    ):
        told = [_requirement(*one) for one in requirements if one[1] in _OPERATORS]
        if told:
            asked[member] = {"requirements": told}
    spec["resourceAttributes"] = _filled(asked)
    return spec


def _subject(user: UserInfo) -> dict[str, Any]:
    extra = {name: list(values) for name, values in user.extra}
    return _filled({"user": user.name, "uid": user.uid, "groups": list(user.groups), "extra": extra})


def _requirement(key: str, operator: str, values: tuple[str, ...]) -> dict[str, Any]:
    # A requirement that cannot be told, such as gt, only narrows: to leave it out asks for more.
    told: dict[str, Any] = {"key": key, "operator": _OPERATORS[operator]}
    return {**told, "values": list(values)} if values else told


def _filled(members: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value}


def _decoded(path: str) -> str:
    """
    A path as Go's C{URL.Path} has it; as it was sent where decoding would move it elsewhere.
    """
    if "%" not in path:
        return path
    segments = [unquote(segment) for segment in path.split("/")]
    if any("/" in segment or "\x00" in segment or segment in (".", "..") for segment in segments):
        return path
    return "/".join(segments)
