"""
What was worked out before and comes again.
"""

from __future__ import annotations

from ark.meta.known import Key, Known, Value

_SEEN = 8


class Recurring(Known[Key, Value]):
    """
    Results of which only those are worth keeping that are asked for more than once.
    """

    __slots__ = ("_seen",)

    def __init__(self, most: int) -> None:
        super().__init__(most)
        self._seen: set[int] = set()

    def comes_again(self, key: Key) -> bool:
        """
        Whether this was asked of a key before.  Most of what has come once never does again, and
        keeping it would take more time than working it out.
        """
        hashed = hash(key)
        if hashed in self._seen:
            return True
        if len(self._seen) >= _SEEN * self._most:
            self._seen.clear()
        self._seen.add(hashed)
        return False
