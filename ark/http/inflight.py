"""
How many requests may run at once, and for how long.
"""

from __future__ import annotations

from math import inf
from typing import Any, NamedTuple
from urllib.parse import parse_qs

from ark.endpoints.requestinfo import RequestInfo
from ark.http.flowcontrol.control import TOO_MANY
from ark.meta.status import APIStatus, too_many_requests
from ark.meta.time import parse_go_duration

_READING = frozenset(("get", "list", "watch", "head", "options", "trace"))


class Place(NamedTuple):
    """
    What a request has while it counts.

    @ivar waiting: L{None}: nobody waits here.
    """

    reading: bool
    waiting: None = None


_PLACES = {reading: Place(reading) for reading in (True, False)}


class InFlight:
    """
    Counts requests under way and refuses those over the limit (contract 17.1).

    It stands where L{ark.http.flowcontrol.control.FlowControl} does not, and is entered and left as that is.
    """

    def __init__(self, reading: int, mutating: int) -> None:
        self.limits = {True: reading, False: mutating}
        self.running = {True: 0, False: 0}

    def enter(self, request: Any, info: RequestInfo) -> Place:
        """
        Count a request.

        @return: to be given to L{leave}.
        @raise APIStatus: 429.
        """
        reading = info.verb in _READING
        if self.limits[reading] and self.running[reading] >= self.limits[reading]:
            raise too_many_requests(TOO_MANY, 1)
        self.running[reading] += 1
        return _PLACES[reading]

    def leave(self, place: Place) -> None:
        """
        A request that entered is done.
        """
        self.running[place.reading] -= 1


class Deadlines:
    """
    Cancels requests that take too long.  One timer a second serves them all.

    @ivar seconds: how long they may take.
    @ivar clock: C{IReactorTime}.
    @ivar running: when the time of each is up that is not done; C{inf} once it is.
    """

    def __init__(self, reactor: Any, seconds: float) -> None:
        self.clock = reactor
        self._now = reactor.seconds
        self.seconds = seconds
        self.running: dict[Any, float] = {}
        self._timer: Any = None

    def add(self, request: Any, query: str) -> float:
        """
        Watch over a request; its C{timeout} parameter may shorten the time.

        @return: the seconds that it may take.
        @raise APIStatus: 400, the parameter is not a duration.
        """
        seconds = self.seconds
        if "timeout=" in query:
            seconds = _wanted_timeout(query, seconds)
        self.running[request] = self._now() + seconds
        if self._timer is None:
            self._timer = self.clock.callLater(1.0, self._sweep)
        return seconds

    def expired(self, request: Any) -> bool:
        """
        Whether the request was cancelled for its time.
        """
        return self.running.get(request, inf) == inf

    def _sweep(self) -> None:
        self._timer = None
        now = self.clock.seconds()
        for request in [request for request, deadline in self.running.items() if deadline <= now]:
            self.running[request] = inf
            request.cancel_handling()
        if self.running:
            self._timer = self.clock.callLater(1.0, self._sweep)


def _wanted_timeout(query: str, maximum: float) -> float:
    text = (parse_qs(query).get("timeout") or ("",))[0]
    if not text:
        return maximum
    try:
        wanted = parse_go_duration(text)
    except ValueError as error:
        message = f"invalid timeout specified in the request URL - {error}"
        raise APIStatus(400, "BadRequest", message) from error
    return wanted if 0 < wanted < maximum else maximum
