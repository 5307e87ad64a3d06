"""
What admission counts, under kube-apiserver's names.

Names, labels and buckets follow C{k8s.io/apiserver/pkg/admission/metrics/metrics.go}.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric

Labels = tuple[str, ...]

ADMIT = "admit"
VALIDATE = "validate"
VALIDATING = "validating"

NO_ERROR = "no_error"
CALLING = "calling_webhook_error"
INTERNAL = "apiserver_internal_error"

_PREFIX = "apiserver_admission_"
_MOST = 600
_PLUGIN_SECONDS = (0.005, 0.025, 0.1, 0.5, 1.0, 2.5)
_WEBHOOK_SECONDS = (*_PLUGIN_SECONDS, 10.0, 25.0)
_CONDITION_SECONDS = (0.001, 0.005, 0.01, 0.025, 0.1, 0.2, 0.25)
_SECONDS_LABELS = ("name", "type", "operation", "rejected")


class Call(NamedTuple):
    """
    What a webhook was asked.

    @ivar type: C{admit} or C{validating}.
    """

    name: str
    type: str
    operation: str


class _Seconds:
    """
    Durations by labels.
    """

    def __init__(
        self, name: str, documentation: str, bounds: tuple[float, ...], labels: Labels = _SECONDS_LABELS
    ) -> None:
        self._name = _PREFIX + name
        self._documentation = documentation
        self._bounds = bounds
        self._labels = labels
        self._found: dict[Labels, list[int]] = defaultdict(lambda: [0] * (len(bounds) + 1))
        self._sums: dict[Labels, float] = defaultdict(float)

    def observe(self, labels: Labels, seconds: float) -> None:
        self._found[labels][bisect_left(self._bounds, seconds)] += 1
        self._sums[labels] += seconds

    def collect(self) -> Metric:
        family = HistogramMetricFamily(self._name, self._documentation, labels=self._labels)
        for labels, counts in self._found.items():
            family.add_metric(labels, list(self._buckets(counts)), self._sums[labels])
        return family

    def _buckets(self, counts: list[int]) -> Iterator[tuple[str, float]]:
        total = 0
        for bound, count in zip((*map(str, self._bounds), "+Inf"), counts, strict=True):
            total += count
            yield bound, total


class _Counts:
    """
    Numbers by labels.
    """

    def __init__(self, name: str, documentation: str, labels: Labels) -> None:
        self._name = _PREFIX + name
        self._documentation = documentation
        self._labels = labels
        self._found: dict[Labels, int] = defaultdict(int)

    def add(self, *labels: str) -> None:
        self._found[labels] += 1

    def collect(self) -> Metric:
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


class AdmissionMetrics:
    """
    Counts what plug-ins and webhooks do.
    """

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        """
        @param registry: shows what is counted; L{collect} is told otherwise.
        """
        self._plugins = _Seconds(
            "controller_admission_duration_seconds", "Seconds an admission plug-in took.", _PLUGIN_SECONDS
        )
        self._webhooks = _Seconds(
            "webhook_admission_duration_seconds", "Seconds an admission webhook took.", _WEBHOOK_SECONDS
        )
        call = ("name", "type", "operation")
        self._requests = _Counts(
            "webhook_request_total", "Requests to admission webhooks.", (*call, "code", "rejected")
        )
        self._rejections = _Counts(
            "webhook_rejection_count",
            "Writes that failed by admission webhooks.",
            (*call, "error_type", "rejection_code"),
        )
        self._opened = _Counts(
            "webhook_fail_open_count", "Failures of admission webhooks that were ignored.", call[:2]
        )
        about = ("name", "kind", "type", "operation")
        self._errors = _Counts(
            "match_condition_evaluation_errors_total", "Match conditions that could not be judged.", about
        )
        self._judgements = _Seconds(
            "match_condition_evaluation_seconds",
            "Seconds that match conditions took which did not hold.",
            _CONDITION_SECONDS,
            about,
        )
        self._exclusions = _Counts(
            "match_condition_exclusions_total", "Writes that match conditions kept from being judged.", about
        )
        if registry is not None:
            registry.register(self)

    def plugin(self, name: str, step: str, operation: str, rejected: bool, seconds: float) -> None:
        """
        A plug-in is done.

        @param step: C{admit} or C{validate}.
        """
        self._plugins.observe((name, step, operation, _truth(rejected)), seconds)

    def webhook(self, call: Call, code: int, rejected: bool, seconds: float) -> None:
        """
        A webhook was called, or should have been.
        """
        truth = _truth(rejected)
        self._requests.add(*call, str(min(code, _MOST)), truth)
        self._webhooks.observe((*call, truth), seconds)

    def rejection(self, call: Call, error: str, code: int) -> None:
        """
        A write failed by a webhook.
        """
        self._rejections.add(*call, error, str(min(code, _MOST)))

    def failed_open(self, call: Call) -> None:
        """
        A webhook failed, and the write goes on.
        """
        self._opened.add(call.name, call.type)

    def unmet(self, what: tuple[str, str, str, str], errors: int, seconds: float) -> None:
        """
        Match conditions did not hold, or could not be judged.

        @param what: name, kind, step and operation.
        @param errors: how many could not be judged.
        """
        for _ in range(errors):
            self._errors.add(*what)
        self._judgements.observe(what, seconds)

    def excluded(self, name: str, kind: str, step: str, operation: str) -> None:
        """
        Match conditions did not hold.
        """
        self._exclusions.add(name, kind, step, operation)

    def collect(self) -> Iterable[Metric]:
        """
        Everything, for C{prometheus_client}.
        """
        for one in (self._plugins, self._webhooks, self._judgements):
            yield one.collect()
        for counts in (self._requests, self._rejections, self._opened, self._errors, self._exclusions):
            yield counts.collect()


def _truth(value: bool) -> str:
    return "true" if value else "false"
