"""
Where the requests of one sort are counted.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import NamedTuple

from ark.http.instruments import Distribution

SLI = (0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60)
DURATIONS = (0.005, 0.025, *SLI)
SIZES = tuple(1000.0 * 10**power for power in range(7))


class RequestLabels(NamedTuple):
    """
    What a request is counted under.

    @ivar verb: C{LIST}, C{GET}, C{WATCH}, C{POST}, C{PUT}, C{PATCH}, C{APPLY}, C{DELETE} or C{DELETECOLLECTION}.
    @ivar scope: C{resource}, C{namespace} or C{cluster}; empty for other paths.
    @ivar dry_run: C{All}, or empty.
    """

    verb: str
    group: str = ""
    version: str = ""
    resource: str = ""
    subresource: str = ""
    scope: str = ""
    dry_run: str = ""


class RequestSeries:
    """
    The requests of one set of labels that ended with one code.

    @ivar without_waits: what is to be added to C{durations} for those in which nobody has to wait
        for webhooks; L{None} where nobody had to.
    """

    __slots__ = ("durations", "sizes", "without_waits")

    def __init__(self) -> None:
        self.durations = Distribution(DURATIONS)
        self.without_waits: Distribution | None = None
        self.sizes = Distribution(SIZES)

    def observe(self, seconds: float, size: int) -> None:
        """
        Count a request.

        @param seconds: from its header to the end of its response.
        @param size: bytes of the response's body.
        """
        # Written out, not two calls: this runs at every request.
        durations, sizes = self.durations, self.sizes
        durations.counts[bisect_left(DURATIONS, seconds)] += 1
        durations.sum += seconds
        sizes.counts[bisect_left(SIZES, size)] += 1
        sizes.sum += size

    def waited(self, seconds: float, waited: float) -> None:
        """
        A request that was counted has waited for webhooks that long.
        """
        without = self.without_waits
        if without is None:
            without = self.without_waits = Distribution(DURATIONS)
        without.counts[bisect_left(DURATIONS, seconds)] -= 1
        without.observe(seconds - waited)
        without.sum -= seconds
