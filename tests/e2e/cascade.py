"""
Objects and their owners, deleted in every way: the same tables of them on two servers, compared
after every step.
"""

from __future__ import annotations

import json
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from twisted.trial.unittest import TestCase

from tests.cluster.build import binary, require
from tests.cluster.client import Client, Endpoint, kubectl

Step = Mapping[str, Any]
State = dict[str, Any]

_TABLE = Path(__file__).with_name("cascade.yaml")
_QUIET = 1.2
_PATIENCE = 25.0
_WARM = 120.0
_POLL = 0.2
_PLURALS = {
    "c": ("v1", "ConfigMap", "api/v1", "configmaps"),
    "s": ("v1", "Secret", "api/v1", "secrets"),
    "w": ("probe.example.com/v1", "Widget", "apis/probe.example.com/v1", "widgets"),
    "p": ("probe.example.com/v1", "Plate", "apis/probe.example.com/v1", "plates"),
}


def read_table() -> dict[str, list[Step]]:
    """
    The scenarios by name.
    """
    found: dict[str, list[Step]] = yaml.safe_load(_TABLE.read_text())
    return found


class Side:
    """
    One server, and the objects of one scenario on it.
    """

    def __init__(self, endpoint: Endpoint, name: str, home: Path) -> None:
        self._endpoint = endpoint
        self._name = name
        self._home = home
        self._client = endpoint.connect()
        self._made: dict[str, dict[str, Any]] = {}
        self._labels: dict[str, str] = {}

    def begin(self) -> None:
        """
        Make the namespaces.
        """
        for place in ("", "other"):
            body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self._namespace(place)}}
            self._send("POST", "/api/v1/namespaces", body)

    def end(self) -> None:
        """
        Take away what is left, and what only a finalizer of the scenario holds.
        """
        for target, item in self._items():
            if item["metadata"].get("finalizers"):
                self._patch(f"{target}/{item['metadata']['name']}", {"finalizers": None})
            if target.endswith("plates"):
                self._client.request("DELETE", f"{target}/{item['metadata']['name']}")
        for place in ("", "other"):
            self._client.request("DELETE", f"/api/v1/namespaces/{self._namespace(place)}")
        self._client.close()

    def play(self, step: Step) -> None:
        """
        Do what one step says.
        """
        if "make" in step:
            self._make(step)
        elif "delete" in step:
            self._delete(step["delete"], step["cascade"])
        elif "patch" in step:
            metadata = {member: step[member] or None for member in ("finalizers", "owners") if member in step}
            if "owners" in metadata:
                metadata["ownerReferences"] = self._owners(step["owners"]) or None
                del metadata["owners"]
            self._patch(self._target(step["patch"], step.get("in", "")), metadata)
        else:
            name = self._namespace(step["delete-namespace"])
            self._kubectl("delete", "namespace", name, "--wait=false")

    def state(self) -> State:
        """
        What there is now, in a form that two servers can agree on.
        """
        objects = {
            f"{target.rpartition('/')[2]}/{self._short(item)}": _shown(item, self._labels)
            for target, item in self._items()
        }
        namespaces = {place: self._conditions(place) for place in ("", "other")}
        return {"objects": objects, "events": sorted(self._events()), "namespaces": namespaces}

    # Objects

    def _namespace(self, place: str) -> str:
        return f"{self._name}-{place}" if place else self._name

    def _full(self, name: str) -> str:
        return f"{self._name}.{name}" if name.startswith("p") else name

    def _short(self, item: dict[str, Any]) -> str:
        metadata = item["metadata"]
        namespace = metadata.get("namespace", "").removeprefix(self._name)
        return f"{namespace}/{metadata['name'].removeprefix(f'{self._name}.')}"

    def _collection(self, kind: str, place: str) -> str:
        _, _, base, plural = _PLURALS[kind]
        return f"/{base}/{plural}" if kind == "p" else f"/{base}/namespaces/{self._namespace(place)}/{plural}"

    def _target(self, name: str, place: str) -> str:
        return f"{self._collection(name[0], place)}/{self._full(name)}"

    def _make(self, step: Step) -> None:
        name = step["make"]
        api_version, kind, _, _ = _PLURALS[name[0]]
        body: dict[str, Any] = {
            "apiVersion": api_version,
            "kind": kind,
            "metadata": {
                "name": self._full(name),
                "ownerReferences": self._owners(step.get("owners", [])),
                "finalizers": step.get("finalizers", []),
            },
        }
        if name.startswith("w"):
            body["spec"] = {"color": "red"}
        made = self._send("POST", self._collection(name[0], step.get("in", "")), body)
        label = step.get("as", name)
        self._made[label] = made
        self._labels[made["metadata"]["uid"]] = label

    def _owners(self, owners: Iterable[Any]) -> list[dict[str, Any]]:
        return [self._owner(one) for one in owners]

    def _owner(self, entry: Any) -> dict[str, Any]:
        if isinstance(entry, str):
            reference = self._owner({"of": entry.rstrip("!")})
            return {**reference, "blockOwnerDeletion": True} if entry.endswith("!") else reference
        if "of" not in entry:
            return dict(entry)
        obj = self._made[entry["of"]]
        reference = {
            "apiVersion": obj["apiVersion"],
            "kind": obj["kind"],
            "name": obj["metadata"]["name"],
            "uid": obj["metadata"]["uid"],
        }
        return {**reference, **{member: value for member, value in entry.items() if member != "of"}}

    def _delete(self, name: str, cascade: str) -> None:
        if cascade == "request":
            self._send("DELETE", self._target(name, ""), None)
            return
        plural = _PLURALS[name[0]][3]
        namespace = [] if name.startswith("p") else [f"--namespace={self._namespace('')}"]
        self._kubectl("delete", plural, self._full(name), f"--cascade={cascade}", "--wait=false", *namespace)

    def _kubectl(self, *arguments: str) -> None:
        done = kubectl(binary("kubectl"), self._endpoint, *arguments, home=self._home)
        if done.returncode:
            raise AssertionError(f"kubectl {' '.join(arguments)}: {done.stderr}")

    def _patch(self, target: str, metadata: dict[str, Any]) -> None:
        headers = {"Content-Type": "application/merge-patch+json"}
        self._client.request("PATCH", target, headers, json.dumps({"metadata": metadata}).encode())

    def _send(self, method: str, target: str, body: Any) -> dict[str, Any]:
        headers = {"Content-Type": "application/json"} if body is not None else {}
        data = json.dumps(body).encode() if body is not None else None
        answer = self._client.request(method, target, headers, data)
        if answer.code >= 300:
            raise AssertionError(f"{method} {target}: {answer.code} {answer.body.decode()}")
        found: dict[str, Any] = answer.json()
        return found

    # Looking

    def _items(self) -> Iterable[tuple[str, dict[str, Any]]]:
        for kind in _PLURALS:
            for place in ("",) if kind == "p" else ("", "other"):
                target = self._collection(kind, place)
                for item in self._client.get(target)["items"]:
                    name = item["metadata"]["name"]
                    if name == "kube-root-ca.crt" or (kind == "p" and not name.startswith(f"{self._name}.")):
                        continue
                    yield target, item

    def _events(self) -> Iterable[tuple[str, ...]]:
        seen = set()
        for namespace in (self._namespace(""), self._namespace("other"), "default"):
            for event in self._client.get(f"/api/v1/namespaces/{namespace}/events")["items"]:
                about = event["involvedObject"]
                ours = about["name"].startswith(f"{self._name}.") or namespace != "default"
                if event["reason"] == "OwnerRefInvalidNamespace" and ours:
                    seen.add((about["kind"], about["name"], event["type"], self._named(event["message"])))
        return seen

    def _conditions(self, place: str) -> dict[str, Any] | None:
        answer = self._client.request("GET", f"/api/v1/namespaces/{self._namespace(place)}")
        if answer.code != 200:
            return None
        status = answer.json()["status"]
        told = [
            [condition[member] for member in ("type", "status", "reason", "message")]
            for condition in status.get("conditions", [])
        ]
        return {"phase": status["phase"], "conditions": told}

    def _named(self, text: str) -> str:
        for uid, label in self._labels.items():
            text = text.replace(uid, label)
        return text


def _shown(item: dict[str, Any], labels: Mapping[str, str]) -> dict[str, Any]:
    metadata = item["metadata"]
    owners = [
        {**owner, "uid": labels.get(owner["uid"], owner["uid"])}
        for owner in metadata.get("ownerReferences", [])
    ]
    return {
        "owners": owners,
        "finalizers": metadata.get("finalizers", []),
        "deleting": "deletionTimestamp" in metadata,
        "label": labels.get(metadata["uid"]),
        "managers": _managers(metadata, labels),
    }


def _managers(metadata: dict[str, Any], labels: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """
    Who set which fields.
    """
    found = []
    for entry in metadata.get("managedFields", []):
        fields = json.dumps(entry["fieldsV1"])
        for uid, label in labels.items():
            fields = fields.replace(uid, label)
        ordered = json.dumps(json.loads(fields), sort_keys=True)
        found.append((entry["manager"], entry["operation"], ordered))
    return sorted(found)


def compare(name: str, steps: Iterable[Step], left: Endpoint, right: Endpoint, home: Path) -> str:
    """
    Play a scenario on both servers; the first difference after a step, or nothing.
    """
    sides = [Side(endpoint, name, home) for endpoint in (left, right)]
    try:
        for side in sides:
            side.begin()
        for step in steps:
            _both(lambda side, step=step: side.play(step), sides)  # type: ignore[misc]
            difference = _settle(sides)
            if difference:
                return f"{name}, after {dict(step)}:\n{difference}"
        return ""
    finally:
        for side in sides:
            side.end()


def _both(work: Any, sides: list[Side]) -> None:
    for side in sides:
        work(side)


def _settle(sides: list[Side]) -> str:
    """
    Wait until both sides are quiet and equal; when they do not become so, tell how they differ.
    """
    deadline = time.monotonic() + _PATIENCE
    last: list[State] = []
    since = time.monotonic()
    while True:
        states = [side.state() for side in sides]
        now = time.monotonic()
        if states != last:
            last, since = states, now
        if states[0] == states[1] and now - since >= _QUIET:
            return ""
        if now > deadline:
            return "\n".join(
                f"{name}: {json.dumps(state, indent=1, sort_keys=True)}"
                for name, state in zip(("left", "right"), states)
            )
        time.sleep(_POLL)


def compare_all(
    table: Mapping[str, list[Step]], left: Endpoint, right: Endpoint, home: Path, threads: int = 12
) -> dict[str, str]:
    """
    The differences of all scenarios, several of which run at a time.
    """
    waiting = list(table.items())
    found: dict[str, str] = {}

    def work() -> None:
        while waiting:
            name, steps = waiting.pop(0)
            try:
                found[name] = compare(name, steps, left, right, home)
            except Exception as error:  # told as the result of this scenario
                found[name] = f"{name}: {type(error).__name__}: {error}"

    running = [threading.Thread(target=work, daemon=True) for _ in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    return found


def warm_up(*endpoints: Endpoint) -> None:
    """
    Wait until servers collect garbage of custom resources: kube-controller-manager looks for new kinds
    only now and then.

    @raise AssertionError: one does not.
    """
    with ThreadPoolExecutor(len(endpoints)) as pool:
        list(pool.map(_warmed, endpoints))


@cache
def _warmed(endpoint: Endpoint) -> None:
    client = endpoint.connect()
    try:
        _warm_up(client)
    finally:
        client.close()


def _warm_up(client: Client) -> None:
    base = "/apis/probe.example.com/v1/namespaces/default/widgets"
    body: dict[str, Any] = {
        "apiVersion": "probe.example.com/v1",
        "kind": "Widget",
        "metadata": {"name": "warm-top"},
        "spec": {"color": "red"},
    }
    headers = {"Content-Type": "application/json"}
    top = client.request("POST", base, headers, json.dumps(body).encode()).json()
    body["metadata"] = {
        "name": "warm-child",
        "ownerReferences": [
            {
                "apiVersion": body["apiVersion"],
                "kind": "Widget",
                "name": "warm-top",
                "uid": top["metadata"]["uid"],
            }
        ],
    }
    client.request("POST", base, headers, json.dumps(body).encode())
    client.request("DELETE", f"{base}/warm-top")
    deadline = time.monotonic() + _WARM
    while client.request("GET", f"{base}/warm-child").code != 404:
        if time.monotonic() > deadline:
            raise AssertionError("garbage is not collected")
        time.sleep(_POLL)


def add_tests(case: type[TestCase], servers: Callable[[], tuple[Endpoint, Endpoint]]) -> None:
    """
    Give a case a test for each scenario; all are played by the first of them, several at a time.

    @param servers: starts kube-apiserver with its controllers, and the other side.
    """

    @cache
    def differences() -> dict[str, str]:
        require("etcd", "kube", "kubectl")
        left, right = servers()
        warm_up(left, right)
        with tempfile.TemporaryDirectory() as home:
            return compare_all(read_table(), left, right, Path(home))

    def test_of(name: str) -> Callable[[TestCase], None]:
        def test(self: TestCase) -> None:
            found = differences()[name]
            self.assertEqual("", found, f"\n{found}")

        test.__doc__ = f"Scenario C{{{name}}}: after each step the same objects are there."
        return test

    for name in read_table():
        setattr(case, f"test_{name.replace('-', '_')}", test_of(name))
