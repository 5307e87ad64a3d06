"""
Tests for L{ark.admission.webhooks.configurations} and L{ark.admission.webhooks.hook}.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from ark.admission.attributes import CREATE, Attributes
from ark.admission.webhooks.configurations import VALIDATING, Configurations
from ark.cluster.memory import MemoryCluster
from ark.interfaces import IAdmissionPlugin, ISelectiveAdmission
from ark.meta.gvk import GroupKind, GroupResource
from ark.meta.status import APIStatus
from tests.admission.webhooks.support import PATHS, AdmissionTestCase
from tests.endpoints.support import GROUP


def rule(**members: Any) -> dict[str, Any]:
    """
    A rule about all widgets.
    """
    return {
        "operations": ["*"],
        "apiGroups": [GROUP],
        "apiVersions": ["*"],
        "resources": ["widgets"],
        "scope": "*",
        **members,
    }


class ChoiceTests(AdmissionTestCase):
    """
    Contract 16.2.
    """

    def test_the_plugins_are_plugins(self) -> None:
        """
        They do what the chain asks of them.
        """
        for plugin in self.plugins:
            verifyObject(IAdmissionPlugin, plugin)
            verifyObject(ISelectiveAdmission, plugin)

    def test_rules_tell_which_writes(self) -> None:
        """
        By operation, group, version, resource and scope.
        """
        for members, wanted in (
            ({}, True),
            ({"operations": ["CREATE"]}, True),
            ({"operations": ["UPDATE", "DELETE"]}, False),
            ({"apiGroups": ["other"]}, False),
            ({"apiVersions": ["v1"]}, True),
            ({"apiVersions": ["v2"]}, False),
            ({"resources": ["*"]}, True),
            ({"resources": ["widgets/*"]}, True),
            ({"resources": ["widgets/status"]}, False),
            ({"scope": "Namespaced"}, True),
            ({"scope": "Cluster"}, False),
        ):
            self.hook("validating", "a", rules=[rule(**members)])
            self.create(query="?dryRun=All")
            self.assertEqual(bool(self.hooks.asked), wanted, members)
            self.hooks.asked.clear()

    def test_selectors_tell_which_objects(self) -> None:
        """
        By the labels of the object and of its namespace.
        """
        self.namespace("default", team="a")
        for selector, wanted in (
            ({"matchLabels": {"team": "a"}}, True),
            ({"matchLabels": {"team": "b"}}, False),
        ):
            self.hook("validating", "a", namespaceSelector=selector)
            self.create(query="?dryRun=All")
            self.assertEqual(bool(self.hooks.asked), wanted)
            self.hooks.asked.clear()
        absent = {"matchExpressions": [{"key": "skip", "operator": "DoesNotExist"}]}
        self.hook("validating", "a", objectSelector=absent)
        self.create(query="?dryRun=All")
        self.assertEqual(len(self.hooks.asked), 1)

    def test_conditions_tell_the_rest(self) -> None:
        """
        One that cannot be judged refuses, or the webhook is passed over.
        """
        for expression, wanted in (("object.spec.size == 3", 1), ("object.spec.size == 4", 0)):
            self.hook("validating", "a", matchConditions=[{"name": "c", "expression": expression}])
            self.create(query="?dryRun=All")
            self.assertEqual(len(self.hooks.asked), wanted)
            self.hooks.asked.clear()
        conditions = [{"name": "c", "expression": "object.spec.missing == 4"}]
        self.hook("validating", "a", matchConditions=conditions)
        told = "expression 'object.spec.missing == 4' resulted in error: no such key: missing"
        self.refused(self.create(), 403, f'widgets.{GROUP} "w" is forbidden: {told}')
        self.hook("validating", "a", matchConditions=conditions, failurePolicy="Ignore")
        self.assertEqual(self.create().code, 201)
        self.assertEqual(self.hooks.asked, [])

    def test_conditions_may_ask_what_users_may_do(self) -> None:
        """
        The authorizer is asked as often as it takes.
        """
        asks = "authorizer.group('apps').resource('deployments').check('create').allowed()"
        self.hook("validating", "a", matchConditions=[{"name": "c", "expression": asks}])
        self.assertEqual(self.create().code, 201)
        self.assertEqual(len(self.hooks.asked), 1)

    def test_what_is_taken_away_asks_no_more(self) -> None:
        """
        From the next write on.
        """
        self.hook("validating", "a")
        self.create("one")
        self.cluster.remove(PATHS["validating"], "a")
        self.create("two")
        self.assertEqual(len(self.hooks.asked), 1)


class ReadinessTests(SynchronousTestCase):
    """
    Before all is known.
    """

    def test_writes_wait_for_the_configurations(self) -> None:
        """
        But not for ever.
        """
        clock = Clock()
        cluster = MemoryCluster(clock)
        cluster.down = True
        informer = cluster.informer(VALIDATING)
        informer.start()
        configurations = Configurations(informer, clock)
        attributes = Attributes(
            CREATE,
            GroupKind(GROUP, "Widget"),
            GroupResource(GROUP, "widgets"),
            "v1",
            "default",
            "w",
            {},
            None,
        )
        self.assertTrue(configurations.concerns(attributes.subject))
        waiting, refused = (Deferred.fromCoroutine(configurations.concerned(attributes)) for _ in range(2))
        clock.advance(5)
        self.assertNoResult(waiting)
        clock.advance(6)
        status = self.failureResultOf(refused, APIStatus).value
        self.assertEqual(status.code, 403)
        self.assertEqual(status.message, f'widgets.{GROUP} "w" is forbidden: not yet ready to handle request')
        self.failureResultOf(waiting, APIStatus)
        late = Deferred.fromCoroutine(configurations.concerned(attributes))
        cluster.down = False
        self.assertEqual(self.successResultOf(late), ())
        self.assertFalse(configurations.concerns(attributes.subject))
