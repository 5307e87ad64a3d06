"""
What admission counts, under kube-apiserver's names.

Names, labels and buckets follow C{k8s.io/apiserver/pkg/admission/metrics/metrics.go}
and, for policies, C{plugin/policy/validating/metrics} and C{plugin/policy/mutating/metrics}.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric

from ark.admission.expressions import SPENT
from ark.admission.series import Counts, Labels, Seconds

ADMIT = "admit"
VALIDATE = "validate"
VALIDATING = "validating"

NO_ERROR = "no_error"
CALLING = "calling_webhook_error"
INTERNAL = "apiserver_internal_error"

_MOST = 600
_PLUGIN_SECONDS = (0.005, 0.025, 0.1, 0.5, 1.0, 2.5)
_WEBHOOK_SECONDS = (*_PLUGIN_SECONDS, 10.0, 25.0)
_CONDITION_SECONDS = (0.001, 0.005, 0.01, 0.025, 0.1, 0.2, 0.25)
# The first bucket is for expressions that do next to nothing.
_POLICY_SECONDS = (0.0000005, 0.001, 0.01, 0.1, 1.0)

_CALL = ("name", "type", "operation")
_TOOK = (*_CALL, "rejected")
_ABOUT = ("name", "kind", "type", "operation")
_BOUND = ("policy", "policy_binding", "error_type")
_SECONDS = (
    (
        "apiserver_admission_step_admission_duration_seconds",
        "Seconds that all admission plug-ins together took.",
        _PLUGIN_SECONDS,
        _TOOK[1:],
    ),
    (
        "apiserver_admission_controller_admission_duration_seconds",
        "Seconds an admission plug-in took.",
        _PLUGIN_SECONDS,
        _TOOK,
    ),
    (
        "apiserver_admission_webhook_admission_duration_seconds",
        "Seconds an admission webhook took.",
        _WEBHOOK_SECONDS,
        _TOOK,
    ),
    (
        "apiserver_admission_match_condition_evaluation_seconds",
        "Seconds that match conditions took which did not hold.",
        _CONDITION_SECONDS,
        _ABOUT,
    ),
)
_COUNTS = (
    (
        "apiserver_admission_webhook_request_total",
        "Requests to admission webhooks.",
        (*_CALL, "code", "rejected"),
    ),
    (
        "apiserver_admission_webhook_rejection_count",
        "Writes that failed by admission webhooks.",
        (*_CALL, "error_type", "rejection_code"),
    ),
    (
        "apiserver_admission_webhook_fail_open_count",
        "Failures of admission webhooks that were ignored.",
        _CALL[:2],
    ),
    (
        "apiserver_admission_match_condition_evaluation_errors_total",
        "Match conditions that could not be judged.",
        _ABOUT,
    ),
    (
        "apiserver_admission_match_condition_exclusions_total",
        "Writes that match conditions kept from being judged.",
        _ABOUT,
    ),
)
_CHECKS = (
    (
        "apiserver_validating_admission_policy_check",
        "validations that did not hold",
        (*_BOUND, "enforcement_action"),
    ),
    ("apiserver_mutating_admission_policy_check", "mutations", _BOUND),
)


class Call(NamedTuple):
    """
    What a webhook was asked.

    @ivar type: C{admit} or C{validating}.
    """

    name: str
    type: str
    operation: str


class _Checks:
    """
    What policies did.
    """

    def __init__(self, name: str, what: str, labels: Labels) -> None:
        self._counts = Counts(f"{name}_total", f"The {what} of policies.", labels)
        self._seconds = Seconds(
            f"{name}_duration_seconds", f"Seconds that {what} of policies took.", _POLICY_SECONDS, labels
        )

    def observe(self, labels: Labels, seconds: float) -> None:
        self._counts.add(*labels)
        self._seconds.observe(labels, seconds)

    def collect(self) -> Iterable[Metric]:
        return self._counts.collect(), self._seconds.collect()


class AdmissionMetrics:
    """
    Counts what plug-ins and webhooks do.
    """

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        """
        @param registry: shows what is counted; L{collect} is told otherwise.
        """
        self._steps, self._plugins, self._webhooks, self._judgements = (Seconds(*one) for one in _SECONDS)
        self._requests, self._rejections, self._opened, self._errors, self._exclusions = (
            Counts(*one) for one in _COUNTS
        )
        self._checks, self._mutations = (_Checks(*one) for one in _CHECKS)
        if registry is not None:
            registry.register(self)

    def step(self, step: str, operation: str, rejected: bool, seconds: float) -> None:
        """
        All plug-ins are done.

        @param step: C{admit} or C{validate}.
        """
        self._steps.observe((step, operation, _truth(rejected)), seconds)

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

    def checked(self, bound: tuple[str, str], error: str, action: str, seconds: float) -> None:
        """
        A validation of a policy did not hold, or could not be judged.

        @param bound: the names of the policy and of its binding.
        @param error: what was said of it.
        @param action: C{allow}, C{deny}, C{audit} or C{warn}.
        """
        self._checks.observe((*bound, _error_type(error), action), seconds)

    def mutated(self, bound: tuple[str, str], error: str, seconds: float) -> None:
        """
        A mutation of a policy was made, or could not be made.

        @param bound: the names of the policy and of its binding.
        @param error: why not; empty if it was.
        """
        self._mutations.observe((*bound, _error_type(error) if error else NO_ERROR), seconds)

    def collect(self) -> Iterable[Metric]:
        """
        Everything, for C{prometheus_client}.
        """
        for one in (self._steps, self._plugins, self._webhooks, self._judgements):
            yield one.collect()
        for counts in (self._requests, self._rejections, self._opened, self._errors, self._exclusions):
            yield counts.collect()
        for checks in (self._checks, self._mutations):
            yield from checks.collect()


def _truth(value: bool) -> str:
    return "true" if value else "false"


def _error_type(message: str) -> str:
    """
    What kube-apiserver takes a message for (C{ErrorType} in C{plugin/policy/validating/errors.go}):
    also a validation that just does not hold.
    """
    if message.startswith("compilation"):
        return "compile_error"
    if message.startswith(SPENT):
        return "out_of_budget"
    return "invalid_error"
