"""
Counts and durations by labels, collected only when somebody asks for the metrics.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric

Labels = tuple[str, ...]


class Seconds:
    """
    Durations by labels.
    """

    def __init__(self, name: str, documentation: str, bounds: tuple[float, ...], labels: Labels) -> None:
        self._name = name
        self._documentation = documentation
        self._bounds = bounds
        self._labels = labels
        self._found: dict[Labels, list[int]] = defaultdict(lambda: [0] * (len(bounds) + 1))
        self._sums: dict[Labels, float] = defaultdict(float)

    def observe(self, labels: Labels, seconds: float) -> None:
        """
        Count one.
        """
        self._found[labels][bisect_left(self._bounds, seconds)] += 1
        self._sums[labels] += seconds

    def collect(self) -> Metric:
        """
        What it looks like to Prometheus.
        """
        family = HistogramMetricFamily(self._name, self._documentation, labels=self._labels)
        for labels, counts in self._found.items():
            family.add_metric(labels, list(self._buckets(counts)), self._sums[labels])
        return family

    def _buckets(self, counts: list[int]) -> Iterator[tuple[str, float]]:
        total = 0
        for bound, count in zip((*map(str, self._bounds), "+Inf"), counts, strict=True):
            total += count
            yield bound, total


class Counts:
    """
    Numbers by labels.
    """

    def __init__(self, name: str, documentation: str, labels: Labels) -> None:
        self._name = name
        self._documentation = documentation
        self._labels = labels
        self._found: dict[Labels, int] = defaultdict(int)

    def add(self, *labels: str) -> None:
        """
        Count one.
        """
        self._found[labels] += 1

    def collect(self) -> Metric:
        """
        What it looks like to Prometheus.
        """
        plain, _, suffix = self._name.rpartition("_")
        if suffix == "total":
            family = CounterMetricFamily(plain, self._documentation, labels=self._labels)
            for labels, value in self._found.items():
                family.add_metric(labels, value)
            return family
        # The library would call a counter C{..._count_total}.
        untyped = Metric(self._name, self._documentation, "unknown")
        for labels, value in self._found.items():
            untyped.add_sample(self._name, dict(zip(self._labels, labels, strict=True)), value)
        return untyped
