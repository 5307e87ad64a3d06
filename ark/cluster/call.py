"""
A request to the cluster, which may have to be made more than once.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

import orjson

_TARGET = re.compile(r"/[!-~]*")
_REPEATABLE = frozenset(("GET", "HEAD", "PUT", "DELETE"))


class Call:
    """
    What is asked, until when, and what has gone wrong with it so far.

    @ivar was_cut: its connection was found closed once.
    @ivar was_unknown: it was refused once because nobody knows who asks.
    """

    def __init__(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None,
        body: Mapping[str, Any] | Sequence[Any] | None,
        content_type: str,
        deadline: float,
    ) -> None:
        self.method = method
        self.path = path
        self.target = f"{path}?{urlencode(query)}" if query else path
        self.body = None if body is None else orjson.dumps(body)
        self.content_type = content_type.encode()
        self.deadline = deadline
        self.was_cut = self.was_unknown = False

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def repeatable(self) -> bool:
        """
        Whether making it twice is like making it once; reviews leave nothing behind.
        """
        return self.method in _REPEATABLE or (self.method == "POST" and self.path.endswith("reviews"))

    def request(self, header: bytes, base: str) -> bytes:
        """
        The whole request.

        @param header: the fields of every request, each line with its end.
        @param base: the path of the server, before that of its API.
        @raise ValueError: the path has what no path may have.
        """
        target = f"{base}{self.target}"
        if _TARGET.fullmatch(target) is None:
            raise ValueError("the path is not one")
        start = f"{self.method} {target} HTTP/1.1\r\n".encode("ascii")
        if self.body is None:
            return b"%b%b\r\n" % (start, header)
        about = b"content-type: %b\r\ncontent-length: %d\r\n" % (self.content_type, len(self.body))
        return b"%b%b%b\r\n%b" % (start, header, about, self.body)
