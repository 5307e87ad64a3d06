"""
Long lists in other forms than compact JSON, made a page at a time.

Each page is taken apart and written anew in a thread: as a whole a long list would keep all others
waiting, in a thread too, since one call that reads or writes JSON holds the interpreter.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import orjson

from ark.apis.messages import encoded
from ark.endpoints.negotiation import PROTOBUF, YAML, Accepted
from ark.endpoints.representation import Form
from ark.meta.protobuf import close_envelope, open_envelope
from ark.meta.serializer import encode_json, encode_yaml

_PIECE = 1024 * 1024
_NOTHING = b'],"metadata":{}}'


class IndentedPages:
    """
    JSON for people.

    @ivar early: whether what comes before the first page is known before the last.
    @ivar separator: what stands between pages.
    """

    early = True
    separator = b",\n"
    _open, _close = b'{\n  "items": [\n', b"\n  ]\n}"
    _mark = b"[\n    0\n  ]"

    def page(self, texts: bytes) -> bytes:
        """
        Members of the list, given as JSON texts with commas between them.
        """
        indented = encode_json({"items": orjson.loads(b"[%b]" % texts)}, pretty=True)
        return indented[len(self._open) : -len(self._close)]

    def frame(self, opening: bytes, closing: bytes) -> tuple[bytes, bytes]:
        """
        What comes before the first page and after the last.
        """
        text = encode_json(orjson.loads(b"%b0%b" % (opening, closing)), pretty=True)
        before, _, after = text.partition(self._mark)
        return before + b"[\n", b"\n  ]" + after

    def whole(self, opening: bytes, pages: list[bytes], closing: bytes) -> list[bytes]:
        """
        The list in pieces.
        """
        before, after = self.frame(opening, closing)
        return [before, self.separator.join(pages), after]


class YAMLPages(IndentedPages):
    """
    YAML, whose members are in the order of their names.
    """

    separator = b""

    def __init__(self, early: bool) -> None:
        self.early = early

    def page(self, texts: bytes) -> bytes:
        """
        See L{IndentedPages.page}.
        """
        return encode_yaml({"items": orjson.loads(b"[%b]" % texts)})[len(b"items:\n") :]

    def frame(self, opening: bytes, closing: bytes) -> tuple[bytes, bytes]:
        """
        See L{IndentedPages.frame}.
        """
        text = encode_yaml(orjson.loads(b"%b0%b" % (opening, closing)))
        before, _, after = text.partition(b"\n- 0\n")
        return before + b"\n", after


class ProtobufPages(IndentedPages):
    """
    Protocol buffers, whose length stands in front.
    """

    early = False

    def __init__(self, opening: bytes, kind: bytes) -> None:
        self._opening, self._kind = opening, kind
        self._empty = len(self._message(b""))

    def _message(self, texts: bytes) -> bytes:
        return open_envelope(encoded(orjson.loads(b"%b%b%b" % (self._opening, texts, self._kind)))).raw

    def page(self, texts: bytes) -> bytes:
        """
        See L{IndentedPages.page}.
        """
        # What the list says of itself stands behind its members, as in its JSON.
        return self._message(texts)[: -self._empty]

    def whole(self, opening: bytes, pages: list[bytes], closing: bytes) -> list[bytes]:
        """
        See L{IndentedPages.whole}.
        """
        empty = open_envelope(encoded(orjson.loads(opening + closing)))
        text = close_envelope(empty.api_version, empty.kind, b"".join(pages) + empty.raw)
        return [text[start : start + _PIECE] for start in range(0, len(text), _PIECE)]


def pages_of(form: Form, accepted: Accepted) -> IndentedPages:
    """
    What makes the pages of a form in a media type.
    """
    if accepted.media_type == YAML:
        return YAMLPages(early=accepted.transform != "Table")
    if accepted.media_type == PROTOBUF:
        return ProtobufPages(form.list_open, form.list_close(0, "", None))
    return IndentedPages()


async def shaped_pieces(
    form: Form,
    accepted: Accepted,
    pieces: AsyncIterator[bytes],
    closing: Callable[[], bytes],
    aside: Callable[..., Awaitable[Any]],
) -> AsyncIterator[bytes]:
    """
    The list in a form and a media type, piece by piece.

    @param pieces: texts of members with commas between them.
    @param closing: what follows the last of them in JSON, once they are through.
    @param aside: calls a function outside of the reactor's thread.
    """
    pages = pages_of(form, accepted)
    if not pages.early:
        made = [await aside(pages.page, texts) async for texts in pieces]
        for piece in pages.whole(form.list_open, made, closing()):
            yield piece
        return
    separator, (before, _) = b"", pages.frame(form.list_open, _NOTHING)
    async for texts in pieces:
        yield before + separator + await aside(pages.page, texts)
        before, separator = b"", pages.separator
    yield pages.frame(form.list_open, closing())[1]
