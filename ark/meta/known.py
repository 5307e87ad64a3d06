"""
What was worked out before.
"""

from __future__ import annotations

from typing import TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


class Known(dict[Key, Value]):
    """
    Results by what they follow from.

    All are forgotten when there are too many, so whoever makes up ever new ones costs others
    no more than time.
    """

    __slots__ = ("_most",)

    def __init__(self, most: int) -> None:
        """
        @param most: how many are kept.
        """
        super().__init__()
        self._most = most

    def keep(self, key: Key, value: Value) -> Value:
        """
        Remember a result, and give it back.
        """
        if len(self) >= self._most:
            self.clear()
        self[key] = value
        return value
