"""
How the log looks: lines for people, or one JSON object a line for machines.

Lines for people follow C{klog}: level, date and time, process, where it comes from, text.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from os import getpid
from typing import Any, TextIO, cast

import orjson
from constantly import NamedConstant  # type: ignore[import-untyped]  # of Twisted, without types
from twisted.logger import (
    FilteringLogObserver,
    ILogFilterPredicate,
    ILogObserver,
    LogEvent,
    LogLevel,
    PredicateResult,
    formatEvent,
    globalLogBeginner,
)
from zope.interface import implementer, provider

from ark.meta.requestid import REQUEST_ID

_LETTERS = {
    LogLevel.debug: "D",
    LogLevel.info: "I",
    LogLevel.warn: "W",
    LogLevel.error: "E",
    LogLevel.critical: "F",
}
_DETAILS = 4


@implementer(ILogObserver)
class LineObserver:
    """
    Writes events to a text file, a line each, and flushes it.

    @ivar broken: why the last event could not be written, if it could not.
    """

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self.broken: Exception | None = None

    def __call__(self, event: LogEvent) -> None:
        """
        Write one event.  An event that cannot be written is lost, and L{broken} is set.
        """
        try:
            self._file.write(self.line(event))
            self._file.flush()
            self.broken = None
        except (OSError, ValueError) as error:
            self.broken = error

    def line(self, event: LogEvent) -> str:
        """
        The text of an event, line end included.
        """
        moment = datetime.fromtimestamp(event["log_time"], timezone.utc)
        letter = _LETTERS.get(event.get("log_level"), "I")
        head = f"{letter}{moment:%m%d %H:%M:%S.%f} {getpid():7d} {event.get('log_namespace', '-')}] "
        text = printable(formatEvent(event))
        tail = f' auditID="{printable(request)}"' if (request := _request_of(event)) else ""
        return f"{head}{text}{tail}\n{traceback_of(event)}"


class JSONObserver(LineObserver):
    """
    Writes an object a line: C{ts}, C{level}, C{logger}, C{msg}, C{audit_id} where it is about a request, and the simple
    values of the event.
    """

    def line(self, event: LogEvent) -> str:
        """
        The text of an event, line end included.
        """
        moment = datetime.fromtimestamp(event["log_time"], timezone.utc)
        level = event.get("log_level")
        members: dict[str, Any] = {
            "ts": moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "level": level.name if level is not None else "info",
            "logger": event.get("log_namespace", ""),
            "pid": getpid(),
            "msg": formatEvent(event).encode("utf-8", "replace").decode(),
        }
        if request := _request_of(event):
            members["audit_id"] = request
        trace = traceback_of(event)
        if trace:
            members["stacktrace"] = trace
        members.update(_simple(event))
        return orjson.dumps(members).decode() + "\n"


def _request_of(event: Mapping[str, Any]) -> str:
    """
    The audit id of the request that runs now, in what can be written; empty where the event says it
    itself, or there is none.
    """
    return "" if "audit_id" in event else REQUEST_ID.get().encode("utf-8", "replace").decode()


def _simple(event: Mapping[str, Any]) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for name, value in event.items():
        if name.startswith("log_"):
            continue
        if isinstance(value, str):
            # A lone surrogate, as a path may hold, has no place in JSON.
            members[name] = value.encode("utf-8", "replace").decode()
        elif isinstance(value, float) or (isinstance(value, int) and abs(value) < 2**63):
            members[name] = value
    return members


def printable(text: str) -> str:
    """
    A text in which nothing can move the cursor of a terminal or begin a line of its own.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def traceback_of(event: LogEvent) -> str:
    """
    The traceback of the event's failure, empty when it has none.
    """
    failure = event.get("log_failure")
    if failure is None:
        return ""
    return cast(str, failure.getTraceback()).rstrip("\n") + "\n"


def observer(form: str, verbosity: int, file: TextIO) -> tuple[ILogObserver, LineObserver]:
    """
    The observer for a form and a level, and the one behind it that writes.

    Twisted's own news, and debugging, are shown from level 4 on.

    @param form: C{text} or C{json}.
    """
    writer = JSONObserver(file) if form == "json" else LineObserver(file)

    @provider(ILogFilterPredicate)
    def wanted(event: LogEvent) -> NamedConstant:
        level = event.get("log_level", LogLevel.info)
        if level >= LogLevel.warn or verbosity >= _DETAILS:
            return PredicateResult.yes
        ours = str(event.get("log_namespace", "")).startswith("ark.")
        return PredicateResult.yes if ours and level >= LogLevel.info else PredicateResult.no

    return FilteringLogObserver(writer, [wanted]), writer


def begin(form: str, verbosity: int, file: TextIO) -> LineObserver:
    """
    Send the log of this process to C{file}, and nothing else there.
    """
    filtered, writer = observer(form, verbosity, file)
    globalLogBeginner.beginLoggingTo([filtered], discardBuffer=True, redirectStandardIO=False)
    return writer


def text() -> ILogObserver:
    """
    For C{twistd --logger=ark.logs.text}.
    """
    import sys

    return observer("text", 0, sys.stderr)[0]


def json() -> ILogObserver:
    """
    For C{twistd --logger=ark.logs.json}.
    """
    import sys

    return observer("json", 0, sys.stderr)[0]
