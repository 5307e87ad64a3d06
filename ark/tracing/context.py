"""
The header fields by which a trace goes from one program to the next: W3C Trace Context.

As strict as C{propagation.TraceContext} of OpenTelemetry for Go, which kube-apiserver uses.
"""

from __future__ import annotations

import re
from typing import NamedTuple

PARENT = b"traceparent"
STATE = b"tracestate"

_PARENT = re.compile(rb"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})((?:-.*)?)")
_MEMBER = re.compile(
    rb"[a-z0-9][a-z0-9_\-*/@]{0,255}=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]"
)
_MOST_MEMBERS = 32
_INVALID_VERSION = b"ff"
_MOST_FLAGS = 3
_SAMPLED = 1


class TraceContext(NamedTuple):
    """
    A place in a trace.

    @ivar sampled: whether those who take part are to tell of it.
    @ivar state: what others along the way want to be handed on.
    """

    trace_id: int
    span_id: int
    sampled: bool
    state: bytes = b""

    def headers(self) -> dict[bytes, list[bytes]]:
        """
        The header fields that tell somebody else of it.
        """
        parent = b"00-%032x-%016x-%02x" % (self.trace_id, self.span_id, self.sampled)
        return {PARENT: [parent], STATE: [self.state]} if self.state else {PARENT: [parent]}


def read_context(parent: bytes | None, state: bytes | None = None) -> TraceContext | None:
    """
    The place that header fields tell of; L{None} where they tell of none.  A state that breaks the rules is left out.
    """
    if parent is None:
        return None
    found = _PARENT.fullmatch(parent.strip())
    if found is None:
        return None
    version, trace, span, flags, rest = found.groups()
    trace_id, span_id, bits = int(trace, 16), int(span, 16), int(flags, 16)
    if version == _INVALID_VERSION or not (trace_id and span_id):
        return None
    if version == b"00" and (rest or bits > _MOST_FLAGS):
        return None
    return TraceContext(trace_id, span_id, bool(bits & _SAMPLED), _state(state or b""))


def _state(text: bytes) -> bytes:
    members = [member.strip(b" \t") for member in text.split(b",")]
    members = [member for member in members if member]
    names = {member.partition(b"=")[0] for member in members}
    valid = len(members) <= _MOST_MEMBERS and len(names) == len(members)
    return b",".join(members) if valid and all(map(_MEMBER.fullmatch, members)) else b""
