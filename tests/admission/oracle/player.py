"""
Plays scenarios on a server and its cluster, and tells what came of them.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from tests.admission.oracle.hookserver import Asked, HookServer
from tests.admission.oracle.scenario import (
    GROUP,
    MUTATING,
    VALIDATING,
    Hook,
    Scenario,
    Step,
    create,
    denying,
    mutating,
    rule,
    validating,
)
from tests.cluster.client import Answer, Client, Endpoint

_REGISTRATION = "/apis/admissionregistration.k8s.io/v1"
_KINDS = {MUTATING: "MutatingWebhookConfiguration", VALIDATING: "ValidatingWebhookConfiguration"}
_SECONDS = 30
CANARY = Scenario(
    "canary", (mutating("m", denying()), validating("v", denying())), (create(query="?dryRun=All"),)
)
_CREDENTIAL = "authentication.kubernetes.io/credential-id"
_ENTRY = ("manager", "operation", "subresource")
_SETTLING = 0.03
_PATTERNS = (
    (re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"), "<uid>"),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"), "<time>"),
    (re.compile(r"127\.0\.0\.(\d):\d+/(left|right)/"), r"<host \1>/"),
    (re.compile(r"dial tcp 127\.0\.0\.(\d):\d+"), r"dial tcp <host \1>"),
    (re.compile(r'("?resourceVersion"?: ?"?)\d+'), r"\1<revision>"),
    (re.compile(r"\b(g-)[bcdfghjklmnpqrstvwxz2456789]{5}\b"), r"\1<random>"),
)


class Played(NamedTuple):
    """
    What came of a step.

    @ivar asked: what webhooks were asked; those that judge in the order of their names.
    """

    code: int
    warnings: str
    body: Any
    asked: list[Any]


class Side:
    """
    A server.

    @param name: C{left} or C{right}.
    """

    def __init__(self, name: str, endpoint: Endpoint, hooks: HookServer) -> None:
        self._name = name
        self._client: Client = endpoint.connect()
        self._hooks = hooks
        self._configured: list[str] = []

    def prepare(self, scenarios: Sequence[Scenario]) -> None:
        """
        Make what is there before the webhooks are, and then these; return when the server knows them.
        """
        for scenario in (*scenarios, CANARY):
            self._create(
                "/api/v1/namespaces",
                {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": scenario.name}},
            )
            for step in scenario.before:
                answer = self._send(scenario, step)
                if answer.code >= 300:
                    raise ValueError(f"{scenario.name}: {answer.body.decode()}")
        for scenario in (*scenarios, CANARY):
            for hook in scenario.hooks:
                self._configure(scenario, hook)
        for told in ("m.canary.example.com", "v.canary.example.com"):
            self._wait_for(told)

    def play(self, scenario: Scenario) -> list[Played]:
        """
        Play one.
        """
        found = []
        for step in scenario.steps:
            # kube-apiserver tries with what its cache has, and asks webhooks again if that is old.
            time.sleep(_SETTLING)
            answer = self._send(scenario, step)
            asked = self._hooks.take(self._name, scenario.name)
            found.append(_played(answer, asked, scenario))
        return found

    def close(self) -> None:
        """
        Take the webhooks away, and ask no more.
        """
        for place in self._configured:
            self._client.request("DELETE", place)
        self._client.close()

    def _wait_for(self, told: str) -> None:
        """
        Wait until a canary sings; then it is let go, so that the next can be heard.
        """
        limit = time.monotonic() + _SECONDS
        while told not in (answer := self._send(CANARY, CANARY.steps[0]).body.decode()):
            if time.monotonic() > limit:
                raise TimeoutError(f"{self._name}: {told} is not asked: {answer}")
            time.sleep(0.05)
        if told.startswith("m."):
            place = f"{_REGISTRATION}/mutatingwebhookconfigurations/canary-m"
            self._client.request("DELETE", place)

    def _configure(self, scenario: Scenario, hook: Hook) -> None:
        # Cluster-scoped objects are in no namespace that could be selected; they choose by their labels.
        name = {"matchLabels": {"kubernetes.io/metadata.name": scenario.name}}
        webhook = {
            "name": f"{hook.name}.{scenario.name}.example.com",
            "clientConfig": self._hooks.client_config(self._name, scenario.name, hook.name, hook.place),
            "rules": [rule()],
            "sideEffects": "None",
            "admissionReviewVersions": ["v1"],
            "namespaceSelector": name,
            "timeoutSeconds": 10,
            **hook.members,
        }
        kind = _KINDS[hook.sort]
        body = {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": kind,
            "metadata": {"name": f"{scenario.name}-{hook.name}"},
            "webhooks": [webhook],
        }
        self._create(f"{_REGISTRATION}/{kind.lower()}s", body)
        self._configured.append(f"{_REGISTRATION}/{kind.lower()}s/{body['metadata']['name']}")

    def _create(self, target: str, body: dict[str, Any]) -> None:
        text = json.dumps(body).encode()
        answer = self._client.request("POST", target, {"Content-Type": "application/json"}, text)
        if answer.code not in (201, 409):
            raise ValueError(f"{target}: {answer.body.decode()}")

    def _send(self, scenario: Scenario, step: Step) -> Answer:
        target = step.path
        if not target.startswith("/"):
            version = "v1"
            if target.startswith("v1beta1:"):
                version, _, target = target.partition(":")
            target = f"/apis/{GROUP}/{version}/namespaces/{scenario.name}/{target}"
        headers = {"User-Agent": "player/1"}
        body = None
        if step.body is not None:
            headers["Content-Type"] = step.content_type
            body = step.body if isinstance(step.body, bytes) else json.dumps(step.body).encode()
        return self._client.request(step.method, target, headers, body)


def _played(answer: Answer, asked: Iterable[Asked], scenario: Scenario) -> Played:
    judges = {hook.name for hook in scenario.hooks if hook.sort == VALIDATING}
    changed = [one for one in asked if one.hook not in judges]
    judged = sorted((one for one in asked if one.hook in judges), key=lambda one: one.hook)
    try:
        body: Any = _plain(json.loads(answer.body))
    except ValueError:
        body = _text(answer.body.decode("utf-8", "replace"))
    warnings = _text(answer.header("warning"))
    return Played(answer.code, warnings, body, [_seen(one) for one in (*changed, *judged)])


def _seen(asked: Asked) -> dict[str, Any]:
    """
    A question, with the order of its members.
    """
    review = asked.review
    return {
        "hook": asked.hook,
        "query": asked.query,
        "headers": asked.headers,
        "order": [list(review), list(review["request"])],
        "review": _plain(review),
    }


def _plain(value: Any, name: str = "") -> Any:
    if isinstance(value, dict):
        return {key: _plain(one, key) for key, one in sorted(value.items())}
    if name == "managedFields":
        # Those of the same second are in the order of their names.
        value = sorted(value, key=lambda one: [str(one.get(key)) for key in _ENTRY])
    if isinstance(value, list):
        return [_plain(one, name) for one in value] if name != _CREDENTIAL else ["<credential>"]
    if isinstance(value, str):
        if name == "resourceVersion":
            return "<revision>"
        return _text(value)
    return value


def _text(text: str) -> str:
    for pattern, shown in _PATTERNS:
        text = pattern.sub(shown, text)
    return text
