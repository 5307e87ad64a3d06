"""
What happens to the ways to PostgreSQL, and to those of clients to the servers.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from tests.cluster.network import Link
from tests.histories.databasefaults import Happening, end_sessions
from tests.histories.scene import Scene

_OFTEN = 0.5

OnLink = Callable[[Link, float], None]


def _again_and_again(work: Callable[[], None], seconds: float) -> None:
    for _ in range(max(int(seconds / _OFTEN), 1)):
        work()
        time.sleep(_OFTEN)


def cut(link: Link, seconds: float) -> None:
    """
    Nobody comes through; then connections end again and again.
    """
    with link.shut():
        time.sleep(seconds / 2)
    _again_and_again(link.cut, seconds / 2)


def reset(link: Link, seconds: float) -> None:
    """
    Connections end by a reset, again and again; some as soon as something is said.
    """
    with link.toxic("reset_peer", toxicity=0.3, timeout=100):
        _again_and_again(link.cut, seconds)


def _wrong(kind: str, **attributes: int) -> OnLink:
    def happen(link: Link, seconds: float) -> None:
        with link.toxic(kind, **attributes):
            time.sleep(seconds)

    return happen


def leave_unanswered(link: Link, seconds: float) -> None:
    """
    What is asked arrives, but no answer, and a second later the connection ends.
    """
    with link.toxic("timeout", streams=["downstream"], timeout=1000):
        time.sleep(seconds)


#: Of connections: they are refused; reset; lead nowhere; lead nowhere for the answers; are late, now more and now
#: less; have a narrow way; break everything into pieces; and end late.
NETWORK: dict[str, OnLink] = {
    "cut": cut,
    "reset": reset,
    "silence": _wrong("timeout", timeout=0),
    "unanswered": leave_unanswered,
    "slow": _wrong("latency", latency=150, jitter=100),
    "narrow": _wrong("bandwidth", rate=40),
    "sliced": _wrong("slicer", average_size=100, size_variation=60, delay=200),
    "slow-close": _wrong("slow_close", delay=3000),
}


def to_postgresql(happen: OnLink) -> Happening:
    """
    On the servers' way to PostgreSQL.
    """
    return lambda scene, seconds, dice: happen(scene.way, seconds)


def to_a_server(happen: OnLink) -> Happening:
    """
    On the clients' way to one of the servers.
    """
    return lambda scene, seconds, dice: happen(dice.choice(scene.doors), seconds)


def end_late(scene: Scene, seconds: float, dice: random.Random) -> None:
    """
    PostgreSQL ends sessions, and servers hear of it long after.
    """
    with scene.way.toxic("slow_close", delay=3000):
        end_sessions(scene, seconds)
