"""
What a scenario is made of.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Union

GROUP = "probe.example.com"
MERGE = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
APPLY = "application/apply-patch+yaml"
MUTATING = "mutating"
VALIDATING = "validating"

Review = dict[str, Any]


class Told(NamedTuple):
    """
    An answer of a webhook that is not just a review.

    @ivar seconds: how long it takes.
    """

    body: Any
    code: int = 200
    content_type: str = "application/json"
    seconds: float = 0
    location: str = ""


Reply = Callable[[Review], Union[Review, Told]]


class Hook(NamedTuple):
    """
    A webhook.

    @ivar place: where it is: C{server}, or what is wrong with it: C{refused}, C{untrusted}, C{misnamed}.
    @ivar members: of its configuration, where they are not the usual ones.
    """

    sort: str
    name: str
    reply: Reply
    members: Mapping[str, Any]
    place: str = "server"


class Step(NamedTuple):
    """
    A request; C{path} is below the scenario's namespace, or absolute.
    """

    method: str
    path: str
    body: Any = None
    content_type: str = "application/json"


class Scenario(NamedTuple):
    """
    @ivar before: requests before there are webhooks.
    @ivar differs: why the two servers do not do the same; empty if they have to.
    """

    name: str
    hooks: tuple[Hook, ...]
    steps: tuple[Step, ...]
    before: tuple[Step, ...] = ()
    differs: str = ""


def allow(review: Review, **members: Any) -> Review:
    """
    An answer that allows what was asked about.
    """
    response = {"uid": review["request"]["uid"], "allowed": True, **members}
    return {"apiVersion": review["apiVersion"], "kind": review["kind"], "response": response}


def saying(**members: Any) -> Reply:
    """
    Allows, with further members of the response.
    """
    return lambda review: allow(review, **members)


def denying(**status: Any) -> Reply:
    """
    Refuses.
    """
    return saying(allowed=False, **({"status": status} if status else {}))


def encoded(patch: Any) -> str:
    """
    A patch as a response has it.
    """
    text = patch if isinstance(patch, bytes) else json.dumps(patch).encode()
    return base64.b64encode(text).decode()


def patching(*operations: Any) -> Reply:
    """
    Allows, with a JSON patch.
    """
    return saying(patch=encoded(list(operations)), patchType="JSONPatch")


def add(path: str, value: Any) -> dict[str, Any]:
    """
    One operation.
    """
    return {"op": "add", "path": path, "value": value}


def remove(path: str) -> dict[str, Any]:
    """
    One operation.
    """
    return {"op": "remove", "path": path}


def mutating(name: str = "m", reply: Reply = allow, **members: Any) -> Hook:
    """
    A webhook that may change what is written.
    """
    return Hook(MUTATING, name, reply, members)


def validating(name: str = "v", reply: Reply = allow, **members: Any) -> Hook:
    """
    A webhook that judges what is written.
    """
    return Hook(VALIDATING, name, reply, members)


def rule(**members: Any) -> dict[str, Any]:
    """
    A rule about widgets and their subresources.
    """
    return {
        "operations": ["*"],
        "apiGroups": [GROUP],
        "apiVersions": ["v1"],
        "resources": ["widgets", "widgets/*"],
        "scope": "Namespaced",
        **members,
    }


def widget(name: str = "w", /, metadata: Mapping[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    """
    A widget to send.
    """
    return {
        "apiVersion": f"{GROUP}/v1",
        "kind": "Widget",
        "metadata": {"name": name, **(metadata or {})},
        "spec": {"color": "red", **spec},
    }


def create(name: str = "w", query: str = "", **spec: Any) -> Step:
    """
    Create a widget.
    """
    return Step("POST", f"widgets{query}", widget(name, **spec))


def merge(path: str, body: Any) -> Step:
    """
    A merge patch.
    """
    return Step("PATCH", path, body, MERGE)


def apply(path: str, body: Any) -> Step:
    """
    An apply patch.
    """
    return Step("PATCH", path, body, APPLY)
