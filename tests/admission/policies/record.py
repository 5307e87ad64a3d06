"""
Plays the scenarios against a kube-apiserver, and records what it says.

Run as C{python -m tests.admission.policies.record}.
"""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from tests.admission.policies.answers import Answer, answer_of, path_of
from tests.admission.policies.scenarios import (
    MUTATING,
    VALIDATING,
    WIDGETS,
    Scenario,
    Sort,
    namespace_of,
    scenarios,
)
from tests.cluster import client as wire
from tests.cluster.client import Client
from tests.cluster.cluster import Cluster, read_definitions
from tests.cluster.shared import WIDGETS as DEFINITIONS

AGENT = "player/1"
_RBAC = "/apis/rbac.authorization.k8s.io/v1"
_WRITES = ["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"]
_LIMIT = 60.0
# Parameters are followed, and schemas looked for, only once a policy is there.
_SETTLED = 8.0

_OTHERS = ("authorization.k8s.io/", "apiserver.latency.k8s.io/", "k8s.io/deprecated")

Object = dict[str, Any]


def roles() -> list[tuple[str, Object]]:
    """
    What users may do beside the administrator.
    """
    every = ["widgets", "widgets/status", "widgets/scale"]
    made = []
    for name, verbs, subject in (
        ("devs", _WRITES, {"kind": "Group", "name": "devs"}),
        ("painters", ["paint"], {"kind": "User", "name": "alice"}),
    ):
        rules = [{"apiGroups": ["probe.example.com"], "resources": every, "verbs": verbs}]
        meta = {"metadata": {"name": name}, "apiVersion": "rbac.authorization.k8s.io/v1"}
        made.append((f"{_RBAC}/clusterroles", {**meta, "kind": "ClusterRole", "rules": rules}))
        ref = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name}
        bound = {**meta, "kind": "ClusterRoleBinding", "roleRef": ref}
        bound["subjects"] = [{"apiGroup": "rbac.authorization.k8s.io", **subject}]
        made.append((f"{_RBAC}/clusterrolebindings", bound))
    return made


class AuditedCluster(Cluster):
    """
    A cluster that writes down what admission told of writes.
    """

    def __init__(self) -> None:
        super().__init__()
        self.log = self.folder / "audit.log"
        policy = self.folder / "audit.yaml"
        rule = {
            "level": "Metadata",
            "omitStages": ["RequestReceived"],
            "resources": [{"group": "probe.example.com"}],
        }
        policy.write_text(
            yaml.safe_dump(
                {"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "rules": [rule, {"level": "None"}]}
            )
        )
        self._flags += [
            f"--audit-policy-file={policy}",
            f"--audit-log-path={self.log}",
            "--audit-log-mode=blocking",
        ]


def annotations(log: Path) -> dict[str, dict[str, str]]:
    """
    What the audit log says of each request, by its id.
    """
    found: dict[str, dict[str, str]] = {}
    for line in log.read_text().splitlines():
        event = json.loads(line)
        told = event.get("annotations") or {}
        found[event["auditID"]] = {
            name: value for name, value in told.items() if not name.startswith(_OTHERS)
        }
    return found


class Recorder:
    """
    Plays one sort of scenarios.
    """

    def __init__(self, cluster: Cluster, sort: Sort, log: Path | None = None) -> None:
        """
        @param log: its audit log, if it writes one.
        """
        self._log = log
        self._sort = sort
        admin = cluster.endpoint.connect()
        self._clients = {
            "admin": admin,
            "alice": cluster.user("alice", ["devs"]).connect(),
            "bob": cluster.user("bob", ["devs"]).connect(),
        }

    def play(self) -> Object:
        """
        What is there, and what is said.
        """
        played = scenarios(self._sort)
        made = self._prepare(played)
        self._wait()
        answers = {scenario.name: [self._ask(step) for step in scenario.steps] for scenario in played}
        audit = {} if self._log is None else annotations(self._log)
        return {
            **made,
            "answers": {
                name: [self._told(answer, audit) for answer in each] for name, each in answers.items()
            },
        }

    def _prepare(self, played: list[Scenario]) -> Object:
        namespaces = [self._create("/api/v1/namespaces", namespace_of(each)) for each in played]
        pairs = [pair for each in played for pair in each.objects]
        objects = [[path, self._create(path, obj)] for path, obj in pairs]
        policies = [self._create(self._sort.policies, obj) for each in played for obj in each.policies]
        bindings = [self._create(self._sort.bindings, obj) for each in played for obj in each.bindings]
        return {"namespaces": namespaces, "objects": objects, "policies": policies, "bindings": bindings}

    def _create(self, path: str, obj: Object) -> Object:
        answer = self._request(self._clients["admin"], "POST", path, "application/json", obj)
        if answer.code != 201:
            raise ValueError(f"{path} {obj['metadata']['name']}: {answer.body.decode()}")
        made: Object = answer.json()
        made["metadata"].pop("managedFields", None)
        return made

    def _wait(self) -> None:
        """
        Until the policy that was made last is in force.
        """
        target = f"{WIDGETS.format(f'{self._sort.prefix}-last')}?dryRun=All"
        body = {
            "apiVersion": "probe.example.com/v1",
            "kind": "Widget",
            "metadata": {"name": "w"},
            "spec": {"color": "red"},
        }
        _until(lambda: self._is_last(target, body))
        time.sleep(_SETTLED)

    def _is_last(self, target: str, body: Object) -> bool:
        answer = self._request(self._clients["admin"], "POST", target, "application/json", body)
        return b"in force" in answer.body

    def _ask(self, step: Any) -> Any:
        try:
            return self._sent(step)
        except (http.client.HTTPException, ConnectionError):
            # The server panicked.
            return wire.Answer(0, [], b"")

    def _sent(self, step: Any) -> Any:
        return self._request(self._clients[step.user], step.method, step.target, step.content_type, step.body)

    def _request(self, client: Client, method: str, target: str, content_type: str, body: Any) -> Any:
        headers = {"Content-Type": content_type, "User-Agent": AGENT, "Accept": "application/json"}
        return client.request(method, target, headers, None if body is None else json.dumps(body).encode())

    def _told(self, answer: Any, audit: dict[str, dict[str, str]]) -> Answer:
        warnings = [value for name, value in answer.headers if name == "warning"]
        return answer_of(answer.code, answer.body, warnings, audit.get(answer.header("audit-id"), {}))


def permit(cluster: Cluster) -> None:
    """
    Give users their roles.
    """
    admin = cluster.endpoint.connect()
    for path, obj in roles():
        admin.request("POST", path, {"Content-Type": "application/json"}, json.dumps(obj).encode())
    admin.close()


def _until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + _LIMIT
    while not holds():
        if time.monotonic() > end:
            raise TimeoutError("the policies did not come into force")
        time.sleep(0.2)


def play(sorts: tuple[Sort, ...] = (VALIDATING, MUTATING)) -> dict[Sort, Object]:
    """
    What a cluster of its own says of all scenarios.
    """
    cluster = AuditedCluster()
    cluster.start()
    try:
        cluster.define(read_definitions(DEFINITIONS))
        permit(cluster)
        return {sort: Recorder(cluster, sort, cluster.log).play() for sort in sorts}
    finally:
        cluster.remove()


def main() -> None:
    """
    Record.
    """
    for sort, told in play().items():
        path = path_of(sort)
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(told, indent=1, sort_keys=True, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
