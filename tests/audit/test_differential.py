"""
The audit log of our server, field by field against that of a real kube-apiserver.
"""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import orjson
import yaml
from twisted.trial.unittest import SkipTest, SynchronousTestCase

from tests.audit.test_webhook import Collector
from tests.cluster.ark import ArkServer
from tests.cluster.build import Unavailable
from tests.cluster.client import Client
from tests.cluster.cluster import Cluster

WIDGETS = Path(__file__).parents[1] / "differential" / "widgets.yaml"
GROUP = "/apis/probe.example.com/v1"
COLLECTION = f"{GROUP}/namespaces/default/widgets"
SECRETS = "/api/v1/namespaces/default/secrets"
PATIENCE = 20.0

POLICY: dict[str, Any] = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "rules": [
        {"level": "None", "verbs": ["get"], "nonResourceURLs": ["/healthz*", "/readyz", "/livez"]},
        {"level": "Metadata", "resources": [{"group": "", "resources": ["secrets"]}]},
        {
            "level": "RequestResponse",
            "omitManagedFields": True,
            "omitStages": ["RequestReceived"],
            "resources": [{"group": "probe.example.com", "resources": ["widgets/status"]}],
        },
        {
            "level": "Request",
            "resources": [
                {"group": "probe.example.com", "resources": ["widgets"], "resourceNames": ["requested"]}
            ],
        },
        {"level": "RequestResponse", "resources": [{"group": "probe.example.com"}]},
        {"level": "Metadata", "nonResourceURLs": ["/version", "/apis*", "/none"]},
    ],
}


SPEC = {"armed": True, "color": "red", "mode": "plain", "size": 3}
"""Nothing is left to defaults: kube-apiserver tells of objects with them, we of what was sent."""


def widget(name: str, **members: Any) -> dict[str, Any]:
    """
    A widget to send.
    """
    return {"apiVersion": "probe.example.com/v1", "kind": "Widget", "metadata": {"name": name}, **members}


class Step(NamedTuple):
    """
    A request of both servers.
    """

    name: str
    method: str
    target: str
    body: Any = None
    type: str = "application/json"
    more: tuple[tuple[str, str], ...] = ()
    anonymous: bool = False


STEPS = (
    Step("create", "POST", COLLECTION, widget("one", spec=SPEC)),
    Step("create-again", "POST", COLLECTION, widget("one", spec=SPEC)),
    Step("create-invalid", "POST", COLLECTION, {**widget("two"), "spec": 7}),
    Step("create-large", "POST", f"{COLLECTION}?dryRun=All", {**widget("large", spec=SPEC), "metadata": {"name": "large", "annotations": {"note": "x" * 20000}}}),
    Step("get", "GET", f"{COLLECTION}/one"),
    Step("get-none", "GET", f"{COLLECTION}/none"),
    Step("get-table", "GET", f"{COLLECTION}/one", more=(("Accept", "application/json;as=Table;v=v1;g=meta.k8s.io"),)),
    Step("list", "GET", COLLECTION),
    Step("list-everywhere", "GET", f"{GROUP}/widgets?limit=1"),
    Step("watch", "GET", f"{COLLECTION}?watch=1&timeoutSeconds=1"),
    Step("patch", "PATCH", f"{COLLECTION}/one", {"metadata": {"labels": {"a": "b"}}}, "application/merge-patch+json"),
    Step("patch-none", "PATCH", f"{COLLECTION}/none", {}, "application/merge-patch+json"),
    Step("status", "PATCH", f"{COLLECTION}/one/status", {"metadata": {"labels": {"a": "c"}}}, "application/merge-patch+json"),
    Step("update-conflict", "PUT", f"{COLLECTION}/one", {**widget("one"), "metadata": {"name": "one", "resourceVersion": "1"}}),
    Step("requested", "GET", f"{COLLECTION}/requested"),
    Step("delete-options", "DELETE", f"{COLLECTION}/one?dryRun=All", {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Background"}),
    Step("delete", "DELETE", f"{COLLECTION}/one"),
    Step("delete-all", "DELETE", COLLECTION),
    Step("secret", "POST", SECRETS, {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"a": "b"}}),
    Step("secret-get", "GET", f"{SECRETS}/s"),
    Step("secret-delete", "DELETE", f"{SECRETS}/s"),
    Step("version", "GET", "/version"),
    Step("healthz", "GET", "/healthz"),
    Step("apis", "GET", "/apis"),
    Step("nothing", "GET", "/none"),
    Step("anonymous", "GET", COLLECTION, anonymous=True),
    Step("unauthorized", "GET", COLLECTION, more=(("Authorization", "Bearer nonsense"),), anonymous=True),
    Step("impersonated", "GET", COLLECTION, more=(("Impersonate-User", "ann"), ("Impersonate-Group", "devs"))),
    Step("impersonated-legacy", "GET", COLLECTION, more=(("Impersonate-User", "ann"), ("Impersonate-Group", "system:masters"))),
    Step("impersonated-nobody", "GET", COLLECTION, more=(("Impersonate-Group", "devs"),)),
    Step("impersonated-self", "GET", COLLECTION, more=(("Impersonate-User", "admin"), ("Impersonate-Group", "system:masters"), ("impersonate-group", "system:authenticated"))),
)  # fmt: skip


def audit_flags(folder: Path, collector: Collector) -> list[str]:
    """
    The same flags for both servers.
    """
    (folder / "policy.yaml").write_text(yaml.safe_dump(POLICY))
    (folder / "webhook.kubeconfig").write_text(yaml.safe_dump(kubeconfig(collector)))
    return [
        f"--audit-policy-file={folder / 'policy.yaml'}",
        f"--audit-log-path={folder / 'audit.log'}",
        f"--audit-webhook-config-file={folder / 'webhook.kubeconfig'}",
        "--audit-webhook-initial-backoff=10ms",
        "--audit-webhook-batch-max-wait=500ms",
        "--audit-webhook-batch-max-size=7",
        "--audit-webhook-batch-buffer-size=5000",
        "--audit-webhook-batch-throttle-enable=true",
        "--audit-webhook-batch-throttle-qps=50.5",
        "--audit-webhook-batch-throttle-burst=10",
        "--audit-webhook-truncate-enabled=true",
        "--audit-webhook-truncate-max-event-size=15000",
        "--audit-webhook-truncate-max-batch-size=100000",
    ]


def kubeconfig(collector: Collector) -> dict[str, Any]:
    """
    What leads to it.
    """
    authority = base64.b64encode(collector.authority.cert_pem.bytes()).decode()
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {"name": "c", "cluster": {"server": collector.url, "certificate-authority-data": authority}}
        ],
        "users": [{"name": "u", "user": {"token": "shown"}}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
    }


def play(endpoint: Any) -> None:
    """
    Make all requests, each known by its C{Audit-Id}.
    """
    for step in STEPS:
        client = Client(endpoint.anonymous() if step.anonymous else endpoint)
        headers = {"Audit-Id": step.name, "User-Agent": "test", **dict(step.more)}
        body = None
        if step.body is not None:
            headers["Content-Type"] = step.type
            body = json.dumps(step.body).encode()
        client.request(step.method, step.target, headers, body, retry=False)
        client.close()


Events = dict[str, list[dict[str, Any]]]


def events(told: Callable[[], Iterable[dict[str, Any]]]) -> Events:
    """
    The events of the steps, by step; waits for the last.

    @param told: all so far.
    """
    names = {step.name for step in STEPS}
    deadline = time.monotonic() + PATIENCE
    while True:
        found: Events = {}
        for event in told():
            if event["auditID"] in names:
                found.setdefault(event["auditID"], []).append(event)
        if len(found.get(STEPS[-1].name, ())) > 1:
            for stages in found.values():
                stages.sort(key=lambda event: event["stageTimestamp"])
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"the last that is told is {list(found)[-1:]}")
        time.sleep(0.1)


class Told(NamedTuple):
    """
    What became of the requests to one server.

    @ivar sent: the events that the webhook got.
    @ivar lists: the lists without them.
    @ivar headers: of its requests.
    """

    written: Events
    sent: Events
    lists: list[dict[str, Any]]
    headers: list[dict[str, str]]


def told(path: Path, collector: Collector) -> Told:
    """
    Wait for everything.
    """
    written = events(lambda: map(orjson.loads, path.read_bytes().splitlines()))
    sent = events(lambda: [event for found in tuple(collector.accepted) for event in found["items"]])
    lists = [{**found, "items": len(found["items"])} for found in collector.lists]
    return Told(written, sent, lists, collector.headers)


_AGE = re.compile(r"\d+s")
_OWN = frozenset(
    ("uid", "resourceVersion", "creationTimestamp", "managedFields", "time", "continue", "requestReceivedTimestamp",
     "stageTimestamp", "sourceIPs", "remainingItemCount", "description")
)  # fmt: skip


def common(value: Any) -> Any:
    """
    A value with what must differ made equal.
    """
    if isinstance(value, dict):
        return {name: "?" if name in _OWN else common(one) for name, one in value.items()}
    if isinstance(value, str) and _AGE.fullmatch(value):
        return "?"
    return [common(one) for one in value] if isinstance(value, list) else value


def comparable(event: dict[str, Any]) -> dict[str, Any]:
    """
    An event with what each server calls its own made equal.
    """
    made: dict[str, Any] = common(event)
    user = made["user"]
    if user and user.get("username") != "system:anonymous":
        made["user"] = "administrator"
    if made.get("requestObject", {}).get("kind") == "DeleteOptions":
        # It tells of a version that there is inside of it only.
        made["requestObject"]["apiVersion"] = "?"
    annotations = made.get("annotations")
    if annotations:
        # How long it took is told where that was long, and roles are a cluster's.
        made["annotations"] = {
            name: "?" if name == "authorization.k8s.io/reason" else value
            for name, value in annotations.items()
            if not name.startswith("apiserver.latency.k8s.io/")
        }
    return made


class DifferentialTests(SynchronousTestCase):
    """
    The same policy and the same requests.
    """

    timeout = 240

    def _logs(self) -> Iterable[Told]:
        for make in (self._kube, self._ark):
            folder = TemporaryDirectory(prefix="audit-")
            self.addCleanup(folder.cleanup)
            path = Path(folder.name)
            collector = Collector()
            self.addCleanup(collector.stop)
            server = make(audit_flags(path, collector))
            self.addCleanup(server.remove)
            # They come again.
            collector.codes = [503, 400]
            play(server.endpoint)
            yield told(path / "audit.log", collector)

    def _kube(self, flags: list[str]) -> Any:
        cluster = Cluster(flags=flags)
        try:
            cluster.start()
        except Unavailable as error:
            raise SkipTest(str(error)) from error
        cluster.define(list(yaml.safe_load_all(WIDGETS.read_text())))
        return cluster

    def _ark(self, flags: list[str]) -> Any:
        return ArkServer(definitions=[WIDGETS], flags=flags).start()

    def test_the_events_are_the_same(self) -> None:
        """
        Stage by stage, but for times, addresses, numbers and whose roles allowed it, in the file and for the webhook.
        """
        theirs, ours = self._logs()
        self._compare(theirs.written, ours.written)
        self._compare(theirs.sent, ours.sent)
        self.assertEqual(list(ours.lists[-1]), list(theirs.lists[-1]))
        self.assertEqual(_envelope(ours), _envelope(theirs))

    def _compare(self, theirs: Events, ours: Events) -> None:
        self.maxDiff = None
        for step in STEPS:
            wanted = [comparable(event) for event in theirs.get(step.name, ())]
            found = [comparable(event) for event in ours.get(step.name, ())]
            self.assertEqual(found, wanted, step.name)
            for event, other in zip(found, wanted):
                self.assertEqual(list(event), list(other), step.name)


def _envelope(told: Told) -> tuple[Any, ...]:
    """
    What is the same of all requests to the webhook.
    """
    names = ("Content-Type", "Authorization")
    last = told.lists[-1]
    shown = [{name: headers.get(name) for name in names} for headers in told.headers[-1:]]
    return last["kind"], last["apiVersion"], last["metadata"], shown, max(one["items"] for one in told.lists)
