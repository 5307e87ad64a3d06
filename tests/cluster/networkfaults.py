"""
What happens to a way between programs, for some seconds.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from tests.cluster.network import Link

_OFTEN = 0.5

OnLink = Callable[[Link, float], None]


def _cut_often(link: Link, seconds: float) -> None:
    for _ in range(max(int(seconds / _OFTEN), 1)):
        link.cut()
        time.sleep(_OFTEN)


def cut(link: Link, seconds: float) -> None:
    """
    Nobody comes through; then connections end again and again.
    """
    with link.shut():
        time.sleep(seconds / 2)
    _cut_often(link, seconds / 2)


def reset(link: Link, seconds: float) -> None:
    """
    Connections end by a reset, again and again; some as soon as something is said.
    """
    with link.toxic("reset_peer", toxicity=0.3, timeout=100):
        _cut_often(link, seconds)


def leave_unanswered(link: Link, seconds: float) -> None:
    """
    What is asked arrives, but no answer, and a second later the connection ends.
    """
    with link.toxic("timeout", streams=["downstream"], timeout=1000):
        time.sleep(seconds)


def _wrong(kind: str, **attributes: int) -> OnLink:
    def happen(link: Link, seconds: float) -> None:
        with link.toxic(kind, **attributes):
            time.sleep(seconds)

    return happen


#: Connections are refused and end; are reset; lead nowhere; lead nowhere for the answers; are late, now more and now
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
