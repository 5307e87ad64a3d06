"""
Tests for L{tests.lanes}.
"""

from __future__ import annotations

import io
import os
import signal
import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests import lanes
from tests.lanes import Ended, Job, may_start


class OrderTests(SynchronousTestCase):
    """
    What may run beside what.
    """

    def test_as_many_as_there_are_lanes(self) -> None:
        """
        And no more.
        """
        jobs = [Job(str(number), []) for number in range(3)]
        self.assertTrue(may_start(jobs[0], [], 2))
        self.assertTrue(may_start(jobs[1], jobs[:1], 2))
        self.assertFalse(may_start(jobs[2], jobs[:2], 2))

    def test_alone(self) -> None:
        """
        Nothing runs beside a job that wants to be alone, whichever came first.
        """
        alone, other = Job("alone", [], alone=True), Job("other", [])
        self.assertTrue(may_start(alone, [], 2))
        self.assertFalse(may_start(alone, [other], 2))
        self.assertFalse(may_start(other, [alone], 2))


class RunTests(SynchronousTestCase):
    """
    Real processes.
    """

    def setUp(self) -> None:
        """
        No patience with what is left, and nothing shown.
        """
        self.shown = io.BytesIO()
        self.patch(sys, "stdout", io.TextIOWrapper(self.shown))
        self.patch(lanes, "_PATIENCE", 0.2)
        self.results: dict[str, Ended] = {}
        self.written: dict[str, str] = {}

    def run_jobs(self, *jobs: Job, count: int = 2) -> None:
        """
        Run jobs, and take down how they ended.
        """

        def ended(job: Job, how: Ended, folder: Path) -> None:
            self.results[job.name] = how
            if (folder / "written").exists():
                self.written[job.name] = (folder / "written").read_text()

        lanes.run(jobs, count, lambda folder: folder, ended)

    def python(self, name: str, source: str, *, alone: bool = False) -> Job:
        """
        A job that runs Python source.
        """
        return Job(name, [sys.executable, "-S", "-c", source, "{}"], alone)

    def test_codes_and_files(self) -> None:
        """
        A job knows its folder, runs where it is told to, and its exit code is told.
        """
        note = "import sys; open(sys.argv[1] + '/written', 'w').write('x'); sys.exit(3)"
        self.run_jobs(self.python("one", note), self.python("two", "import os; os.kill(os.getpid(), 9)"))
        self.assertEqual(self.results["one"].code, 3)
        self.assertEqual(self.results["two"].code, -signal.SIGKILL)
        self.assertEqual(self.written, {"one": "x"})

    def test_beside_each_other(self) -> None:
        """
        Each of two waits for the other, so that both end only if both run.
        """
        meeting = Path(self.mktemp()).resolve()
        os.mkfifo(meeting)
        self.run_jobs(
            self.python("reads", f"open({str(meeting)!r}).read()"),
            self.python("writes", f"open({str(meeting)!r}, 'w').write('x')"),
        )
        self.assertEqual([one.code for one in self.results.values()], [0, 0])

    def test_output_is_shown_whole(self) -> None:
        """
        When a job ends, and not between the lines of another.
        """
        self.run_jobs(*(self.python(name, f"print('{name}\\n' * 2)") for name in ("one", "two")))
        lines = self.shown.getvalue().decode().split()
        self.assertEqual(lines.count("begun"), 2)
        for name in ("one", "two"):
            self.assertIn(f"{name} {name}", " ".join(lines))

    def test_alone_comes_last(self) -> None:
        """
        Wherever it stands.
        """
        self.run_jobs(self.python("alone", "", alone=True), self.python("one", ""), self.python("two", ""))
        self.assertEqual(list(self.results)[-1], "alone")

    def test_processor_seconds(self) -> None:
        """
        Those of a child count too.
        """
        work = "import time\nwhile time.process_time() < 0.3: pass"
        self.run_jobs(
            self.python("one", f"import os\npid = os.fork()\nif pid: os.wait()\nelse:\n exec({work!r})")
        )
        self.assertGreater(self.results["one"].cpu, 0.29)
        self.assertGreater(self.results["one"].seconds, 0.29)

    def test_whoever_is_told_to_end_tells_its_jobs(self) -> None:
        """
        So that they stop what they have started.
        """
        note = Path(self.mktemp()).resolve()
        wait = "signal.signal(15, lambda *_: 1 / 0)\ntry: os.kill(os.getppid(), 15); time.sleep(30)"
        told = f"except ZeroDivisionError: open({str(note)!r}, 'w').close()"
        before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(9))
        self.addCleanup(signal.signal, signal.SIGTERM, before)
        job = self.python("one", f"import os, signal, time\n{wait}\n{told}")
        self.assertRaises(SystemExit, self.run_jobs, job)
        self.assertTrue(note.exists())

    def test_what_is_left_behind(self) -> None:
        """
        Files and processes are named, and the files are removed.
        """
        child = "import os, subprocess, sys; p = subprocess.Popen(['sleep', '30'])"
        leave = "open(sys.argv[1] + '/written', 'w').write(f'{p.pid} {os.environ[\"TMPDIR\"]}')"
        file = "import os, tempfile; os.mkdir(tempfile.gettempdir() + '/mine')"
        clean = "import tempfile; tempfile.NamedTemporaryFile()"
        self.run_jobs(
            self.python("one", f"{child}; {leave}"), self.python("two", file), self.python("three", clean)
        )
        pid, folder = self.written["one"].split()
        os.kill(int(pid), signal.SIGKILL)
        self.assertEqual(self.results["one"].left, [f"process {pid} (sleep)"])
        self.assertEqual(self.results["two"].left, ["mine"])
        self.assertEqual(self.results["three"].left, [])
        self.assertFalse(Path(folder).exists())
