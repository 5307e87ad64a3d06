"""
Seats for requests: who gets one at once, who waits, and who is refused.

As in C{k8s.io/apiserver/pkg/util/flowcontrol}, but for one process that sees all its levels at once.
There, a level is told every ten seconds how many seats it may have; here each seat is lent and
taken back when it is wanted: beyond what it never lends, a level may use what others leave over,
and a seat that becomes free goes first to a level that has fewer than its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from math import ceil
from typing import Any

from prometheus_client.core import Metric
from twisted.internet.defer import CancelledError, Deferred

from ark.authentication.userinfo import UserInfo
from ark.endpoints.requestinfo import RequestInfo
from ark.http.flowcontrol import bootstrap
from ark.http.flowcontrol.configuration import BY_NAMESPACE, BY_USER, FlowSchema, PriorityLevel
from ark.http.flowcontrol.fairqueue import Level, Turn
from ark.http.flowcontrol.flow import Flow
from ark.http.flowcontrol.measures import (
    CANCELLED,
    NO_SEATS,
    QUEUE_FULL,
    TIME_OUT,
    FlowMeasures,
    Limits,
    families,
)
from ark.http.flowcontrol.rules import matches
from ark.http.flowcontrol.width import Objects, seats
from ark.meta.known import Known
from ark.meta.status import APIStatus, too_many_requests

TOO_MANY = "Too many requests, please try again later."
MOST_FLOWS = 8192
LONGEST_PATH = 1024
LONGEST_WAIT = 60.0

_WIDE = frozenset(("list", "watch"))


class FlowControl:
    """
    Shares C{total} seats among all requests but those of exempt levels.

    @param clock: C{IReactorTime}.
    @param objects: tells how wide lists are.
    @ivar levels: at work now, by name.
    """

    def __init__(self, total: int, clock: Any, objects: Objects) -> None:
        self.total = total
        self._clock = clock
        self._seconds: Callable[[], float] = clock.seconds
        self._objects = objects
        self.levels: dict[str, Level] = {}
        self._all: list[Level] = []
        self._schemas: list[FlowSchema] = []
        self._flows: Known[tuple[object, ...], Flow] = Known(MOST_FLOWS)
        self._measures: dict[tuple[str, str], FlowMeasures] = {}
        self._waiting = 0
        self._reserved = 0
        self.configure(bootstrap.LEVELS, bootstrap.SCHEMAS)

    # What counts

    def configure(self, levels: Sequence[PriorityLevel], schemas: Sequence[FlowSchema]) -> None:
        """
        Work by these from now on, and by those that there must always be.

        Requests that wait or are served go on at the levels they came to.
        """
        wanted = {level.name: level for level in (*bootstrap.MANDATORY_LEVELS, *levels)}
        now = self._seconds()
        before, self.levels = self.levels, {}
        for name, config in wanted.items():
            level = before.get(name)
            if level is None or level.config.exempt != config.exempt:
                level = Level(config, now)
            level.configure(config)
            self.levels[name] = level
        kept = frozenset(self.levels.values())
        left = [level for level in self._all if (level.waiting or level.in_use) and level not in kept]
        self._all = [*self.levels.values(), *left]
        self._share(left)
        usable = {schema.name: schema for schema in (*bootstrap.MANDATORY_SCHEMAS, *schemas)}
        self._schemas = sorted(
            (schema for schema in usable.values() if schema.level in self.levels),
            key=lambda schema: (schema.precedence, schema.name),
        )
        self._flows.clear()
        self._dispatch(now)

    def _share(self, left: Iterable[Level]) -> None:
        shares = sum(level.config.shares for level in self.levels.values())
        for level in self.levels.values():
            level.limit(ceil(self.total * level.config.shares / shares) if shares else 0, self.total)
        for level in left:
            # What there is of it is served yet, with seats that others leave over or one at a time.
            level.limit(0, self.total)
        self._reserved = sum(max(level.in_use, level.lower) for level in self._all if not level.config.exempt)

    def _flow_of(self, key: tuple[object, ...], user: UserInfo, info: RequestInfo) -> Flow:
        """
        The flow of a request; there is always one, since C{catch-all} is for everybody.
        """
        schemas = self._schemas
        schema = next((one for one in schemas if matches(one, user, info)), schemas[-1])
        distinguisher = ""
        if schema.distinguisher == BY_USER:
            distinguisher = user.name
        elif schema.distinguisher == BY_NAMESPACE:
            distinguisher = info.namespace
        measures = self._measures.setdefault((schema.level, schema.name), FlowMeasures())
        flow = Flow(schema, self.levels[schema.level], distinguisher, measures)
        # What a client can make long on purpose is not kept.
        if len(info.path) <= LONGEST_PATH:
            self._flows.keep(key, flow)
        return flow

    # Requests

    def enter(self, request: Any, info: RequestInfo) -> Turn:
        """
        Classify a request, C{request.user}'s, and give it seats if there are.

        What tells its client of its flow is put into C{request.flow_headers}.

        @return: its turn, to be given to L{leave} whatever happens; to be waited for with L{wait}
            first where C{waiting} is set.
        @raise APIStatus: 429, with the time after which to come again.
        """
        user = request.user
        verb, path, group, _, namespace, resource, subresource, _ = info
        key = (user, verb, group, resource, subresource, namespace or (not resource and path))
        flow = self._flows.get(key)
        if flow is None:
            flow = self._flow_of(key, user, info)
        request.flow_headers = flow.headers
        level, measures = flow.level, flow.measures
        width = 1
        if verb in _WIDE:
            width = min(seats(info, request.query, self._objects), level.widest)
        now = self._seconds()
        turn = Turn(level, measures, width, now)
        after = level.in_use + width
        if level.exempt:
            level.in_use = after
        elif level.waiting or (after > level.lower and not self._fits(level, width)):
            self._wait_or_refuse(flow, turn, now)
            return turn
        else:
            if after > level.lower:
                self._reserved += after - max(after - width, level.lower)
            level.begin(turn, flow.hand, now)
        measures.dispatched += 1
        if width > 1:
            measures.more += width - 1
            measures.widths.observe(width)
        return turn

    def _fits(self, level: Level, width: int) -> bool:
        """
        Whether there are seats, its own or some that others leave over.
        """
        in_use = level.in_use
        after = in_use + width
        if after <= level.lower:
            return True
        if after > level.upper:
            # What is wider than its level has it for itself.
            return not in_use
        reserved = self._reserved + after - (in_use if in_use > level.lower else level.lower)
        return reserved <= self.total or not in_use

    def _wait_or_refuse(self, flow: Flow, turn: Turn, now: float) -> None:
        level, measures = turn.level, turn.measures
        if not level.enqueue(turn, flow.hand, now):
            turn.seats = 0
            measures.refused[QUEUE_FULL if flow.hand else NO_SEATS] += 1
            raise _refusal(turn, now)
        assert turn.queue is not None
        turn.waiting = Deferred()
        self._waiting += 1
        measures.waiting += 1
        measures.wanted += turn.seats
        measures.lengths.observe(len(turn.queue.waiting))
        # Seats may be free for it, though not for the one whose turn it was when they came.
        self._dispatch(now)

    async def wait(self, turn: Turn, seconds: float) -> None:
        """
        Return when a turn has come.  Cancelling withdraws it.

        @param seconds: how long to wait at most.
        @raise APIStatus: 429, it did not come in time.
        """
        waiting = turn.waiting
        assert waiting is not None
        # Whose time is up is not told by its Deferred, whose cancellation means that nobody waits.
        timer = self._clock.callLater(min(seconds, LONGEST_WAIT), self._time_out, turn)
        try:
            await waiting
        except CancelledError:
            if turn.waiting is not None:
                self._withdraw(turn, CANCELLED)
            raise
        finally:
            if timer.active():
                timer.cancel()

    def _time_out(self, turn: Turn) -> None:
        waiting = turn.waiting
        if waiting is not None:
            self._withdraw(turn, TIME_OUT)
            waiting.errback(_refusal(turn, self._seconds()))

    def _withdraw(self, turn: Turn, reason: str) -> None:
        now = self._seconds()
        measures = turn.measures
        measures.refused[reason] += 1
        measures.waited_in_vain.observe(now - turn.since)
        self._waiting -= 1
        measures.waiting -= 1
        measures.wanted -= turn.seats
        turn.level.withdraw(turn, now)
        turn.seats = 0
        turn.waiting = None
        self._dispatch(now)

    def leave(self, turn: Turn) -> None:
        """
        A request has what it needed, or is over.  May be called again.
        """
        width = turn.seats
        if not width or turn.waiting is not None:
            return
        level, measures = turn.level, turn.measures
        now = self._seconds()
        if width > 1:
            measures.more -= width - 1
        measures.ran.observe(now - turn.since)
        if level.exempt:
            level.in_use -= width
            turn.seats = 0
            return
        in_use = level.in_use
        if in_use > level.lower:
            self._reserved -= in_use - max(in_use - width, level.lower)
        level.end(turn, now)
        turn.seats = 0
        if self._waiting:
            self._dispatch(now)

    # Those who wait

    def _dispatch(self, now: float) -> None:
        """
        Give free seats to those who wait, first at levels that have fewer than their own.
        """
        while self._waiting:
            turn = self._next()
            if turn is None:
                return
            self._start(turn, now)

    def _next(self) -> Turn | None:
        waiting = [level for level in self._all if level.waiting]
        waiting.sort(key=lambda level: level.in_use / (level.nominal or 1))
        for level in waiting:
            turn = level.head()
            if turn is not None and self._fits(level, turn.seats):
                return turn
        return None

    def _start(self, turn: Turn, now: float) -> None:
        level, measures, width = turn.level, turn.measures, turn.seats
        before = max(level.in_use, level.lower)
        level.dispatch(turn, now)
        self._reserved += max(level.in_use, level.lower) - before
        self._waiting -= 1
        measures.waiting -= 1
        measures.wanted -= width
        measures.dispatched += 1
        measures.waited.observe(now - turn.since)
        if width > 1:
            measures.more += width - 1
            measures.widths.observe(width)
        turn.since = now
        waiting, turn.waiting = turn.waiting, None
        assert waiting is not None
        # Not from within whoever has just left.
        self._clock.callLater(0, waiting.callback, None)

    # Those who look

    def _limits(self) -> Iterator[Limits]:
        spare = max(0, self.total - self._reserved)
        for name, level in self.levels.items():
            current = min(level.upper, max(level.in_use, level.lower) + spare)
            yield Limits(name, level.nominal, level.lower, level.upper, current)

    def collect(self) -> Iterator[Metric]:
        """
        What goes on, for C{prometheus_client}.
        """
        return families(self._measures.items(), self._limits())


def _refusal(turn: Turn, now: float) -> APIStatus:
    return too_many_requests(TOO_MANY, turn.level.retry_after.refused(now))
