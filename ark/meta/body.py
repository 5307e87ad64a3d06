"""
The text of stored objects.
"""

from __future__ import annotations

import orjson


def with_revision(text: bytes, revision: int, wanted: int) -> bytes:
    """
    The text of an object with C{wanted} in place of C{revision} as its resourceVersion.

    Stored texts have the revision as the first member of C{metadata}, and nothing but
    C{apiVersion} and C{kind} before that; others are taken apart.
    """
    head = b'"metadata":{"resourceVersion":"'
    start = text.find(head)
    if start >= 0:
        start += len(head)
        end = text.find(b'"', start)
        if text[start:end] == b"%d" % revision:
            return b"%b%d%b" % (text[:start], wanted, text[end:])
    obj = orjson.loads(text)
    obj["metadata"]["resourceVersion"] = str(wanted)
    return orjson.dumps(obj)
