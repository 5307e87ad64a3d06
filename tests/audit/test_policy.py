"""
Tests of L{ark.audit.policy}.
"""

from __future__ import annotations

from typing import Any

import orjson
from twisted.trial.unittest import SynchronousTestCase

from ark.audit.policy import BadPolicy, Policy, read_policy
from ark.authentication.userinfo import UserInfo
from ark.authorization.attributes import Attributes

ANN = UserInfo("ann", "", ("devs", "system:authenticated"))


def policy(*rules: dict[str, Any], **members: Any) -> Policy:
    """
    A policy of these rules; C{Metadata} where a rule says nothing else.
    """
    made = [{"level": "Metadata", **rule} for rule in rules]
    return Policy({"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "rules": made, **members})


def resource(verb: str = "get", **what: str) -> Attributes:
    """
    Something about a resource.
    """
    given = {"group": "g", "version": "v1", "resource": "rs", "namespace": "n", "name": "x", **what}
    return Attributes(ANN, verb, "/apis/g/v1/namespaces/n/rs/x", **given)


class RuleTests(SynchronousTestCase):
    """
    What a rule is about.
    """

    def assert_about(self, rule: dict[str, Any], attributes: Attributes, wanted: bool) -> None:
        """
        A rule is about a request, or is not.
        """
        level = policy(rule).of(attributes).level
        self.assertEqual(level, "Metadata" if wanted else "None", (rule, attributes))

    def test_users_groups_and_verbs(self) -> None:
        """
        One of each that is named must be.
        """
        for rule, wanted in (
            ({}, True),
            ({"users": ["ann"]}, True),
            ({"users": ["bob"]}, False),
            ({"userGroups": ["devs", "ops"]}, True),
            ({"userGroups": ["ops"]}, False),
            ({"verbs": ["get", "list"]}, True),
            ({"verbs": ["list"]}, False),
            ({"users": ["ann"], "verbs": ["list"]}, False),
        ):
            self.assert_about(rule, resource(), wanted)

    def test_resources(self) -> None:
        """
        With subresources, names and namespaces, as kube-apiserver reads them.
        """
        for given, attributes, wanted in (
            ({"group": "g"}, resource(), True),
            ({"group": "*"}, resource(), True),
            ({"group": "h"}, resource(), False),
            ({}, resource(), False),
            ({}, resource(group=""), True),
            ({"group": "g", "resources": ["rs"]}, resource(), True),
            ({"group": "g", "resources": ["rs"]}, resource(subresource="status"), False),
            ({"group": "g", "resources": ["rs/status"]}, resource(subresource="status"), True),
            ({"group": "g", "resources": ["rs/*"]}, resource(subresource="status"), True),
            ({"group": "g", "resources": ["rs/*"]}, resource(), True),
            ({"group": "g", "resources": ["*/status"]}, resource(subresource="status"), True),
            ({"group": "g", "resources": ["*/status"]}, resource(), False),
            ({"group": "g", "resources": ["*"]}, resource(subresource="status"), True),
            ({"group": "g", "resources": ["rs"], "resourceNames": ["x"]}, resource(), True),
            ({"group": "g", "resources": ["rs"], "resourceNames": ["y"]}, resource(), False),
        ):
            self.assert_about({"resources": [given]}, attributes, wanted)
        self.assert_about({"namespaces": ["n"]}, resource(), True)
        self.assert_about({"namespaces": [""]}, resource(), False)
        self.assert_about({"namespaces": [""]}, resource(namespace=""), True)
        self.assert_about({"namespaces": ["n"]}, Attributes(ANN, "get", "/version"), False)

    def test_other_paths(self) -> None:
        """
        Whole, or with a star at the end; never resources.
        """
        path = Attributes(ANN, "get", "/healthz/ping")
        for paths, wanted in (
            (["/healthz/ping"], True),
            (["/healthz"], False),
            (["/healthz*"], True),
            (["*"], True),
            (["/version"], False),
        ):
            self.assert_about({"nonResourceURLs": paths}, path, wanted)
        self.assert_about({"nonResourceURLs": ["*"]}, resource(), False)

    def test_the_first_rule_counts(self) -> None:
        """
        Stages that the policy omits are omitted by every rule; C{omitManagedFields} may be its own.
        """
        made = policy(
            {"users": ["ann"], "level": "Request", "omitStages": ["Panic"], "omitManagedFields": False},
            {},
            omitStages=["RequestReceived"],
            omitManagedFields=True,
        )
        told = made.of(resource())
        self.assertEqual((told.level, told.omits_managed_fields), ("Request", False))
        self.assertEqual(told.omitted, {"RequestReceived", "Panic"})
        told = made.of(resource()._replace(user=UserInfo("bob")))
        self.assertEqual((told.level, told.omits_managed_fields), ("Metadata", True))


class ReadTests(SynchronousTestCase):
    """
    Files.
    """

    def test_what_is_no_policy(self) -> None:
        """
        Where it is wrong is told.
        """
        for rule, text in (
            ({"level": "All"}, "rules[0].level is not one of None, Metadata, Request, RequestResponse"),
            ({"user": ["x"]}, "rules[0].user is not known"),
            ({"users": "x"}, "rules[0].users is of the wrong type"),
            ({"omitStages": ["Never"]}, "rules[0].omitStages has 'Never'"),
            ({"nonResourceURLs": ["version"]}, "rules[0].nonResourceURLs[0] does not begin"),
            ({"nonResourceURLs": ["/a*b"]}, "rules[0].nonResourceURLs[0] does not begin"),
            ({"nonResourceURLs": ["/a"], "namespaces": ["n"]}, "rules[0] is about both"),
            ({"resources": [{"group": "apps/v1"}]}, "rules[0].resources[0].group is not the name"),
            ({"resources": [{"resourceNames": ["x"]}]}, "rules[0].resources[0].resourceNames needs"),
            ({"resources": [{"kinds": []}]}, "rules[0].resources[0].kinds is not known"),
        ):
            error = self.assertRaises(BadPolicy, policy, rule)
            self.assertIn(text, str(error))
        for document in (None, [], {"kind": "Policy"}, {"apiVersion": "audit.k8s.io/v1", "kind": "Policy"}):
            self.assertRaises(BadPolicy, read_policy, orjson.dumps(document))
        self.assertRaises(BadPolicy, read_policy, b"a: [")

    def test_yaml(self) -> None:
        """
        As documentation shows it.
        """
        text = b"""
        apiVersion: audit.k8s.io/v1
        kind: Policy
        omitStages: [RequestReceived]
        rules:
        - level: None
          users: [system:kube-proxy]
        - level: Metadata
        """
        self.assertEqual(read_policy(text).of(resource()).level, "Metadata")
