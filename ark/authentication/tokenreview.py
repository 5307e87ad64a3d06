"""
Users whose bearer token the cluster knows.

Follows C{k8s.io/apiserver/plugin/pkg/authenticator/token/webhook} and, for what is remembered,
C{k8s.io/apiserver/pkg/authentication/token/cache}; contract 15.3.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from hashlib import blake2b
from secrets import token_bytes
from typing import Any, NamedTuple

from twisted.logger import Logger
from zope.interface import implementer

from ark.authentication.bearer import OfferedToken, token_of
from ark.authentication.userinfo import UserInfo, authenticated
from ark.cluster.errors import Unreachable
from ark.cluster.reviewing import Reviewer, Shared
from ark.interfaces import IAuthenticator, ICluster
from ark.meta.status import APIStatus, service_unavailable, unauthorized

_log = Logger()

REMEMBER_SECONDS = 10.0
_MOST = 32768
# What kube-apiserver says of a token that none of its authenticators knows.  Any other error may
# mean that one of them could not tell, and must be asked again.
_UNKNOWN = "invalid bearer token"


class _Judged(NamedTuple):
    """
    @ivar user: L{None} for a token that is not good.
    @ivar until: when to ask again, on the reactor's clock.
    """

    user: UserInfo | None
    until: float


@implementer(IAuthenticator)
class TokenReviewAuthenticator:
    """
    Asks the cluster by C{TokenReview}, and remembers for ten seconds what it said.

    Tokens themselves are not kept, only what a keyed hash makes of them; the key is chosen at
    random and never leaves this object.  Requests with the same token at the same time share
    a review.

    @ivar requests: how often the cluster was asked, by the code of its answer.
    @ivar fetched: reviews that ended, by C{ok} or C{error}.
    @ivar found: tokens looked for, by C{hit} or C{miss}.
    """

    def __init__(
        self,
        cluster: ICluster,
        reactor: Any,
        *,
        audiences: Sequence[str] = (),
        remember: float = REMEMBER_SECONDS,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """
        @param reactor: C{IReactorTime}.
        @param audiences: of which a token must be for one; none for any.
        @param remember: seconds; 0 to ask each time.
        @param chance: a number from 0 to 1, another one each time.
        """
        self._reviewer = Reviewer(cluster, reactor, "authentication.k8s.io", "TokenReview", chance)
        self._seconds = reactor.seconds
        self._audiences = tuple(audiences)
        self._remember = remember
        self._key = token_bytes(32)
        self._known: dict[bytes, _Judged] = {}
        self._shared: Shared[_Judged] = Shared()
        self.requests = self._reviewer.requests
        self.fetched = {"ok": 0, "error": 0}
        self.found = {"hit": 0, "miss": 0}

    async def authenticate(self, request: Any) -> UserInfo | None:
        """
        The user whose token the request carries, in C{Authorization} or as a subprotocol.

        @return: L{None} without a token.
        @raise APIStatus: 401, the token is not good; 503, the cluster does not tell.
        """
        token, offered = token_of(request), None
        if token is None:
            offered = OfferedToken.of(request)
            if offered is None:
                return None
            token = offered.token
        key = blake2b(token, key=self._key, digest_size=32).digest()
        judged = self._known.get(key)
        if judged is not None and self._seconds() < judged.until:
            self.found["hit"] += 1
        else:
            self.found["miss"] += 1
            judged = await self._shared.of(key, lambda: self._judge(key, token))
        if judged.user is None:
            raise unauthorized()
        if offered is not None:
            offered.withdraw(request)
        return judged.user

    async def _judge(self, key: bytes, token: bytes) -> _Judged:
        spec: dict[str, Any] = {"token": token.decode("utf-8", "replace")}
        if self._audiences:
            spec["audiences"] = list(self._audiences)
        try:
            status = await self._reviewer.review(spec)
        except (APIStatus, Unreachable) as error:
            self.fetched["error"] += 1
            _log.error("the cluster does not say whose a token is: {error}", error=error)
            # Why is not for somebody who may be anybody.
            raise service_unavailable("the cluster does not say whose token this is") from error
        user = self._user(status)
        judged = _Judged(user, self._seconds() + self._remember)
        why = status.get("error") or ""
        if self._remember and (user is not None or not why or _UNKNOWN in why):
            self._keep(key, judged)
        self.fetched["ok"] += 1
        return judged

    def _user(self, status: dict[str, Any]) -> UserInfo | None:
        if status.get("authenticated") is not True:
            return None
        # A cluster that says nothing of audiences has not looked at them.
        if self._audiences and set(self._audiences).isdisjoint(status.get("audiences") or ()):
            return None
        told = status.get("user") or {}
        if not told.get("username"):
            return None
        extra = sorted((told.get("extra") or {}).items())
        return authenticated(
            UserInfo(
                told["username"],
                told.get("uid") or "",
                tuple(told.get("groups") or ()),
                tuple((name, tuple(values or ())) for name, values in extra),
            )
        )

    def _keep(self, key: bytes, judged: _Judged) -> None:
        known = self._known
        known.pop(key, None)
        if len(known) >= _MOST:
            # All are kept equally long, so that the oldest is the next to be forgotten anyway.
            del known[next(iter(known))]
        known[key] = judged
