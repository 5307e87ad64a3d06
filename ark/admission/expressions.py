"""
Expressions about writes, and what they are given.

Follows C{k8s.io/apiserver/pkg/admission/plugin/cel} (C{compile.go}, C{activation.go},
C{condition.go}).  Evaluating is never waiting: where an answer about rights is needed that is
not known, L{ark.cel.library_authz.Unanswered} ends it, see L{ark.admission.answering}.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, NamedTuple

from ark.admission.attributes import Attributes
from ark.cel.admission import Composed, LazyJSON, Variables
from ark.cel.code import UNSET
from ark.cel.environment import Environment, Program
from ark.cel.errors import CompileError, ProgramError
from ark.cel.library_authz import Answers, Authorizer
from ark.cel.ranges import CHECK
from ark.cel.types import Type

Object = dict[str, Any]
Turn = Callable[[], Awaitable[None]]

BUDGET = 10_000_000
CONDITIONS_BUDGET = 2_500_000
# What takes about 50 ms.
_LONG = 250_000
SPENT = "validation failed due to running out of cost budget, no further validation rules will be run"
_NAMESPACE_METADATA = (
    "name",
    "generateName",
    "namespace",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "labels",
    "annotations",
    "finalizers",
)


class OutOfBudget(Exception):
    """
    Evaluations that together cost too much; nothing after them is evaluated.
    """

    def __init__(self) -> None:
        super().__init__(SPENT)


class Expression(NamedTuple):
    """
    A compiled expression.

    @ivar program: L{None} if it is wrong.
    @ivar fault: what is wrong with it.
    """

    text: str
    program: Program | None
    fault: str = ""


class Result(NamedTuple):
    """
    What an expression came to.

    @ivar error: why there is no value; empty if there is one.
    @ivar seconds: how long it took, if anybody measures that.
    """

    value: Any
    error: str = ""
    seconds: float = 0.0


def compile_expression(environment: Environment, text: str, *accepted: Type) -> Expression:
    """
    Compile an expression.

    @param accepted: the types that it may give; any if there are none.
    """
    try:
        program = environment.compile(text)
    except CompileError as error:
        return Expression(text, None, f"compilation failed: {error}")
    except ProgramError as error:
        return Expression(text, None, f"program instantiation failed: {error}")
    if accepted and program.type not in accepted:
        wanted = " ".join(map(_told, accepted))
        wanted = wanted if len(accepted) == 1 else f"one of [{wanted}]"
        return Expression(text, None, f"must evaluate to {wanted} but got {_told(program.type)}")
    return Expression(text, program)


def _told(declared: Type) -> str:
    """
    A type as Go prints one.
    """
    if not declared.params:
        return declared.name
    return f"{declared.name}({', '.join(map(_told, declared.params))})"


class Given(NamedTuple):
    """
    What the expressions of one configuration are given.

    @ivar namespace: the namespace of the object; L{None} for none.
    @ivar answers: what is known of who may do what.
    @ivar turn: lets others have their turn between expressions that take long.
    @ivar now: tells the time, to measure with.
    """

    attributes: Attributes
    answers: Answers
    namespace: Object | None = None
    params: Object | None = None
    turn: Turn | None = None
    now: Callable[[], float] | None = None


class Activation:
    """
    Evaluates the expressions of one list, each with what the ones before left of the budget.

    @param variables: those that expressions may name, if any.
    @param params: whether the configuration has parameters at all.
    @param authorizer: whether expressions may name what tells the rights of users.
    @param asks: whether there is something behind that name; it is an error to ask if not.
    """

    def __init__(
        self,
        given: Given,
        variables: Variables | None = None,
        *,
        params: bool = False,
        authorizer: bool = True,
        asks: bool = True,
        budget: int = BUDGET,
    ) -> None:
        attributes = given.attributes
        namespace = given.namespace
        frame: list[Any] = [
            attributes.object,
            attributes.old_object,
            None if namespace is None else LazyJSON(lambda: _namespace(namespace)),
            LazyJSON(lambda: request_of(attributes)),
        ]
        self._composed = None
        if variables is not None:
            if variables.programs:
                self._composed = Composed(variables)
            frame.append(self._composed)
        if params:
            frame.append(given.params)
        rights: tuple[Any, Any] = (UNSET, UNSET)
        self._count = [0]
        if authorizer and asks:
            rights = _authorizers(given)
            self._count = rights[0].count
        self._frame = (*frame, *rights) if authorizer else tuple(frame)
        if self._composed is not None:
            self._composed.frame = (*frame, *rights)
        self.left = budget
        self._turn = given.turn
        self._now = given.now

    def evaluate(self, expression: Expression) -> Result:
        """
        Evaluate one.

        @raise OutOfBudget: too much was spent.
        @raise Unanswered: a right has to be asked for first.
        """
        program = expression.program
        if program is None:
            return Result(None, f"compilation error: {expression.fault}")
        outcome = program.evaluate(*self._frame)
        composed = self._composed
        if composed is not None:
            self._spend(composed.spent)
            composed.spent = 0
        self._spend(outcome.cost)
        if outcome.error is not None:
            return Result(None, f"expression '{expression.text}' resulted in error: {outcome.error}")
        return Result(outcome.value)

    async def evaluate_all(self, expressions: Iterable[Expression]) -> list[Result]:
        """
        Evaluate several, with a turn for others after those that take long.

        @raise OutOfBudget: too much was spent; nothing behind it is evaluated.
        @raise Unanswered: a right has to be asked for first.
        """
        found = []
        before = self._effort()
        for each in expressions:
            found.append(self.evaluate(each) if self._now is None else self._timed(each, self._now))
            if self._effort() - before > _LONG and self._turn is not None:
                await self._turn()
                before = self._effort()
        return found

    def _timed(self, expression: Expression, now: Callable[[], float]) -> Result:
        started = now()
        value, error, _ = self.evaluate(expression)
        return Result(value, error, now() - started)

    def _effort(self) -> int:
        """
        What evaluations have cost, without questions, which are dear but take no time here.
        """
        return -self.left - CHECK * self._count[0]

    def _spend(self, cost: int) -> None:
        if cost > self.left:
            raise OutOfBudget
        self.left -= cost


def _authorizers(given: Given) -> tuple[Any, Any]:
    attributes = given.attributes
    asks = Authorizer(attributes.user, given.answers)
    group, resource = attributes.resource
    about = asks.resource(
        group=group,
        resource=resource,
        subresource=attributes.subresource,
        namespace=attributes.namespace,
        name=attributes.name,
    )
    return asks, about


def request_of(attributes: Attributes) -> Object:
    """
    The C{AdmissionRequest} that expressions see.
    """
    told, asked = attributes.named, (attributes.asked or attributes).named
    request = {
        "uid": "",
        **told,
        "requestKind": asked["kind"],
        "requestResource": asked["resource"],
        "operation": attributes.operation,
        "userInfo": attributes.user.to_dict() if attributes.user is not None else {},
        "object": None,
        "oldObject": None,
        "dryRun": attributes.dry_run,
        "options": attributes.operation_options,
    }
    optional = {
        "subResource": attributes.subresource,
        "requestSubResource": attributes.subresource,
        "name": attributes.name,
        "namespace": attributes.namespace,
    }
    request.update((name, value) for name, value in optional.items() if value)
    return request


def _namespace(namespace: Mapping[str, Any]) -> Object:
    """
    What expressions see of a namespace.
    """
    metadata = namespace.get("metadata") or {}
    return {
        "metadata": {name: metadata[name] for name in _NAMESPACE_METADATA if name in metadata},
        "spec": namespace.get("spec") or {},
        "status": namespace.get("status") or {},
    }
