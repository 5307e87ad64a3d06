"""
CustomObjectsApi: server-side apply.
"""

from __future__ import annotations

from typing import Any

from kubernetes.client.exceptions import ApiException

from tests.clients.python_kubernetes.support import APPLY, WIDGETS, api, status
from tests.clients.rules import holds, raises, rule, same, widget


def apply(body: dict[str, Any], manager: str, force: bool = False) -> dict[str, Any]:
    """
    Apply a widget, and read it: this client knows no answer for the 201 of an apply that creates.
    """
    name = body["metadata"]["name"]
    api.patch_namespaced_custom_object(
        *WIDGETS, name, body, field_manager=manager, force=force, _content_type=APPLY
    )
    return api.get_namespaced_custom_object(*WIDGETS, name)


@rule
def apply_creates_merges_and_owns() -> None:
    body = widget("applied", size=4, ports=[{"name": "web", "port": 80}])
    first = apply(body, "one")
    entries = {one["manager"]: one for one in first["metadata"]["managedFields"]}
    same(entries["one"]["operation"], "Apply")
    holds("f:size" in entries["one"]["fieldsV1"]["f:spec"], entries["one"])
    second = apply(widget("applied", ports=[{"name": "ssh", "port": 22}]), "two")
    same([port["name"] for port in second["spec"]["ports"]], ["web", "ssh"])


@rule
def an_apply_conflicts_until_it_is_forced() -> None:
    error = raises(ApiException, lambda: apply(widget("applied", size=5), "two"))
    same((error.status, status(error)["reason"]), (409, "Conflict"))
    causes = status(error)["details"]["causes"]
    same(
        causes,
        [{"reason": "FieldManagerConflict", "message": 'conflict with "one"', "field": ".spec.size"}],
    )
    same(apply(widget("applied", size=5), "two", force=True)["spec"]["size"], 5)


@rule
def an_apply_drops_what_it_no_longer_names() -> None:
    body = widget("applied")
    answer = apply(body, "two")
    same(answer["spec"]["size"], 3)  # the default is back
    same([port["name"] for port in answer["spec"]["ports"]], ["web"])
    same(apply(body, "two"), answer)


@rule
def status_is_applied_through_its_subresource() -> None:
    body = {**widget("applied"), "status": {"phase": "Ready", "observed": 1}}
    del body["spec"]
    answer = api.patch_namespaced_custom_object_status(
        *WIDGETS, "applied", body, field_manager="controller", force=True, _content_type=APPLY
    )
    same(answer["status"]["phase"], "Ready")
    entry = next(one for one in answer["metadata"]["managedFields"] if one["manager"] == "controller")
    same((entry["subresource"], entry["operation"]), ("status", "Apply"))


@rule
def an_apply_needs_a_field_manager() -> None:
    call = lambda: api.patch_namespaced_custom_object(  # noqa: E731
        *WIDGETS, "applied", widget("applied"), _content_type=APPLY
    )
    error = raises(ApiException, call)
    same((error.status, status(error)["details"]["causes"][0]["field"]), (422, "fieldManager"))
