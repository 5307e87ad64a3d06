"""
Output without ages, times, uids, revisions and the names of servers.
"""

from __future__ import annotations

import difflib
import re

from tests.e2e.scenario import Printed

_AGE = r"(?:\d+[smhdy]){1,2}|<invalid>"
_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"), "<uid>"),
    (re.compile(r"20(?:2[6-9]|[3-9]\d)-\d\d-\d\dT\d\d:\d\d:\d\dZ"), "<time>"),
    (re.compile(r"(resourceVersion\"?: ?\"?|Resource Version: +)\d+"), r"\1<revision>"),
    (re.compile(r"\d+\.\d+\.\d+\.\d+:\d+"), "<server>"),
    (re.compile(r"/tmp/(LIVE|MERGED)-\d+"), r"<folder>/\1"),
    (re.compile(r"^(---|\+\+\+) (\S+)\t.*$", re.MULTILINE), r"\1 \2"),
    (re.compile(r"kubectl-edit-\d+|kubectl-[\w.]+-edit-\d+\.yaml"), "<edited file>"),
    (re.compile(r"(?<=\S) {2,}"), "  "),
    (re.compile(rf"(?m)(?<=  )({_AGE})(?=  |$)"), "<age>"),
    (re.compile(r"[ \t]+$", re.MULTILINE), ""),
)


def normalize(printed: Printed) -> list[str]:
    """
    The lines that are compared: exit code, output and errors.
    """
    lines = [f"$ kubectl {printed.line}", f"exit code {printed.code}"]
    for text in (printed.output, printed.errors):
        for pattern, replacement in _PATTERNS:
            text = pattern.sub(replacement, text)
        lines += text.splitlines()
    return lines


def difference(left: list[Printed], right: list[Printed]) -> str:
    """
    A unified diff of two terminals, or nothing.
    """
    parts = []
    for one, other in zip(left, right):
        before, after = normalize(one), normalize(other)
        if before != after:
            parts += [before[0], *list(difflib.unified_diff(before, after, "kube", "ark", "", "", 2, ""))[2:]]
    return "\n".join(parts)
