"""
Schemas and rules: section 19.
"""

from __future__ import annotations

from typing import Any

import yaml

from ark.apis.loader import KindRegistry
from ark.testing import Answer, InMemoryServer
from tests.endpoints.support import ServerTestCase

MERGE = "application/merge-patch+json"
GROUP = "probe.example.com"
RULED = f"/apis/{GROUP}/v1/namespaces/default/ruleds"

DEFINITION = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: ruleds.probe.example.com}
spec:
  group: probe.example.com
  scope: Namespaced
  names: {kind: Ruled, listKind: RuledList, plural: ruleds, singular: ruled}
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        x-kubernetes-validations:
        - {rule: "self.metadata.name != 'forbidden'", message: the name is taken}
        properties:
          spec:
            type: object
            x-kubernetes-validations:
            - {rule: "!has(self.min) || !has(self.max) || self.min <= self.max", messageExpression: "'min ' + string(self.min) + ' is above max'"}
            - {rule: "!has(self.max) || self.max < 100", reason: FieldValueForbidden, fieldPath: .max, message: too much}
            - {rule: "!has(oldSelf.max) || self.max >= oldSelf.max", message: size may not shrink}
            - {rule: "!has(self.__namespace__) || self.__namespace__ != 'x'"}
            - {rule: "!has(self.url) || isURL(self.url) && url(self.url).getScheme() == 'https'", message: not secure}
            - {rule: "!has(self.memory) || quantity(self.memory).isLessThan(quantity('1Gi'))", message: too big}
            - {rule: "!has(self.tags) || self.tags.all(t, t.matches('^[a-z]+$'))", message: bad tag}
            properties:
              min: {type: integer}
              max: {type: integer}
              fixed:
                type: string
                x-kubernetes-validations:
                - {rule: "self == oldSelf", message: fixed is immutable}
              namespace: {type: string}
              url: {type: string, maxLength: 200}
              memory: {type: string, maxLength: 20}
              tags: {type: array, maxItems: 10, items: {type: string, maxLength: 20}}
              stamp: {type: string, format: date-time}
              number: {type: integer, nullable: false, default: 7}
              ratio: {type: number, multipleOf: 0.5, exclusiveMinimum: true, minimum: 0}
              either: {x-kubernetes-int-or-string: true}
              choice:
                type: object
                oneOf: [{required: [a]}, {required: [b]}]
                properties: {a: {type: string}, b: {type: string}}
"""


class RuleTestCase(ServerTestCase):
    """
    A kind with rules.
    """

    def setUp(self) -> None:
        """
        Start a server.
        """
        shipped = KindRegistry.load().kinds()
        self.server = InMemoryServer(
            KindRegistry([*shipped, *KindRegistry.from_manifests([yaml.safe_load(DEFINITION)]).kinds()])
        )

    def post(self, name: str = "a", **spec: Any) -> Answer:
        """
        Create one.
        """
        body = {"apiVersion": f"{GROUP}/v1", "kind": "Ruled", "metadata": {"name": name}, "spec": spec}
        return self.request("POST", RULED, body)

    def causes(self, answer: Answer) -> list[tuple[str, str]]:
        """
        Field and message of each cause of a refusal.
        """
        status = self.status(answer, 422, "Invalid")
        return [(cause["field"], cause["message"]) for cause in status["details"]["causes"]]


class SchemaTests(RuleTestCase):
    """
    Keywords.
    """

    def test_every_fault_of_the_schema_is_told(self) -> None:
        """
        Contract 19.1.
        """
        for spec, field in (
            ({"stamp": "yesterday"}, "spec.stamp"),
            ({"ratio": 0.3}, "spec.ratio"),
            ({"ratio": 0}, "spec.ratio"),
            ({"either": True}, "spec.either"),
            ({"choice": {}}, "spec.choice.a"),
            ({"tags": ["t"] * 11}, "spec.tags"),
            ({"url": "x" * 201}, "spec.url"),
        ):
            fields = [field for field, _ in self.causes(self.post(**spec))]
            self.assertIn(field, fields, spec)
        self.assertEqual(self.post(stamp="2026-01-01T00:00:00Z", ratio=1.5, either="50%").code, 201)

    def test_null_takes_the_default_and_whole_numbers_are_integers(self) -> None:
        """
        Contract 19.2.
        """
        self.assertEqual(self.post(number=None, min=1.0).json()["spec"], {"number": 7, "min": 1})
        self.assertEqual(self.post("b", url=None).json()["spec"], {"number": 7})


class RuleTests(RuleTestCase):
    """
    Expressions.
    """

    def test_rules_are_told_by_their_messages(self) -> None:
        """
        Contract 19.4: reason and path are the rule's.
        """
        self.assertEqual(
            self.causes(self.post(min=2, max=1)), [("spec", "Invalid value: min 2 is above max")]
        )
        status = self.status(self.post(max=100), 422, "Invalid")
        cause = status["details"]["causes"][0]
        self.assertEqual((cause["reason"], cause["field"]), ("FieldValueForbidden", "spec.max"))
        self.assertIn("the name is taken", self.causes(self.post("forbidden"))[0][1])

    def test_rules_of_changes_see_what_was(self) -> None:
        """
        Contract 19.4: only updates are judged by them, and a scalar is shown.
        """
        self.assertEqual(self.post(fixed="x", max=5).code, 201)
        answer = self.request("PATCH", f"{RULED}/a", {"spec": {"fixed": "y", "max": 4}}, content_type=MERGE)
        self.assertEqual(
            sorted(self.causes(answer)),
            [
                ("spec", "Invalid value: size may not shrink"),
                ("spec.fixed", 'Invalid value: "y": fixed is immutable'),
            ],
        )

    def test_names_are_escaped_and_libraries_there(self) -> None:
        """
        Contract 19.5: without a message the rule is told.
        """
        self.assertIn("failed rule: !has(self.__namespace__)", self.causes(self.post(namespace="x"))[0][1])
        for spec, said in (
            ({"url": "http://example.com"}, "not secure"),
            ({"memory": "2Gi"}, "too big"),
            ({"tags": ["ok", "No"]}, "bad tag"),
        ):
            self.assertIn(said, self.causes(self.post(**spec))[0][1])
        self.assertEqual(self.post(url="https://example.com", memory="512Mi", tags=["ok"]).code, 201)

    def test_rules_that_could_cost_too_much_are_refused(self) -> None:
        """
        Contract 19.6.
        """
        manifest = yaml.safe_load(DEFINITION)
        schema = manifest["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
        schema["properties"]["tags"] = {"type": "array", "items": {"type": "string"}}
        schema["x-kubernetes-validations"] = [
            {"rule": "self.tags.all(a, self.tags.all(b, self.tags.all(c, a + b != c)))"}
        ]
        path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
        answer = self.server.request("POST", path, manifest)
        self.assertEqual(answer.code, 422, answer.body)
        self.assertIn("estimated rule cost", answer.json()["message"])
