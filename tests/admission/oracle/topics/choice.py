"""
Which webhooks are asked.
"""

from __future__ import annotations

from typing import Any

from tests.admission.oracle.scenario import (
    GROUP,
    Scenario,
    Step,
    add,
    create,
    merge,
    mutating,
    patching,
    rule,
    validating,
    widget,
)

_THERE = (Step("POST", "widgets", widget(metadata={"labels": {"a": "b"}})),)
_STEPS = (
    create("other"),
    merge("widgets/w", {"spec": {"size": 5}}),
    merge("widgets/w/status", {"status": {"phase": "Ready"}}),
    merge("widgets/w/scale", {"spec": {"replicas": 2}}),
    Step("DELETE", "widgets/w"),
)


def _ruled(name: str, *rules: dict[str, Any], **members: Any) -> Scenario:
    return Scenario(f"ruled-{name}", (validating("v", rules=list(rules), **members),), _STEPS, _THERE)


def _selected(name: str, **selector: Any) -> Scenario:
    return Scenario(
        f"selected-{name}",
        (validating("v", objectSelector=selector),),
        (
            create("other"),
            merge("widgets/w", {"spec": {"size": 5}}),
            merge("widgets/w", {"metadata": {"labels": {"a": "c"}}}),
            Step("DELETE", "widgets/w"),
        ),
        _THERE,
    )


def _if(name: str, *expressions: str, steps: tuple[Step, ...] = _STEPS[:2], **members: Any) -> Scenario:
    conditions = [{"name": f"c{place}", "expression": text} for place, text in enumerate(expressions)]
    hooks = (
        mutating("m", matchConditions=conditions, **members),
        validating("v", matchConditions=conditions, **members),
    )
    return Scenario(f"if-{name}", hooks, steps, _THERE)


def _key(key: str, operator: str, *values: str) -> dict[str, Any]:
    found: dict[str, Any] = {"key": key, "operator": operator}
    return {**found, "values": list(values)} if values else found


_CHECK = f"authorizer.group('{GROUP}').resource('widgets').namespace('x').check('create')"
_COSTLY = "[1,2,3,4,5,6,7,8,9,10]"
_LOOPS = f"{_COSTLY}.all(a, {_COSTLY}.all(b, {_COSTLY}.all(c, {_COSTLY}.all(d, {_COSTLY}.all(e, a + b + c + d + e > 0)))))"

SCENARIOS = (
    _ruled("creations", rule(operations=["CREATE"])),
    _ruled("two-operations", rule(operations=["UPDATE", "DELETE"])),
    _ruled("connections", rule(operations=["CONNECT"])),
    _ruled("all-resources", rule(resources=["*"])),
    _ruled("all-subresources", rule(resources=["*/*"])),
    _ruled("all-status", rule(resources=["*/status"])),
    _ruled("widgets-only", rule(resources=["widgets"])),
    _ruled("below-widgets", rule(resources=["widgets/*"])),
    _ruled("scale-only", rule(resources=["widgets/scale"])),
    _ruled("other-resource", rule(resources=["plates"])),
    _ruled("any-group", rule(apiGroups=["*"])),
    _ruled("other-group", rule(apiGroups=["apps"])),
    _ruled("any-version", rule(apiVersions=["*"])),
    _ruled("other-version", rule(apiVersions=["v9"])),
    _ruled("cluster-scope", rule(scope="Cluster")),
    _ruled("any-scope", rule(scope="*")),
    _ruled("two-rules", rule(operations=["CREATE"]), rule(operations=["DELETE"])),
    _ruled("exact", rule(), matchPolicy="Exact"),
    _ruled("no-rules"),
    _selected("label", matchLabels={"a": "b"}),
    _selected("in", matchExpressions=[_key("a", "In", "b", "x")]),
    _selected("not-in", matchExpressions=[_key("a", "NotIn", "b")]),
    _selected("exists", matchExpressions=[_key("a", "Exists")]),
    _selected("absent", matchExpressions=[_key("a", "DoesNotExist")]),
    _selected("both", matchLabels={"a": "b"}, matchExpressions=[_key("c", "DoesNotExist")]),
    Scenario(
        "selected-by-others",
        (
            mutating("a", patching(add("/metadata/labels", {"x": "y"}))),
            mutating("b", objectSelector={"matchLabels": {"x": "y"}}),
            validating("v", objectSelector={"matchLabels": {"x": "y"}}),
        ),
        (create(),),
    ),
    Scenario(
        "namespace-not",
        (validating("v", namespaceSelector={"matchLabels": {"kubernetes.io/metadata.name": "nowhere"}}),),
        (create(),),
    ),
    Scenario(
        "namespace-many",
        (
            validating(
                "v",
                namespaceSelector={
                    "matchExpressions": [
                        _key("kubernetes.io/metadata.name", "In", "namespace-many", "other"),
                        _key("skip", "DoesNotExist"),
                    ]
                },
            ),
        ),
        (create(),),
    ),
    _if("true", "true"),
    _if("false", "false"),
    _if("one-false", "true", "false"),
    _if("object", "object.spec.color == 'red' && !has(object.metadata.deletionTimestamp)"),
    _if("old", "oldObject == null || oldObject.spec.size == 3", steps=_STEPS),
    _if(
        "request",
        "request.operation == 'CREATE' && request.resource.resource == 'widgets' && request.kind.kind == 'Widget'",
    ),
    _if("request-name", "request.name == 'w' && request.namespace == 'if-request-name'", steps=_STEPS),
    _if("user", "'system:masters' in request.userInfo.groups && request.userInfo.username == 'admin'"),
    _if(
        "options",
        "has(request.options.fieldManager) && request.options.fieldManager == 'm'",
        steps=(
            create("other", "?fieldManager=m"),
            create("more"),
        ),
    ),
    _if("dry", "request.dryRun", steps=(create("other", "?dryRun=All"), create("more"))),
    _if("subresource", "has(request.subResource) && request.subResource == 'status'", steps=_STEPS),
    _if("allowed", f"{_CHECK}.allowed()"),
    _if("request-resource", "authorizer.requestResource.check('update').allowed()"),
    _if(
        "not-allowed",
        "authorizer.serviceAccount('a', 'b').group('').resource('secrets').check('get').allowed()",
    ),
    _if("error", "object.spec.missing == 3"),
    _if("error-ignored", "object.spec.missing == 3", failurePolicy="Ignore"),
    _if("two-errors", "object.spec.missing == 3", "object.missing == 3"),
    _if("same-errors", "object.spec.missing == 3", "object.spec.missing == 3"),
    _if("error-and-false", "object.spec.missing == 3", "false"),
    _if("error-and-true", "object.spec.missing == 3", "true"),
    _if("no-object", "object.metadata.name == 'w'", steps=(Step("DELETE", "widgets/w"),)),
    _if("too-costly", _LOOPS, _LOOPS, _LOOPS, steps=_STEPS[:1]),
    _if("quantity", "quantity('1Ki').isGreaterThan(quantity('1000'))", steps=_STEPS[:1]),
    _if(
        "generated",
        "object.metadata.generateName == 'g-'",
        steps=(Step("POST", "widgets", {**widget(), "metadata": {"generateName": "g-"}}),),
    ),
    _if(
        "error-generated",
        "object.missing == 3",
        steps=(Step("POST", "widgets", {**widget(), "metadata": {"generateName": "g-"}}),),
    ),
)
