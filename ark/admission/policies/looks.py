"""
What the expressions of a policy look at, as far as it takes time to show it to them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

_EXPRESSIONS = ("expression", "messageExpression", "valueExpression")
_COMPARED = re.compile(
    r"\b(?:object|oldObject)\s*[!=]=\s*null\b|\bnull\s*[!=]=\s*(?:object|oldObject)\b(?!\s*[.\[])"
)
# An object, or its metadata, as a whole: without a field's name behind it.
_WHOLE = re.compile(
    r"managedFields|\b(?:object|oldObject)(?:\s*\.\s*\??\s*metadata)?\b(?!\s*\.\s*\??\s*[A-Za-z_])"
)


def reads_managed_fields(policy: Mapping[str, Any]) -> bool:
    """
    Whether a policy may come across C{metadata.managedFields}, which objects do not have at
    hand.

    @param policy: its C{spec}.
    """
    return any(_WHOLE.search(_COMPARED.sub("", text)) is not None for text in _texts(policy))


def asks_of_rights(policy: Mapping[str, Any]) -> bool:
    """
    Whether an expression of a policy may ask who may do what.

    @param policy: its C{spec}.
    """
    return any("authorizer" in text for text in _texts(policy))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for name, each in value.items():
            if name in _EXPRESSIONS and isinstance(each, str):
                yield each
            else:
                yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)
