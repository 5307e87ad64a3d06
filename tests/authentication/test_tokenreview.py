"""
L{ark.authentication.tokenreview} and L{ark.authentication.bearer}
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from ark.authentication.anonymous import AnonymousAuthenticator
from ark.authentication.tokenreview import TokenReviewAuthenticator
from ark.authentication.union import UnionAuthenticator
from ark.authentication.userinfo import UserInfo
from ark.cluster.memory import MemoryCluster
from ark.http.request import ClientConnection, Request
from ark.interfaces import IAuthenticator
from ark.meta.status import APIStatus

PATH = "/apis/authentication.k8s.io/v1/tokenreviews"
ANN = {
    "username": "ann",
    "uid": "7",
    "groups": ["dev"],
    "extra": {"b": ["2"], "a": ["1", "3"]},
}
KNOWN = UserInfo("ann", "7", ("dev", "system:authenticated"), (("a", ("1", "3")), ("b", ("2",))))


def asking(*fields: tuple[bytes, bytes]) -> Request:
    """
    A request with these header fields.
    """
    exchange: Any = None
    return Request(exchange, ClientConnection(), ("GET", "/", ""), list(fields), dict(reversed(fields)))


def bearing(token: bytes) -> Request:
    """
    A request with a token.
    """
    return asking((b"authorization", b"Bearer " + token))


def offering(*protocols: bytes) -> Request:
    """
    A request for a WebSocket.
    """
    return asking(
        (b"upgrade", b"websocket"),
        (b"connection", b"Upgrade"),
        (b"sec-websocket-protocol", b", ".join(protocols)),
    )


class TokenTestCase(SynchronousTestCase):
    """
    A cluster in memory that says the same of every token.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.cluster = MemoryCluster(self.clock)
        self.status: dict[str, Any] = {"authenticated": True, "user": ANN}
        self.cluster.answer(PATH, lambda _: {"status": self.status})
        self.authenticator = self.make()

    def make(self, **options: Any) -> TokenReviewAuthenticator:
        """
        An authenticator.
        """
        return TokenReviewAuthenticator(self.cluster, self.clock, chance=lambda: 0.0, **options)

    @property
    def asked(self) -> int:
        """
        How often the cluster was asked.
        """
        return len(self.cluster.requests)

    def user(self, request: Request | None = None) -> UserInfo | None:
        """
        Whose request it is.
        """
        return self.successResultOf(self.begin(request))

    def begin(self, request: Request | None = None) -> Deferred[UserInfo | None]:
        """
        Ask without waiting.
        """
        return Deferred.fromCoroutine(self.authenticator.authenticate(request or bearing(b"t")))

    def refused(self, request: Request | None = None, code: int = 401) -> str:
        """
        The request is refused; the message.
        """
        failure = self.failureResultOf(self.begin(request), APIStatus).value
        self.assertEqual(failure.code, code)
        return failure.message


class AskingTests(TokenTestCase):
    """
    What is asked, and what becomes of the answer (contract 15.3).
    """

    def test_it_is_an_authenticator(self) -> None:
        """
        As far as its methods go.
        """
        verifyObject(IAuthenticator, self.authenticator)

    def test_the_cluster_names_the_user(self) -> None:
        """
        With all that it knows of them, and the group of all who are known.
        """
        self.assertEqual(self.user(), KNOWN)
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": "t"}}
        self.assertEqual(self.cluster.requests[0].body, body)

    def test_without_a_token_the_cluster_is_not_asked(self) -> None:
        """
        Another scheme is no token.
        """
        for fields in ((), ((b"authorization", b"Basic eA=="),), ((b"authorization", b"Bearer "),)):
            self.assertIsNone(self.user(asking(*fields)))
        self.assertEqual(self.asked, 0)

    def test_a_token_that_is_not_good_is_refused(self) -> None:
        """
        So is one that names nobody, and anything but a plain yes.
        """
        for status in (
            {"authenticated": False},
            {"authenticated": False, "user": ANN, "error": "invalid bearer token"},
            {},
            {"authenticated": "true", "user": ANN},
            {"authenticated": True, "user": {}},
            {"authenticated": True},
        ):
            self.setUp()
            self.status = status
            self.assertEqual(self.refused(), "Unauthorized")

    def test_who_shows_a_bad_token_is_never_anonymous(self) -> None:
        """
        Nor is anybody while the cluster is away.
        """
        self.status = {"authenticated": False}
        union = UnionAuthenticator((self.authenticator,), AnonymousAuthenticator())
        failure = self.failureResultOf(union.authenticate(bearing(b"t")), APIStatus).value
        self.assertEqual(failure.code, 401)
        self.cluster.down = True
        waiting = Deferred.fromCoroutine(union.authenticate(bearing(b"u")))
        self.clock.pump([0.25] * 44)
        self.assertEqual(self.failureResultOf(waiting, APIStatus).value.code, 503)

    def test_a_cluster_that_does_not_answer_is_told_of(self) -> None:
        """
        503: the token may well be good; nothing is remembered.  Why it does not is not for
        somebody who may be anybody.
        """
        for status in (APIStatus(403, "Forbidden", "no"), APIStatus(404, "NotFound", "no")):
            self.setUp()

            def fail(_: Any, status: APIStatus = status) -> dict[str, Any]:
                raise status

            self.cluster.answer(PATH, fail)
            self.assertEqual(self.refused(code=503), "the cluster does not say whose token this is")
            self.cluster.answer(PATH, lambda _: {"status": self.status})
            self.assertEqual(self.user(), KNOWN)
            self.assertEqual(self.authenticator.fetched, {"ok": 1, "error": 1})

    def test_tokens_must_be_for_an_audience_where_one_is_named(self) -> None:
        """
        A cluster that does not say for whom they are has not looked.
        """
        self.authenticator = self.make(audiences=("ark", "other"))
        for told, known in ((["ark"], True), (["x", "other"], True), (["x"], False), ([], False)):
            self.status = {**self.status, "audiences": told}
            if known:
                self.assertEqual(self.user(bearing(repr(told).encode())), KNOWN)
            else:
                self.refused(bearing(repr(told).encode()))
        self.assertEqual(self.cluster.requests[0].body["spec"]["audiences"], ["ark", "other"])


class RememberingTests(TokenTestCase):
    """
    What is remembered of tokens.
    """

    def test_a_token_counts_for_ten_seconds(self) -> None:
        """
        Then the cluster is asked again.
        """
        self.user()
        self.status = {"authenticated": False}
        self.clock.advance(9.9)
        self.assertEqual(self.user(), KNOWN)
        self.clock.advance(0.2)
        self.refused()
        self.assertEqual((self.asked, self.authenticator.found), (2, {"hit": 1, "miss": 2}))

    def test_a_token_that_is_unknown_stays_so_for_ten_seconds(self) -> None:
        """
        But where the cluster could not tell it is asked again at once.
        """
        for status, expected in (
            ({"authenticated": False}, 1),
            ({"authenticated": False, "error": "[invalid bearer token, token has expired]"}, 1),
            ({"authenticated": False, "error": "dial tcp: connection refused"}, 3),
        ):
            self.setUp()
            self.status = status
            for _ in range(3):
                self.refused()
            self.assertEqual(self.asked, expected)

    def test_every_token_is_judged_on_its_own(self) -> None:
        """
        Also one that begins like another.
        """
        for token in (b"t", b"tt", b"T", b"t", b"tt"):
            self.user(bearing(token))
        self.assertEqual(self.asked, 3)

    def test_tokens_are_not_kept(self) -> None:
        """
        Nor what another process could compute from one.
        """
        self.user(bearing(b"canary"))
        key = next(iter(self.authenticator._known))
        self.assertNotIn(b"canary", key)
        other = self.make()
        self.successResultOf(other.authenticate(bearing(b"canary")))
        self.assertNotIn(key, other._known)

    def test_zero_seconds_ask_each_time(self) -> None:
        """
        Nothing is kept then.
        """
        self.authenticator = self.make(remember=0)
        self.user()
        self.user()
        self.assertEqual(self.asked, 2)

    def test_requests_at_the_same_time_share_a_review(self) -> None:
        """
        All get the same user, also when the first has left.
        """
        answer: Deferred[dict[str, Any]] = Deferred()
        self.cluster.answer(PATH, lambda _: answer)
        waiting = [self.begin() for _ in range(3)]
        waiting[0].addErrback(lambda _: None)
        waiting[0].cancel()
        answer.callback({"status": self.status})
        self.assertEqual([self.successResultOf(one) for one in waiting[1:]], [KNOWN, KNOWN])
        self.assertEqual(self.asked, 1)


class WebSocketTests(TokenTestCase):
    """
    Tokens among the subprotocols of a WebSocket.
    """

    def protocol(self, token: bytes) -> bytes:
        """
        The name that carries a token.
        """
        return b"base64url.bearer.authorization.k8s.io." + urlsafe_b64encode(token).rstrip(b"=")

    def test_a_browser_offers_its_token(self) -> None:
        """
        It is taken out of what is offered once it was believed.
        """
        for token in (b"t", b"tokens", b"\xc3\xbf?>"):
            request = offering(b"base64.binary.k8s.io", self.protocol(token), b"other")
            self.assertEqual(self.user(request), KNOWN)
            self.assertEqual(
                request.header_values(b"sec-websocket-protocol"), [b"base64.binary.k8s.io,other"]
            )
            self.assertEqual(self.cluster.requests[-1].body["spec"]["token"], token.decode())

    def test_without_one_nobody_is_asked(self) -> None:
        """
        Or where it is no WebSocket that is asked for.
        """
        self.assertIsNone(self.user(offering(b"base64.binary.k8s.io")))
        self.assertIsNone(self.user(asking((b"sec-websocket-protocol", self.protocol(b"t")))))
        self.assertEqual(self.asked, 0)

    def test_what_is_not_well_formed_is_refused(self) -> None:
        """
        Two tokens, no other subprotocol, padding, another alphabet, no UTF-8.
        """
        prefix = b"base64url.bearer.authorization.k8s.io."
        for protocols in (
            (self.protocol(b"t"),),
            (self.protocol(b"t"), self.protocol(b"u"), b"x"),
            (prefix + b"dA==", b"x"),
            (prefix + b"a+b/", b"x"),
            (prefix + b"!!!!", b"x"),
            (prefix + b"/w", b"x"),
            (self.protocol(b"\xff"), b"x"),
        ):
            self.refused(offering(*protocols))
        self.assertEqual(self.asked, 0)
