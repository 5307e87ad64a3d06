"""
Expressions of policies, which ask for rights, name variables and make objects and patches.
"""

from __future__ import annotations

import re
from typing import Any

from ark.admission.answering import attributes_of
from ark.admission.attributes import CREATE, Attributes
from ark.admission.expressions import Activation, Given, OutOfBudget, compile_expression
from ark.authentication.userinfo import UserInfo
from ark.cel.admission import Variables, environment
from ark.cel.library_authz import Answer, Question, Unanswered
from ark.meta.gvk import GroupKind, GroupResource
from ark.meta.options import CreateOptions
from tests.cel.asking import described

OBJECT: dict[str, Any] = {
    "apiVersion": "g/v1",
    "kind": "Thing",
    "metadata": {"name": "one", "namespace": "default", "labels": {"a": "b"}},
    "spec": {
        "size": 3,
        "ratio": 1.5,
        "whole": 2.0,
        "none": None,
        "text": "abc",
        "items": [1, 2, 3],
        "mixed": [1, "a", None, {"x": 1}],
        "map": {"x": 1, "y": "z"},
        "flag": True,
    },
}
NAMESPACE = {"metadata": {"name": "default", "labels": {"team": "blue"}}, "status": {"phase": "Active"}}
PARAMS = {"apiVersion": "v1", "kind": "Limit", "metadata": {"name": "limits"}, "most": 5}

ASKED = (
    "authorizer",
    "authorizer.path('/x').check('get').allowed()",
    "authorizer.path('/x').check('post').reason()",
    "authorizer.path('').check('get').allowed()",
    "authorizer.path(object.spec.text).check(object.spec.text).reason()",
    "authorizer.path(object.spec.size).check('get').allowed()",
    "authorizer.path('/x').check('fail').errored()",
    "authorizer.path('/x').check('fail').error()",
    "authorizer.path('/x').check('get').error()",
    "authorizer.path('/x').check('deny').allowed()",
    "authorizer.path('/x').check('deny').reason()",
    "authorizer.group('').resource('pods').check('get').allowed()",
    "authorizer.group('apps').resource('deployments').subresource('status').namespace('ns').name('n').check('get').reason()",
    "authorizer.group('apps').resource('').check('get').allowed()",
    "authorizer.group('apps').resource('  ').check('get').allowed()",
    "authorizer.group('apps').check('get').allowed()",
    "authorizer.group('a').resource('b').fieldSelector('x=y').check('list').reason()",
    "authorizer.group('a').resource('b').fieldSelector('x==y,z!=w').labelSelector('l in (a,b),!m').check('list').reason()",
    "authorizer.group('a').resource('b').fieldSelector('xy').labelSelector('!!').check('list').reason()",
    "authorizer.group('a').resource('b').labelSelector(object.spec.text).check('get').allowed()",
    "authorizer.group('a').resource('b').labelSelector('a-rather-long-selector=with-a-value').check('get').allowed()",
    "authorizer.serviceAccount('default', 'robot').path('/x').check('get').reason()",
    "authorizer.serviceAccount('default', 'No').path('/x').check('get').reason()",
    "authorizer.serviceAccount('a.b', 'robot').path('/x').check('get').reason()",
    "authorizer.requestResource.check('get').reason()",
    "authorizer.requestResource.subresource('scale').name('').check('get').reason()",
    "authorizer.requestResource == authorizer.requestResource",
    "authorizer == authorizer",
    "authorizer.path('/x').check('get') != authorizer.path('/x').check('get')",
    "type(authorizer)",
    "authorizer.requestResource.check('get').allowed() && authorizer.requestResource.check('put').allowed()",
    "authorizer.requestResource.check('put').allowed() && authorizer.requestResource.check('get').allowed()",
    "authorizer.requestResource.check('get').allowed() || authorizer.path('').check('x').allowed()",
    "['get', 'put'].exists(v, authorizer.requestResource.check(v).allowed())",
    "['put', 'get', 'deny'].exists(v, authorizer.requestResource.check(v).allowed())",
    "['a', 'b', 'c'].map(v, authorizer.requestResource.check(v).allowed())",
    "authorizer.requestResource.name",
    "authorizer.nothing('x')",
    "dyn(authorizer).path('/x').check('get').allowed()",
    "dyn('x').check('get')",
)
NAMED = (
    "object.spec.size + 1",
    "object.spec.size > 2 && object.spec.ratio < 2",
    "object.spec.ratio == 1.5",
    "object.spec.whole == 2",
    "type(object.spec.whole)",
    "object.spec.none == null",
    "has(object.spec.none)",
    "object.spec.none.x",
    "has(object.spec.none.x)",
    "has(object.spec.size.x)",
    "has(object.spec.items.x)",
    "has(object.nothing.x)",
    "has(object.spec.nothing.deep)",
    "has(object.spec.map['x'].y)",
    "has(dyn(object).spec.items.x)",
    "has(variables.bad)",
    "quantity('1') != dyn('x')",
    "quantity('1') == dyn('x')",
    "quantity('1').x",
    "object.spec.items[1] + object.spec['size']",
    "object.spec.items[7]",
    "object.spec.items['a']",
    "object.spec.items.x",
    "object.spec.text.x",
    "object.spec['text']",
    "object.spec.mixed",
    "object.spec.map",
    "object.spec.items.all(i, i > 0)",
    "object.spec.?nothing.?deep.orValue('x')",
    "object.spec.?size.value() + 1",
    "object.?spec.size",
    "object == oldObject",
    "oldObject",
    "oldObject.spec",
    "has(oldObject.spec)",
    "oldObject.?spec.hasValue()",
    "params.most + object.spec.size",
    "params.nothing",
    "params.kind + params.metadata.name",
    "request.name + request.namespace + request.operation",
    "request.kind.kind + request.resource.resource",
    "request.subResource",
    "has(request.subResource)",
    "request.?subResource.orValue('none')",
    "request.uid",
    "request.object",
    "request.nothing",
    "request.userInfo.groups",
    "request.userInfo.uid",
    "request.userInfo.extra",
    "request.dryRun",
    "request.options.kind",
    "request.options.dryRun",
    "request",
    "namespaceObject.metadata.name + namespaceObject.metadata.labels.team",
    "namespaceObject.metadata.annotations",
    "namespaceObject.metadata.managedFields",
    "namespaceObject.spec.finalizers",
    "namespaceObject.status.phase",
    "namespaceObject.status.conditions",
    "namespaceObject.metadata.labels['team']",
    "has(namespaceObject.metadata.annotations)",
    "dyn(request).userInfo.username",
    "nothing",
    "object.spec.size +",
    "variables.twice + 1",
    "variables.twice + variables.twice",
    "variables.bad",
    "variables.bad == 1 || true",
    "variables.wrong",
    "variables.names.all(n, n.startsWith('x'))",
    "variables.chained",
    "variables.nothing",
    "has(variables.twice)",
    "type(variables.names)",
    "variables.asked",
    "variables.optional.orValue('x')",
    "variables.map.a",
    "Object{}",
    "jsonpatch.escapeKey('a')",
)
MADE = (
    "Object{}",
    "Object{a: 1, b: 'x', c: true, d: 1.5}",
    "Object{spec: Object.spec{size: object.spec.size}}",
    "Object{spec: Object.wrong{}}",
    "Object{list: [1, 2]}",
    "Object{map: {'a': 1}}",
    "Object{?a: optional.of(1), ?b: optional.none()}",
    "Object{?a: object.spec.?nothing}",
    "Object{?a: 1}",
    "Object{a: object.spec.nothing}",
    "Object{}.a",
    "Object{a: 1} == Object{a: 1}",
    "Object{a: 1} == Object{b: 1}",
    "Other{a: 1}",
    "object{a: 1}",
    "string{a: 1}",
    "JSONPatch{op: 'add', path: '/x', value: 1}",
    "JSONPatch{op: 'move', path: '/x', from: '/y'}",
    "JSONPatch{op: 1}",
    "JSONPatch{op: object.spec.text}",
    "JSONPatch{op: object.spec.size}",
    "JSONPatch{op: 'add', path: '/x', value: Object{a: 1}}.value",
    "JSONPatch{op: 'add'}.op + JSONPatch{path: '/x'}.path + JSONPatch{}.from",
    "has(JSONPatch{op: 'add'}.op) && !has(JSONPatch{op: 'add'}.from)",
    "JSONPatch{op: 'add', path: '/x'} == JSONPatch{op: 'add', path: '/x'}",
    "[JSONPatch{op: 'add', path: '/x', value: 1}, JSONPatch{op: 'add', path: '/y', value: 'z'}]",
    "['a', 'b'].map(k, JSONPatch{op: 'add', path: '/' + k, value: k})",
    "[JSONPatch{op: 'add'}] + [JSONPatch{op: 'remove'}]",
    "[JSONPatch{op: 'add'}, Object{}]",
    "object.spec.flag ? [JSONPatch{op: 'add'}] : []",
    "jsonpatch.escapeKey('a/b~c')",
    "jsonpatch.escapeKey('a-rather-long-key/with/parts') + 'x'",
    "jsonpatch.escapeKey(object.spec.text)",
    "jsonpatch.escapeKey(object.spec.size)",
    "jsonpatch.escapeKey(1)",
)
VARIABLES = [
    {"name": "twice", "expression": "object.spec.size * 2"},
    {"name": "bad", "expression": "object.spec.nothing"},
    {"name": "wrong", "expression": "nothing +"},
    {"name": "names", "expression": "['x1', 'x2']"},
    {"name": "chained", "expression": "variables.twice + variables.names.size()"},
    {"name": "asked", "expression": "authorizer.path('/x').check('get').allowed()"},
    {"name": "optional", "expression": "object.spec.?text"},
    {"name": "map", "expression": "{'a': 1}"},
]


def questions() -> list[dict[str, Any]]:
    """
    All of them, without what an object is missing, and with it.
    """
    whole = {
        "ask": "admit",
        "object": OBJECT,
        "params": PARAMS,
        "namespace": NAMESPACE,
        "variables": VARIABLES,
    }
    asked = [{**whole, "expression": text} for text in (*ASKED, *NAMED)]
    asked += [{**whole, "expression": text, "patches": True} for text in MADE]
    bare = {"ask": "admit", "oldObject": OBJECT, "variables": VARIABLES}
    return asked + [{**bare, "expression": text} for text in NAMED]


def _decided(question: Question) -> Answer:
    """
    What the oracle's authorizer says.
    """
    user = "me"
    if question.service_account is not None:
        user = "system:serviceaccount:{}:{}".format(*question.service_account)
    version = "" if question.path else "*"
    parts = [
        user,
        question.verb,
        question.path,
        question.group,
        version,
        question.resource,
        question.subresource,
        question.namespace,
        question.name,
    ]
    told = " ".join(parts) + _selected(question)
    if question.verb == "fail":
        return Answer(False, "", "cannot tell")
    return Answer(question.verb == "get", told)


def _selected(question: Question) -> str:
    asked = attributes_of(question)
    fields = [f" {key}{operator}{values[0]}" for key, operator, values in asked.field_requirements]
    return "".join(fields) + "".join(f" {each}" for each in asked.label_requirements)


def our_answer(question: dict[str, Any]) -> dict[str, Any]:
    """
    What we answer.
    """
    variables = Variables()
    for each in question["variables"]:
        compiled = compile_expression(environment(variables, params=True), each["expression"])
        program = compiled.program
        variables.declare(each["name"], compiled.fault if program is None else program)
    known = environment(variables, params=True, patches=bool(question.get("patches")))
    expression = compile_expression(known, question["expression"])
    if expression.program is None:
        return {"compileError": expression.fault}
    answers: dict[Question, Answer] = {}
    given = Given(_attributes_of(question), answers, question.get("namespace"), question.get("params"))
    while True:
        activation = Activation(given, variables, params=True)
        try:
            result = activation.evaluate(expression)
        except Unanswered as unanswered:
            answers[unanswered.question] = _decided(unanswered.question)
            continue
        except OutOfBudget as error:
            return {"type": expression.program.type.text, "error": str(error)}
        break
    told: dict[str, Any] = {"type": expression.program.type.text, "cost": 10_000_000 - activation.left}
    if result.error:
        return {**told, "error": result.error}
    return {**told, "value": described(result.value)}


def _attributes_of(question: dict[str, Any]) -> Attributes:
    return Attributes(
        CREATE,
        GroupKind("g", "Thing"),
        GroupResource("g", "things"),
        "v1",
        "default",
        "one",
        question.get("object"),
        question.get("oldObject"),
        user=UserInfo("me", groups=("some",)),
        options=CreateOptions(),
    )


_LONG_OVERLOAD = re.compile(r"no such overload: .*")


def normal(answer: dict[str, Any]) -> dict[str, Any]:
    """
    An answer without what tells nothing.
    """
    made = {key: answer[key] for key in ("compileError", "error", "type", "cost", "value") if key in answer}
    if "compileError" in made:
        return {"compileError": made["compileError"]}
    if "error" in made:
        made["error"] = _LONG_OVERLOAD.sub("no such overload", made["error"])
        made.pop("value", None)
        if "actual cost limit exceeded" in made["error"]:
            made.pop("cost")
    if isinstance(made.get("value"), list) and made["value"][0] == "other":
        made["value"] = ["other"]
    return made
