"""
Conditions that a request must meet for a webhook or a policy to be about it.

Follows C{k8s.io/apiserver/pkg/admission/plugin/webhook/matchconditions}; contract 16.2.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ark.admission.expressions import (
    CONDITIONS_BUDGET,
    Activation,
    Expression,
    Given,
    OutOfBudget,
    Result,
    compile_expression,
)
from ark.cel import types
from ark.cel.admission import Variables, environment


class ConditionsFailed(Exception):
    """
    Conditions that could not be judged, of a configuration that refuses then.
    """


class MatchConditions:
    """
    The conditions of one configuration, compiled.

    @param ignores: whether what cannot be judged is not met (C{failurePolicy: Ignore}).
    @param variables: those of the policy; a webhook has none.
    @param params: whether there can be parameters.
    """

    def __init__(
        self,
        conditions: Sequence[Mapping[str, Any]],
        ignores: bool,
        variables: Variables | None = None,
        params: bool = False,
    ) -> None:
        self._ignores = ignores
        self._variables = variables
        self._params = params
        known = environment(variables, params=params) if conditions else None
        self._expressions: list[Expression] = [
            compile_expression(known, condition.get("expression") or "", types.BOOL)
            for condition in conditions
            if known is not None
        ]

    async def met_in_turns(self, given: Given, errors: list[str] | None = None) -> bool:
        """
        Whether all of them hold; others have their turn between conditions that take long.

        @param errors: takes what is wrong with those that cannot be judged.
        @raise ConditionsFailed: none is false, but one cannot be judged.
        @raise Unanswered: a right has to be asked for first.
        """
        if not self._expressions:
            return True
        try:
            # All are evaluated before the first is looked at, so that they have to be affordable together.
            results = await self._activation(given).evaluate_all(self._expressions)
        except OutOfBudget as error:
            return self._failed([str(error)])
        return self._hold(results, [] if errors is None else errors)

    def _activation(self, given: Given) -> Activation:
        attributes = given.attributes
        if attributes.asked is not None:
            # They see the object as it is converted, but the resource that was asked for.
            attributes = replace(attributes, version=attributes.asked.version)
        # Conditions are not told of the namespace.
        given = given._replace(attributes=attributes, namespace=None)
        return Activation(given, self._variables, params=self._params, budget=CONDITIONS_BUDGET)

    def _hold(self, results: Sequence[Result], errors: list[str]) -> bool:
        for result in results:
            if result.error:
                errors.append(result.error)
            elif result.value is False:
                return False
        return self._failed(errors) if errors else True

    def _failed(self, errors: list[str]) -> bool:
        if self._ignores:
            return False
        raise ConditionsFailed(_aggregate(errors))


def _aggregate(errors: list[str]) -> str:
    """
    Errors as Go's C{Aggregate} tells them.
    """
    told = list(dict.fromkeys(errors))
    return told[0] if len(told) == 1 else f"[{', '.join(told)}]"
