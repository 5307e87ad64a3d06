"""
Clocks that are set while servers run, or go at the wrong speed: nothing is lost, and what has to end ends in time.

    python -m tests.e2e.clock [--short]

prints what it found, a line a case, and ends with 1 if a promise was broken.  Trust T4.
"""

from __future__ import annotations

import sys
import threading
import time
from datetime import datetime, timezone
from typing import Any, NamedTuple

from tests.cluster.client import Endpoint
from tests.e2e.byhand import Found, play, wants_short
from tests.e2e.clockends import certificates, ends, leases
from tests.e2e.load import under_load
from tests.e2e.wrongclock import FULL, MAPS, SHORT, SPEEDS, Size, Stage, body, post, staged

WATCH = 3
"""
The seconds that a watch asks for.
"""

LATE = 5
"""
How many times as long it may take on a machine that has other things to do.
"""


def jumps(size: Size) -> Found:
    """
    The time of day jumps, and goes ten times too fast and too slow: no write and no event is lost, doubled or out of
    order, no history is dropped, and watches end when they should.
    """
    keeping = ("--compaction-interval=200ms", "--history-events=1")
    with staged() as stage:
        endpoint = stage.endpoint(stage.start(keeping))
        watches, made = _Watches(endpoint), _Made(endpoint, stage)
        watches.start()
        outcome = under_load([endpoint], "jumps", lambda: stage.show_everything(size.step, made.make))
        lasted = watches.finish()
    broken = [*outcome.faults, *made.faults()]
    broken += [
        f"a watch of {WATCH} s: {watch}"
        for watch in lasted
        if watch.most < WATCH or watch.least > LATE * WATCH or not watch.bookmarks
    ]
    if outcome.broken:
        broken.append(f"{outcome.broken} requests and watches broke")
    return Found(f"jumps: {outcome.writes} writes, {len(lasted)} watches timed", broken)


class _Lasted(NamedTuple):
    """
    A watch.

    @ivar most: how many seconds after it was asked for it ended.
    @ivar least: how many seconds after it had begun.
    """

    most: float
    least: float
    bookmarks: int


class _Watches(threading.Thread):
    """
    Watches of something that does not change, one after the other.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        super().__init__(daemon=True)
        self._endpoint = endpoint
        self._ended = threading.Event()
        self._lasted: list[_Lasted] = []

    def run(self) -> None:
        """
        Watch.
        """
        query = f"watch=1&resourceVersion=0&allowWatchBookmarks=1&timeoutSeconds={WATCH}"
        while not self._ended.is_set():
            client, asked = self._endpoint.connect(), time.monotonic()
            stream = client.stream("GET", f"/api/v1/namespaces/default/services?{query}")
            next(stream)
            begun = time.monotonic()
            bookmarks = sum(b'"BOOKMARK"' in part for part in stream if isinstance(part, bytes))
            ended = time.monotonic()
            self._lasted.append(_Lasted(ended - asked, ended - begun, bookmarks))
            client.close()

    def finish(self) -> list[_Lasted]:
        """
        What became of each.
        """
        self._ended.set()
        self.join()
        return self._lasted


class _Made:
    """
    Objects that were made at times that are wrong.
    """

    def __init__(self, endpoint: Endpoint, stage: Stage) -> None:
        self._client = endpoint.connect()
        self._stage = stage
        self._made: list[tuple[dict[str, Any], float]] = []

    def make(self) -> None:
        """
        Make one now.
        """
        answer = post(self._client, MAPS, body("ConfigMap", f"made-{9 - len(self._made)}"))
        self._made.append((answer.json()["metadata"], time.time() + self._stage.clock.offset))

    def faults(self) -> list[str]:
        """
        Their times are those of the clock; their revisions rise all the same, and lists go by their names.
        """
        faults = []
        for metadata, shown in self._made:
            told = _seconds(metadata["creationTimestamp"])
            if abs(told - shown) > 30:
                faults.append(f"{metadata['name']} was made at {told}, when the clock showed {shown}")
        revisions = [int(metadata["resourceVersion"]) for metadata, _ in self._made]
        if revisions != sorted(set(revisions)):
            faults.append(f"revisions do not rise: {revisions}")
        return faults


def speeds(size: Size) -> Found:
    """
    Both clocks of a server go ten times too fast, and too slow.
    """
    writes, broken = [], []
    for speed in SPEEDS:
        with staged(f"x{speed}") as stage:
            endpoint = stage.endpoint(stage.start())
            outcome = under_load([endpoint], f"speed-{speed}", lambda: time.sleep(4 * size.step))
        writes.append(outcome.writes)
        broken += [f"{speed} times: {fault}" for fault in outcome.faults]
    return Found(f"speeds: {writes} writes", broken)


def _seconds(text: str) -> float:
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc).timestamp()


CASES = (jumps, ends, speeds, leases)
LONG = (certificates,)


def main() -> int:
    """
    Run all cases.
    """
    if wants_short("tests.e2e.clock"):
        return play(CASES, SHORT)
    return play((*CASES, *LONG), FULL)


if __name__ == "__main__":
    sys.exit(main())
