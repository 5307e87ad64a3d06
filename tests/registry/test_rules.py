"""
Rules of schemas on objects and in definitions.
"""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ark.apis.loader import KindRegistry
from ark.registry.definitions.rules import check_rules
from ark.registry.rules import compile_tree
from ark.registry.schema import Processor
from tests.cel.rulecases import NUMBER, TEXT, array, definition, node, struct, table

ROOT = "openAPIV3Schema"


def processor(schema: dict[str, Any]) -> Processor:
    """
    What judges objects of that schema.
    """
    (kind,) = KindRegistry.from_manifests([definition(schema)]).kinds()
    return Processor(kind)


def thing(**members: Any) -> dict[str, Any]:
    """
    An object.
    """
    return {"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "one"}, **members}


class ObjectTests(SynchronousTestCase):
    """
    Contract 19.3, 19.4, 19.6.
    """

    def test_what_did_not_change_becomes_a_warning(self) -> None:
        """
        A rule that an unchanged part breaks is told to the writer, and does not hold the write up.
        """
        judge = processor(struct(spec=struct(word=node(TEXT, "self != 'bad'"), n=NUMBER)))
        warnings: list[str] = []
        new, old = thing(spec={"word": "bad", "n": 2}), thing(spec={"word": "bad", "n": 1})
        self.assertEqual(judge.validate(new, old, warnings), [])
        self.assertEqual(warnings, ["spec.word: Invalid value: \"bad\": failed rule: self != 'bad'"])
        self.assertEqual([cause.field for cause in judge.validate(new, None, warnings)], ["spec.word"])

    def test_rules_of_changes_are_never_forgiven(self) -> None:
        """
        A rule that names C{oldSelf} counts for unchanged parts too.
        """
        judge = processor(
            struct(spec=struct(n=node(NUMBER, {"rule": "self > oldSelf", "message": "must grow"})))
        )
        same = thing(spec={"n": 1})
        self.assertEqual(
            [cause.message for cause in judge.validate(same, same)], ["Invalid value: 1: must grow"]
        )
        self.assertEqual(judge.validate(same, None), [])

    def test_writes_to_the_status_are_under_all_rules(self) -> None:
        """
        Rules look at the whole object whichever part is written.
        """
        schema = node(struct(spec=struct(n=NUMBER), status=struct(n=NUMBER)), "self.status.n <= self.spec.n")
        judge = processor(schema)
        old = thing(spec={"n": 1}, status={"n": 1})
        causes = judge.validate_status({**old, "status": {"n": 2}}, old)
        self.assertEqual([cause.field for cause in causes], ["<nil>"])

    def test_values_may_be_of_types_that_they_had_once(self) -> None:
        """
        A write to the status is judged beside a spec that was stored under another schema.
        """
        wrong: tuple[tuple[dict[str, Any], Any, str], ...] = (
            (TEXT, True, "string, got bool"),
            (TEXT, 1.5, "string, got float64"),
            ({"type": "string", "format": "byte"}, 5, "string, got int64"),
            ({"type": "string", "format": "date-time"}, [], "string, got []interface {}"),
            ({"type": "boolean"}, "yes", "bool, got string"),
            ({"type": "number"}, "x", "float, got string"),
            ({"type": "number"}, True, "float, got bool"),
            (NUMBER, {}, "int, got map[string]interface {}"),
        )
        for schema, value, what in wrong:
            judge = processor(struct(spec=struct(a=node(schema, "self == self")), status=struct(b=TEXT)))
            new, old = thing(spec={"a": value}, status={"b": "x"}), thing(spec={"a": value})
            (cause,) = judge.validate_status(new, old)
            self.assertIn(f"invalid data, expected {what} evaluating rule: self == self", cause.message)

    def test_a_budget_ends_the_judgement(self) -> None:
        """
        What is left when the budget is spent is not judged, and that is told.
        """
        schema = struct(first=node(array(NUMBER), "self.all(x, x > 0)"), second=node(TEXT, "self == ''"))
        tree = compile_tree(schema)
        assert tree is not None
        verdict = tree.judge({"first": [1] * 10, "second": "x"}, budget=20)
        self.assertLess(verdict.left, 0)
        text = "validation failed due to running out of cost budget, no further validation rules will be run"
        self.assertEqual([cause.message for cause in verdict.causes], [f'Invalid value: "array": {text}'])

    def test_one_rule_has_a_limit_of_its_own(self) -> None:
        """
        A rule that costs more than a million ends the judgement.
        """
        tree = compile_tree(struct(many=node(array(NUMBER), "self.all(x, self.all(y, x == y))")))
        assert tree is not None
        verdict = tree.judge({"many": [1] * 1000})
        self.assertLess(verdict.left, 0)
        (cause,) = verdict.causes
        self.assertIn(
            "'operation cancelled: actual cost limit exceeded': no further validation rules", cause.message
        )

    def test_schemas_without_rules_cost_nothing(self) -> None:
        """
        Only nodes with rules at or below them are kept.
        """
        self.assertIsNone(compile_tree(struct(spec=struct(n=NUMBER), list=array(TEXT), map=table(TEXT))))


class DefinitionTests(SynchronousTestCase):
    """
    Contract 19.6.
    """

    COSTLY = struct(items=node(array(TEXT), "self.all(x, self.all(y, x != y))"))

    def test_rules_that_could_cost_too_much_are_refused(self) -> None:
        """
        The estimate counts what a request can hold, unless the schema says less.
        """
        reasons = {cause.reason for cause in check_rules(self.COSTLY, ROOT)}
        self.assertEqual(reasons, {"FieldValueForbidden"})
        text = {"type": "string", "maxLength": 10}
        bounded = struct(items=node(array(text, maxItems=50), "self.all(x, self.all(y, x != y))"))
        self.assertEqual(check_rules(bounded, ROOT), [])

    def test_an_unchanged_schema_keeps_its_costly_rules(self) -> None:
        """
        Only what all rules can cost together is held against it.
        """
        costly = struct(
            items=array(
                node({"type": "string", "maxLength": 50}, "self.contains('abcdefghij')"), maxItems=2_000_000
            )
        )
        fields = [cause.field for cause in check_rules(costly, ROOT)]
        kept = [cause.field for cause in check_rules(costly, ROOT, costly)]
        rule = f"{ROOT}.properties[items].items.x-kubernetes-validations[0].rule"
        self.assertEqual(fields, [rule])
        self.assertEqual(kept, [])

    def test_old_values_must_be_found(self) -> None:
        """
        In a list that is no map nothing tells which item was which.
        """
        (cause,) = check_rules(struct(items=array(node(TEXT, "self == oldSelf"), maxItems=5)), ROOT)
        where = f"{ROOT}.properties[items]"
        self.assertIn(
            f"oldSelf cannot be used on the uncorrelatable portion of the schema within {where}",
            cause.message,
        )
