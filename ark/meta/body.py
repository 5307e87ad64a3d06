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
    known = b'"metadata":{"resourceVersion":"%d"' % revision
    # It is the object's own metadata when no object is opened before it.
    start = text.find(known)
    if 0 < start == text.find(b"{", 1) - len(b'"metadata":'):
        return b'%b"metadata":{"resourceVersion":"%d"%b' % (text[:start], wanted, text[start + len(known) :])
    obj = orjson.loads(text)
    obj["metadata"]["resourceVersion"] = str(wanted)
    return orjson.dumps(obj)
