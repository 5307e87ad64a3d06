"""
A MutatingAdmissionPolicy, compiled, and what it makes of an object.

Follows C{k8s.io/apiserver/pkg/admission/plugin/policy/mutating} (C{compilation.go}) and its
C{patch} (C{json_patch.go}, C{smd.go}).  The fields that a policy sets belong to nobody.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import orjson

from ark.admission.expressions import Activation, Expression, Given, OutOfBudget, compile_expression
from ark.admission.matchconditions import MatchConditions
from ark.admission.policies.judging import declare_variables
from ark.admission.policies.looks import asks_of_rights
from ark.apply.jsonpatch import PatchFailed, PatchTestFailed, TooManyOperations, apply_json_patch
from ark.apply.typedschema import TypedError, TypedSchema
from ark.cel.admission import environment
from ark.cel.constructed import JSON_PATCHES, OBJECT, Struct, Unwritable, as_json, misnamed, written
from ark.meta.status import internal_error

Object = dict[str, Any]


class MutationFailed(Exception):
    """
    A mutation that cannot be made; the message says why.
    """


class Mutation(ABC):
    """
    One mutation of a policy.
    """

    def __init__(self, expression: Expression) -> None:
        self.expression = expression

    @abstractmethod
    def apply(self, obj: Object, value: Any, schema: TypedSchema) -> Object:
        """
        What becomes of an object, which is not changed.

        @param value: what the expression came to.
        @raise MutationFailed: it cannot be done.
        @raise APIStatus: 500, what becomes of it is no object.
        """


class ApplyConfiguration(Mutation):
    """
    Lays what the expression makes over the object, as server-side apply does.
    """

    def apply(self, obj: Object, value: Any, schema: TypedSchema) -> Object:
        """
        See L{Mutation.apply}.
        """
        faults = misnamed(value)
        if faults:
            raise MutationFailed("type mismatch: " + "\n".join(faults))
        try:
            config = written(value)
        except Unwritable as error:
            raise MutationFailed(f"invalid return type: {error}") from None
        config = {**config, "apiVersion": obj.get("apiVersion"), "kind": obj.get("kind")}
        return _merged(obj, config, schema)


def _merged(obj: Object, config: Object, schema: TypedSchema) -> Object:
    what = "failed to convert patch object to typed object"
    try:
        schema.check(config)
        atomics = schema.atomics(config)
        if atomics:
            raise MutationFailed(
                "error applying patch: invalid ApplyConfiguration: may not mutate atomic arrays, maps or "
                f"structs: {', '.join(atomics)}"
            )
        what = "failed to convert original object to typed object"
        schema.check(obj, allow_duplicates=True)
        what = "failed to merge patch"
        return schema.merge(obj, config)
    except TypedError as error:
        raise MutationFailed(f"error applying patch: {what}: {error}") from None


class JSONPatch(Mutation):
    """
    Applies the operations that the expression makes.
    """

    def apply(self, obj: Object, value: Any, schema: TypedSchema) -> Object:
        """
        See L{Mutation.apply}.
        """
        operations = [_operation(each) for each in value]
        try:
            patched = apply_json_patch(obj, operations)
        except PatchTestFailed:
            return obj
        except (PatchFailed, TooManyOperations) as error:
            raise MutationFailed(f"JSON Patch: {error}") from None
        if not isinstance(patched, dict):
            raise internal_error("the patch makes something that is no object")
        for member, told in (("kind", "Kind"), ("apiVersion", "apiVersion")):
            if not isinstance(patched.get(member), str) or not patched[member]:
                text = orjson.dumps(patched, option=orjson.OPT_SORT_KEYS).decode()
                raise internal_error(f"Object '{told}' is missing in '{text}'")
        return patched


def _operation(value: Struct) -> Object:
    operation = {"op": value.fields.get("op", ""), "path": value.fields.get("path", "")}
    if value.fields.get("from"):
        operation["from"] = value.fields["from"]
    if "value" in value.fields:
        made = value.fields["value"]
        faults = misnamed(made) if type(made) is Struct else []
        if faults:
            raise MutationFailed("type mismatch: " + "\n".join(faults))
        try:
            operation["value"] = as_json(written(made))
        except Unwritable as error:
            raise MutationFailed(
                f"JSONPath valueExpression evaluated to a type that could not marshal to JSON: {error}"
            ) from None
    return operation


class MutatingPolicy:
    """
    @param source: the C{spec} of the policy.
    @ivar mutations: in their order.
    @ivar reinvoked: whether it is to see objects again that others changed after it.
    """

    def __init__(self, source: Mapping[str, Any]) -> None:
        self._params = params = bool(source.get("paramKind"))
        self._variables = variables = declare_variables(source)
        ignores = source.get("failurePolicy") == "Ignore"
        self._conditions = MatchConditions(source.get("matchConditions") or (), ignores, variables, params)
        known = environment(variables, params=params, patches=True)
        self._asks = asks_of_rights(source)
        self.mutations: list[Mutation] = []
        for each in source.get("mutations") or ():
            patch, config = each.get("jsonPatch"), each.get("applyConfiguration")
            if each.get("patchType") == "JSONPatch" and patch is not None:
                text = patch.get("expression") or ""
                self.mutations.append(JSONPatch(compile_expression(known, text, JSON_PATCHES)))
            elif each.get("patchType") == "ApplyConfiguration" and config is not None:
                text = config.get("expression") or ""
                self.mutations.append(ApplyConfiguration(compile_expression(known, text, OBJECT)))
        self.reinvoked = source.get("reinvocationPolicy") == "IfNeeded"

    async def met(self, given: Given) -> bool:
        """
        Whether the match conditions hold.

        @raise ConditionsFailed: that cannot be judged.
        @raise Unanswered: a right has to be asked for first.
        """
        return await self._conditions.met_in_turns(given)

    async def evaluate(self, mutation: Mutation, given: Given) -> Any:
        """
        What the expression of a mutation comes to.

        @raise MutationFailed: it comes to nothing.
        @raise Unanswered: a right has to be asked for first.
        """
        expression = mutation.expression
        if expression.program is None:
            raise MutationFailed(expression.fault)
        activation = Activation(given, self._variables, params=self._params, asks=self._asks)
        try:
            (result,) = await activation.evaluate_all((expression,))
        except OutOfBudget as error:
            raise MutationFailed(str(error)) from None
        if result.error:
            raise MutationFailed(result.error)
        return result.value
