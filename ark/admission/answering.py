"""
Answers to the questions that expressions ask about rights.

Expressions are pure, and what they are given does not change: so they are evaluated, and
whenever one of them needs an answer that is not known, the authorizer is asked and all of them
are evaluated anew.  Each round has one answer more than the one before.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from twisted.internet.defer import CancelledError

from ark.authentication.userinfo import UserInfo
from ark.authorization.attributes import Attributes
from ark.cel.library_authz import Answer, Question, Unanswered
from ark.interfaces import IAuthorizer
from ark.meta.selectors import parse_field_selector, parse_label_selector
from ark.meta.status import APIStatus

T = TypeVar("T")

_ACCOUNTS = "system:serviceaccounts"


class Answering:
    """
    What was found out for one request.  Each question is asked once.

    @ivar answers: the answers, to be given to evaluations.
    """

    def __init__(self, authorizer: IAuthorizer) -> None:
        self._authorizer = authorizer
        self.answers: dict[Question, Answer] = {}

    async def run(self, evaluate: Callable[[], Awaitable[T]]) -> T:
        """
        What C{evaluate} comes to when all it asks is known.
        """
        while True:
            try:
                return await evaluate()
            except Unanswered as unanswered:
                question = unanswered.question
            self.answers[question] = await self._ask(question)

    async def _ask(self, question: Question) -> Answer:
        try:
            decision: Any = await self._authorizer.authorize(attributes_of(question))
        except CancelledError:
            raise
        except Exception as error:
            # Expressions may look at what went wrong, and decide.
            message = error.message if isinstance(error, APIStatus) else str(error)
            return Answer(False, "", message or type(error).__name__)
        return Answer(decision.allowed, decision.reason)


def attributes_of(question: Question) -> Attributes:
    """
    A question as authorizers are asked it.
    """
    user = _user(question)
    if question.path:
        return Attributes(user, question.verb, question.path)
    return Attributes(
        user,
        question.verb,
        "",
        question.group,
        "*",
        question.resource,
        question.subresource,
        question.namespace,
        question.name,
        _requirements(parse_field_selector, question.field_selector),
        _requirements(parse_label_selector, question.label_selector),
    )


def _user(question: Question) -> UserInfo:
    if question.service_account is None:
        return question.user if question.user is not None else UserInfo("")
    namespace, name = question.service_account
    groups = (_ACCOUNTS, f"{_ACCOUNTS}:{namespace}")
    return UserInfo(f"system:serviceaccount:{namespace}:{name}", groups=groups)


def _requirements(parse: Callable[[str], Any], text: str) -> tuple[Any, ...]:
    """
    What a selector asks for; one that means nothing is left out, so that more is asked.
    """
    try:
        return tuple(parse(text).requirements) if text else ()
    except APIStatus:
        return ()
