"""
Output without ages, times, uids, revisions and the names of servers.
"""

from __future__ import annotations

import difflib
import re

from tests.e2e.scenario import Printed

# The causes of a schema come in the order of a map.
_CAUSES = re.compile(r"(?<=is invalid: )\[(.*)\]$", re.MULTILINE)
_CAUSE = re.compile(r", (?=[a-zA-Z][\w.\[\]]*: [A-Z])")
_AGE = r"(?:\d+[smhdy]){1,2}|<invalid>"
_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"), "<uid>"),
    (re.compile(r"20(?:2[6-9]|[3-9]\d)-\d\d-\d\dT\d\d:\d\d:\d\dZ"), "<time>"),
    (re.compile(r"(resourceVersion\"?: ?\"?|Resource Version: +)\d+"), r"\1<revision>"),
    (re.compile(r'(\\"resourceVersion\\":\\")\d+'), r"\1<revision>"),
    (re.compile(r',\\"managedFields\\":\[.*?\}\}\},[^\]]*\]'), ""),
    (re.compile(r"\d+\.\d+\.\d+\.\d+:\d+"), "<server>"),
    (re.compile(r"/[\w/.-]+/(LIVE|MERGED)-\d+"), r"<folder>/\1"),
    (re.compile(r"^(---|\+\+\+) (\S+)\t.*$", re.MULTILINE), r"\1 \2"),
    (re.compile(r"(?:/[\w/.-]+/)?kubectl-(?:[\w.]+-)?edit-\d+(?:\.yaml)?"), "<edited file>"),
    # Told only if a kubectl whose time is up is just asking, or has only just begun to watch.
    (
        re.compile(
            r"^[EI]\d{4} .*reflector\.go.* err=\"(?:context deadline exceeded|very short watch).*\n",
            re.MULTILINE,
        ),
        "",
    ),
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
        text = _CAUSES.sub(lambda found: f"[{', '.join(sorted(_CAUSE.split(found[1])))}]", text)
        lines += text.splitlines()
    return lines


def difference(left: list[Printed], right: list[Printed]) -> str:
    """
    A unified diff of two terminals, or nothing.
    """
    parts = []
    for one, other in zip(left, right):
        before, after = normalize(one), normalize(other)
        if one.differs:
            # What is excused has to be there, or nobody takes the excuse away again.
            parts += [] if before != after else [before[0], f"differs no longer: {one.differs}"]
        elif before != after:
            parts += [before[0], *list(difflib.unified_diff(before, after, "kube", "ark", "", "", 2, ""))[2:]]
    return "\n".join(parts)
