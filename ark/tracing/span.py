"""
Spans: what was done, from when to when, and as a part of what.

A span costs nothing where nobody traces: L{SPAN} is empty there, and code that could be traced asks no more than that.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from random import getrandbits
from typing import Protocol, TypeVar

from ark.tracing.context import TraceContext

Attribute = str | int
"""The value of an attribute."""

Result = TypeVar("Result")

INTERNAL, SERVER, CLIENT = 1, 2, 3
"""The kinds of spans, by their numbers in OTLP."""

_SPAN_BITS = 64


class Recorder(Protocol):
    """
    Takes spans that have ended.
    """

    @property
    def seconds(self) -> Callable[[], float]:
        """Tells the time of L{Span.started} and L{Span.ended}; it never goes back."""

    def add(self, span: Span) -> None:
        """Take a span.  Never waits."""


class Span:
    """
    One step.

    @ivar context: its place in its trace.
    @ivar parent_id: the span that it is a part of; 0 for the first of a trace.
    @ivar link: a place in another trace that led to this one.
    @ivar error: what went wrong; L{None} where nothing did.
    """

    __slots__ = (
        "_recorder",
        "attributes",
        "context",
        "ended",
        "error",
        "kind",
        "link",
        "name",
        "parent_id",
        "started",
    )

    def __init__(
        self,
        recorder: Recorder | None,
        context: TraceContext,
        name: str = "",
        started: float = 0.0,
        *,
        parent_id: int = 0,
        kind: int = INTERNAL,
    ) -> None:
        """
        @param recorder: where it goes at its end; L{None} for one that only hands its place on.
        """
        self._recorder = recorder
        self.context = context
        self.name = name
        self.started = started
        self.ended = started
        self.parent_id = parent_id
        self.kind = kind
        self.attributes: Mapping[str, Attribute] = {}
        self.link: TraceContext | None = None
        self.error: str | None = None

    @property
    def recorded(self) -> bool:
        """
        Whether anybody will be told of it.
        """
        return self._recorder is not None

    def child(self, name: str, attributes: Mapping[str, Attribute], kind: int = INTERNAL) -> Span:
        """
        Begin a part of it; the same span where nobody will be told.
        """
        recorder = self._recorder
        if recorder is None:
            return self
        own = self.context
        context = TraceContext(own.trace_id, new_span_id(), own.sampled, own.state)
        span = Span(recorder, context, name, recorder.seconds(), parent_id=own.span_id, kind=kind)
        span.attributes = attributes
        return span

    def end(self) -> None:
        """
        It is over.
        """
        recorder = self._recorder
        if recorder is not None:
            self.ended = recorder.seconds()
            recorder.add(self)


SPAN: ContextVar[Span | None] = ContextVar("SPAN", default=None)
"""
The span that the code runs in; L{None} where nothing is traced.
"""


def new_span_id() -> int:
    """
    A number for a span, never 0.
    """
    return getrandbits(_SPAN_BITS) or 1


async def within(span: Span, work: Awaitable[Result]) -> Result:
    """
    What C{work} gives, which runs in a span of its own that ends with it.
    """
    before = SPAN.set(span)
    try:
        return await work
    except Exception as error:
        # Not its text: it may repeat what somebody sent.
        span.error = type(error).__name__
        raise
    finally:
        SPAN.reset(before)
        span.end()
