"""
Tests of L{ark.controllers.leadership}.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock, deferLater
from twisted.logger import formatEvent, globalLogPublisher

from ark.controllers.leadership import (
    LEASE_SECONDS,
    NAMESPACE,
    RENEW_SECONDS,
    RETRY_SECONDS,
    Leadership,
)
from ark.meta.status import APIStatus
from ark.testing import EPOCH
from tests.endpoints.support import ServerTestCase

LEASE = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/ark-controllers"
DAY = 86400.0


class Silent:
    """
    A store of which nothing is heard.

    @ivar asked: is told when somebody asks.
    """

    def __init__(self, store: Any) -> None:
        self._store = store
        self.asked: Callable[[], None] = lambda: None

    def __getattr__(self, name: str) -> Any:
        """
        What does not ask goes on.
        """
        return getattr(self._store, name)

    async def get(self, *_: Any) -> bytes:
        """
        Wait for ever.
        """
        self.asked()
        return await Deferred()


class Late(Silent):
    """
    A store that answers late.

    @ivar seconds: how late.
    """

    def __init__(self, store: Any, clock: Clock, seconds: float) -> None:
        super().__init__(store)
        self._clock = clock
        self.seconds = seconds

    async def get(self, *given: Any) -> bytes:
        """
        Wait, and then look.
        """
        await deferLater(self._clock, self.seconds)
        answer: bytes = await self._store.get(*given)
        return answer


class LeadershipTests(ServerTestCase):
    """
    At any time at most one leads, and somebody does soon after nobody did.
    """

    def setUp(self) -> None:
        """
        A server with the namespace of the lease.
        """
        super().setUp()
        self.server.create_namespace(NAMESPACE)
        self.told: list[str] = []
        self.wrong: defaultdict[str, float] = defaultdict(float)

    def candidate(self, name: str) -> Leadership:
        """
        Somebody who wants to lead, and tells when he does and when no more.
        """
        store: Any = self.server.application.stores.of_resource("leases.coordination.k8s.io")

        async def begin() -> None:
            self.told.append(f"{name} begins")

        async def end() -> None:
            self.told.append(f"{name} ends")

        clock = self.server.clock
        return Leadership(
            store, name, (clock, lambda: EPOCH + clock.seconds() + self.wrong[name]), begin, end
        )

    def begin(self, name: str) -> Leadership:
        """
        A candidate that has begun to try.
        """
        candidate = self.candidate(name)
        candidate.start()
        self.server.settle()
        return candidate

    def stop(self, candidate: Leadership) -> None:
        """
        Let a candidate give up in good order.
        """
        done = Deferred.fromCoroutine(candidate.stop())
        self.server.settle()
        self.successResultOf(done)

    def test_the_first_one_leads_and_stays(self) -> None:
        """
        While he renews the lease, others wait.
        """
        first, second = self.begin("first"), self.begin("second")
        self.server.advance(10 * LEASE_SECONDS)
        self.assertEqual(self.told, ["first begins"])
        self.assertTrue(first.leads)
        self.assertFalse(second.leads)
        self.assertEqual(self.request("GET", LEASE).json()["spec"]["holderIdentity"], "first")

    def test_who_gives_up_is_followed_at_once(self) -> None:
        """
        The next one need not wait until the lease has run out.
        """
        first, _ = self.begin("first"), self.begin("second")
        self.stop(first)
        self.server.advance(RETRY_SECONDS + 1)
        self.assertEqual(self.told, ["first begins", "first ends", "second begins"])
        self.assertEqual(self.request("GET", LEASE).json()["spec"]["leaseTransitions"], 1)

    def test_who_vanishes_is_followed_when_the_lease_has_run_out(self) -> None:
        """
        Not before: he may only be slow.
        """
        first, _ = self.begin("first"), self.begin("second")
        first._loop.stop()
        self.server.advance(LEASE_SECONDS - RETRY_SECONDS - 1)
        self.assertEqual(self.told, ["first begins"])
        self.server.advance(2 * RETRY_SECONDS + 2)
        self.assertEqual(self.told, ["first begins", "second begins"])

    def test_who_lost_the_lease_ends(self) -> None:
        """
        He learns of it when he wants to renew it.
        """
        self.begin("first")
        lease = self.request("GET", LEASE).json()
        lease["spec"]["holderIdentity"] = "somebody"
        self.assertEqual(self.request("PUT", LEASE, lease).code, 200)
        self.server.advance(RETRY_SECONDS + 1)
        self.assertEqual(self.told, ["first begins", "first ends"])

    def test_who_cannot_renew_ends_before_another_may_begin(self) -> None:
        """
        While the database is away he goes on for less than the lease lasts.
        """
        first = self.begin("first")

        async def fail(*_: Any) -> Any:
            raise APIStatus(503, "ServiceUnavailable", "the database is away")

        self.patch(first._store, "get", fail)
        self.server.advance(8)
        self.assertEqual(self.told, ["first begins"])
        self.server.advance(LEASE_SECONDS - 8 - 1)
        self.assertEqual(self.told, ["first begins", "first ends"])

    def test_who_waits_for_the_database_ends_before_another_may_begin(self) -> None:
        """
        An answer that does not come is none: it may be that others are answered.
        """
        first, second = self.begin("first"), self.begin("second")
        self.patch(first, "_store", Silent(first._store))
        logged: list[Any] = []
        observe: Callable[[Any], None] = logged.append
        globalLogPublisher.addObserver(observe)
        self.addCleanup(globalLogPublisher.removeObserver, observe)
        self.server.advance(RENEW_SECONDS + 1)
        self.assertEqual(self.told, ["first begins", "first ends"])
        texts = [
            formatEvent(event) for event in logged if event.get("log_namespace", "").endswith("Leadership")
        ]
        self.assertEqual(
            texts,
            [
                "The lease of the controllers cannot be had: there was no answer in time",
                "This server runs the controllers no more: its lease was not renewed in time",
            ],
        )
        self.server.advance(LEASE_SECONDS)
        self.assertEqual(self.told, ["first begins", "first ends", "second begins"])
        self.assertEqual((first.leads, second.leads), (False, True))

    def test_who_has_slept_ends_before_he_asks(self) -> None:
        """
        A process that was stopped, or a machine, cannot know what happened meanwhile.
        """
        first = self.begin("first")
        asking = Silent(first._store)
        asking.asked = lambda: self.told.append(f"first asks, {'leads' if first.leads else 'does not lead'}")
        self.patch(first, "_store", asking)
        self.server.clock.advance(LEASE_SECONDS)
        self.assertEqual(self.told, ["first begins", "first ends", "first asks, does not lead"])

    def test_who_is_told_late_counts_from_then(self) -> None:
        """
        When he asked, the holder may still have been renewing.
        """
        first = self.begin("first")
        second = self.candidate("second")
        late = Late(second._store, self.server.clock, RENEW_SECONDS - 1)
        self.patch(second, "_store", late)
        second.start()
        self.server.advance(RENEW_SECONDS - 2)
        self.patch(first, "_store", Silent(first._store))
        late.seconds = 0.0
        self.server.advance(LEASE_SECONDS - 2)
        self.assertFalse(second.leads)
        self.server.advance(2 * RETRY_SECONDS + 2)
        self.assertTrue(second.leads)
        self.assertEqual(self.told, ["first begins", "first ends", "second begins"])

    def test_whatever_clocks_show_the_lease_stays(self) -> None:
        """
        Times in it are for people: a holder or a candidate with another time of day changes nothing.
        """
        for days in (400, -400, 1, -1):
            self.wrong[f"first {days}"] = -days * DAY
            self.wrong[f"second {days}"] = days * DAY
            first, second = self.begin(f"first {days}"), self.begin(f"second {days}")
            self.server.advance(2 * LEASE_SECONDS)
            self.wrong[f"first {days}"] = days * DAY
            self.server.advance(2 * LEASE_SECONDS)
            self.assertEqual((first.leads, second.leads), (True, False))
            self.stop(second)
            self.stop(first)

    def test_two_at_the_same_moment_do_not_both_lead(self) -> None:
        """
        The lease that has run out goes to one of them.
        """
        first = self.begin("first")
        second, third = self.begin("second"), self.begin("third")
        first._loop.stop()
        self.server.advance(3 * LEASE_SECONDS)
        self.assertEqual(sorted([second.leads, third.leads]), [False, True])
