"""
A ValidatingAdmissionPolicy, compiled, and what it says of an object.

Follows C{k8s.io/apiserver/pkg/admission/plugin/policy/validating} (C{plugin.go},
C{validator.go}).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ark.admission.expressions import (
    BUDGET,
    Activation,
    Expression,
    Given,
    OutOfBudget,
    Result,
    compile_expression,
)
from ark.admission.matchconditions import ConditionsFailed, MatchConditions
from ark.admission.policies.looks import asks_of_rights
from ark.cel import types
from ark.cel.admission import Variables, environment

INVALID = "Invalid"
_LONGEST_MESSAGE = 5 * 1024


class Decision(NamedTuple):
    """
    What one validation says.

    @ivar denied: whether it is against the write.
    @ivar failed: whether it could not be judged.
    @ivar seconds: how long its expression took.
    """

    denied: bool
    message: str = ""
    reason: str = INVALID
    failed: bool = False
    seconds: float = 0.0


class Annotation(NamedTuple):
    """
    What the audit log is to be told, or why that is not known.
    """

    key: str
    value: str
    error: str = ""
    seconds: float = 0.0


class Judgement(NamedTuple):
    """
    What a policy says, in the order of its validations.
    """

    decisions: Sequence[Decision] = ()
    annotations: Sequence[Annotation] = ()


class _Validation(NamedTuple):
    expression: Expression
    message_expression: Expression | None
    message: str
    reason: str

    def told(self, made: str) -> str:
        """
        What is said when it does not hold.

        @param made: what its message expression came to.
        """
        return made or self.message or f"failed expression: {self.expression.text.strip()}"


def declare_variables(policy: Mapping[str, Any]) -> Variables:
    """
    The variables of a policy; each knows those before it.
    """
    variables = Variables()
    params = bool(policy.get("paramKind"))
    for each in policy.get("variables") or ():
        compiled = compile_expression(environment(variables, params=params), each.get("expression") or "")
        program = compiled.program
        variables.declare(each["name"], compiled.fault if program is None else program)
    return variables


class ValidatingPolicy:
    """
    @param source: the C{spec} of the policy.
    """

    def __init__(self, source: Mapping[str, Any]) -> None:
        self._params = params = bool(source.get("paramKind"))
        self._ignores = ignores = source.get("failurePolicy") == "Ignore"
        self._variables = variables = declare_variables(source)
        self._conditions = MatchConditions(source.get("matchConditions") or (), ignores, variables, params)
        known = environment(variables, params=params)
        telling = environment(variables, params=params, authorizer=False)
        self._validations = [_validation(each, known, telling) for each in source.get("validations") or ()]
        self._annotations = [
            (
                each["key"],
                compile_expression(known, each.get("valueExpression") or "", types.STRING, types.NULL),
            )
            for each in source.get("auditAnnotations") or ()
        ]
        self._asks = asks_of_rights(source)
        self._expressions = [each.expression for each in self._validations]
        self._telling = [
            each.message_expression for each in self._validations if each.message_expression is not None
        ]

    async def judge(self, given: Given) -> Judgement:
        """
        What the policy says of a write.

        @raise Unanswered: a right has to be asked for first.
        """
        try:
            if not await self._conditions.met_in_turns(given):
                return Judgement()
            activation = Activation(given, self._variables, params=self._params, asks=self._asks)
            results = await activation.evaluate_all(self._expressions)
        except (ConditionsFailed, OutOfBudget) as error:
            return Judgement((self._failure(str(error)),))
        messages, fault = await self._messages(given, activation.left)
        decisions = [
            self._decision(validation, result, message, fault)
            for validation, result, message in zip(self._validations, results, messages)
        ]
        if not self._annotations:
            return Judgement(decisions)
        try:
            return Judgement(decisions, await self._annotated(given))
        except OutOfBudget as error:
            return Judgement((self._failure(str(error)),))

    def _failure(self, message: str, seconds: float = 0.0) -> Decision:
        return Decision(not self._ignores, message, failed=True, seconds=seconds)

    def _decision(self, validation: _Validation, result: Result, message: str, fault: str) -> Decision:
        if result.error:
            return self._failure(result.error, result.seconds)
        if fault:
            return self._failure(fault, result.seconds)
        if result.value is True:
            return Decision(False)
        return Decision(True, validation.told(message), validation.reason, seconds=result.seconds)

    async def _messages(self, given: Given, budget: int) -> tuple[Sequence[str], str]:
        """
        What the message expressions come to, all of which are evaluated whatever the validations
        said, and what went wrong with them altogether.
        """
        nothing = [""] * len(self._validations)
        if not self._telling:
            return nothing, ""
        activation = Activation(
            given, self._variables, params=self._params, authorizer=False, asks=False, budget=budget
        )
        try:
            found = iter(await activation.evaluate_all(self._telling))
        except OutOfBudget as error:
            return nothing, f"failed messageExpression: {error}"
        return [
            "" if each.message_expression is None else _message(next(found)) for each in self._validations
        ], ""

    async def _annotated(self, given: Given) -> list[Annotation]:
        activation = Activation(given, self._variables, params=self._params, asks=False, budget=BUDGET)
        found = []
        results = await activation.evaluate_all([expression for _, expression in self._annotations])
        for (key, _), result in zip(self._annotations, results):
            if result.error:
                if not self._ignores:
                    found.append(Annotation(key, "", result.error, result.seconds))
            elif isinstance(result.value, str) and result.value.strip():
                found.append(Annotation(key, result.value.strip()))
        return found


def _validation(source: Mapping[str, Any], known: Any, telling: Any) -> _Validation:
    made = source.get("messageExpression")
    return _Validation(
        compile_expression(known, source.get("expression") or "", types.BOOL),
        compile_expression(telling, made, types.STRING) if made else None,
        (source.get("message") or "").strip(),
        source.get("reason") or INVALID,
    )


def _message(result: Result) -> str:
    """
    The message that an expression made; empty if it is none that is fit to be told.
    """
    if result.error or not isinstance(result.value, str):
        return ""
    text = result.value.strip()
    return "" if "\n" in text or len(text.encode()) > _LONGEST_MESSAGE else text
