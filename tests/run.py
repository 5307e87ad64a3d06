"""
Run the suites of tests, and close with one line that a machine can read.

A suite is a set of modules.  Each runs in a process of its own, because the servers that one
suite shares must be gone before the next begins; two run beside each other where there are
processors for it.  Where C{CI=true} a skipped test is a failed one, and so is always what a suite
leaves in the temporary folder, or running.
"""

from __future__ import annotations

import argparse
import heapq
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random, SystemRandom
from typing import Any, NamedTuple

from tests import lanes, timing

REPOSITORY = Path(__file__).resolve().parents[1]
# Those that take longest first, so that all lanes end at about the same time.
_APART = ("aggregated", "e2e", "differential", "clients", "helm", "cluster", "histories")
# These promise how soon something happens, or count on it, and are not to be run beside a suite that computes.
_TIMED = (
    "tests.aggregated.test_overload",
    "tests.cluster.test_network",
    "tests.e2e.test_longlists",
    "tests.e2e.test_move",
    "tests.e2e.test_overload",
    "tests.e2e.test_shutdown",
)
_ALONE = ("timed", "histories")


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


class Told(NamedTuple):
    """
    What is known of a suite that has run.

    @ivar slowest: how many seconds its slowest tests took, and their names.
    """

    totals: Totals
    slowest: Sequence[tuple[float, str]]
    seconds: float
    cpu: float

    def line(self) -> str:
        """
        One line for people.
        """
        counts = f"{self.totals.line()}, {self.totals.skipped} skipped"
        return f"{counts}; {self.seconds:.0f} s, processor {self.cpu:.0f} s"


def suites() -> dict[str, list[str]]:
    """
    The modules of each suite, in the order in which the suites begin.

    What starts other programs is apart from the unit tests, which need nothing.
    """
    found: dict[str, list[str]] = {name: [] for name in ("unit", *_APART[:-1], *_ALONE)}
    for path in sorted((REPOSITORY / "tests").rglob("test_*.py")):
        parts = path.relative_to(REPOSITORY).with_suffix("").parts
        module = ".".join(parts)
        suite = "timed" if module in _TIMED else parts[1] if parts[1] in _APART else "unit"
        found[suite].append(module)
    return found


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
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    results = _run([name for name in known if name in options.suites or not options.suites], options)
    for line in report(results, options.slowest):
        print(line)
    total = Totals(*map(sum, zip(*(result.totals for result in results.values()))))
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
    parser.add_argument(
        "--lanes",
        type=int,
        default=min(2, os.cpu_count() or 1),
        help="how many suites run beside each other; with 1 their output is shown as it comes (%(default)s)",
    )
    parser.add_argument(
        "--slowest", type=int, default=10, help="how many of the slowest tests are named (%(default)s)"
    )
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    parser.add_argument("--result", help=argparse.SUPPRESS)
    parser.add_argument("--seed", type=int, default=SystemRandom().randrange(10**9), help="of --random")
    return parser.parse_args()


def _run(names: Sequence[str], options: argparse.Namespace) -> dict[str, Told]:
    results: dict[str, Told] = {}

    def ended(job: lanes.Job, how: lanes.Ended, folder: Path) -> None:
        results[job.name] = told = read_result(folder / "result", how)
        for one in how.left:
            print(f"{job.name}: left behind: {one}")
        print(f"{job.name}: {told.line()}", flush=True)

    def where(folder: Path) -> Path:
        return _tests_alone(folder) if options.installed else REPOSITORY

    jobs = [lanes.Job(name, _command(name, options), name in _ALONE) for name in names]
    # All that is made is asked for by some suite, so that it is not waited for in the end.
    ahead = (
        [] if options.suites else [subprocess.Popen([sys.executable, "-m", "tests.prepare"], cwd=REPOSITORY)]
    )
    lanes.run(jobs, options.lanes if len(jobs) > 1 else 1, where, ended)
    for process in ahead:
        process.wait()
    return {name: results[name] for name in names}


def _command(name: str, options: argparse.Namespace) -> list[str]:
    command = [sys.executable, "-m", "tests.run", "--inside", name, "--result", "{}/result"]
    if options.random:
        print(f"{name}: order by seed {options.seed}")
        command += ["--random", "--seed", str(options.seed)]
    return [*command, "--slowest", str(options.slowest)]


def read_result(path: Path, how: lanes.Ended) -> Told:
    """
    What a suite's process has written down.

    A process that broke off has failed, and so has one that left something behind.
    """
    if not path.exists():
        print(f"the run broke off with exit code {how.code}")
        return Told(Totals(0, 1, 0), [], how.seconds, how.cpu)
    found = json.loads(path.read_text())
    totals = Totals(*found["totals"])
    totals = totals._replace(failed=totals.failed + bool(how.left))
    return Told(totals, [(seconds, name) for seconds, name in found["slowest"]], how.seconds, how.cpu)


def report(results: dict[str, Told], slowest: int) -> Iterator[str]:
    """
    The lines that say how the suites ended, and what took longest.
    """
    tests = heapq.nlargest(slowest, (one for told in results.values() for one in told.slowest))
    if tests:
        yield "The slowest tests, in seconds:"
    for seconds, name in tests:
        yield f"{seconds:7.1f} {name}"
    for name, told in results.items():
        yield f"{name}: {told.line()}"


def _tests_alone(folder: Path) -> Path:
    """
    A place from where the tests are seen and the checkout's package is not.
    """
    (folder / "tests").symlink_to(REPOSITORY / "tests")
    return folder


def _run_inside(modules: list[str], options: argparse.Namespace) -> int:
    from twisted.trial.runner import TestLoader, TrialRunner

    # As after an interrupt, what was started is stopped.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    loader = TestLoader()
    if options.random:
        order = Random(options.seed)
        order.shuffle(modules)
        loader.sorter = lambda _: order.random()
    suite = loader.loadByNames(modules)
    result: Any = TrialRunner(timing.TimingReporter, workingDirectory="_trial_temp").run(suite)
    totals = count(result)
    for line in skipped(result):
        print(line)
    slowest = heapq.nlargest(options.slowest, result.durations)
    Path(options.result).write_text(json.dumps({"totals": totals, "slowest": slowest}))
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
