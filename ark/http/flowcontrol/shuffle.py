"""
Which queues of a level are those of a flow.
"""

from __future__ import annotations

from bisect import insort
from hashlib import sha256


def flow_hash(schema: str, distinguisher: str) -> int:
    """
    64 bits that are a flow's own.
    """
    digest = sha256(f"{schema},{distinguisher}".encode("utf-8", "surrogateescape")).digest()
    return int.from_bytes(digest[:8], "little")


def deal(number: int, deck: int, size: int) -> tuple[int, ...]:
    """
    A hand of C{size} different cards out of C{deck}, which C{number} tells: every hand as
    likely as any other (C{k8s.io/apiserver/pkg/util/shufflesharding}).
    """
    hand: list[int] = []
    taken: list[int] = []
    for dealt in range(size):
        number, card = divmod(number, deck - dealt)
        # The card is the one with this place among those that are left.
        for before in taken:
            if card >= before:
                card += 1
        insort(taken, card)
        hand.append(card)
    return tuple(hand)
