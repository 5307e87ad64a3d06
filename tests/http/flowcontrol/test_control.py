"""
Tests of L{ark.http.flowcontrol.control} and the queues below it.
"""

from __future__ import annotations

from collections import Counter
from random import Random

from twisted.trial.unittest import SynchronousTestCase

from ark.authentication.userinfo import UserInfo
from ark.endpoints.requestinfo import RequestInfo
from ark.http.flowcontrol.configuration import PriorityLevel
from ark.http.flowcontrol.rules import matches
from ark.meta.status import APIStatus
from tests.http.flowcontrol.support import GROUP, Asked, Load, everything, queued


class SeatTests(SynchronousTestCase):
    """
    Who is served at once, who waits, and who is refused.
    """

    def test_as_many_at_once_as_there_are_seats(self) -> None:
        """
        The rest waits, and goes on as soon as there is a seat.
        """
        load = Load(4)
        load.control.configure([queued("all")], [everything("all")])
        asked = [load.ask("a") for _ in range(6)]
        self.assertEqual([one.started for one in asked], [True] * 4 + [False] * 2)
        load.advance(1.1)
        self.assertTrue(all(one.started for one in asked))

    def test_a_flow_is_served_in_order(self) -> None:
        """
        Of one queue the oldest is first.
        """
        load = Load(1)
        load.control.configure([queued("all", queues=1, hand=1)], [everything("all")])
        asked = [load.ask("a", seconds=0.93) for _ in range(5)]
        for number in range(1, 5):
            load.advance(1.0)
            self.assertEqual(sum(one.started for one in asked), number + 1)
            self.assertTrue(asked[number].started)

    def test_a_full_queue_refuses(self) -> None:
        """
        429, with a time after which to come again, and counted as C{queue-full}.
        """
        load = Load(1)
        load.control.configure([queued("all", queues=1, hand=1, length=3)], [everything("all")])
        asked = [load.ask("a") for _ in range(6)]
        self.assertEqual([type(one.error) for one in asked], [type(None)] * 4 + [APIStatus] * 2)
        self.assertEqual((asked[5].error.code, asked[5].error.retry_after), (429, 1))
        measures = asked[0].turn.measures
        self.assertEqual((measures.refused["queue-full"], measures.waiting), (2, 3))

    def test_a_level_without_queues_refuses(self) -> None:
        """
        What has no seat is refused at once, as C{concurrency-limit}.
        """
        load = Load(1)
        load.control.configure([PriorityLevel("none")], [everything("none")])
        asked = [load.ask("a"), load.ask("a")]
        self.assertEqual(asked[1].error.code, 429)
        self.assertEqual(asked[0].turn.measures.refused, {"concurrency-limit": 1})

    def test_nobody_waits_longer_than_their_patience(self) -> None:
        """
        Who has waited too long is refused, as C{time-out}, and its place is free.
        """
        load = Load(1)
        load.control.configure([queued("all")], [everything("all")])
        load.ask("a", seconds=100)
        waiting = load.ask("b", patience=2)
        load.advance(1.9)
        self.assertIsNone(waiting.error)
        load.advance(0.2)
        self.assertEqual(waiting.error.code, 429)
        measures = waiting.turn.measures
        self.assertEqual((measures.refused, measures.waiting, measures.wanted), ({"time-out": 1}, 0, 0))

    def test_who_goes_away_waits_no_more(self) -> None:
        """
        A cancelled request frees its place, and is not served.
        """
        load = Load(1)
        load.control.configure([queued("all")], [everything("all")])
        load.ask("a")
        gone, next_one = load.ask("b"), load.ask("c")
        assert gone.done is not None
        gone.done.cancel()
        load.advance(1.1)
        self.assertEqual((gone.started, next_one.started), (False, True))

    def test_who_goes_away_as_its_turn_comes_returns_its_seat(self) -> None:
        """
        The seat given to a request that is cancelled before it went on is free again.
        """
        load = Load(1)
        load.control.configure([queued("all")], [everything("all")])
        first, second, third = (load.ask(user) for user in "abc")
        load.control.leave(first.turn)
        assert second.done is not None
        second.done.cancel()
        load.clock.advance(0)
        load.clock.advance(0)
        self.assertEqual((second.started, third.started), (False, True))

    def test_flows_are_told_apart_by_all_that_schemas_look_at(self) -> None:
        """
        Whatever came before; and what a client made long is not kept.
        """
        load = Load(100)
        read = load.control
        asked = [
            (user, RequestInfo(verb, path, GROUP, "v1", namespace, resource))
            for user in (UserInfo("a"), UserInfo("b"), UserInfo("a", groups=("system:masters",)))
            for verb in ("get", "create")
            for namespace in ("n", "m")
            for path, resource in (("/x", "widgets"), ("/healthz", ""), ("/x" * 2000, "widgets"))
        ]
        for _ in range(2):
            for user, info in asked:
                request = Asked(user.name, info, "", user.groups)
                turn = read.enter(request, info)
                schema = next(one for one in read._schemas if matches(one, request.user, info))
                self.assertEqual(request.flow_headers[0][1].decode(), schema.uid)
                self.assertIs(turn.level, read.levels[schema.level])
                read.leave(turn)
        self.assertLess(max(len(repr(key)) for key in read._flows), 1000)

    def test_exempt_requests_never_wait(self) -> None:
        """
        C{system:masters} are served however much there is to do (contract 17.1).
        """
        load = Load(1)
        load.control.configure([queued("all")], [everything("all")])
        load.ask("a")
        masters = [load.ask("admin", groups=("system:masters",)) for _ in range(50)]
        self.assertTrue(all(one.started for one in masters))
        self.assertEqual(load.ask("b").started, False)

    def test_lists_of_many_objects_take_more_seats(self) -> None:
        """
        A seat for a hundred objects, at most what its level lets one request have.
        """
        load = Load(100, objects=450)
        load.control.configure([queued("all", shares=1000)], [everything("all")])
        self.assertEqual(load.ask("a", verb="list").turn.seats, 5)
        self.assertEqual(load.ask("a", verb="list", query="limit=150").turn.seats, 2)
        self.assertEqual(load.ask("a", verb="list", query="fieldSelector=metadata.name=x").turn.seats, 1)
        self.assertEqual(load.ask("a", verb="watch").turn.seats, 5)
        self.assertEqual(load.ask("a", verb="watch", query="resourceVersion=7").turn.seats, 1)
        self.assertEqual(load.ask("a").turn.seats, 1)

    def test_a_wide_request_is_not_overtaken_for_ever(self) -> None:
        """
        While the widest is next, narrow ones that came later wait too.
        """
        load = Load(40, objects=10_000)
        load.control.configure([queued("all", shares=10_000, hand=1, queues=1)], [everything("all")])
        for _ in range(36):
            load.ask("a", seconds=1.0)
        wide = load.ask("a", verb="list")
        self.assertEqual((wide.turn.seats, wide.started), (6, False))
        narrow = load.ask("a")
        self.assertFalse(narrow.started)
        load.advance(1.1)
        self.assertTrue(wide.started and narrow.started)


class FairnessTests(SynchronousTestCase):
    """
    What a flow gets when others want more.
    """

    def test_mice_do_not_wait_for_an_elephant(self) -> None:
        """
        With one user who wants everything, others who want little are served nearly at once.
        """
        load = Load(10)
        load.control.configure([queued("all", shares=10_000, queues=64, hand=4)], [everything("all")])
        random = Random(7)
        mice: list[tuple[float, object]] = []
        waits = []
        for _ in range(400):
            for _ in range(10):
                load.ask("elephant", seconds=random.uniform(0.1, 0.3))
            mouse = load.ask(f"mouse-{random.randrange(5)}", seconds=0.1)
            begun = load.clock.seconds()
            load.advance(0.05)
            mice.append((begun, mouse))
            if not mouse.started:
                waits.append(mouse)
        load.advance(1.0)
        self.assertEqual([mouse for mouse in waits if not mouse.started], [])
        shares = Counter(load.served)
        self.assertGreater(shares["elephant"], 200)
        self.assertEqual(sum(number for name, number in shares.items() if name != "elephant"), 400)

    def test_equal_flows_get_equal_parts(self) -> None:
        """
        Flows that all want more than there is, and share no queue, get the same.
        """
        load = Load(8)
        load.control.configure([queued("all", shares=10_000, queues=128, hand=1)], [everything("all")])
        random = Random(11)
        users = [f"user-{number}" for number in range(6)]
        for _ in range(300):
            for user in random.sample(users, len(users)):
                for _ in range(2):
                    load.ask(user, seconds=0.2, patience=1000)
            load.advance(0.1)
        shares = Counter(load.served)
        self.assertLess(max(shares.values()), 1.05 * min(shares.values()))

    def test_nobody_starves(self) -> None:
        """
        Under random load of random widths every request is served or refused, and afterwards
        nothing is left.
        """
        random = Random(3)
        for seed in range(20):
            load = Load(random.randrange(1, 30), objects=random.choice((0, 500)))
            levels = [queued("high", 40, lendable=50), queued("low", 20, lendable=90, borrowing=30)]
            load.control.configure(levels, [everything("high", 10, user="h"), everything("low", 20)])
            made = []
            for _ in range(200):
                verb = random.choice(("list", "create", "watch"))
                made.append(load.ask(random.choice("habcde"), random.uniform(0, 2), verb, patience=30))
                if random.random() < 0.1:
                    done = random.choice(made).done
                    assert done is not None
                    done.cancel()
                if random.random() < 0.05:
                    random.shuffle(levels)
                    load.control.configure(levels[: random.randrange(3)], [everything("low", 20)])
                load.advance(0.05)
            load.advance(60, 0.25)
            self.assertTrue(all(one.started or one.error is not None for one in made), seed)
            for level in load.control._all:
                self.assertEqual((level.in_use, level.waiting, level._active, level._wanted), (0, 0, 0, 0))
            control = load.control
            lower = sum(level.lower for level in control.levels.values() if not level.config.exempt)
            control.configure(levels, [])
            self.assertGreaterEqual(control._reserved, 0)
            self.assertLessEqual(lower, control.total + len(control.levels))

    def test_reserved_seats_are_counted_right(self) -> None:
        """
        What is counted step by step is what there is.
        """
        random = Random(5)
        load = Load(20, objects=700)
        levels = [queued("high", 40, lendable=50), queued("low", 20, lendable=90)]
        load.control.configure(levels, [everything("high", 10, user="h"), everything("low", 20)])
        for _ in range(500):
            load.ask(random.choice("hab"), random.uniform(0, 1), random.choice(("list", "create")))
            load.advance(0.05)
            used = [level for level in load.control._all if not level.config.exempt]
            self.assertEqual(load.control._reserved, sum(max(one.in_use, one.lower) for one in used))
            self.assertEqual(load.control._waiting, sum(one.waiting for one in used))
            self.assertLessEqual(sum(one.in_use for one in used), 20)


class LevelTests(SynchronousTestCase):
    """
    What levels have of the seats.
    """

    def test_nominal_seats_are_by_shares(self) -> None:
        """
        As in kube-apiserver with 600 for all: rounded up.
        """
        load = Load(600)
        nominal = {name: level.nominal for name, level in load.control.levels.items()}
        self.assertEqual(
            nominal,
            {
                "exempt": 0,
                "catch-all": 13,
                "system": 74,
                "node-high": 98,
                "leader-election": 25,
                "workload-high": 98,
                "workload-low": 245,
                "global-default": 49,
            },
        )

    def test_levels_lend_what_they_do_not_use(self) -> None:
        """
        A level gets beyond its own what others leave over, but nothing that they never lend.
        """
        load = Load(10)
        levels = [queued("one", 50_000), queued("other", 50_000, lendable=60)]
        load.control.configure(levels, [everything("other", 10, user="o"), everything("one", 20)])
        asked = [load.ask("a", seconds=5) for _ in range(10)]
        # The other level never lends 2 of its 5, nor catch-all its only one.
        self.assertEqual(sum(one.started for one in asked), 7)
        others = [load.ask("o", seconds=5) for _ in range(4)]
        self.assertEqual(sum(one.started for one in others), 2)
        for number in (0, 1, 2):
            load.control.leave(asked[number].turn)
        load.clock.advance(0)
        # Free seats go to whom has fewer than its own.
        self.assertTrue(all(one.started for one in others))
        self.assertEqual(sum(one.started for one in asked), 8)

    def test_a_level_may_be_kept_from_borrowing(self) -> None:
        """
        C{borrowingLimitPercent} limits it.
        """
        load = Load(10)
        levels = [queued("one", 50_000, borrowing=20), queued("other", 50_000, lendable=100)]
        load.control.configure(levels, [everything("one", 20)])
        asked = [load.ask("a") for _ in range(10)]
        self.assertEqual(sum(one.started for one in asked), 6)

    def test_who_waits_goes_on_when_the_level_is_gone(self) -> None:
        """
        A change of the configuration refuses nobody who waits.
        """
        load = Load(2)
        load.control.configure([queued("all")], [everything("all")])
        asked = [load.ask("a") for _ in range(6)]
        load.control.configure([queued("new")], [everything("new")])
        later = load.ask("b")
        load.advance(8)
        self.assertTrue(all(one.started for one in (*asked, later)))
        self.assertEqual(later.flow_headers[1], (b"x-kubernetes-pf-prioritylevel-uid", b"new-level"))

    def test_fewer_queues_lose_nobody(self) -> None:
        """
        Requests in queues that are no more are served yet.
        """
        load = Load(1)
        load.control.configure([queued("all", queues=16)], [everything("all")])
        asked = [load.ask(user, seconds=0.2) for user in "abcdefgh"]
        load.control.configure([queued("all", queues=2, hand=1)], [everything("all")])
        load.advance(3)
        self.assertTrue(all(one.started for one in asked))

    def test_the_limits_are_shown(self) -> None:
        """
        Under kube-apiserver's names.
        """
        load = Load(600)
        load.ask("a")
        load.ask("a")
        shown = {
            (
                sample.name.removeprefix("apiserver_flowcontrol_"),
                sample.labels.get("priority_level"),
            ): sample.value
            for metric in load.control.collect()
            for sample in metric.samples
            if "le" not in sample.labels and sample.labels.get("execute", "true") == "true"
        }
        self.assertEqual(shown["nominal_limit_seats", "global-default"], 49)
        self.assertEqual(shown["lower_limit_seats", "workload-low"], 25)
        self.assertEqual(shown["upper_limit_seats", "workload-low"], 600)
        self.assertEqual(shown["current_executing_requests", "global-default"], 2)
        self.assertEqual(shown["dispatched_requests_total", "global-default"], 2)
        self.assertEqual(shown["request_wait_duration_seconds_count", "global-default"], 2)
        self.assertEqual(shown["work_estimated_seats_sum", "global-default"], 2)
