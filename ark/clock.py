"""
A reactor whose timers do not follow the time of day.

Twisted's reactors take C{time.time} as their clock, so that a timer fires at once, or
never, when somebody sets the clock of the machine (measured: a jump of an hour stopped
a timer of three seconds).
"""

from __future__ import annotations

import time

from twisted.internet import base


def install_monotonic_clock() -> None:
    """
    Make reactors of this process count time with C{time.monotonic}.

    Call it before the reactor has any timer; it does not import the reactor.  Ask
    C{reactor.seconds()} for how long something took, and C{time.time()} only for what
    people read.
    """
    base.ReactorBase.seconds = staticmethod(time.monotonic)
