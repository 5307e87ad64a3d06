"""
Tests for L{ark.admission.ownerreferences}.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from ark.admission.attributes import CREATE, UPDATE, Attributes
from ark.admission.ownerreferences import ClusterMapper, MappedResource, NoMapping, OwnerReferences
from ark.authentication.userinfo import UserInfo
from ark.authorization.attributes import ALLOW, NO_OPINION, Decision
from ark.cluster.memory import MemoryCluster
from ark.interfaces import IAdmissionPlugin, IAuthorizer
from ark.meta.gvk import GroupKind, GroupResource
from ark.meta.status import APIStatus, internal_error

GROUP = "probe.example.com"
APPS = {
    "resources": [
        {"name": "deployments", "kind": "Deployment", "namespaced": True},
        {"name": "deployments/scale", "kind": "Scale", "namespaced": True},
    ]
}


@implementer(IAuthorizer)
class Rights:
    """
    Allows what it was given, as verb, resource and subresource.
    """

    def __init__(self, *allowed: str) -> None:
        self._allowed = allowed
        self.asked: list[Any] = []

    async def authorize(self, attributes: Any) -> Any:
        """
        Say whether it is among them.
        """
        self.asked.append(attributes)
        what = f"{attributes.verb} {attributes.resource}/{attributes.subresource}"
        return Decision(ALLOW) if what in self._allowed else Decision(NO_OPINION, "not yours")


@implementer(IAuthorizer)
class Away:
    """
    Cannot say anything.
    """

    async def authorize(self, attributes: Any) -> Any:
        """
        Fail.
        """
        raise internal_error("away")


class OwnerReferencesTests(SynchronousTestCase):
    """
    Who may say what belongs to what.
    """

    def setUp(self) -> None:
        """
        Make a cluster with a kind that owns things.
        """
        self.cluster = MemoryCluster(Clock())
        self.cluster.answer("/apis/apps/v1", lambda _: APPS, "GET")
        self.clock = Clock()
        self.mapper = ClusterMapper(self.cluster, self.clock)

    def owner(self, **members: Any) -> dict[str, Any]:
        """
        A reference to a deployment.
        """
        return {"apiVersion": "apps/v1", "kind": "Deployment", "name": "d", "uid": "u", **members}

    def judge(self, authorizer: Any, new: list[Any], old: list[Any] | None = None) -> str:
        """
        Why a write is refused; empty if it is not.
        """
        plugin = OwnerReferences(authorizer, self.mapper.find)
        verifyObject(IAdmissionPlugin, plugin)
        objects = [
            None if owners is None else {"metadata": {"name": "w", "ownerReferences": owners}}
            for owners in (new, old)
        ]
        attributes = Attributes(
            CREATE if old is None else UPDATE,
            GroupKind(GROUP, "Widget"),
            GroupResource(GROUP, "widgets"),
            "v1",
            "default",
            "w",
            *objects,
            user=UserInfo("jane"),
        )
        done = Deferred.fromCoroutine(plugin.validate(attributes))
        if isinstance(done.result if done.called else None, type(None)):
            self.assertIsNone(self.successResultOf(done))
            return ""
        status = self.failureResultOf(done, APIStatus).value
        self.assertEqual(status.code, 403)
        return status.message.removeprefix(f'widgets.{GROUP} "w" is forbidden: ')

    def test_what_does_not_change_is_not_asked_about(self) -> None:
        """
        Whoever wrote it has been asked then.
        """
        rights = Rights()
        self.assertEqual(self.judge(rights, [self.owner()], [self.owner()]), "")
        self.assertEqual(self.judge(rights, [], None), "")
        self.assertEqual(rights.asked, [])

    def test_new_objects_may_have_owners(self) -> None:
        """
        Who makes something may as well not make it.
        """
        self.assertEqual(self.judge(Rights(), [self.owner()]), "")

    def test_who_changes_owners_may_delete(self) -> None:
        """
        They can have the object collected.
        """
        told = "cannot set an ownerRef on a resource you can't delete: not yours, <nil>"
        self.assertEqual(self.judge(Rights(), [self.owner()], []), told)
        self.assertEqual(self.judge(Rights("delete widgets/"), [self.owner()], []), "")
        told = "cannot set an ownerRef on a resource you can't delete: , Internal error occurred: away"
        self.assertEqual(self.judge(Away(), [self.owner()], []), told)

    def test_who_blocks_deletions_may_set_finalizers(self) -> None:
        """
        Of the owner, or of everything.
        """
        blocking = [self.owner(blockOwnerDeletion=True)]
        told = (
            "cannot set blockOwnerDeletion if an ownerReference refers to a resource "
            "you can't set finalizers on: not yours, <nil>"
        )
        rights = Rights()
        self.assertEqual(self.judge(rights, blocking), told)
        asked = rights.asked[-1]
        self.assertEqual((asked.namespace, asked.name, asked.group), ("default", "d", "apps"))
        self.assertEqual(self.judge(Rights("update deployments/finalizers"), blocking), "")
        self.assertEqual(self.judge(Rights("update */finalizers"), blocking), "")

    def test_what_blocked_before_may_go_on(self) -> None:
        """
        Only what is new is asked about.
        """
        blocking = self.owner(blockOwnerDeletion=True)
        rights = Rights("delete widgets/")
        self.assertEqual(self.judge(rights, [blocking, self.owner(uid="other")], [blocking]), "")
        self.assertIn("finalizers", self.judge(rights, [blocking], [self.owner()]))

    def test_kinds_that_nobody_knows(self) -> None:
        """
        Cannot be blocked.
        """
        odd = self.owner(kind="Odd", blockOwnerDeletion=True)
        self.assertEqual(
            self.judge(Rights(), [odd]),
            "cannot set blockOwnerDeletion in this case because cannot find RESTMapping for "
            'APIVersion apps/v1 Kind Odd: no matches for kind "Odd" in version "apps/v1"',
        )

    def test_kinds_are_remembered_for_a_while(self) -> None:
        """
        And those of the server itself are not asked for.
        """
        for _ in range(2):
            found = self.successResultOf(Deferred.fromCoroutine(self.mapper.find("apps/v1", "Deployment")))
            self.assertEqual(found, [MappedResource("deployments", True)])
        self.assertEqual(len(self.cluster.requests), 1)
        self.clock.advance(61)
        self.successResultOf(Deferred.fromCoroutine(self.mapper.find("apps/v1", "Deployment")))
        self.assertEqual(len(self.cluster.requests), 2)
        own = MappedResource("widgets", True)
        mapper = ClusterMapper(self.cluster, self.clock, lambda api_version, kind: own)
        self.assertEqual(self.successResultOf(Deferred.fromCoroutine(mapper.find("a/b", "Widget"))), (own,))

    def test_a_version_is_no_query(self) -> None:
        """
        Else everybody could have the same answer remembered under any number of names.
        """
        asking = Deferred.fromCoroutine(self.mapper.find("v1?a=1", "Pod"))
        self.failureResultOf(asking, NoMapping)
        self.assertEqual(self.cluster.requests[-1].path, "/api/v1%3Fa%3D1")

    def test_a_cluster_that_is_away_knows_no_kinds(self) -> None:
        """
        That is told as the reason.
        """
        self.cluster.down = True
        failure = self.failureResultOf(
            Deferred.fromCoroutine(self.mapper.find("apps/v1", "Deployment")), NoMapping
        )
        self.assertEqual(str(failure.value), "the cluster is down")
