"""
The metrics of the server, under kube-apiserver's names where it has one.

Names, labels and buckets follow C{k8s.io/apiserver/pkg/endpoints/metrics} (contract
18.3), so that dashboards made for Kubernetes work here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import NamedTuple

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import Metric

from ark.http.access import RequestObserver
from ark.http.instruments import (
    Count,
    Distribution,
    Family,
    Labels,
    Reading,
    counter,
    histogram,
    merged,
    reading,
)
from ark.http.requestseries import DURATIONS, SIZES, SLI, RequestLabels, RequestSeries

COMPONENT = "apiserver"

_COMMIT_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_BATCH_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
_UNAUTHORIZED = 401
_SIZED_VERBS = frozenset(("GET", "LIST"))


class _Shown(NamedTuple):
    name: str
    documentation: str
    labels: Labels
    read: Callable[[], Reading]
    counts: bool = False


class Metrics:
    """
    Everything that is counted.  One a process; nothing in it is global.

    @param resources: the served ones, as group, version and plural; others are counted
        together.
    @param log_requests: whether each request gets a line in the log.
    @ivar observe_request: see L{RequestObserver.observe_request}.
    @ivar serve: see L{RequestObserver.serve}.
    @ivar terminations: requests refused in self-defence, by L{RequestLabels} less
        C{dry_run}, component and code.
    @ivar aborts: requests whose client left before the answer, by L{RequestLabels} less C{dry_run}.
    """

    def __init__(
        self, resources: Collection[tuple[str, str, str]] = (), *, log_requests: bool = False
    ) -> None:
        observer = RequestObserver(self, resources, logged=log_requests)
        # Not a method that calls another: it runs at every request.
        self.observe_request = observer.observe_request
        self.serve = observer.serve
        self.registry = CollectorRegistry(auto_describe=False)
        self._requests: dict[RequestLabels, dict[int, RequestSeries]] = defaultdict(dict)
        self._shown: list[_Shown] = []
        self._families: list[Family[Distribution]] = []
        self._commit_seconds = Distribution(_COMMIT_SECONDS)
        self._batch_sizes = Distribution(_BATCH_SIZES)
        what = ("verb", "group", "version", "resource", "subresource", "scope")
        self.terminations = Family(
            "apiserver_request_terminations",
            "Requests refused in self-defence.",
            (*what, "component", "code"),
            Count,
        )
        self.aborts = Family(
            "apiserver_request_aborts", "Requests whose client left before the answer.", what, Count
        )
        self.registry.register(self)
        ProcessCollector(registry=self.registry)

    def requests(self, labels: RequestLabels, code: int) -> RequestSeries:
        """
        Where requests with these labels and this code are counted.
        """
        of_labels = self._requests[labels]
        series = of_labels.get(code)
        if series is None:
            series = of_labels[code] = RequestSeries()
        return series

    def aborted(self, labels: RequestLabels) -> None:
        """
        Count a request whose client left before it was answered.
        """
        self.aborts.child(*labels[:6]).add()

    def terminated(self, labels: RequestLabels, code: int) -> None:
        """
        Count a request that was refused because there are too many.
        """
        self.terminations.child(*labels[:6], COMPONENT, str(code)).add()

    def observe_commit(self, changes: int, seconds: float) -> None:
        """
        Count a batch that was committed; made to be given to a committer.
        """
        self._commit_seconds.observe(seconds)
        self._batch_sizes.observe(changes)

    def add_gauge(
        self, name: str, documentation: str, read: Callable[[], Reading], labels: Labels = ()
    ) -> None:
        """
        Show a value that C{read} tells whenever somebody asks: a number, or with
        C{labels} a mapping from their values to numbers.
        """
        self._shown.append(_Shown(name, documentation, labels, read))

    def add_counter(
        self, name: str, documentation: str, read: Callable[[], Reading], labels: Labels = ()
    ) -> None:
        """
        The same as L{add_gauge} for numbers that only go up.

        @param name: without C{_total}.
        """
        self._shown.append(_Shown(name, documentation, labels, read, counts=True))

    def add_histogram(
        self, name: str, documentation: str, labels: Labels, bounds: tuple[float, ...]
    ) -> Family[Distribution]:
        """
        Show what is observed of the children of the returned family.
        """
        family = Family(name, documentation, labels, lambda: Distribution(bounds))
        self._families.append(family)
        return family

    def render(self) -> bytes:
        """
        Everything in the text format of Prometheus, version 0.0.4.
        """
        return generate_latest(self.registry)

    def collect(self) -> Iterator[Metric]:
        """
        Everything, for C{prometheus_client}.
        """
        yield from self._collect_requests()
        for family in (self.terminations, self.aborts):
            yield counter(family)
        yield histogram(
            "ark_storage_commit_seconds", "Seconds a batch took to commit.", (), [((), self._commit_seconds)]
        )
        yield histogram("ark_storage_commit_batch_size", "Changes in a batch.", (), [((), self._batch_sizes)])
        for shown in self._families:
            yield histogram(shown.name, shown.documentation, shown.labels, shown.children.items())
        for one in self._shown:
            yield reading(one.name, one.documentation, one.labels, one.read(), one.counts)

    def _collect_requests(self) -> Iterable[Metric]:
        names = ("verb", "dry_run", "group", "version", "resource", "subresource", "scope", "component")
        plain = tuple(name for name in names if name != "dry_run")
        attempts = Family(
            "authentication_attempts", "Requests by how authentication went.", ("result",), Count
        )
        totals = Family("apiserver_request", "Requests by code.", (*names, "code"), Count)
        durations: dict[Labels, list[Distribution]] = defaultdict(list)
        latencies: dict[Labels, list[Distribution]] = defaultdict(list)
        sizes: dict[Labels, list[Distribution]] = defaultdict(list)
        for labels, codes in self._requests.items():
            dry = (labels.verb, labels.dry_run, *labels[1:6], COMPONENT)
            wet = (*labels[:6], COMPONENT)
            for code, series in codes.items():
                number = sum(series.durations.counts)
                totals.child(*dry, str(code)).add(number)
                attempts.child("failure" if code == _UNAUTHORIZED else "success").add(number)
                durations[dry].append(series.durations)
                latencies[wet].append(series.durations)
                if series.without_waits is not None:
                    latencies[wet].append(series.without_waits)
                if labels.verb in _SIZED_VERBS:
                    sizes[wet].append(series.sizes)
        return (
            counter(totals),
            counter(attempts),
            histogram(
                "apiserver_request_duration_seconds",
                "Seconds a request took.",
                names,
                _merge(DURATIONS, durations),
            ),
            histogram(
                "apiserver_request_sli_duration_seconds",
                "Seconds a request took, less the time of webhooks.",
                plain,
                _merge(SLI, latencies),
            ),
            histogram(
                "apiserver_response_sizes", "Bytes of the answers to reads.", plain, _merge(SIZES, sizes)
            ),
        )


def _merge(
    bounds: tuple[float, ...], parts: dict[Labels, list[Distribution]]
) -> Iterator[tuple[Labels, Distribution]]:
    for labels, distributions in parts.items():
        yield labels, merged(bounds, distributions)
