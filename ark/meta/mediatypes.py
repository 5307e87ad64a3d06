"""
C{Accept} headers (RFC 9110, 12.5.1), read as C{github.com/munnerz/goautoneg} does: the case of
types counts.
"""

from __future__ import annotations

from typing import NamedTuple


class MediaRange(NamedTuple):
    """
    One clause: C{application/*;q=0.5} and the like.

    @ivar parameters: all but C{q}.
    """

    main: str
    sub: str
    parameters: dict[str, str]
    quality: float = 1.0

    def takes(self, media_type: str) -> bool:
        """
        Whether a media type is in the range.  No range leaves out the type and names the subtype.
        """
        main, _, sub = media_type.partition("/")
        if self.main == "*":
            return self.sub == "*"
        return self.main == main and self.sub in ("*", sub)


def _parse(text: str) -> MediaRange | None:
    media, *parameters = text.split(";")
    main, slash, sub = media.strip().partition("/")
    if not main or not (slash or main == "*"):
        return None
    read: dict[str, str] = {}
    quality = 1.0
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        name, value = name.strip(), value.strip().strip('"')
        if name == "q":
            try:
                quality = float(value)
            except ValueError:
                quality = 1.0
        elif name:
            read[name] = value
    return MediaRange(main, sub.strip() or "*", read, quality)


def parse_accept(header: str) -> list[MediaRange]:
    """
    The clauses of a header, the most wanted first; those that cannot be read are left out.
    """
    clauses = [clause for clause in map(_parse, header.split(",")) if clause and clause.quality > 0]
    clauses.sort(key=lambda clause: (-clause.quality, clause.main == "*", clause.sub == "*"))
    return clauses
