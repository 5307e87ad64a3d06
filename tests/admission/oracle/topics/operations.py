"""
Every way to write, and what webhooks are told of it.
"""

from __future__ import annotations

from tests.admission.oracle.scenario import (
    GROUP,
    JSON_PATCH,
    Scenario,
    Step,
    add,
    apply,
    create,
    merge,
    mutating,
    rule,
    validating,
    widget,
)

_BOTH = (mutating(), validating())
_THERE = (create(),)
_SCALED = (create(replicas=2),)
_SCALE = {"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": "w"}, "spec": {"replicas": 3}}
_NEW = {"apiVersion": f"{GROUP}/v1", "kind": "Widget", "metadata": {"name": "w"}}
_FINALIZED = (Step("POST", "widgets", widget(metadata={"finalizers": ["example.com/a"]})),)
_PLATES = rule(resources=["plates"], scope="Cluster")
_OF_PLATES = {
    "rules": [_PLATES],
    "namespaceSelector": {},
    "objectSelector": {"matchLabels": {"of": "plates"}},
}
_PLATE = {
    "apiVersion": f"{GROUP}/v1",
    "kind": "Plate",
    "metadata": {"name": "of-admission", "labels": {"of": "plates"}},
}
_PLATES_PATH = f"/apis/{GROUP}/v1/plates"

SCENARIOS = (
    Scenario(
        "create", _BOTH, (create(), create(), create("other", "?fieldManager=m&fieldValidation=Strict"))
    ),
    Scenario("create-invalid", _BOTH, (create(color="mauve"),)),
    Scenario(
        "create-malformed", _BOTH, (Step("POST", "widgets", b"{"), Step("POST", "widgets", {"kind": "X"}))
    ),
    Scenario(
        "create-generated",
        _BOTH,
        (Step("POST", "widgets", {**widget(), "metadata": {"generateName": "g-"}}),),
    ),
    Scenario(
        "create-old-version",
        (mutating(rules=[rule(apiVersions=["v1beta1"])]),),
        (
            Step("POST", "v1beta1:widgets", {**widget(), "apiVersion": f"{GROUP}/v1beta1"}),
            create("other"),
        ),
    ),
    Scenario(
        "update",
        _BOTH,
        (
            merge("widgets/w", {"spec": {"size": 4}}),
            merge("widgets/w", {"spec": {"size": 4}}),
            merge("widgets/w?fieldManager=m&fieldValidation=Ignore", {"metadata": {"labels": {"a": "b"}}}),
        ),
        _THERE,
    ),
    Scenario(
        "update-json-patch",
        _BOTH,
        (
            Step("PATCH", "widgets/w", [add("/spec/size", 5)], JSON_PATCH),
            Step("PATCH", "widgets/w", [{"op": "test", "path": "/spec/size", "value": 9}], JSON_PATCH),
            Step("PATCH", "widgets/missing", [add("/spec/size", 5)], JSON_PATCH),
        ),
        _THERE,
    ),
    Scenario(
        "update-stale",
        _BOTH,
        (
            Step("PUT", "widgets/w", widget(metadata={"resourceVersion": "1"}, size=4)),
            Step("PUT", "widgets/w", widget(size=4)),
            merge("widgets/w", {"metadata": {"resourceVersion": "1"}, "spec": {"size": 4}}),
        ),
        _THERE,
    ),
    Scenario(
        "update-invalid",
        _BOTH,
        (
            merge("widgets/w", {"spec": {"size": 99}}),
            merge("widgets/w", {"metadata": {"name": "other"}}),
            Step("PUT", "widgets/missing", widget("missing")),
        ),
        _THERE,
    ),
    Scenario(
        "apply",
        _BOTH,
        (
            apply("widgets/w?fieldManager=m", {**_NEW, "spec": {"color": "red"}}),
            apply("widgets/w?fieldManager=m", {**_NEW, "spec": {"color": "blue"}}),
            apply("widgets/w?fieldManager=n", {**_NEW, "spec": {"color": "green"}}),
            apply("widgets/w?fieldManager=n&force=true&dryRun=All", {**_NEW, "spec": {"color": "green"}}),
        ),
    ),
    Scenario(
        "status",
        _BOTH,
        (
            merge("widgets/w/status", {"status": {"phase": "Ready"}, "spec": {"color": "blue"}}),
            merge("widgets/w", {"status": {"phase": "Done"}}),
            apply("widgets/w/status?fieldManager=m", {**_NEW, "status": {"observed": 3}}),
        ),
        _THERE,
    ),
    Scenario(
        "status-only",
        (
            mutating(rules=[rule(resources=["widgets/status"])]),
            validating(rules=[rule(resources=["widgets/status"])]),
        ),
        (
            create("other"),
            merge("widgets/w/status", {"status": {"phase": "Ready"}}),
        ),
        _THERE,
    ),
    Scenario(
        "scale",
        _BOTH,
        (
            merge("widgets/w/scale", {"spec": {"replicas": 4}}),
            Step("PUT", "widgets/w/scale", _SCALE),
            Step("PATCH", "widgets/w/scale?dryRun=All", [add("/spec/replicas", 7)], JSON_PATCH),
            merge("widgets/w/scale", {"spec": {"replicas": -4}}),
        ),
        _SCALED,
    ),
    Scenario(
        "scale-apply",
        _BOTH,
        (
            apply("widgets/w/scale?fieldManager=m&force=true", _SCALE),
            Step("GET", "widgets/w"),
        ),
        _SCALED,
        differs="kube-apiserver cannot apply the scale of a definition's object",
    ),
    Scenario(
        "scale-unset",
        _BOTH,
        (
            merge("widgets/w/scale", {"metadata": {"labels": {"a": "b"}}}),
            merge("widgets/w/scale", {"spec": {"replicas": 4}}),
        ),
        _THERE,
    ),
    Scenario("delete", _BOTH, (Step("DELETE", "widgets/w"), Step("DELETE", "widgets/w")), _THERE),
    Scenario(
        "delete-options",
        _BOTH,
        (
            Step("DELETE", "widgets/w", {"preconditions": {"uid": "x"}}),
            Step("DELETE", "widgets/w", {"propagationPolicy": "Orphan", "gracePeriodSeconds": 5}),
        ),
        _THERE,
    ),
    Scenario(
        "delete-dry",
        _BOTH,
        (
            Step("DELETE", "widgets/w?dryRun=All"),
            Step("DELETE", "widgets/w", {"kind": "DeleteOptions", "apiVersion": "v1", "dryRun": ["All"]}),
            Step("DELETE", "widgets/w", {"orphanDependents": False}),
        ),
        _THERE,
    ),
    Scenario(
        "delete-finalized",
        _BOTH,
        (
            Step("DELETE", "widgets/w"),
            Step("DELETE", "widgets/w"),
            merge("widgets/w", {"metadata": {"finalizers": None}}),
        ),
        _FINALIZED,
    ),
    Scenario(
        "delete-collection",
        _BOTH,
        (
            Step("DELETE", "widgets?labelSelector=a%3Db"),
            Step("DELETE", "widgets?dryRun=All"),
            Step("DELETE", "widgets"),
        ),
        (create("one"), create("two")),
    ),
    Scenario(
        "dry-run",
        _BOTH,
        (
            create("other", "?dryRun=All"),
            merge("widgets/w?dryRun=All", {"spec": {"size": 4}}),
            merge("widgets/w/status?dryRun=All", {"status": {"phase": "Ready"}}),
        ),
        _THERE,
    ),
    Scenario(
        "dry-run-effects",
        (
            mutating(sideEffects="NoneOnDryRun"),
            validating(sideEffects="NoneOnDryRun"),
        ),
        (create(query="?dryRun=All"),),
    ),
    Scenario(
        "plates",
        (mutating(**_OF_PLATES), validating(**_OF_PLATES)),
        (
            Step("POST", _PLATES_PATH, _PLATE),
            merge(f"{_PLATES_PATH}/of-admission", {"spec": {"text": "x"}}),
            Step("DELETE", f"{_PLATES_PATH}/of-admission"),
        ),
    ),
    Scenario("reading", _BOTH, (Step("GET", "widgets/w"), Step("GET", "widgets")), _THERE),
)
