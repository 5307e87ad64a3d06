"""
Whose turn it is behind a cluster: as the cluster's own flow schemas say.
"""

from __future__ import annotations

from typing import Any

from tests.aggregated.cases import AggregatedTests, Session

FLOWS = "/apis/flowcontrol.apiserver.k8s.io/v1"


class FlowControlTests(AggregatedTests):
    """
    Flow schemas and priority levels of a real cluster (contract 1.12 and 17.2).
    """

    def uid(self, plural: str, name: str) -> str:
        """
        The uid of one of the cluster's objects.
        """
        uid: str = self.administrator.ask("GET", f"{FLOWS}/{plural}/{name}").json()["metadata"]["uid"]
        return uid

    def flow(self, session: Session) -> tuple[str, str]:
        """
        The uids of schema and level that our server tells a client of.
        """
        answer = session.ask("GET", "/version")
        prefix = "x-kubernetes-pf"
        return answer.header(f"{prefix}-flowschema-uid"), answer.header(f"{prefix}-prioritylevel-uid")

    def directly(self, name: str) -> Session:
        """
        A user at our own port.
        """
        return self.session(self.server.direct(user=self.server.cluster.user(name)))

    def test_the_clusters_own_count(self) -> None:
        """
        Those that it began with, and those that somebody adds and takes away.
        """
        ann = self.directly(self.unique("ann"))
        default = (
            self.uid("flowschemas", "global-default"),
            self.uid("prioritylevelconfigurations", "global-default"),
        )
        self.until(lambda: self.flow(ann) == default, "the cluster's schemas count")
        name = self.unique("john")
        john = self.directly(name)
        limited: dict[str, Any] = {
            "nominalConcurrencyShares": 3,
            "limitResponse": {"type": "Queue", "queuing": {"queues": 4, "handSize": 2}},
        }
        self._put("PriorityLevelConfiguration", name, {"type": "Limited", "limited": limited})
        everything = [{"verbs": ["*"], "nonResourceURLs": ["*"]}]
        rule = {"subjects": [{"kind": "User", "user": {"name": name}}], "nonResourceRules": everything}
        level = {"name": name}
        self._put(
            "FlowSchema",
            name,
            {"priorityLevelConfiguration": level, "matchingPrecedence": 77, "rules": [rule]},
        )
        own = self.uid("flowschemas", name), self.uid("prioritylevelconfigurations", name)
        self.until(lambda: self.flow(john) == own, "the new schema counts")
        self.assertEqual(self.flow(ann), default)
        self.administrator.code("DELETE", f"{FLOWS}/flowschemas/{name}")
        self.until(lambda: self.flow(john) == default, "the schema counts no more")

    def _put(self, kind: str, name: str, spec: dict[str, Any]) -> None:
        target = f"{FLOWS}/{kind.lower()}s"
        body = {
            "apiVersion": "flowcontrol.apiserver.k8s.io/v1",
            "kind": kind,
            "metadata": {"name": name},
            "spec": spec,
        }
        self.assertEqual(self.administrator.code("POST", target, body), 201)
        self.addCleanup(self.administrator.code, "DELETE", f"{target}/{name}")
