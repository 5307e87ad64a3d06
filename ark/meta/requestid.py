"""
Which request the code that runs now works for.

The value follows a coroutine wherever it waits, so that what is logged on the way can be found by the
C{Audit-Id} of the answer.
"""

from __future__ import annotations

from contextvars import ContextVar

REQUEST_ID: ContextVar[str] = ContextVar("REQUEST_ID", default="")
"""
The audit id of the request; empty outside of any.
"""
