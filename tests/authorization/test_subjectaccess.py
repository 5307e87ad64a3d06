"""
L{ark.authorization.subjectaccess}
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from ark.authentication.userinfo import UserInfo
from ark.authorization.alwaysallowed import AlwaysAllowedAuthorizer, InvalidPath
from ark.authorization.attributes import ALLOW, DENY, NO_OPINION, Attributes, Decision
from ark.authorization.subjectaccess import Remembering, SubjectAccessAuthorizer, spec_of
from ark.authorization.union import UnionAuthorizer
from ark.cluster.memory import MemoryCluster
from ark.interfaces import IAuthorizer
from ark.meta.selectors import parse_field_selector, parse_label_selector
from ark.meta.status import APIStatus, internal_error, too_many_requests

PATH = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
ANN = UserInfo("ann", "7", ("dev", "ops"), (("scope", ("a", "b")),))
READ = Attributes(ANN, "get", "/apis/g/v1/namespaces/n/ks/x", "g", "v1", "ks", "", "n", "x")


class Asking(SynchronousTestCase):
    """
    A cluster in memory and its authorizer.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.cluster = MemoryCluster(self.clock)
        self.status: dict[str, Any] = {"allowed": True}
        self.cluster.answer(PATH, lambda _: {"status": self.status})
        self.authorizer = SubjectAccessAuthorizer(self.cluster, self.clock, chance=lambda: 0.0)

    @property
    def asked(self) -> int:
        """
        How often the cluster was asked.
        """
        return len(self.cluster.requests)

    def begin(self, attributes: Attributes = READ) -> Deferred[Decision]:
        """
        Ask without waiting for the answer.
        """
        return Deferred.fromCoroutine(self.authorizer.authorize(attributes))

    def verdict(self, attributes: Attributes = READ) -> str:
        """
        What is answered at once.
        """
        return self.successResultOf(self.begin(attributes)).verdict

    def later(self) -> Deferred[dict[str, Any]]:
        """
        Have the cluster wait with its answer, which the returned Deferred brings.
        """
        waiting: Deferred[dict[str, Any]] = Deferred()
        self.cluster.answer(PATH, lambda _: waiting)
        return waiting

    def failing(self, make: Callable[[], Exception]) -> None:
        """
        Have the cluster fail.
        """

        def fail(_: Any) -> dict[str, Any]:
            raise make()

        self.cluster.answer(PATH, fail)


class DecisionTests(Asking):
    """
    What the cluster says, and what it does not say (contract 15.4).
    """

    def test_every_authorizer_provides_the_interface(self) -> None:
        """
        Both of a server in a cluster do.
        """
        verifyObject(IAuthorizer, self.authorizer)
        verifyObject(IAuthorizer, AlwaysAllowedAuthorizer())

    def test_the_clusters_words_count(self) -> None:
        """
        Allowed, denied, or neither; the reason is handed on.
        """
        for status, expected in (
            ({"allowed": True, "reason": "r"}, Decision(ALLOW, "r")),
            ({"allowed": False, "reason": "no"}, Decision(NO_OPINION, "no")),
            ({"allowed": False, "denied": True}, Decision(DENY)),
            ({}, Decision(NO_OPINION)),
            ({"allowed": "true"}, Decision(NO_OPINION)),
        ):
            self.setUp()
            self.status = status
            self.assertEqual(self.successResultOf(self.begin()), expected)

    def test_a_contradiction_is_a_failure(self) -> None:
        """
        Both allowed and denied is 500, as kube-apiserver has it.
        """
        self.status = {"allowed": True, "denied": True}
        failure = self.failureResultOf(self.begin(), APIStatus).value
        self.assertEqual(failure.code, 500)
        self.assertIn("returned both allow and deny response", failure.message)

    def test_silence_is_never_permission(self) -> None:
        """
        A cluster that is away, refuses, or talks nonsense: 500, nothing remembered.
        """
        for make in (
            lambda: APIStatus(403, "Forbidden", "you may not ask"),
            lambda: APIStatus(404, "NotFound", "page not found"),
        ):
            self.failing(make)
            failure = self.failureResultOf(self.begin(), APIStatus).value
            self.assertEqual((failure.code, failure.reason), (500, "InternalError"))
            self.assertIn('Internal Server Error: "/apis/g/v1/namespaces/n/ks/x": ', failure.message)
        self.cluster.answer(PATH, lambda _: {"kind": "SubjectAccessReview"})
        waiting = self.begin()
        self.clock.pump([1.0] * 10)
        self.failureResultOf(waiting, APIStatus)
        self.cluster.answer(PATH, lambda _: {"status": {"allowed": True}})
        self.assertEqual(self.verdict(), ALLOW)

    def test_a_failure_that_may_pass_is_tried_again(self) -> None:
        """
        Five attempts, half a second apart and then half as much more each time.
        """
        for make in (lambda: internal_error("x"), lambda: too_many_requests("x", 1)):
            self.setUp()
            self.failing(make)
            waiting = self.begin()
            for pause in (0.5, 0.75, 1.125, 1.6875):
                before = self.asked
                self.clock.advance(pause - 0.001)
                self.assertEqual(self.asked, before)
                self.assertNoResult(waiting)
                self.clock.advance(0.001)
                self.assertEqual(self.asked, before + 1)
            self.assertEqual(self.failureResultOf(waiting, APIStatus).value.code, 500)
            self.assertEqual(self.asked, 5)

    def test_a_cluster_that_returns_is_asked_again(self) -> None:
        """
        Who waited is answered then.
        """
        self.cluster.down = True
        waiting = self.begin()
        self.cluster.down = False
        self.assertNoResult(waiting)
        self.clock.advance(0.5)
        self.assertEqual(self.successResultOf(waiting).verdict, ALLOW)
        self.assertEqual(dict(self.authorizer.requests), {"<error>": 1, "201": 1})

    def test_no_question_lasts_longer_than_ten_seconds(self) -> None:
        """
        Whatever the cluster does.
        """
        self.later()
        waiting = self.begin()
        self.clock.pump([0.25] * 40)
        self.assertEqual(self.failureResultOf(waiting, APIStatus).value.code, 500)
        self.assertEqual(self.clock.getDelayedCalls(), [])


class RememberingTests(Asking):
    """
    What is remembered, how long, and of whom (contract 15.4).
    """

    def test_answers_count_for_ten_seconds(self) -> None:
        """
        Who is not allowed any more is refused within ten seconds and one; and the other way round.
        """
        for first, second in ((True, False), (False, True)):
            self.setUp()
            self.status = {"allowed": first}
            before = self.verdict()
            self.status = {"allowed": second}
            self.clock.advance(9.9)
            self.assertEqual((self.verdict(), self.asked), (before, 1))
            self.clock.advance(1.1)
            self.assertNotEqual(self.verdict(), before)
            self.assertEqual(self.asked, 2)

    def test_the_same_words_count_no_longer(self) -> None:
        """
        However often they are repeated, in whatever order; and what is said next counts at once.
        """
        other = READ._replace(user=ANN._replace(groups=("ops", "dev")))
        for _ in range(4):
            self.clock.advance(3)
            self.assertEqual([self.verdict(one) for one in (READ, other, READ)], [ALLOW] * 3)
        self.assertEqual(self.asked, 1)
        self.status = {"allowed": False}
        self.clock.advance(0.5)
        self.assertEqual([self.verdict(one) for one in (READ, other)], [ALLOW] * 2)
        self.clock.advance(0.5)
        self.assertEqual([self.verdict(one) for one in (READ, other, READ)], [NO_OPINION] * 3)
        self.assertEqual(self.asked, 2)

    def test_the_same_words_are_not_kept_without_end(self) -> None:
        """
        Many, or long ones.
        """
        for number in range(1500):
            for _ in range(2):
                self.verdict(READ._replace(name=str(number)))
                self.verdict(READ._replace(path="/" * 10_000 + str(number)))
        kept = self.authorizer._latest
        self.assertLessEqual(len(kept), 1024)
        self.assertLess(max(len(one.path) for one in kept), 100)

    def test_zero_seconds_ask_each_time(self) -> None:
        """
        Apart for what is allowed and what is not.
        """
        self.authorizer = SubjectAccessAuthorizer(self.cluster, self.clock, Remembering(allowed=0))
        self.verdict()
        self.verdict()
        self.assertEqual(self.asked, 2)
        self.status = {"allowed": False}
        self.verdict()
        self.verdict()
        self.assertEqual(self.asked, 3)

    def test_failures_are_not_remembered(self) -> None:
        """
        The next request asks again.
        """
        self.failing(lambda: APIStatus(403, "Forbidden", ""))
        for _ in range(3):
            self.failureResultOf(self.begin(), APIStatus)
        self.assertEqual(self.asked, 3)

    def test_everything_that_is_asked_is_part_of_the_key(self) -> None:
        """
        No two questions that differ in anything share an answer: the second one, with every
        member changed in turn, is always asked.
        """
        fields = parse_field_selector("a=b").requirements
        labels = parse_label_selector("a=b").requirements
        others = [
            {"user": user}
            for user in (
                ANN._replace(name="bob"),
                ANN._replace(uid="8"),
                ANN._replace(groups=("dev",)),
                ANN._replace(groups=("dev", "ops", "ops")),
                ANN._replace(groups=()),
                ANN._replace(extra=()),
                ANN._replace(extra=(("scope", ("a",)),)),
                ANN._replace(extra=(("other", ("a", "b")),)),
            )
        ]
        others += [{name: "other"} for name in Attributes._fields[3:9]]
        others += [{"verb": "list"}, {"field_requirements": fields}, {"label_requirements": labels}]
        self.verdict()
        for asked, changes in enumerate(others, 2):
            self.verdict(READ._replace(**changes))
            self.assertEqual(self.asked, asked, changes)

    def test_same_name_in_other_groups_is_somebody_else(self) -> None:
        """
        What the one may do tells nothing of the other.
        """
        self.cluster.answer(
            PATH, lambda review: {"status": {"allowed": "ops" in review["spec"].get("groups", ())}}
        )
        self.assertEqual(self.verdict(), ALLOW)
        self.assertEqual(self.verdict(READ._replace(user=ANN._replace(groups=("dev",)))), NO_OPINION)
        self.assertEqual(self.verdict(), ALLOW)

    def test_order_of_groups_and_path_of_a_resource_do_not_matter(self) -> None:
        """
        The cluster does not judge by them.
        """
        self.verdict()
        self.verdict(READ._replace(user=ANN._replace(groups=("ops", "dev"))))
        self.verdict(READ._replace(path="/apis/g/v1/namespaces/n/ks/x/"))
        self.assertEqual(self.asked, 1)

    def test_paths_are_remembered_by_path_and_verb(self) -> None:
        """
        Of what is no resource.
        """
        for path, verb in (("/a", "get"), ("/a", "post"), ("/b", "get"), ("/a", "get")):
            self.verdict(Attributes(ANN, verb, path))
        self.assertEqual(self.asked, 3)

    def test_long_questions_are_not_remembered(self) -> None:
        """
        From ten thousand characters on that a client can choose.
        """
        rest = sum(map(len, READ[1:8]))
        for length, expected in ((9999 - rest, 1), (10_000 - rest, 2)):
            self.setUp()
            for _ in range(2):
                self.verdict(READ._replace(name="x" * length))
            self.assertEqual(self.asked, expected)

    def test_long_selectors_are_not_remembered(self) -> None:
        """
        They are a client's choice, too.
        """
        for member in ("field_requirements", "label_requirements"):
            for length, expected in ((9000, 1), (10_000, 2)):
                self.setUp()
                for _ in range(2):
                    self.verdict(READ._replace(**{member: (("key", "=", ("x" * length,)),)}))
                self.assertEqual(self.asked, expected)

    def test_the_oldest_answer_makes_room(self) -> None:
        """
        Ten thousand are kept at most.
        """
        self.authorizer = SubjectAccessAuthorizer(self.cluster, self.clock, Remembering(most=3))
        for name in ("a", "b", "c", "d"):
            self.verdict(READ._replace(name=name))
        self.assertEqual(len(self.authorizer._known), 3)
        self.verdict(READ._replace(name="b"))
        self.assertEqual(self.asked, 4)
        self.verdict(READ._replace(name="a"))
        self.assertEqual(self.asked, 5)
        self.assertEqual(Remembering().most, 10_000)

    def test_what_was_decided_is_counted(self) -> None:
        """
        Remembered answers too.
        """
        self.verdict()
        self.verdict()
        self.assertEqual(dict(self.authorizer.decisions), {ALLOW: 2})


class SharingTests(Asking):
    """
    Equal questions at the same time.
    """

    def test_equal_questions_share_a_review(self) -> None:
        """
        Others do not.
        """
        answer = self.later()
        waiting = [self.begin(), self.begin()]
        other = self.later()
        waiting.append(self.begin(READ._replace(name="y")))
        self.assertEqual(self.asked, 2)
        answer.callback({"status": {"allowed": True}})
        other.callback({"status": {"denied": True}})
        verdicts = [self.successResultOf(one).verdict for one in waiting]
        self.assertEqual(verdicts, [ALLOW, ALLOW, DENY])

    def test_a_flood_here_is_none_in_the_cluster(self) -> None:
        """
        Two hundred reviews at once; the others wait their turn, but not for ever.
        """
        answers: list[Deferred[dict[str, Any]]] = []

        def later(_: Any) -> Deferred[dict[str, Any]]:
            answers.append(Deferred())
            return answers[-1]

        self.cluster.answer(PATH, later)
        waiting = [self.begin(READ._replace(name=str(number))) for number in range(300)]
        self.assertEqual(self.asked, 200)
        for answer in answers[:50]:
            answer.callback({"status": {"allowed": True}})
        self.assertEqual(self.asked, 250)
        for one in waiting[250:]:
            self.assertNoResult(one)
        for answer in answers[50:]:
            answer.callback({"status": {"allowed": True}})
        self.assertEqual(self.asked, 300)
        for answer in answers[250:]:
            answer.callback({"status": {"allowed": True}})
        self.assertEqual({self.successResultOf(one).verdict for one in waiting}, {ALLOW})
        stuck = [self.begin(READ._replace(name=f"x{number}")) for number in range(1000)]
        self.clock.pump([0.5] * 21)
        for one in stuck:
            self.assertEqual(self.failureResultOf(one, APIStatus).value.code, 500)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_all_are_told_of_a_failure(self) -> None:
        """
        And the next one asks again.
        """
        answer = self.later()
        waiting = [self.begin(), self.begin()]
        answer.errback(APIStatus(403, "Forbidden", ""))
        for one in waiting:
            self.assertEqual(self.failureResultOf(one, APIStatus).value.code, 500)
        self.cluster.answer(PATH, lambda _: {"status": {"allowed": True}})
        self.assertEqual(self.verdict(), ALLOW)

    def test_who_leaves_does_not_disturb_the_others(self) -> None:
        """
        Even when it was the one that asked first.
        """
        answer = self.later()
        first, second = self.begin(), self.begin()
        first.addErrback(lambda _: None)
        first.cancel()
        answer.callback({"status": {"allowed": True}})
        self.assertEqual(self.successResultOf(second).verdict, ALLOW)

    def test_a_question_that_nobody_waits_for_is_dropped(self) -> None:
        """
        A client that comes and goes does not pile up reviews.
        """
        cancelled: list[object] = []
        self.cluster.answer(PATH, lambda _: Deferred(cancelled.append))
        both = self.begin(), self.begin()
        for left, waiting in enumerate(both):
            self.assertEqual(len(cancelled), 0, left)
            waiting.addErrback(lambda _: None)
            waiting.cancel()
        self.assertEqual((len(cancelled), self.asked), (1, 1))
        self.assertEqual(self.clock.getDelayedCalls(), [])


class AlwaysAllowedTests(Asking):
    """
    What is allowed without asking.
    """

    def test_masters_and_health_need_no_question(self) -> None:
        """
        A whole path only, under the verb of any method, and nothing that merely looks like it.
        """
        self.authorizer = UnionAuthorizer((AlwaysAllowedAuthorizer(), self.authorizer))  # type: ignore[assignment]  # the same method
        self.status = {"allowed": False}
        masters = ANN._replace(groups=("system:masters",))
        self.assertEqual(self.verdict(READ._replace(user=masters)), ALLOW)
        for path in ("/healthz", "/livez", "/readyz", "healthz"):
            self.assertEqual(self.verdict(Attributes(ANN, "get", path)), ALLOW)
        self.assertEqual(self.asked, 0)
        for path in ("/healthz/", "/healthz/ping", "/Healthz", "/healthzz", "/", "//healthz", "/%68ealthz"):
            self.assertEqual(self.verdict(Attributes(ANN, "get", path)), NO_OPINION)
        resource = Attributes(ANN, "get", "/healthz", "", "v1", "healthz")
        self.assertEqual(self.verdict(resource), NO_OPINION)
        self.assertEqual(self.asked, 8)

    def test_a_star_at_the_end_is_a_beginning(self) -> None:
        """
        And nowhere else.
        """
        authorizer = AlwaysAllowedAuthorizer((), ("/health*", "metrics", "/"))
        for path, expected in (
            ("/healthz/ping", ALLOW),
            ("/metrics", ALLOW),
            ("/", ALLOW),
            ("/metrics/x", NO_OPINION),
        ):
            decision = self.successResultOf(authorizer.authorize(Attributes(ANN, "get", path)))
            self.assertEqual(decision.verdict, expected, path)
        masters = ANN._replace(groups=("system:masters",))
        decision = self.successResultOf(authorizer.authorize(READ._replace(user=masters)))
        self.assertEqual(decision.verdict, NO_OPINION)
        self.assertRaises(InvalidPath, AlwaysAllowedAuthorizer, (), ("/a*b",))


class SpecTests(SynchronousTestCase):
    """
    The question itself.
    """

    def test_all_of_a_user_and_a_resource_is_told(self) -> None:
        """
        What is empty is left out.
        """
        self.assertEqual(
            spec_of(READ),
            {
                "user": "ann",
                "uid": "7",
                "groups": ["dev", "ops"],
                "extra": {"scope": ["a", "b"]},
                "resourceAttributes": {
                    "namespace": "n",
                    "verb": "get",
                    "group": "g",
                    "version": "v1",
                    "resource": "ks",
                    "name": "x",
                },
            },
        )
        bare = Attributes(UserInfo("ann"), "list", "/api/v1/ks", version="v1", resource="ks")
        self.assertEqual(
            spec_of(bare),
            {"user": "ann", "resourceAttributes": {"verb": "list", "version": "v1", "resource": "ks"}},
        )

    def test_selectors_are_told_as_far_as_they_can_be(self) -> None:
        """
        C{gt} and C{lt} have no word in a review; to leave them out asks for more, never for less.
        """
        narrowed = READ._replace(
            field_requirements=parse_field_selector("a=1,b!=2,c==").requirements,
            label_requirements=parse_label_selector("a,!b,c=1,d!=2,e in (y,x),f notin (z),g>3").requirements,
        )
        asked = spec_of(narrowed)["resourceAttributes"]
        self.assertEqual(
            asked["fieldSelector"]["requirements"],
            [
                {"key": "a", "operator": "In", "values": ["1"]},
                {"key": "b", "operator": "NotIn", "values": ["2"]},
                {"key": "c", "operator": "In", "values": [""]},
            ],
        )
        self.assertEqual(
            asked["labelSelector"]["requirements"],
            [
                {"key": "a", "operator": "Exists"},
                {"key": "b", "operator": "DoesNotExist"},
                {"key": "c", "operator": "In", "values": ["1"]},
                {"key": "d", "operator": "NotIn", "values": ["2"]},
                {"key": "e", "operator": "In", "values": ["x", "y"]},
                {"key": "f", "operator": "NotIn", "values": ["z"]},
            ],
        )
        only_gt = READ._replace(label_requirements=parse_label_selector("g>3").requirements)
        self.assertNotIn("labelSelector", spec_of(only_gt)["resourceAttributes"])

    def test_a_path_is_told_decoded_unless_that_moves_it(self) -> None:
        """
        A separator or a step upwards that hides behind an escape stays hidden: nothing that
        allows the other place allows it.
        """
        for path, told in (
            ("/metrics", "/metrics"),
            ("/metr%69cs", "/metrics"),
            ("/a%20b", "/a b"),
            ("/a%2fb", "/a%2fb"),
            ("/a/%2e%2e/b", "/a/%2e%2e/b"),
            ("/a%00", "/a%00"),
        ):
            asked = spec_of(Attributes(ANN, "get", path))
            self.assertEqual(asked["nonResourceAttributes"], {"path": told, "verb": "get"})
