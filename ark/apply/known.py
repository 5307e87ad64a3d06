"""
What was worked out before and comes again.
"""

from __future__ import annotations

from typing import TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")

_SEEN = 8


class Known(dict[Key, Value]):
    """
    Results by what they follow from.

    All are forgotten when there are too many, so whoever makes up ever new ones costs others
    no more than time.

    @param most: how many are kept.
    """

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most
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

    def keep(self, key: Key, value: Value) -> Value:
        """
        Remember a result, and give it back.
        """
        if len(self) >= self._most:
            self.clear()
        self[key] = value
        return value
