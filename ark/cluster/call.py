"""
A request to the cluster, which may have to be made more than once.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

import orjson

from ark.cluster.bodies import Body

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
        self.producer = None if body is None else Body(orjson.dumps(body))
        self.content_type = content_type.encode()
        self.deadline = deadline
        self.was_cut = self.was_unknown = False

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    def url(self, server: str) -> bytes:
        """
        Where the request goes.

        @raise ValueError: its path has what no path may have.
        """
        if _TARGET.fullmatch(self.target) is None:
            raise ValueError("the path is not one")
        return f"{server}{self.target}".encode("ascii")

    @property
    def repeatable(self) -> bool:
        """
        Whether making it twice is like making it once; reviews leave nothing behind.
        """
        return self.method in _REPEATABLE or (self.method == "POST" and self.path.endswith("reviews"))
