"""
Run the suites of tests, and close with one line that a machine can read.

A suite is a set of packages.  Each runs in a process of its own, because the servers that
one suite shares must be gone before the next begins.  Where C{CI=true} a skipped test is
a failed one.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import SystemRandom
from typing import Any, NamedTuple

REPOSITORY = Path(__file__).resolve().parents[1]
_APART = ("cluster", "aggregated", "e2e", "clients", "differential", "histories", "helm")


class Totals(NamedTuple):
    """
    How a suite ended.
    """

    passed: int
    failed: int
    skipped: int

    def line(self) -> str:
        """
        The closing line.
        """
        return f"{self.passed} passed, {self.failed} failed"


def suites() -> dict[str, list[str]]:
    """
    The modules of each suite, in the order the suites run.

    What starts other programs is apart from the unit tests, which need nothing.
    """
    folder = REPOSITORY / "tests"
    packages = sorted(path.parent.name for path in folder.glob("*/__init__.py"))
    unit = [f"tests.{path.stem}" for path in sorted(folder.glob("test_*.py"))]
    unit += [f"tests.{name}" for name in packages if name not in _APART]
    return {"unit": unit, **{name: [f"tests.{name}"] for name in _APART if name in packages}}


def main() -> int:
    """
    The exit code is 1 when anything failed.
    """
    options = _options()
    known = suites()
    unknown = [name for name in options.suites if name not in known]
    if unknown:
        print(f"There is no suite {unknown[0]}. Known are: {', '.join(known)}.", file=sys.stderr)
        return 2
    if options.inside:
        return _run_inside(known[options.inside], options)
    results = {name: _run(name, options) for name in options.suites or known}
    for name, result in results.items():
        print(f"{name}: {result.line()}, {result.skipped} skipped")
    total = Totals(*map(sum, zip(*results.values())))
    if options.totals:
        Path(options.totals).write_text(f"{total.line()}\n")
    print(total.line())
    return 1 if total.failed else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.run", description=__doc__)
    parser.add_argument("suites", nargs="*", help=f"which to run: {', '.join(suites())} (default: all)")
    parser.add_argument("--totals", help="write the closing line to this file too")
    parser.add_argument("--random", action="store_true", help="in another order each time")
    parser.add_argument(
        "--installed", action="store_true", help="test the installed package, not the checkout"
    )
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    parser.add_argument("--seed", type=int, default=SystemRandom().randrange(10**9), help="of --random")
    return parser.parse_args()


def _run(name: str, options: argparse.Namespace) -> Totals:
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "totals"
        command = [sys.executable, "-m", "tests.run", "--inside", name, "--totals", str(result)]
        if options.random:
            print(f"{name}: order by seed {options.seed}")
            command += ["--random", "--seed", str(options.seed)]
        where = _tests_alone(Path(folder)) if options.installed else REPOSITORY
        code = subprocess.run(command, cwd=where, check=False).returncode
        if not result.exists():
            print(f"{name}: the run broke off with exit code {code}")
            return Totals(0, 1, 0)
        return Totals(*map(int, result.read_text().split()))


def _tests_alone(folder: Path) -> Path:
    """
    A place from where the tests are seen and the checkout's package is not.
    """
    (folder / "tests").symlink_to(REPOSITORY / "tests")
    return folder


def _run_inside(modules: Sequence[str], options: argparse.Namespace) -> int:
    from twisted.trial.reporter import Reporter
    from twisted.trial.runner import TestLoader, TrialRunner

    loader = TestLoader()
    if options.random:
        import random

        order = random.Random(options.seed)
        loader.sorter = lambda _: order.random()
    suite = loader.loadByNames(list(modules), recurse=True)
    result: Any = TrialRunner(Reporter, workingDirectory="_trial_temp").run(suite)
    totals = count(result)
    for line in skipped(result):
        print(line)
    Path(options.totals).write_text(" ".join(map(str, totals)))
    return 1 if totals.failed else 0


def count(result: Any) -> Totals:
    """
    The figures of a finished run.
    """
    failed = len(result.failures) + len(result.errors) + len(result.unexpectedSuccesses)
    passed = result.successes + len(result.expectedFailures)
    if os.environ.get("CI") == "true":
        failed += len(result.skips)
    return Totals(passed, failed, len(result.skips))


def skipped(result: Any) -> Iterator[str]:
    """
    A line a skipped test, with its reason.
    """
    word = "FAILED, as skipped in CI" if os.environ.get("CI") == "true" else "skipped"
    for test, reason in result.skips:
        yield f"{word}: {test.id()}: {reason}"


if __name__ == "__main__":
    sys.exit(main())
