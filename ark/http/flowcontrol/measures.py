"""
What is counted of each flow schema, under kube-apiserver's names.

As C{k8s.io/apiserver/pkg/util/flowcontrol/metrics}.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from prometheus_client.core import Metric

from ark.http.instruments import Count, Distribution, Family, Labels, counter, histogram, merged, reading

QUEUE_FULL = "queue-full"
NO_SEATS = "concurrency-limit"
TIME_OUT = "time-out"
CANCELLED = "cancelled"

_SECONDS = (0, 0.005, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30)
_LENGTHS = (0, 10, 25, 50, 100, 250, 500, 1000)
_WIDTHS = (1, 2, 4, 8, 16, 32, 64, 100)
_BOTH = ("priority_level", "flow_schema")


class FlowMeasures:
    """
    The numbers of one flow schema at one priority level.

    What most requests do, which take one seat and never wait, is not counted but told from
    the rest.

    @ivar dispatched: how many requests were served, those that are now among them.
    @ivar more: the seats that the latter have beyond one each.
    @ivar waiting: how many wait, and L{wanted} the seats they want.
    @ivar ran: the seconds of those that were served.
    @ivar widths: the seats of those that take more than one.
    @ivar lengths: of the queues of those that had to wait.
    """

    __slots__ = (
        "dispatched",
        "lengths",
        "more",
        "ran",
        "refused",
        "waited",
        "waited_in_vain",
        "waiting",
        "wanted",
        "widths",
    )

    def __init__(self) -> None:
        self.dispatched = 0
        self.more = 0
        self.waiting = 0
        self.wanted = 0
        self.refused: Counter[str] = Counter()
        self.ran = Distribution(_SECONDS)
        self.waited = Distribution(_SECONDS)
        self.waited_in_vain = Distribution(_SECONDS)
        self.widths = Distribution(_WIDTHS)
        self.lengths = Distribution(_LENGTHS)

    @property
    def running(self) -> int:
        """
        How many requests are served now.
        """
        return self.dispatched - sum(self.ran.counts)

    @property
    def seats(self) -> int:
        """
        The seats that are taken.
        """
        return self.running + self.more

    def with_others(self, counted: Distribution, value: float) -> Distribution:
        """
        A distribution of some that were served, with C{value} for each of the others.
        """
        whole = merged(counted.bounds, (counted,))
        others = self.dispatched - sum(counted.counts)
        whole.counts[0] += others
        whole.sum += others * value
        return whole


class Limits:
    """
    The seats of a priority level, for those who ask.
    """

    def __init__(self, name: str, nominal: int, lower: int, upper: int, current: int) -> None:
        self.name = name
        self.values = (nominal, lower, upper, current)


def families(measures: Iterable[tuple[Labels, FlowMeasures]], limits: Iterable[Limits]) -> Iterator[Metric]:
    """
    Everything, for C{prometheus_client}.

    @param measures: by level and schema.
    """
    known = list(measures)
    refused = Family(
        "apiserver_flowcontrol_rejected_requests", "Requests that were refused.", (*_BOTH, "reason"), Count
    )
    served = Family("apiserver_flowcontrol_dispatched_requests", "Requests that were served.", _BOTH, Count)
    for labels, one in known:
        served.child(*labels).add(one.dispatched)
        for reason, number in one.refused.items():
            refused.child(*labels, reason).add(number)
    yield counter(refused)
    yield counter(served)
    for name, text, attribute in (
        ("current_inqueue_requests", "Requests that wait.", "waiting"),
        ("current_inqueue_seats", "Seats that waiting requests want.", "wanted"),
        ("current_executing_requests", "Requests that are served now.", "running"),
        ("current_executing_seats", "Seats that are taken.", "seats"),
    ):
        values: dict[Labels, float] = {labels: getattr(one, attribute) for labels, one in known}
        yield reading(f"apiserver_flowcontrol_{name}", text, _BOTH, values)
    yield from _distributions(known)
    yield from _seats(list(limits))


def _distributions(known: list[tuple[Labels, FlowMeasures]]) -> Iterator[Metric]:
    yield histogram(
        "apiserver_flowcontrol_request_wait_duration_seconds",
        "Seconds that requests waited.",
        (*_BOTH, "execute"),
        [
            ((*labels, told), waited)
            for labels, one in known
            for told, waited in (("true", one.with_others(one.waited, 0)), ("false", one.waited_in_vain))
        ],
    )
    yield histogram(
        "apiserver_flowcontrol_request_execution_seconds",
        "Seconds that requests had seats.",
        _BOTH,
        [(labels, one.ran) for labels, one in known],
    )
    yield histogram(
        "apiserver_flowcontrol_work_estimated_seats",
        "Seats that requests take.",
        _BOTH,
        [(labels, one.with_others(one.widths, 1)) for labels, one in known],
    )
    yield histogram(
        "apiserver_flowcontrol_request_queue_length_after_enqueue",
        "How many wait in a queue with one that has just come.",
        _BOTH,
        [(labels, one.lengths) for labels, one in known],
    )


def _seats(limits: list[Limits]) -> Iterator[Metric]:
    for place, (name, text) in enumerate(
        (
            ("nominal_limit_seats", "Seats that are a level's own."),
            ("lower_limit_seats", "Seats that a level never lends."),
            ("upper_limit_seats", "Seats that a level may have with those of others."),
            ("current_limit_seats", "Seats that a level could have now."),
        )
    ):
        values: dict[Labels, float] = {(one.name,): one.values[place] for one in limits}
        yield reading(f"apiserver_flowcontrol_{name}", text, ("priority_level",), values)
