"""
Objects to the text that is stored and served, and back.

The text starts with C{apiVersion}, C{kind} and C{metadata.resourceVersion}, in this
order, so that the revision stands at a place known for every object of a kind.  Then come
C{metadata.managedFields}, if there are any, and C{metadata.name}: between these marks the
entries can be cut out and put in as text, which most work on objects has no use for.
"""

from __future__ import annotations

from binascii import hexlify
from os import urandom
from typing import Any

import orjson

from ark.meta.records import Body, Version

_REVISION = b'"resourceVersion":"'
_MANAGED = b'"managedFields":'
_MANAGED_END = b'],"name":'

_NO_REVISION = {"resourceVersion": ""}
_FIRST = {**_NO_REVISION, "name": ""}

Object = dict[str, Any]


class Codec:
    """
    Writes and reads the stored text of one kind.
    """

    def __init__(self, api_version: str, kind: str) -> None:
        self._said = {"apiVersion": api_version, "kind": kind}
        self._order = {**self._said, "metadata": None}
        self._type = b'{"apiVersion":%b,"kind":%b,"metadata":{' % (
            orjson.dumps(api_version),
            orjson.dumps(kind),
        )
        self._head = self._type + _REVISION

    def encode(self, obj: Object, managed: bytes = b"") -> Body:
        """
        The text of an object, its revision left open.

        @param managed: the text of C{metadata.managedFields}, which C{obj} must not have.
        """
        metadata = {**_FIRST, **obj["metadata"], **_NO_REVISION}
        text = orjson.dumps({**self._order, **obj, **self._said, "metadata": metadata})
        head = self._head
        tail = text[len(head) :]
        return Body(head, b'",%b%b%b' % (_MANAGED, managed, tail[1:]) if managed else tail)

    def encode_unwritten(self, obj: Object, managed: bytes = b"") -> bytes:
        """
        The text of an object that was never stored and has no revision.
        """
        return self._type + self.encode(obj, managed).tail[2:]

    def cut(self, version: Version) -> Body:
        """
        A stored version's text with its revision taken out.
        """
        if not version.body.startswith(self._head):
            return self.encode(*self.decode_apart(version.body))
        end = len(self._head) + len(str(version.revision))
        return Body(self._head, version.body[end:])

    def wrote(self, text: bytes) -> bool:
        """
        Whether a text is of this very version of the kind.
        """
        return text.startswith(self._type)

    def revision(self, text: bytes) -> int:
        """
        The revision of a stored text; C{0} if it is of another kind or version than this.
        """
        start = len(self._head)
        return int(text[start : text.index(b'"', start)]) if text.startswith(self._head) else 0

    def decode(self, text: bytes) -> Object:
        """
        The object of a stored text: a new one at each call.
        """
        obj: Object = orjson.loads(text)
        return obj

    def decode_apart(self, text: bytes) -> tuple[Object, bytes]:
        """
        The object of a stored text without C{metadata.managedFields}, and their text.
        """
        if not text.startswith(self._head):
            # It was stored when objects were kept in another version.
            other = self.decode(text)
            entries = other["metadata"].pop("managedFields", None)
            return other, orjson.dumps(entries) if entries else b""
        start = text.index(b'"', len(self._head)) + 2
        if not text.startswith(_MANAGED, start):
            return self.decode(text), b""
        begin = start + len(_MANAGED)
        # No text within the entries holds this mark: its quotes are escaped.
        end = text.index(_MANAGED_END, begin) + 1
        obj: Object = orjson.loads(text[:start] + text[end + 1 :])
        return obj, text[begin:end]


def with_own_metadata(obj: Object) -> Object:
    """
    A copy whose members and metadata can be set anew without changing C{obj}; what is
    deeper is shared.
    """
    return {**obj, "metadata": dict(obj["metadata"])}


def labels_of(obj: Object) -> bytes:
    """
    The text that storage keeps of an object's labels; empty when it has none.
    """
    labels = obj["metadata"].get("labels")
    return orjson.dumps(labels) if labels else b""


def same_json(one: Any, other: Any) -> bool:
    """
    Whether two values have the same JSON, whatever the order of their members.

    Python's equality takes C{true} for C{1}; this does not.
    """
    if one != other:
        return False
    option = orjson.OPT_SORT_KEYS
    return orjson.dumps(one, option=option) == orjson.dumps(other, option=option)


class UidSource:
    """
    Makes random version 4 UUIDs (RFC 9562).

    Randomness is fetched for many at once: each call to the kernel gives the interpreter's
    lock away, and a busy reactor waits long to get it back.
    """

    _BATCH = 256
    _FORM = b"xxxxxxxx-xxxx-4xxx-Nxxx-xxxxxxxxxxxx "
    _DIGITS = tuple(place for place, char in enumerate(_FORM) if char == ord("x"))
    _VARIANT = _FORM.index(b"N")
    _VARIANTS = bytes.maketrans(b"0123456789abcdef", b"89ab" * 4)

    def __init__(self) -> None:
        self._ready: list[str] = []

    def __call__(self) -> str:
        """
        The next one.
        """
        if not self._ready:
            self._ready = self._make()
        return self._ready.pop()

    def _make(self) -> list[str]:
        text, width = bytearray(self._FORM * self._BATCH), len(self._FORM)
        random = hexlify(urandom(16 * self._BATCH))
        # A digit of all of them at a time takes half as long as one of them after the other.
        for number, place in enumerate(self._DIGITS):
            text[place::width] = random[number::32]
        text[self._VARIANT :: width] = random[31::32].translate(self._VARIANTS)
        return text.decode().split()


new_uid = UidSource()
