"""
What expressions about writes may name.

Follows C{k8s.io/apiserver/pkg/admission/plugin/cel/compile.go} and C{composition.go}: objects
and parameters may be anything, while requests and namespaces have declared fields.  All of
them are looked up as they were decoded, so that a field that is not there is an error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ark.cel import constructed, types
from ark.cel.code import UNSET
from ark.cel.environment import Declared, Environment, Program
from ark.cel.errors import EvaluationError
from ark.cel.library_authz import AUTHORIZER, RESOURCE_CHECK
from ark.cel.objects import decoded
from ark.cel.schemas import Declaration, declare_json
from ark.cel.types import Type, list_of, map_of, struct
from ark.cel.values import Mapping

OBJECT, OLD_OBJECT, REQUEST, NAMESPACE = "object", "oldObject", "request", "namespaceObject"
VARIABLES, PARAMS = "variables", "params"
ASKS, ASKS_ABOUT_RESOURCE = "authorizer", "authorizer.requestResource"

_S, _TIME, _INT = types.STRING, types.TIMESTAMP, types.INT
_TEXTS = map_of(_S, _S)
_GVK, _GVR = struct("kubernetes.GroupVersionKind"), struct("kubernetes.GroupVersionResource")
_USER, _REQUEST = struct("kubernetes.UserInfo"), struct("kubernetes.AdmissionRequest")
_NAMESPACE = struct("kubernetes.Namespace")
_METADATA, _SPEC = struct("kubernetes.NamespaceMetadata"), struct("kubernetes.NamespaceSpec")
_STATUS, _CONDITION = struct("kubernetes.NamespaceStatus"), struct("kubernetes.NamespaceCondition")
_VARIABLES = struct("kubernetes.variables")

_FIELDS: dict[Type, dict[str, Type]] = {
    _GVK: {"group": _S, "version": _S, "kind": _S},
    _GVR: {"group": _S, "version": _S, "resource": _S},
    _USER: {"username": _S, "uid": _S, "groups": list_of(_S), "extra": map_of(_S, list_of(_S))},
    _REQUEST: {
        "kind": _GVK,
        "resource": _GVR,
        "subResource": _S,
        "requestKind": _GVK,
        "requestResource": _GVR,
        "requestSubResource": _S,
        "name": _S,
        "namespace": _S,
        "operation": _S,
        "userInfo": _USER,
        "dryRun": types.BOOL,
        "options": types.DYN,
    },
    _METADATA: {
        "name": _S,
        "generateName": _S,
        "namespace": _S,
        "labels": _TEXTS,
        "annotations": _TEXTS,
        "UID": _S,
        "creationTimestamp": _TIME,
        "deletionGracePeriodSeconds": _INT,
        "deletionTimestamp": _TIME,
        "generation": _INT,
        "resourceVersion": _S,
        "finalizers": list_of(_S),
    },
    _SPEC: {"finalizers": list_of(_S)},
    _CONDITION: {"status": _S, "type": _S, "lastTransitionTime": _TIME, "message": _S, "reason": _S},
    _STATUS: {"conditions": list_of(_CONDITION), "phase": _S},
    _NAMESPACE: {"metadata": _METADATA, "spec": _SPEC, "status": _STATUS},
}
_COMPOSED = (
    types.BOOL,
    types.BYTES,
    types.DOUBLE,
    types.DURATION,
    types.INT,
    types.NULL,
    types.STRING,
    types.TIMESTAMP,
    types.UINT,
)


def _declared(made: Type, fields: dict[str, Type]) -> Declaration:
    declaration = Declaration("object", made)
    for name, each in fields.items():
        declaration.fields[name] = Declaration("dyn", each)
    return declaration


_STRUCTS = {made.name: _declared(made, fields) for made, fields in _FIELDS.items()}


def composed_type(checked: Type) -> Type:
    """
    What a variable of a policy is to the expressions behind it.
    """
    if checked in _COMPOSED:
        return checked
    if checked.kind == "list" and checked.params:
        return list_of(composed_type(checked.params[0]))
    if checked.kind == "map" and checked.params:
        return map_of(composed_type(checked.params[0]), composed_type(checked.params[1]))
    return types.DYN


class Variables:
    """
    The variables of a policy as far as they are declared, in their order.

    @ivar programs: what computes each, or why it cannot be computed.
    """

    def __init__(self) -> None:
        self.declaration = _declared(_VARIABLES, {})
        self.programs: dict[str, Program | str] = {}

    def declare(self, name: str, program: Program | str) -> None:
        """
        Add a variable, which those behind it may name.

        @param program: a text tells what is wrong with its expression.
        """
        made = types.DYN if isinstance(program, str) else composed_type(program.type)
        self.declaration.fields[name] = Declaration("dyn", made)
        self.programs[name] = program


def environment(
    variables: Variables | None = None,
    *,
    params: bool = False,
    authorizer: bool = True,
    patches: bool = False,
) -> Environment:
    """
    What an expression may name.

    @param variables: those of its policy, if it is of one.
    @param params: whether the policy has parameters.
    @param authorizer: whether it may ask what users may do.
    @param patches: whether it may make C{Object} and C{JSONPatch}.
    """
    known: dict[str, Declared] = {
        OBJECT: declare_json(),
        OLD_OBJECT: declare_json(),
        NAMESPACE: _NAMESPACE,
        REQUEST: _REQUEST,
    }
    structs = dict(_STRUCTS)
    if variables is not None:
        known[VARIABLES] = _VARIABLES
        structs[_VARIABLES.name] = variables.declaration
    if params:
        known[PARAMS] = declare_json()
    if authorizer:
        known[ASKS], known[ASKS_ABOUT_RESOURCE] = AUTHORIZER, RESOURCE_CHECK
    functions = {each.name: each for each in constructed.FUNCTIONS} if patches else None
    return Environment(known, functions, structs, patches)


class LazyJSON(Mapping):
    """
    Decoded JSON that is only put together when an expression looks at it.
    """

    __slots__ = ("_made", "_make")

    def __init__(self, make: Callable[[], dict[str, Any]]) -> None:
        self._make = make
        self._made: Mapping | None = None

    def _whole(self) -> Mapping:
        if self._made is None:
            self._made = decoded(self._make())
        return self._made

    def __len__(self) -> int:
        return len(self._whole())

    def every_key(self) -> Iterable[Any]:
        return self._whole().every_key()

    def find(self, key: Any) -> tuple[bool, Any]:
        return self._whole().find(key)


class Composed(Mapping):
    """
    The variables of a policy for one request, each computed when it is first asked for.

    @ivar spent: what that has cost since somebody last set it to nothing.
    """

    __slots__ = ("_known", "_programs", "frame", "spent")

    def __init__(self, variables: Variables) -> None:
        self._programs = variables.programs
        self._known: dict[str, Any] = {}
        self.frame: tuple[Any, ...] = ()
        self.spent = 0

    def __len__(self) -> int:
        return len(self._programs)

    def every_key(self) -> Iterable[Any]:
        return list(self._programs)

    def find(self, key: Any) -> tuple[bool, Any]:
        if key not in self._programs:
            return False, None
        value = self._known.get(key, UNSET)
        if value is UNSET:
            value = self._known[key] = self._computed(key)
        if isinstance(value, EvaluationError):
            raise value
        return True, value

    def _computed(self, name: str) -> Any:
        program = self._programs[name]
        if isinstance(program, str):
            return EvaluationError(f'composited variable "{name}" fails to compile: {program}')
        outcome = program.evaluate(*self.frame)
        self.spent += outcome.cost
        if outcome.error is not None:
            return EvaluationError(f'composited variable "{name}" fails to evaluate: {outcome.error}')
        return outcome.value
