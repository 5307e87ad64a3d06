"""
Who may act for whom.

Follows C{k8s.io/apiserver/pkg/endpoints/filters/impersonation} with the feature C{ConstrainedImpersonation}
(KEP-5284): a right to do a thing while acting for somebody is asked for first, then the right to act for that
somebody, in the narrowest way that fits; where that is not allowed, the old right to C{impersonate} is asked for,
which allows everything at once.  Contract 15.6.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import NamedTuple, Protocol

from ark.authentication.userinfo import (
    ANONYMOUS,
    AUTHENTICATED_GROUP,
    MASTERS_GROUP,
    UNAUTHENTICATED_GROUP,
    UserInfo,
)
from ark.authorization import subjects
from ark.authorization.attributes import Attributes, Undecided, refusal
from ark.authorization.subjects import NODE, Subject
from ark.interfaces import IAuthorizer
from ark.meta.known import Known
from ark.meta.status import APIStatus, internal_error

_AUTHENTICATION = "authentication.k8s.io"
_NODE_KEYS = "authentication.kubernetes.io/associated-node-keys"
_ALL = "*"
_MANY = 4
"""Of so many groups, or values of attributes, it is asked at once whether all are allowed."""

REMEMBER_SECONDS = 10.0
_MOST = 10_000
# What a client can make long on purpose is not kept from here on.
_LONG = 10_000


class Impersonated(NamedTuple):
    """
    For whom a request acts.

    @ivar constraint: the verb that allowed it; empty where it was the old C{impersonate}.
    """

    user: UserInfo
    constraint: str = ""


class _Kept:
    """
    What was found, for ten seconds.
    """

    def __init__(self, seconds: Callable[[], float]) -> None:
        self._seconds = seconds
        self._found: dict[Hashable, tuple[float, Impersonated]] = {}

    def get(self, key: Hashable) -> Impersonated | None:
        found = self._found.get(key)
        return found[1] if found is not None and self._seconds() < found[0] else None

    def keep(self, key: Hashable, value: Impersonated) -> None:
        self._found.pop(key, None)
        if len(self._found) >= _MOST:
            del self._found[next(iter(self._found))]
        self._found[key] = (self._seconds() + REMEMBER_SECONDS, value)


class _Rights:
    """
    What must be allowed of a user, thing by thing.

    @ivar verb: C{impersonate}, or a narrower one.
    """

    def __init__(self, authorizer: IAuthorizer, verb: str, subject: Callable[[UserInfo], Subject]) -> None:
        self._authorizer = authorizer
        self._subject = subject
        self.verb = verb
        self.is_narrow = verb != "impersonate"
        self._group = _AUTHENTICATION if self.is_narrow else ""

    async def allowed(self, wanted: UserInfo, requestor: UserInfo) -> Impersonated:
        """
        The user with the groups that follow from the name.

        @raise APIStatus: 403, something is not allowed.
        """
        subject = self._subject(wanted)
        about = Attributes(requestor, self.verb, "", self._group, "v1")
        await self.ask(
            about._replace(resource=subject.resource, namespace=subject.namespace, name=subject.name)
        )
        if wanted.uid:
            await self.ask(about._replace(group=_AUTHENTICATION, resource="uids", name=wanted.uid))
        if wanted.groups:
            await self._ask_of_groups(wanted.groups, about._replace(resource="groups"))
        if wanted.extra:
            await self._ask_of_extra(
                wanted.extra, about._replace(group=_AUTHENTICATION, resource="userextras")
            )
        user = wanted._replace(groups=_completed(wanted.name, subject.groups))
        return Impersonated(user, self.verb if self.is_narrow else "")

    async def ask(self, attributes: Attributes) -> None:
        """
        Let pass what is allowed.
        """
        try:
            decision = await self._authorizer.authorize(attributes)
        except Undecided as error:
            raise refusal(attributes, error.why) from error
        if not decision.allowed:
            raise refusal(attributes, decision.reason)

    async def _ask_of_groups(self, groups: Sequence[str], about: Attributes) -> None:
        if self.is_narrow:
            if "" in groups:
                raise refusal(about, "impersonating the empty string group is not allowed")
            if MASTERS_GROUP in groups:
                why = f"impersonating the {MASTERS_GROUP} group is not allowed"
                raise refusal(about._replace(name=MASTERS_GROUP), why)
            if len(groups) >= _MANY and await self._allows(about._replace(name=_ALL)):
                return
        for group in groups:
            await self.ask(about._replace(name=group))

    async def _ask_of_extra(self, extra: Sequence[tuple[str, tuple[str, ...]]], about: Attributes) -> None:
        if self.is_narrow:
            why = subjects.unfit(extra)
            if why:
                raise refusal(about, why)
            is_large = sum(len(values) for _, values in extra) >= _MANY
            if is_large and await self._allows(about._replace(subresource=_ALL, name=_ALL)):
                return
        for key, values in extra:
            for value in values:
                await self.ask(about._replace(subresource=key, name=value))

    async def _allows(self, attributes: Attributes) -> bool:
        try:
            await self.ask(attributes)
        except APIStatus:
            return False
        return True


def _completed(name: str, groups: tuple[str, ...]) -> tuple[str, ...]:
    if UNAUTHENTICATED_GROUP in groups:
        return groups
    usual = UNAUTHENTICATED_GROUP if name == ANONYMOUS else AUTHENTICATED_GROUP
    return groups if usual in groups else (*groups, usual)


class _Mode(Protocol):
    """
    A way to act for somebody.
    """

    async def check(self, wanted: UserInfo, attributes: Attributes, is_kept: bool) -> Impersonated | None:
        """
        For whom the request acts; L{None} when this way is not for such users.

        @raise APIStatus: 403, it is not allowed.
        """


class _Legacy:
    """
    The way there has always been.  Nothing is remembered.
    """

    def __init__(self, rights: _Rights) -> None:
        self._rights = rights

    async def check(self, wanted: UserInfo, attributes: Attributes, is_kept: bool) -> Impersonated | None:
        return await self._rights.allowed(wanted, attributes.user)


class _Constrained:
    """
    Two rights are needed: to do such a thing while one acts for such a user, and to act for that very user.

    What was allowed is remembered for ten seconds, of the very same request and of the user.
    """

    def __init__(
        self,
        rights: _Rights,
        applies: Callable[[UserInfo, UserInfo], bool],
        seconds: Callable[[], float],
    ) -> None:
        """
        @param applies: whether this way is for a user that somebody wants to act for.
        """
        self._rights = rights
        self._applies = applies
        self._on = rights.verb.replace(":", "-on:") + ":"
        self._requests, self._users = _Kept(seconds), _Kept(seconds)

    async def check(self, wanted: UserInfo, attributes: Attributes, is_kept: bool) -> Impersonated | None:
        if not self._applies(wanted, attributes.user):
            return None
        return await self._found(wanted, attributes, is_kept)

    async def _found(self, wanted: UserInfo, attributes: Attributes, is_kept: bool) -> Impersonated:
        requestor = attributes.user
        request, user = (wanted, attributes), (wanted, requestor)
        found = self._requests.get(request) if is_kept else None
        if found is not None:
            return found
        await self._rights.ask(attributes._replace(verb=self._on + attributes.verb))
        is_short = _size(wanted) < _LONG
        found = self._users.get(user)
        if found is None:
            found = await self._rights.allowed(wanted, requestor)
            if is_short:
                self._users.keep(user, found)
        if is_kept and is_short and attributes.size < _LONG:
            self._requests.keep(request, found)
        return found


class _AssociatedNode(_Constrained):
    """
    Whether an account may act for the node that it runs on: the same for all nodes, so that what is remembered of
    one counts on each, and the authorizer is not told which it is.
    """

    async def _found(self, wanted: UserInfo, attributes: Attributes, is_kept: bool) -> Impersonated:
        keys = tuple(key for key, _ in attributes.user.extra)
        anywhere = attributes.user._replace(extra=((_NODE_KEYS, tuple(sorted(keys))),))
        found = await super()._found(UserInfo(NODE + _ALL), attributes._replace(user=anywhere), is_kept)
        return found._replace(user=found.user._replace(name=wanted.name))


def _size(user: UserInfo) -> int:
    extra = sum(len(key) + sum(map(len, values)) for key, values in user.extra)
    return len(user.name) + len(user.uid) + sum(map(len, user.groups)) + extra


class Impersonation:
    """
    Judges who may act for whom.

    The ways are tried from the narrowest on, but first the one that was allowed to the same requestor last.
    """

    def __init__(self, authorizer: IAuthorizer, seconds: Callable[[], float]) -> None:
        """
        @param seconds: a clock that only goes forward.
        """

        def rights(mode: str, subject: Callable[[UserInfo], Subject]) -> _Rights:
            return _Rights(authorizer, f"impersonate:{mode}", subject)

        self._modes: tuple[_Mode, ...] = (
            _AssociatedNode(rights("associated-node", subjects.node), subjects.is_own_node, seconds),
            _Constrained(rights("arbitrary-node", subjects.node), subjects.is_node, seconds),
            _Constrained(rights("serviceaccount", subjects.account), subjects.is_account, seconds),
            _Constrained(rights("user-info", subjects.person), subjects.is_person, seconds),
            _Legacy(_Rights(authorizer, "impersonate", subjects.person_or_account)),
        )
        self._last: Known[str, _Mode] = Known(_MOST)

    async def impersonated(
        self, wanted: UserInfo, attributes: Attributes, is_kept: bool = True
    ) -> Impersonated:
        """
        For whom a request acts.

        @param wanted: as the request says, which is more than nobody.
        @param attributes: what the request asks for, and who makes it.
        @param is_kept: whether it may be remembered what was allowed of the very same request.
        @raise APIStatus: 403, that is not allowed; it tells of the first thing that was not.
        """
        requestor = attributes.user.name
        last = self._last.get(requestor)
        modes = self._modes
        if last is not None:
            modes = (last, *(mode for mode in modes if mode is not last))
        refused = None
        for mode in modes:
            try:
                found = await mode.check(wanted, attributes, is_kept)
            except APIStatus as error:
                refused = refused or error
                continue
            if found is None:
                continue
            if mode is not last:
                self._last.keep(requestor, mode)
            return found
        raise refused or internal_error("all impersonation modes failed")
