"""
What expressions may name, and what they come to.
"""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ark.cel import types
from ark.cel.environment import Environment
from ark.cel.errors import CompileError, CostExceeded, EvaluationError, ProgramError
from ark.cel.functions import function, member, merged
from ark.cel.schemas import declare, declare_json
from ark.cel.standard import compile_regex
from ark.cel.values import Mapping, Opaque

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "n": {"type": "integer"},
        "s": {"type": "string"},
        "list": {"type": "array", "items": {"type": "integer"}},
    },
}


class Answer(Opaque):
    """
    A value with a type of its own.
    """

    __slots__ = ("text",)
    type = types.struct("test.Answer")

    def __init__(self, text: str) -> None:
        self.text = text


class Lazy(Mapping):
    """
    Variables that are computed when they are asked for.
    """

    __slots__ = ("asked",)

    def __init__(self) -> None:
        self.asked: list[Any] = []

    def __len__(self) -> int:
        return 1

    def every_key(self) -> list[Any]:
        return ["answer"]

    def find(self, key: Any) -> tuple[bool, Any]:
        self.asked.append(key)
        return key == "answer", 42


class EnvironmentTests(SynchronousTestCase):
    """
    Contract 19.5 and 16.2.
    """

    def evaluate(self, text: str, **variables: Any) -> Any:
        """
        The value of an expression about JSON of any shape.
        """
        environment = Environment({name: declare_json() for name in variables})
        outcome = environment.compile(text).evaluate(*variables.values())
        if outcome.error is not None:
            raise outcome.error
        return outcome.value

    def test_json_of_any_shape(self) -> None:
        """
        Conditions of admission look at objects whose schema nobody knows.
        """
        obj = {"metadata": {"name": "x", "labels": {"a": "b"}}, "spec": {"ports": [80, 443], "none": None}}
        for text in (
            "!has(object.metadata.deletionTimestamp)",
            "object.metadata.labels.a == 'b'",
            "object.spec.ports.exists(port, port == 443)",
            "object.spec.ports == [80, 443]",
            "object.metadata.?annotations[?'x'].orValue('none') == 'none'",
            "object.spec.none == null",
            "oldObject == null",
            "object.metadata.labels.all(key, key.size() == 1)",
        ):
            self.assertIs(self.evaluate(text, object=obj, oldObject=None), True, text)

    def test_missing_keys_are_errors(self) -> None:
        """
        A key that is not there is told by its name.
        """
        self.assertEqual(
            str(self.assertRaises(EvaluationError, self.evaluate, "object.spec", object={})),
            "no such key: spec",
        )

    def test_functions_and_types_of_others(self) -> None:
        """
        A caller may add functions on values of its own.
        """
        said = member("answer_said", (Answer.type,), types.STRING, lambda answer: answer.text)
        functions = merged([function("said", said)])
        environment = Environment({"answer": Answer.type}, functions=functions)
        program = environment.compile("answer.said() + '!'")
        self.assertEqual(program.evaluate(Answer("yes")).value, "yes!")
        error = self.assertRaises(CompileError, environment.compile, "'text'.said()")
        self.assertIn("found no matching overload for 'said' applied to 'string.()'", str(error))

    def test_values_that_are_made_on_demand(self) -> None:
        """
        Only the variables that an expression asks for are computed.
        """
        environment = Environment({"variables": types.DYN})
        lazy = Lazy()
        self.assertEqual(
            environment.compile("false && variables.other || variables.answer == 42").evaluate(lazy).value,
            True,
        )
        self.assertEqual(lazy.asked, ["answer"])

    def test_names_are_known(self) -> None:
        """
        A caller can see which variables an expression names.
        """
        declared = declare(SCHEMA)
        environment = Environment({"self": declared, "oldSelf": declared})
        self.assertEqual(
            environment.compile("self.n > 1 && self.list.all(x, x > 0)").names & {"self", "oldSelf"}, {"self"}
        )

    def test_constants_are_tried_when_compiled(self) -> None:
        """
        A constant that cannot be converted can never be evaluated.
        """
        error = self.assertRaises(ProgramError, Environment({}).compile, "int('x') > 0")
        self.assertEqual(str(error), "type conversion error from 'string' to 'int'")

    def test_a_limit_ends_an_evaluation(self) -> None:
        """
        What costs too much is given up, and nothing absorbs that.
        """
        declared = declare(SCHEMA)
        program = Environment({"self": declared}).compile("self.list.exists(x, x < 0) || true", limit=50)
        self.assertIs(program.evaluate({"list": [1]}).value, True)
        outcome = program.evaluate({"list": [1] * 100})
        self.assertIsInstance(outcome.error, CostExceeded)
        self.assertEqual(str(outcome.error), "operation cancelled: actual cost limit exceeded")

    def test_objects_are_left_alone(self) -> None:
        """
        Nothing that an expression does changes what it looks at.
        """
        declared = declare(SCHEMA)
        obj = {"list": [3, 1, 2]}
        outcome = (
            Environment({"self": declared}).compile("(self.list + [4]).sort().map(x, x * 2)").evaluate(obj)
        )
        self.assertEqual(outcome.value, [2, 4, 6, 8])
        self.assertEqual(obj, {"list": [3, 1, 2]})

    def test_deep_nesting_is_refused(self) -> None:
        """
        An expression that is nested too deeply is a fault of the expression.
        """
        for text in ("(" * 300 + "1" + ")" * 300, "!" * 10 + "[" * 400 + "]" * 400, "1" + " + 1" * 300):
            error = self.assertRaises(CompileError, Environment({}).compile, text)
            self.assertRegex(str(error), "recursion (limit|depth) exceeded")

    def test_patterns_of_objects_are_soon_forgotten(self) -> None:
        """
        Each takes up to 3 MiB once it was searched with, however short it is.
        """
        program = Environment({"s": types.STRING, "r": types.STRING}).compile("s.matches(r)")
        for number in range(200):
            self.assertIs(program.evaluate("a", f"a|{number}").value, True)
        self.assertLess(compile_regex.cache_info().currsize, 100)

    def test_no_number_is_written_longer_than_go_does(self) -> None:
        """
        Digits are asked for at no cost.
        """
        environment = Environment({"d": types.DOUBLE, "f": types.STRING})
        program = environment.compile("f.format([d])")
        for asked in (f".{10**9}f", f".{10**9}e", f".{'9' * 5000}f", ".1000001f"):
            outcome = program.evaluate(1.5, f"%{asked}")
            self.assertIn("value out of range", str(outcome.error))
        self.assertEqual(len(program.evaluate(1.5, f"%.{'0' * 5000}100000f").value), 100_002)

    def test_long_texts_are_refused(self) -> None:
        """
        An expression has at most a hundred thousand characters.
        """
        error = self.assertRaises(CompileError, Environment({}).compile, "1" * 100_001)
        self.assertIn("expression code point size exceeds limit: size: 100001, limit 100000", str(error))
