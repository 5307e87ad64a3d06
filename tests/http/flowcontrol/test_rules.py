"""
Tests of L{ark.http.flowcontrol.rules}, L{ark.http.flowcontrol.bootstrap} and
L{ark.http.flowcontrol.configuration}.
"""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ark.authentication.userinfo import UserInfo
from ark.endpoints.requestinfo import parse
from ark.http.flowcontrol.bootstrap import LEVELS, SCHEMAS
from ark.http.flowcontrol.configuration import level_of, schema_of
from ark.http.flowcontrol.rules import matches
from ark.http.flowcontrol.shuffle import deal, flow_hash

AUTHENTICATED = "system:authenticated"


def schema_for(name: str, path: str, *groups: str, method: str = "GET") -> str:
    """
    The schema of a new cluster that a request comes to.
    """
    user, info = UserInfo(name, "", (*groups, AUTHENTICATED)), parse(method, path)
    ordered = sorted(SCHEMAS, key=lambda schema: (schema.precedence, schema.name))
    return next(schema.name for schema in ordered if matches(schema, user, info))


class BootstrapTests(SynchronousTestCase):
    """
    Who comes where in a new cluster.
    """

    def test_everybody_comes_to_their_schema(self) -> None:
        """
        As kube-apiserver's mandatory and suggested objects have it.
        """
        lease = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/x"
        queries = "/apis/ark.mckinsey.com/v1alpha1/namespaces/n/queries"
        system = "system:serviceaccount:kube-system:x"
        accounts = "system:serviceaccounts"
        for wanted, name, path, groups in (
            ("exempt", "admin", queries, ("system:masters",)),
            ("probes", "ann", "/readyz", ()),
            ("probes", "ann", "/livez/ping", ()),
            ("system-leader-election", "system:kube-scheduler", lease, ()),
            ("system-leader-election", system, lease, (accounts,)),
            ("system-node-high", "system:node:a", "/api/v1/nodes/a/status", ("system:nodes",)),
            ("system-nodes", "system:node:a", queries, ("system:nodes",)),
            ("kube-controller-manager", "system:kube-controller-manager", queries, ()),
            ("kube-scheduler", "system:kube-scheduler", queries, ()),
            ("kube-system-service-accounts", system, queries, (accounts,)),
            ("service-accounts", "system:serviceaccount:ark:x", queries, (accounts,)),
            ("global-default", "ann", queries, ()),
            ("global-default", "ann", "/version", ()),
        ):
            self.assertEqual(schema_for(name, path, *groups), wanted, (name, path))

    def test_each_schema_has_its_level(self) -> None:
        """
        None leads nowhere.
        """
        self.assertLessEqual({schema.level for schema in SCHEMAS}, {level.name for level in LEVELS})


def _schema(subject: dict[str, Any], resource: dict[str, Any]) -> Any:
    whole = {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"], "namespaces": ["*"], **resource}
    spec = {
        "priorityLevelConfiguration": {"name": "l"},
        "rules": [{"subjects": [subject], "resourceRules": [whole]}],
    }
    return schema_of({"metadata": {"name": "s"}, "spec": spec})


class RuleTests(SynchronousTestCase):
    """
    What a rule is about.
    """

    def _matches(self, path: str, method: str = "GET", **resource: Any) -> bool:
        everybody = {"kind": "User", "user": {"name": "*"}}
        return matches(_schema(everybody, resource), UserInfo("ann"), parse(method, path))

    def test_resources(self) -> None:
        """
        Subresources are resources of their own, and no namespace is asked for by C{clusterScope}.
        """
        path = "/apis/g/v1/namespaces/n/rs/x"
        self.assertTrue(self._matches(path))
        self.assertTrue(self._matches(path, resources=["rs"], apiGroups=["g"], verbs=["get"]))
        self.assertFalse(self._matches(f"{path}/status", resources=["rs"]))
        self.assertTrue(self._matches(f"{path}/status", resources=["rs/status"]))
        self.assertFalse(self._matches(path, namespaces=["m"]))
        self.assertFalse(self._matches("/apis/g/v1/rs"))
        self.assertTrue(self._matches("/apis/g/v1/rs", clusterScope=True))
        self.assertFalse(self._matches(path, verbs=["list"]))
        self.assertFalse(self._matches("/version"))

    def test_subjects(self) -> None:
        """
        Users, groups and service accounts, each also all of them.
        """
        info = parse("GET", "/apis/g/v1/namespaces/n/rs/x")
        account = UserInfo("system:serviceaccount:n:a", "", ("g",))
        for subject, is_about in (
            ({"kind": "User", "user": {"name": "system:serviceaccount:n:a"}}, True),
            ({"kind": "User", "user": {"name": "ann"}}, False),
            ({"kind": "Group", "group": {"name": "g"}}, True),
            ({"kind": "Group", "group": {"name": "*"}}, True),
            ({"kind": "Group", "group": {"name": "h"}}, False),
            ({"kind": "ServiceAccount", "serviceAccount": {"namespace": "n", "name": "a"}}, True),
            ({"kind": "ServiceAccount", "serviceAccount": {"namespace": "n", "name": "*"}}, True),
            ({"kind": "ServiceAccount", "serviceAccount": {"namespace": "m", "name": "*"}}, False),
            ({"kind": "Other"}, False),
        ):
            self.assertEqual(matches(_schema(subject, {}), account, info), is_about, subject)


class ConfigurationTests(SynchronousTestCase):
    """
    Objects of a cluster.
    """

    def test_defaults(self) -> None:
        """
        What is left out is as kube-apiserver would fill it in.
        """
        level = level_of({"metadata": {"name": "l"}, "spec": {"type": "Limited", "limited": {}}})
        self.assertEqual((level.shares, level.lendable, level.borrowing, level.queues), (30, 0, None, 0))
        queue = {"limitResponse": {"type": "Queue"}}
        level = level_of({"metadata": {"name": "l"}, "spec": {"type": "Limited", "limited": queue}})
        self.assertEqual((level.queues, level.hand, level.length), (64, 8, 50))

    def test_queues_that_cannot_be_made(self) -> None:
        """
        A hand cannot have more cards than there are.
        """
        queuing = {"queues": 4, "handSize": 5}
        limited = {"limitResponse": {"type": "Queue", "queuing": queuing}}
        with self.assertRaises(ValueError):
            level_of({"metadata": {"name": "l"}, "spec": {"type": "Limited", "limited": limited}})

    def test_hands_are_of_different_cards(self) -> None:
        """
        Whatever the number, and all cards come up.
        """
        seen = set()
        for number in range(2000):
            hand = deal(flow_hash("s", str(number)), 64, 6)
            self.assertEqual(len(set(hand)), 6)
            seen.update(hand)
        self.assertEqual(seen, set(range(64)))
