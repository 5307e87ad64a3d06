"""
Rules for other versions of what is written (contract 16.10).
"""

from __future__ import annotations

from typing import Any

from tests.admission.oracle.scenario import (
    GROUP,
    Hook,
    Scenario,
    Step,
    add,
    apply,
    create,
    denying,
    merge,
    mutating,
    patching,
    remove,
    rule,
    validating,
    widget,
)

_OLD = f"{GROUP}/v1beta1"
_BETA = rule(apiVersions=["v1beta1"])
_THERE = (Step("POST", "widgets", widget(metadata={"labels": {"a": "b"}})),)
_STEPS = (
    create("other"),
    merge("widgets/w", {"spec": {"size": 5}}),
    merge("widgets/w/status", {"status": {"phase": "Ready"}}),
    merge("widgets/w/scale", {"spec": {"replicas": 2}}),
    merge("v1beta1:widgets/w", {"spec": {"size": 6}}),
    merge("v1beta1:widgets/w/scale", {"spec": {"replicas": 3}}),
    Step("DELETE", "widgets/w"),
    Step("DELETE", "v1beta1:widgets/other"),
)


def _both(*rules: dict[str, Any], **members: Any) -> tuple[Hook, ...]:
    return mutating("m", rules=list(rules), **members), validating("v", rules=list(rules), **members)


def _if(name: str, expression: str) -> Scenario:
    conditions = [{"name": "c", "expression": expression}]
    return Scenario(f"versions-if-{name}", _both(_BETA, matchConditions=conditions), _STEPS[:6], _THERE)


SCENARIOS = (
    Scenario("versions-old", _both(_BETA), _STEPS, _THERE),
    Scenario("versions-new", _both(rule()), _STEPS, _THERE),
    Scenario("versions-own-first", _both(_BETA, rule()), _STEPS, _THERE),
    Scenario("versions-exact", _both(_BETA, matchPolicy="Exact"), _STEPS, _THERE),
    Scenario(
        "versions-collection",
        _both(_BETA),
        (Step("DELETE", "widgets"),),
        (*_THERE, create("second")),
    ),
    Scenario("versions-dry", _both(_BETA), (create("other", "?dryRun=All"),), _THERE),
    Scenario(
        "versions-applied",
        _both(_BETA),
        (
            apply("widgets/x?fieldManager=f", widget("x")),
            apply("widgets/x?fieldManager=f", widget("x", size=4)),
            apply("v1beta1:widgets/x?fieldManager=g", {**widget("x", armed=True), "apiVersion": _OLD}),
        ),
    ),
    Scenario("versions-denied", (validating("v", denying(message="no"), rules=[_BETA]),), _STEPS, _THERE),
    Scenario(
        "versions-patched",
        (mutating("m", patching(add("/spec/size", 7)), rules=[_BETA]), validating("v")),
        _STEPS,
        _THERE,
    ),
    Scenario(
        "versions-patched-defaults",
        (mutating("m", patching(remove("/spec/size")), rules=[_BETA]), validating("v")),
        (create("other"), merge("widgets/w", {"spec": {"size": 5}})),
        _THERE,
    ),
    Scenario(
        "versions-patched-in-turn",
        (
            mutating("a", patching(add("/spec/note", "aa")), rules=[_BETA], reinvocationPolicy="IfNeeded"),
            mutating("b", patching(add("/spec/size", 7)), rules=[rule()], reinvocationPolicy="IfNeeded"),
            mutating("c", patching(add("/metadata/labels", {"c": "d"})), rules=[_BETA]),
            mutating("d", objectSelector={"matchLabels": {"c": "d"}}, rules=[rule()]),
            validating("v"),
        ),
        _STEPS[:3],
        _THERE,
    ),
    *(
        Scenario(
            f"versions-patched-to-{name}",
            (mutating("m", patching(add("/apiVersion", said)), rules=[_BETA]),),
            (create("other"), Step("POST", "v1beta1:widgets", {**widget("third"), "apiVersion": _OLD})),
        )
        for name, said in (("v1", f"{GROUP}/v1"), ("none", f"{GROUP}/v9"), ("elsewhere", "apps/v1"))
    ),
    Scenario(
        "versions-patched-to-own",
        (mutating("m", patching(add("/apiVersion", _OLD))), validating("v")),
        (create("other"), merge("widgets/other", {"spec": {"size": 5}})),
    ),
    Scenario(
        "versions-patched-unknown",
        (mutating("m", patching(add("/spec/unknown", 1)), rules=[_BETA]), validating("v")),
        (create("other"),),
    ),
    _if("object", f"object == null || object.apiVersion == '{_OLD}'"),
    _if("kind", "request.kind.version == 'v1beta1'"),
    _if("resource", "request.resource.version == 'v1beta1'"),
    _if("asked-kind", "request.requestKind.version == 'v1'"),
    _if("asked-resource", "request.requestResource.version == 'v1'"),
)
