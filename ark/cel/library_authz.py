"""
Questions of expressions about what users may do.

Follows C{k8s.io/apiserver/pkg/cel/library/authz.go}.  An expression cannot wait, so that the
answers have to be known when it runs: where one is not, L{Unanswered} ends the evaluation, and
whoever asked for it finds the answer and begins anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from ark.cel import types
from ark.cel.errors import EvaluationError, no_overload
from ark.cel.functions import Function, function, member
from ark.cel.types import Type, struct
from ark.cel.values import Opaque
from ark.meta.names import name_is_dns_label, name_is_dns_subdomain

AUTHORIZER = struct("kubernetes.authorization.Authorizer")
PATH_CHECK = struct("kubernetes.authorization.PathCheck")
GROUP_CHECK = struct("kubernetes.authorization.GroupCheck")
RESOURCE_CHECK = struct("kubernetes.authorization.ResourceCheck")
DECISION = struct("kubernetes.authorization.Decision")


class Question(NamedTuple):
    """
    Whether a user may do something.  It can be a key.

    @ivar user: who, as the evaluation was told.
    @ivar service_account: namespace and name of the service account that is meant instead.
    @ivar path: of a request that is not about a resource; empty for one that is.
    """

    user: Any
    service_account: tuple[str, str] | None
    verb: str
    path: str = ""
    group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    field_selector: str = ""
    label_selector: str = ""


class Answer(NamedTuple):
    """
    What was found out.

    @ivar error: why it could not be found out; empty if it could.
    """

    allowed: bool
    reason: str = ""
    error: str = ""


Answers = Mapping[Question, Answer]


class Unanswered(Exception):
    """
    An evaluation that needs an answer which is not there yet.  Nothing absorbs it.
    """

    def __init__(self, question: Question) -> None:
        super().__init__(question)
        self.question = question


class _Value(Opaque):
    """
    Something that can only be asked, and is never equal to anything.
    """

    __slots__ = ()

    def same(self, other: Any) -> bool:
        raise no_overload()


class Authorizer(_Value):
    """
    What C{authorizer} stands for.

    @param user: a hashable description of who asked.
    @param answers: what is known; it may grow between evaluations.
    @ivar count: how often something was asked, also by what was made of this one; a list of one.
    """

    __slots__ = ("account", "answers", "count", "user")
    type: Type = AUTHORIZER

    def __init__(self, user: Any, answers: Answers, account: tuple[str, str] | None = None) -> None:
        self.user = user
        self.answers = answers
        self.account = account
        self.count = [0]

    def ask(self, verb: str, **about: str) -> Decision:
        """
        The answer to a question.

        @raise Unanswered: it is not known yet.
        """
        question = Question(self.user, self.account, verb, **about)
        self.count[0] += 1
        answer = self.answers.get(question)
        if answer is None:
            raise Unanswered(question)
        return Decision(answer)

    def resource(self, **about: str) -> ResourceCheck:
        """
        What C{authorizer.requestResource} stands for.
        """
        return ResourceCheck(self, about)


class _Check(_Value):
    """
    A question of which something is still to be said.

    @param about: what has been said, as L{Question} has it.
    """

    __slots__ = ("about", "authorizer")

    def __init__(self, authorizer: Authorizer, about: dict[str, str]) -> None:
        self.authorizer = authorizer
        self.about = about

    def check(self, verb: str) -> Decision:
        return self.authorizer.ask(verb, **self.about)


class PathCheck(_Check):
    """
    A path of which a verb is still to be named.
    """

    __slots__ = ()
    type: Type = PATH_CHECK


class GroupCheck(_Check):
    """
    A group of which a resource is still to be named.
    """

    __slots__ = ()
    type: Type = GROUP_CHECK


class ResourceCheck(_Check):
    """
    A resource of which a verb is still to be named.
    """

    __slots__ = ()
    type: Type = RESOURCE_CHECK


class Decision(_Value):
    """
    An answer.
    """

    __slots__ = ("answer",)
    type: Type = DECISION

    def __init__(self, answer: Answer) -> None:
        self.answer = answer


def _path(authorizer: Authorizer, path: str) -> PathCheck:
    if not path.strip():
        raise EvaluationError("path must not be empty")
    return PathCheck(authorizer, {"path": path})


def _group(authorizer: Authorizer, group: str) -> GroupCheck:
    return GroupCheck(authorizer, {"group": group})


def _service_account(authorizer: Authorizer, namespace: str, name: str) -> Authorizer:
    if name_is_dns_subdomain(name):
        raise EvaluationError("Invalid service account name")
    if name_is_dns_label(namespace):
        raise EvaluationError("Invalid service account namespace")
    made = Authorizer(authorizer.user, authorizer.answers, (namespace, name))
    made.count = authorizer.count
    return made


def _resource(group: GroupCheck, resource: str) -> ResourceCheck:
    if not resource.strip():
        raise EvaluationError("resource must not be empty")
    return ResourceCheck(group.authorizer, {**group.about, "resource": resource})


def _narrowed(name: str, overload: str, part: str) -> Function:
    """
    A function that says more of the resource that is asked about.
    """

    def run(check: ResourceCheck, text: str) -> ResourceCheck:
        return ResourceCheck(check.authorizer, {**check.about, part: text})

    return function(name, member(overload, (RESOURCE_CHECK, _S), RESOURCE_CHECK, run))


_S, _B = types.STRING, types.BOOL

FUNCTIONS: tuple[Function, ...] = (
    function("path", member("authorizer_path", (AUTHORIZER, _S), PATH_CHECK, _path)),
    function("group", member("authorizer_group", (AUTHORIZER, _S), GROUP_CHECK, _group)),
    function(
        "serviceAccount",
        member("authorizer_serviceaccount", (AUTHORIZER, _S, _S), AUTHORIZER, _service_account),
    ),
    function("resource", member("groupcheck_resource", (GROUP_CHECK, _S), RESOURCE_CHECK, _resource)),
    _narrowed("subresource", "resourcecheck_subresource", "subresource"),
    _narrowed("namespace", "resourcecheck_namespace", "namespace"),
    _narrowed("name", "resourcecheck_name", "name"),
    function(
        "check",
        member("pathcheck_check", (PATH_CHECK, _S), DECISION, _Check.check),
        member("resourcecheck_check", (RESOURCE_CHECK, _S), DECISION, _Check.check),
    ),
    function(
        "errored", member("decision_errored", (DECISION,), _B, lambda decision: bool(decision.answer.error))
    ),
    function("error", member("decision_error", (DECISION,), _S, lambda decision: decision.answer.error)),
    function(
        "allowed", member("decision_allowed", (DECISION,), _B, lambda decision: decision.answer.allowed)
    ),
    function("reason", member("decision_reason", (DECISION,), _S, lambda decision: decision.answer.reason)),
    _narrowed("fieldSelector", "authorizer_fieldselector", "field_selector"),
    _narrowed("labelSelector", "authorizer_labelselector", "label_selector"),
)
