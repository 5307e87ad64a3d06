"""
The levels and schemas of a new cluster: those that there must be, and those suggested.

Numbers are those of C{k8s.io/apiserver/pkg/apis/flowcontrol/bootstrap/default.go}.  Where the
objects of no cluster give them uids, they have some that never change.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID, uuid5

from ark.authentication.userinfo import AUTHENTICATED_GROUP, MASTERS_GROUP, UNAUTHENTICATED_GROUP
from ark.http.flowcontrol.configuration import (
    BY_NAMESPACE,
    BY_USER,
    CATCH_ALL,
    EXEMPT,
    FlowSchema,
    PriorityLevel,
)

Rule = Mapping[str, Any]

_NAMES = UUID("8f5a1d3c-4a53-5a0e-9a3b-5f0c2c1d7e60")
_ALL = ("*",)


def _uid(kind: str, name: str) -> str:
    return str(uuid5(_NAMES, f"{kind}/{name}"))


def _level(name: str, shares: int, lendable: int, queues: int = 128, hand: int = 6) -> PriorityLevel:
    uid = _uid("PriorityLevelConfiguration", name)
    return PriorityLevel(name, uid, False, shares, lendable, None, queues, hand, 50 if queues else 0)


def _groups(*names: str) -> list[Rule]:
    return [{"kind": "Group", "group": {"name": name}} for name in names]


def _users(*names: str) -> list[Rule]:
    return [{"kind": "User", "user": {"name": name}} for name in names]


def _resources(
    groups: Sequence[str] = _ALL,
    resources: Sequence[str] = _ALL,
    verbs: Sequence[str] = _ALL,
    cluster: bool = True,
) -> Rule:
    return {
        "verbs": verbs,
        "apiGroups": groups,
        "resources": resources,
        "namespaces": _ALL,
        "clusterScope": cluster,
    }


def _paths(*paths: str, verbs: Sequence[str] = _ALL) -> Rule:
    return {"verbs": verbs, "nonResourceURLs": paths or _ALL}


def _rule(subjects: list[Rule], resources: Sequence[Rule] = (), paths: Sequence[Rule] = ()) -> Rule:
    return {"subjects": subjects, "resourceRules": resources, "nonResourceRules": paths}


def _everything(subjects: list[Rule]) -> Rule:
    return _rule(subjects, [_resources()], [_paths()])


def _schema(name: str, level: str, precedence: int, distinguisher: str, rule: Rule) -> FlowSchema:
    return FlowSchema(name, _uid("FlowSchema", name), level, precedence, distinguisher, (rule,))


_EVERYBODY = _groups(UNAUTHENTICATED_GROUP, AUTHENTICATED_GROUP)
_NODES = _groups("system:nodes")
_OF_SYSTEM: list[Rule] = [
    {"kind": "ServiceAccount", "serviceAccount": {"name": "*", "namespace": "kube-system"}}
]
_CONTROLLERS, _SCHEDULER = "system:kube-controller-manager", "system:kube-scheduler"
_LEASES = "coordination.k8s.io"

MANDATORY_LEVELS = (
    PriorityLevel(EXEMPT, _uid("PriorityLevelConfiguration", EXEMPT), True, 0),
    _level(CATCH_ALL, 5, 0, queues=0, hand=0),
)
"""Those that there are always."""

LEVELS = (
    *MANDATORY_LEVELS,
    _level("system", 30, 33, queues=64),
    _level("node-high", 40, 25, queues=64),
    _level("leader-election", 10, 0, queues=16, hand=4),
    _level("workload-high", 40, 50),
    _level("workload-low", 100, 90),
    _level("global-default", 20, 50),
)
"""Those of a new cluster."""

MANDATORY_SCHEMAS = (
    _schema(EXEMPT, EXEMPT, 1, "", _everything(_groups(MASTERS_GROUP))),
    _schema(CATCH_ALL, CATCH_ALL, 10000, BY_USER, _everything(_EVERYBODY)),
)
"""Those that there are always."""

SCHEMAS = (
    *MANDATORY_SCHEMAS,
    _schema(
        "probes", EXEMPT, 2, "",
        _rule(_EVERYBODY, paths=[_paths("/healthz", "/readyz", "/livez", verbs=("get",))]),
    ),
    _schema(
        "system-leader-election", "leader-election", 100, BY_USER,
        _rule(
            [*_users(_CONTROLLERS, _SCHEDULER), *_OF_SYSTEM],
            [_resources((_LEASES,), ("leases",), ("get", "create", "update"), cluster=False)],
        ),
    ),
    _schema(
        "system-node-high", "node-high", 400, BY_USER,
        _rule(
            _NODES,
            [_resources(("",), ("nodes", "nodes/status")), _resources((_LEASES,), ("leases",), cluster=False)],
        ),
    ),
    _schema("system-nodes", "system", 500, BY_USER, _everything(_NODES)),
    _schema("kube-controller-manager", "workload-high", 800, BY_NAMESPACE, _everything(_users(_CONTROLLERS))),
    _schema("kube-scheduler", "workload-high", 800, BY_NAMESPACE, _everything(_users(_SCHEDULER))),
    _schema("kube-system-service-accounts", "workload-high", 900, BY_NAMESPACE, _everything(_OF_SYSTEM)),
    _schema("service-accounts", "workload-low", 9000, BY_USER, _everything(_groups("system:serviceaccounts"))),
    _schema("global-default", "global-default", 9900, BY_USER, _everything(_EVERYBODY)),
)  # fmt: skip
"""Those of a new cluster."""
