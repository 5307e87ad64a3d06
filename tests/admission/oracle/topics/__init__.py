"""
All scenarios.
"""

from __future__ import annotations

from tests.admission.oracle.scenario import Scenario
from tests.admission.oracle.topics import answers, choice, failures, mutations, operations, versions

SCENARIOS: tuple[Scenario, ...] = (
    *operations.SCENARIOS,
    *mutations.SCENARIOS,
    *answers.SCENARIOS,
    *failures.SCENARIOS,
    *choice.SCENARIOS,
    *versions.SCENARIOS,
)
