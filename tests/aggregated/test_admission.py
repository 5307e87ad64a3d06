"""
Admission behind the aggregator: what clients are answered and what webhooks are asked is what it is for the same
objects of a definition.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from twisted.trial.unittest import TestCase

from tests.admission.oracle.__main__ import compare
from tests.admission.oracle.scenario import Scenario
from tests.admission.oracle.topics import (
    SCENARIOS,
    answers,
    choice,
    failures,
    mutations,
    operations,
    versions,
)
from tests.cluster.client import Endpoint
from tests.cluster.shared import CONTROLLERS, aggregated, oracle

_LABEL = re.compile(r'(\w+)="([^"]*)"')


class AdmissionTests(TestCase):
    """
    One test a topic of L{tests.admission.oracle}.
    """

    timeout = 300


def _test(scenarios: Sequence[Scenario]) -> Callable[[AdmissionTests], None]:
    def test(self: AdmissionTests) -> None:
        found = compare(oracle(controllers=CONTROLLERS).endpoint, aggregated().endpoint, scenarios)
        wrong = {one.name: found[one.name] for one in scenarios if found[one.name] and not one.differs}
        self.assertEqual([], list(wrong), "".join(f"\n=== {name}\n{text}" for name, text in wrong.items()))

    test.__doc__ = f"{len(scenarios)} scenarios, no difference that has no reason."
    return test


class MetricsTests(TestCase):
    """
    What is counted.
    """

    timeout = 300

    def test_what_is_counted(self) -> None:
        """
        Webhooks and their conditions, with the same labels and numbers as by kube-apiserver.
        """
        named = ("denied", "if-", "ignored", "at-refused", "dry")
        scenarios = [
            one._replace(name=f"counted-{one.name}") for one in SCENARIOS if one.name.startswith(named)
        ]
        left, right = oracle(controllers=CONTROLLERS).endpoint, aggregated()
        before = _counts(left), _counts(right.direct())
        compare(left, right.endpoint, scenarios)
        after = _counts(left), _counts(right.direct())
        found = [
            {name: value - old.get(name, 0) for name, value in new.items() if value != old.get(name, 0)}
            for old, new in zip(before, after)
        ]
        self.assertGreater(len(found[1]), 100)
        other = sorted(
            name for name in found[0].keys() | found[1].keys() if found[0].get(name) != found[1].get(name)
        )
        self.assertEqual([], other)


def _counts(endpoint: Endpoint) -> dict[str, float]:
    """
    The counts of the webhooks that are only asked to be counted.
    """
    client = endpoint.connect()
    text = client.request("GET", "/metrics").body.decode()
    client.close()
    found = {}
    for line in text.splitlines():
        name, _, rest = line.partition("{")
        labels, _, value = rest.rpartition("} ")
        told = dict(_LABEL.findall(labels))
        counts = not name.endswith(("_bucket", "_sum"))
        if name.startswith("apiserver_admission_") and counts and ".counted-" in told.get("name", ""):
            found[f"{name} {sorted(told.items())}"] = float(value)
    return found


for _topic in (answers, choice, failures, mutations, operations, versions):
    _name = _topic.__name__.rpartition(".")[2]
    setattr(AdmissionTests, f"test_{_name}", _test(_topic.SCENARIOS))
