"""
A few priority levels at work, on a clock that stands still until it is advanced.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from ark.authentication.userinfo import AUTHENTICATED_GROUP, UserInfo
from ark.endpoints.requestinfo import RequestInfo
from ark.http.flowcontrol.configuration import BY_USER, FlowSchema, PriorityLevel
from ark.http.flowcontrol.control import FlowControl

GROUP = "probe.example.com"


def everything(level: str, precedence: int = 100, **subject: str) -> FlowSchema:
    """
    A schema for all that some do.

    @param subject: C{user} or C{group}; for everybody when neither is given.
    """
    subjects = [{"kind": kind.title(), kind: {"name": name}} for kind, name in subject.items()]
    rule = {
        "subjects": subjects or [{"kind": "Group", "group": {"name": "*"}}],
        "resourceRules": [
            {
                "verbs": ["*"],
                "apiGroups": ["*"],
                "resources": ["*"],
                "namespaces": ["*"],
                "clusterScope": True,
            }
        ],
        "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}],
    }
    return FlowSchema(level, f"{level}-schema", level, precedence, BY_USER, (rule,))


def queued(name: str, shares: int = 30, **more: Any) -> PriorityLevel:
    """
    A level in which requests wait.
    """
    given = {"queues": 16, "hand": 4, "length": 50, **more}
    return PriorityLevel(name, f"{name}-level", False, shares, **given)


class Asked:
    """
    A request, as far as flow control knows it.
    """

    def __init__(self, user: str, info: RequestInfo, query: str = "", groups: tuple[str, ...] = ()) -> None:
        self.user = UserInfo(user, "", (*groups, AUTHENTICATED_GROUP))
        self.info = info
        self.query = query
        self.flow_headers: Any = ()
        self.turn: Any = None
        self.done: Deferred[None] | None = None
        self.started = False
        self.error: Any = None


class Load:
    """
    Requests that each hold their seats for a while.

    @ivar served: the names of users, in the order in which they were served.
    """

    def __init__(self, total: int, objects: int = 0) -> None:
        self.clock = Clock()
        self.control = FlowControl(total, self.clock, lambda group, plural: objects)
        self.served: list[str] = []
        self.refused: list[Any] = []

    def ask(self, user: str, seconds: float = 1.0, verb: str = "create", **more: Any) -> Asked:
        """
        Make a request that runs for C{seconds} once its turn has come.
        """
        given = {"query": "", "patience": 15.0, "groups": (), **more}
        info = RequestInfo(verb, "/", GROUP, "v1", "default", "widgets")
        asked = Asked(user, info, given["query"], given["groups"])
        asked.done = Deferred.fromCoroutine(self._run(asked, seconds, given["patience"]))

        def failed(failure: Any) -> None:
            asked.error = failure.value
            self.refused.append(failure.value)

        asked.done.addErrback(failed)
        return asked

    async def _run(self, asked: Asked, seconds: float, patience: float) -> None:
        turn = asked.turn = self.control.enter(asked, asked.info)
        try:
            if turn.waiting is not None:
                await self.control.wait(turn, patience)
            asked.started = True
            self.served.append(asked.user.name)
            done: Deferred[None] = Deferred()
            self.clock.callLater(seconds, done.callback, None)
            await done
        finally:
            self.control.leave(turn)

    def advance(self, seconds: float, step: float = 0.05) -> None:
        """
        Let time pass.
        """
        for _ in range(round(seconds / step)):
            self.clock.advance(step)
            self.clock.advance(0)
