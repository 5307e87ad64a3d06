"""
Tests of L{ark.controllers.leadership}.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from ark.controllers.leadership import LEASE_SECONDS, NAMESPACE, RETRY_SECONDS, Leadership
from ark.meta.status import APIStatus
from ark.testing import EPOCH
from tests.endpoints.support import ServerTestCase

LEASE = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/ark-controllers"


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
        return Leadership(store, name, (clock, lambda: EPOCH + clock.seconds()), begin, end)

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

    def test_two_at_the_same_moment_do_not_both_lead(self) -> None:
        """
        The lease that has run out goes to one of them.
        """
        first = self.begin("first")
        second, third = self.begin("second"), self.begin("third")
        first._loop.stop()
        self.server.advance(3 * LEASE_SECONDS)
        self.assertEqual(sorted([second.leads, third.leads]), [False, True])
