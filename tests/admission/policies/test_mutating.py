"""
Tests for L{ark.admission.policies.mutating}: what the scenarios do not come to.
"""

from __future__ import annotations

from typing import Any

from zope.interface.verify import verifyObject

from ark.admission.attributes import DELETE, Attributes
from ark.admission.policies.mutating import MutatingAdmissionPolicies
from ark.admission.policies.plugin import Around
from ark.apply.typedschema import compile_typed
from ark.interfaces import IAdmissionPlugin, ISelectiveAdmission
from tests.admission.policies.scenarios import MUTATING
from tests.admission.policies.support import PolicyTestCase, write

SCHEMA = compile_typed(
    {
        "type": "object",
        "properties": {
            "spec": {
                "type": "object",
                "properties": {"size": {"type": "integer"}, "note": {"type": "string"}},
            }
        },
    }
)
GROWN = "[JSONPatch{op: 'replace', path: '/spec/size', value: object.spec.size + 1}]"


def applies(expression: str) -> dict[str, Any]:
    """
    A mutation that lays something over the object.
    """
    return {"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": expression}}


def patches(expression: str) -> dict[str, Any]:
    """
    A mutation that patches the object.
    """
    return {"patchType": "JSONPatch", "jsonPatch": {"expression": expression}}


class MutatingTests(PolicyTestCase):
    """
    The plug-in.
    """

    def setUp(self) -> None:
        """
        A plug-in that has begun to follow the cluster.
        """
        super().setUp()
        self.known = True
        self.plugin = MutatingAdmissionPolicies(
            self.cluster,
            Around.of(self.namespace, self.authorizer, self.clock),
            lambda _: SCHEMA if self.known else None,
            self.clock,
        )
        self.plugin.start()

    def admitted(self, attributes: Attributes) -> Any:
        """
        What becomes of a thing.
        """
        self.assertEqual(self.message(self.plugin.admit(attributes)), "")
        assert attributes.object is not None
        return attributes.object["spec"]

    def test_interfaces(self) -> None:
        """
        The plug-in is what it says; deletions have nothing that it could change.
        """
        verifyObject(IAdmissionPlugin, self.plugin)
        verifyObject(ISelectiveAdmission, self.plugin)
        self.assertFalse(self.plugin.handles(DELETE))

    def test_objects_are_not_changed_in_place(self) -> None:
        """
        What a client sent may be looked at again.
        """
        self.policy(MUTATING, mutations=[applies("Object{spec: Object.spec{note: 'x'}}"), patches(GROWN)])
        sent = write(size=1)
        before = sent.object
        self.assertEqual(self.admitted(sent), {"size": 2, "note": "x"})
        assert before is not None
        self.assertEqual(before["spec"], {"size": 1})

    def test_defaults_after_each_mutation(self) -> None:
        """
        And what the kind does not know goes at the end, once.
        """
        steps: list[str] = []
        self.policy(MUTATING, mutations=[patches(GROWN), patches(GROWN)])
        sent = write(size=1)
        sent.default = lambda obj: steps.append(f"default {obj['spec']['size']}")
        sent.settle = lambda obj: steps.append(f"settle {obj['spec']['size']}")
        self.admitted(sent)
        self.assertEqual(steps, ["default 2", "default 3", "settle 3"])

    def test_reinvocation_when_others_change_the_object(self) -> None:
        """
        Those that ask for it see it once more, and nobody else.
        """
        self.policy(MUTATING, "again", reinvocationPolicy="IfNeeded", mutations=[patches(GROWN)])
        self.policy(MUTATING, "never", reinvocationPolicy="Never", mutations=[patches(GROWN)])
        sent = write(size=1)
        self.assertEqual(self.admitted(sent)["size"], 3)
        self.assertTrue(sent.reinvoke)
        assert sent.object is not None
        sent.object["spec"]["size"], sent.reinvoking = 10, True
        self.assertEqual(self.admitted(sent)["size"], 11)

    def test_no_reinvocation_without_a_change(self) -> None:
        """
        A policy that changes nothing asks for no second round.
        """
        self.policy(MUTATING, mutations=[patches("[JSONPatch{op: 'test', path: '/spec/size', value: 9}]")])
        self.policy(MUTATING, "skipped", matchConditions=[{"name": "n", "expression": "false"}], mutations=[])
        sent = write(size=1)
        sent.reinvoking = True
        self.admitted(sent)
        self.assertEqual(self.admitted(sent)["size"], 1)

    def test_schemas_that_are_not_known(self) -> None:
        """
        The write has to come again later.
        """
        self.known = False
        self.policy(MUTATING, mutations=[patches(GROWN)])
        self.assertIn(
            "Resource kind g/v1, Kind=Thing not found", self.message(self.plugin.admit(write(size=1)))
        )

    def test_expressions_that_do_not_compile(self) -> None:
        """
        As the failure policy says.
        """
        self.policy(MUTATING, mutations=[patches("'text'")])
        told = self.message(self.plugin.admit(write(size=1)))
        self.assertEqual(
            told,
            "policy 'p' with binding 'p-b' denied request: must evaluate to list(JSONPatch) but got string",
        )
        self.policy(MUTATING, failurePolicy="Ignore", mutations=[patches("'text'")])
        self.assertEqual(self.admitted(write(size=1)), {"size": 1})

    def test_rights(self) -> None:
        """
        Are asked for between two evaluations, with the object as it is by then.
        """
        asks = "authorizer.requestResource.check('get').allowed() ? object.spec.size + 1 : 0"
        mutation = applies(f"Object{{spec: Object.spec{{size: {asks}}}}}")
        self.policy(MUTATING, mutations=[mutation, mutation])
        self.assertEqual(self.admitted(write(size=1))["size"], 3)
        self.assertEqual(len(self.authorizer.questions), 1)
