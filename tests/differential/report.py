"""
Differences as a person reads them: grouped by kind, the most frequent kind first, few examples of each.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from tests.differential.compare import Difference

_WIDTH = 220
_VARYING = re.compile(r"\"[^\"]*\"|'[^']*'|\b\d+\b|<[^>]*>|\b(?:[a-z]+-)+[a-z0-9]+\b")


def report(differences: Iterable[Difference], examples: int = 2) -> str:
    """
    One paragraph a kind: how many, where, and some requests with both answers.
    """
    groups: dict[str, list[Difference]] = {}
    for difference in differences:
        groups.setdefault(_signature(difference), []).append(difference)
    ordered = sorted(groups.values(), key=lambda group: -len(group))
    total = sum(len(group) for group in ordered)
    lines = [f"{total} differences of {len(ordered)} kinds"]
    for group in ordered:
        lines.append(f"\n{len(group)} x {group[0].where}")
        for difference in group[:examples]:
            lines.append(f"  {_cut(difference.request)}")
            lines.append(f"    left:  {_cut(difference.left)}")
            lines.append(f"    right: {_cut(difference.right)}")
    return "\n".join(lines)


def _signature(difference: Difference) -> str:
    values = (str(difference.left)[:120], str(difference.right)[:120])
    return "|".join([difference.where, *(_VARYING.sub("~", value) for value in values)])


def _cut(value: Any) -> str:
    text = str(value).replace("\n", "\\n")
    return text if len(text) <= _WIDTH else f"{text[:_WIDTH]}… ({len(text)})"
