"""
Play scenarios on both servers and print where they differ.
"""

from __future__ import annotations

import argparse
import difflib
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.admission.oracle.hookserver import HookServer
from tests.admission.oracle.player import CANARY, Played, Side
from tests.admission.oracle.scenario import Scenario
from tests.admission.oracle.topics import SCENARIOS
from tests.cluster.client import Endpoint
from tests.cluster.shared import CONTROLLERS, aggregated, oracle


def compare(left: Endpoint, right: Endpoint, scenarios: Sequence[Scenario]) -> dict[str, str]:
    """
    What differs, by scenario; empty texts where nothing does.
    """
    with tempfile.TemporaryDirectory(prefix="hooks-") as folder:
        hooks = HookServer(Path(folder), (*scenarios, CANARY))
        sides = [Side("left", left, hooks), Side("right", right, hooks)]
        try:
            for side in sides:
                side.prepare(scenarios)
            return {
                scenario.name: _difference(*(side.play(scenario) for side in sides)) for scenario in scenarios
            }
        finally:
            for side in sides:
                side.close()
            hooks.stop()


def _difference(left: list[Played], right: list[Played]) -> str:
    texts = [
        [
            line
            for place, played in enumerate(side)
            for line in (f"step {place}", *json.dumps(played._asdict(), indent=1).splitlines())
        ]
        for side in (left, right)
    ]
    return "\n".join(difflib.unified_diff(*texts, "left", "right", lineterm="", n=3))


def main() -> int:
    """
    The exit code is 1 when a scenario differs that has to be the same.
    """
    parser = argparse.ArgumentParser(prog="python -m tests.admission.oracle", description=__doc__)
    parser.add_argument("names", nargs="*", help="scenarios, or what their names begin with; all by default")
    names = parser.parse_args().names
    chosen = [one for one in SCENARIOS if not names or one.name.startswith(tuple(names))]
    left, right = oracle(controllers=CONTROLLERS).endpoint, aggregated().endpoint
    started = time.monotonic()
    found = compare(left, right, chosen)
    for scenario in chosen:
        if found[scenario.name]:
            print(f"=== {scenario.name} {scenario.differs and f'(accepted: {scenario.differs})'}")
            print(found[scenario.name])
    wrong = [one.name for one in chosen if found[one.name] and not one.differs]
    print(
        f"{len(chosen)} scenarios in {time.monotonic() - started:.1f} s, {len(wrong)} differ: {' '.join(wrong)}"
    )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
