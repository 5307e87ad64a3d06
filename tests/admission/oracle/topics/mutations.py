"""
What webhooks may do to objects.
"""

from __future__ import annotations

from typing import Any

from tests.admission.oracle.scenario import (
    APPLY,
    GROUP,
    Reply,
    Review,
    Scenario,
    Step,
    add,
    allow,
    apply,
    create,
    encoded,
    merge,
    mutating,
    patching,
    remove,
    rule,
    saying,
    validating,
    widget,
)

_THERE = (create(),)
_AGAIN = {"reinvocationPolicy": "IfNeeded"}
_OWNER = {"apiVersion": "v1", "kind": "ConfigMap", "name": "a", "uid": "u"}
_SHOW = validating()


def _on(name: str, *operations: Any, steps: tuple[Step, ...] = (create(),), **more: Any) -> Scenario:
    """
    One patch, and what comes of it.
    """
    return Scenario(name, (mutating("m", patching(*operations)), _SHOW), steps, **more)


def _counting(review: Review) -> Review:
    """
    Adds one to the size each time.
    """
    size = review["request"]["object"]["spec"]["size"]
    return patching(add("/spec/size", size + 1))(review)  # type: ignore[return-value]


def _label(name: str) -> Reply:
    def reply(review: Review) -> Review:
        if "labels" not in review["request"]["object"]["metadata"]:
            return patching(add("/metadata/labels", {name: "x"}))(review)  # type: ignore[return-value]
        return patching(add(f"/metadata/labels/{name}", "x"))(review)  # type: ignore[return-value]

    return reply


def _foreign(review: Review) -> Review:
    """
    Writes as another manager.
    """
    entries = review["request"]["object"]["metadata"]["managedFields"]
    changed = [{**entry, "manager": "webhook"} for entry in entries]
    return patching(add("/metadata/managedFields", changed))(review)  # type: ignore[return-value]


SCENARIOS = (
    _on("patch", add("/spec/size", 5), add("/metadata/labels", {"a": "b"})),
    _on(
        "patch-update",
        add("/spec/size", 5),
        steps=(merge("widgets/w", {"spec": {"color": "blue"}}),),
        before=_THERE,
    ),
    _on(
        "patch-apply",
        add("/spec/size", 5),
        steps=(
            apply("widgets/w?fieldManager=m", {**widget(), "spec": {"color": "blue"}}),
            apply("widgets/w?fieldManager=m", {**widget(), "spec": {"color": "green"}}),
        ),
    ),
    _on(
        "patch-back", add("/spec/size", 3), steps=(merge("widgets/w", {"spec": {"size": 5}}),), before=_THERE
    ),
    _on("patch-unknown", add("/spec/unknown", 1), add("/metadata/unknown", 1), add("/other", {})),
    _on("patch-default", remove("/spec/size"), add("/spec/steps", [{"run": "x"}])),
    _on("patch-null", add("/spec/mode", None), add("/spec/maybe", None), add("/spec/note", None)),
    _on("patch-invalid", add("/spec/size", 99)),
    _on("patch-cures", add("/spec/color", "blue"), steps=(create(color="mauve"),)),
    _on("patch-name", add("/metadata/name", "other")),
    _on(
        "patch-name-update",
        add("/metadata/name", "other"),
        steps=(merge("widgets/w", {"spec": {"size": 5}}),),
        before=_THERE,
    ),
    _on(
        "patch-generated",
        add("/metadata/name", "named"),
        steps=(Step("POST", "widgets", {**widget(), "metadata": {"generateName": "g-"}}),),
    ),
    _on("patch-namespace", add("/metadata/namespace", "other")),
    _on("patch-no-namespace", remove("/metadata/namespace")),
    _on("patch-kind", add("/kind", "Gadget")),
    _on("patch-no-kind", remove("/kind")),
    _on("patch-version", add("/apiVersion", f"{GROUP}/v9")),
    _on("patch-group", add("/apiVersion", "v1")),
    _on(
        "patch-metadata",
        add("/metadata/labels", {"a": 1}),
        differs="metadata that cannot be is dropped before others see it",
    ),
    _on("patch-labels", add("/metadata/labels", {"a": "b c"})),
    _on("patch-no-metadata", remove("/metadata")),
    _on("patch-whole", {"op": "replace", "path": "", "value": []}),
    _on(
        "patch-system",
        add("/metadata/uid", "u"),
        add("/metadata/generation", 7),
        add("/metadata/creationTimestamp", "2020-01-01T00:00:00Z"),
    ),
    _on(
        "patch-system-update",
        add("/metadata/uid", "u"),
        add("/metadata/generation", 7),
        steps=(merge("widgets/w", {"spec": {"size": 5}}),),
        before=_THERE,
    ),
    _on(
        "patch-deletion",
        add("/metadata/deletionTimestamp", "2020-01-01T00:00:00Z"),
        add("/metadata/deletionGracePeriodSeconds", 3),
    ),
    _on(
        "patch-revision",
        add("/metadata/resourceVersion", "7"),
        differs="a revision of an object that is to be made is the request's fault, 400",
    ),
    _on(
        "patch-revision-update",
        add("/metadata/resourceVersion", "7"),
        steps=(merge("widgets/w", {"spec": {"size": 5}}),),
        before=_THERE,
    ),
    _on("patch-finalizers", add("/metadata/finalizers", ["example.com/a", "odd"])),
    _on("patch-owners", add("/metadata/ownerReferences", [_OWNER, _OWNER])),
    _on("patch-bad-owners", add("/metadata/ownerReferences", [{"kind": "x"}])),
    _on("patch-status", add("/status", {"phase": "Ready"})),
    _on(
        "patch-of-status",
        add("/spec/color", "green"),
        add("/status/phase", "Done"),
        add("/metadata/labels", {"a": "b"}),
        steps=(
            merge("widgets/w/status", {"status": {"phase": "Ready"}}),
            Step("GET", "widgets/w"),
        ),
        before=_THERE,
    ),
    Scenario(
        "patch-scale",
        (
            mutating("m", patching(add("/spec/replicas", 9)), rules=[rule(resources=["widgets/scale"])]),
            _SHOW,
        ),
        (merge("widgets/w/scale", {"spec": {"replicas": 4}}), Step("GET", "widgets/w")),
        (create(replicas=1),),
    ),
    Scenario(
        "patch-scale-odd",
        (
            mutating("m", patching(add("/spec/replicas", "x")), rules=[rule(resources=["widgets/scale"])]),
            _SHOW,
        ),
        (merge("widgets/w/scale", {"spec": {"replicas": 4}}),),
        (create(replicas=1),),
    ),
    _on("patch-delete", add("/metadata/labels", {}), steps=(Step("DELETE", "widgets/w"),), before=_THERE),
    _on("patch-collection", add("/metadata/labels", {}), steps=(Step("DELETE", "widgets"),), before=_THERE),
    _on("patch-dry", add("/spec/size", 5), steps=(create(query="?dryRun=All"),)),
    _on("patch-fails", {"op": "test", "path": "/spec/size", "value": 9}),
    _on("patch-fails-test", {"op": "test", "path": "/spec/missing/deep", "value": 9}),
    _on("patch-missing", remove("/spec/missing")),
    _on("patch-missing-deep", remove("/spec/missing/deep")),
    _on("patch-add-deep", add("/spec/missing/deep", 1)),
    _on("patch-replace-missing", {"op": "replace", "path": "/spec/missing", "value": 1}),
    _on("patch-odd-index", add("/spec/ports/9", {"name": "x"})),
    _on("patch-odd-operation", {"op": "odd", "path": "/spec"}),
    _on("patch-no-path", {"op": "add", "value": 1}),
    _on("patch-no-change", add("/spec/size", 3)),
    _on(
        "patch-copy",
        {"op": "copy", "from": "/spec/color", "path": "/spec/every"},
        {"op": "move", "from": "/spec/every", "path": "/spec/note"},
    ),
    _on("patch-empty"),
    Scenario(
        "patch-null-text",
        (mutating("m", saying(patch=encoded(b"null"), patchType="JSONPatch")), _SHOW),
        (create(),),
    ),
    Scenario(
        "managed-fields",
        (mutating("m", _foreign), _SHOW),
        (
            create(),
            Step("PATCH", "widgets/w?fieldManager=m", {**widget(), "spec": {"size": 5}}, APPLY),
        ),
    ),
    _on("managed-fields-odd", add("/metadata/managedFields", [{"manager": "m", "operation": "Odd"}])),
    _on("managed-fields-none", remove("/metadata/managedFields")),
    Scenario("order", tuple(mutating(name, _label(name)) for name in ("c", "b", "a")), (create(),)),
    Scenario(
        "again",
        (
            mutating("a", allow, **_AGAIN),
            mutating("b", patching(add("/spec/size", 5))),
            mutating("c", allow, **_AGAIN),
        ),
        (create(),),
    ),
    Scenario(
        "again-counting",
        (
            mutating("a", _counting, **_AGAIN),
            mutating("b", _counting, **_AGAIN),
            mutating("c", _counting),
            _SHOW,
        ),
        (create(), merge("widgets/w", {"spec": {"color": "blue"}})),
    ),
    Scenario("again-not", (mutating("a", _counting), mutating("b", _counting)), (create(),)),
    Scenario(
        "again-unchanged", (mutating("a", allow, **_AGAIN), mutating("b", allow, **_AGAIN)), (create(),)
    ),
    Scenario(
        "again-newly-selected",
        (
            mutating("a", _label("a"), objectSelector={"matchLabels": {"b": "x"}}, **_AGAIN),
            mutating("b", _label("b"), **_AGAIN),
        ),
        (create(),),
    ),
    Scenario(
        "again-deselected",
        (
            mutating(
                "a",
                allow,
                objectSelector={"matchExpressions": [{"key": "b", "operator": "DoesNotExist"}]},
                **_AGAIN,
            ),
            mutating("b", _label("b")),
        ),
        (create(),),
    ),
)
