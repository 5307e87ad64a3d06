"""
Counters and histograms that cost a fraction of a microsecond an observation.

They keep plain numbers, and turn into the families of C{prometheus_client} only when
somebody asks for the metrics.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import accumulate
from typing import Generic, TypeVar, Union

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

Labels = tuple[str, ...]
Reading = Union[float, Mapping[Labels, float]]


class Count:
    """
    A number that goes up, or up and down.
    """

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0.0

    def add(self, amount: float = 1.0) -> None:
        """
        Add C{amount}.
        """
        self.value += amount


class Distribution:
    """
    How many observations fell below each bound, and their sum.

    @ivar counts: one an interval between bounds, the last for what is above all of them.
    """

    __slots__ = ("bounds", "counts", "sum")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def observe(self, value: float) -> None:
        """
        Count one observation.
        """
        self.counts[bisect_left(self.bounds, value)] += 1
        self.sum += value


Child = TypeVar("Child")


class Family(Generic[Child]):
    """
    The children of a metric by the values of its labels, made when first asked for.

    Ask once and keep the child where the value is observed often.
    """

    def __init__(self, name: str, documentation: str, labels: Labels, make: Callable[[], Child]) -> None:
        self.name = name
        self.documentation = documentation
        self.labels = labels
        self._make = make
        self.children: dict[Labels, Child] = {}

    def child(self, *values: str) -> Child:
        """
        The child with these values of the labels, in their order.
        """
        found = self.children.get(values)
        if found is None:
            if len(values) != len(self.labels):
                raise ValueError(f"{self.name} has the labels {self.labels}, not {len(values)} of them")
            found = self.children[values] = self._make()
        return found


def counter(family: Family[Count]) -> CounterMetricFamily:
    """
    What a family of counts that only go up looks like to Prometheus.
    """
    metric = CounterMetricFamily(family.name, family.documentation, labels=family.labels)
    for values, child in family.children.items():
        metric.add_metric(values, child.value)
    return metric


def reading(
    name: str, documentation: str, labels: Labels, value: Reading, counts: bool = False
) -> GaugeMetricFamily | CounterMetricFamily:
    """
    What a value read just now looks like to Prometheus.

    @param counts: whether it only goes up.
    """
    family = CounterMetricFamily if counts else GaugeMetricFamily
    metric = family(name, documentation, labels=labels)
    values = value if isinstance(value, Mapping) else {(): value}
    for of_labels, number in values.items():
        metric.add_metric(of_labels, number)
    return metric


def histogram(
    name: str, documentation: str, labels: Labels, children: Iterable[tuple[Labels, Distribution]]
) -> HistogramMetricFamily:
    """
    What distributions look like to Prometheus.
    """
    metric = HistogramMetricFamily(name, documentation, labels=labels)
    for values, child in children:
        totals = accumulate(child.counts)
        bounds = [*map(_bound, child.bounds), "+Inf"]
        metric.add_metric(values, list(zip(bounds, totals)), child.sum)
    return metric


def _bound(value: float) -> str:
    return f"{value:g}"


def merged(bounds: Sequence[float], parts: Iterable[Distribution]) -> Distribution:
    """
    The sum of distributions, for fewer bounds than theirs or the same.
    """
    total = Distribution(bounds)
    for part in parts:
        total.sum += part.sum
        for index, count in enumerate(part.counts):
            edge = part.bounds[index] if index < len(part.bounds) else float("inf")
            total.counts[bisect_left(bounds, edge)] += count
    return total
