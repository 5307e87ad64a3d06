"""
Run processes beside each other, and see what each used and left behind.

Much of what tests do is waiting for servers, so that two suites side by side take hardly longer
than one.  What measures time, or must not be short of it, runs when nothing else does.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any, NamedTuple

_PATIENCE = 5.0
_POLL = 0.1


class Job(NamedTuple):
    """
    A process to run.

    @ivar command: what is run; each C{{}} in it becomes the job's folder.
    @ivar alone: whether nothing may run beside it.
    """

    name: str
    command: Sequence[str]
    alone: bool = False


class Ended(NamedTuple):
    """
    How a job ended.

    @ivar seconds: how long it ran.
    @ivar cpu: user and system seconds of it and of all descendants that were waited for.
    @ivar left: what it left in its temporary folder, and the processes that still run.
    """

    code: int
    seconds: float
    cpu: float
    left: list[str]


class _Running(NamedTuple):
    job: Job
    process: subprocess.Popen[bytes]
    folder: Path
    output: IO[bytes] | None
    began: float
    resources: ExitStack


def run(
    jobs: Sequence[Job], lanes: int, where: Callable[[Path], Path], ended: Callable[[Job, Ended, Path], None]
) -> None:
    """
    Run all jobs, in order as far as lanes are free; those that want to be alone come last.

    With one lane a job's output is seen as it is written, with several it is shown whole when the job ends.

    @param where: the folder a job is to run in, given the job's own.
    @param ended: called after each job, with the job's folder, which is gone afterwards.
    """
    waiting = sorted(jobs, key=lambda job: job.alone)
    running: dict[int, _Running] = {}
    try:
        while waiting or running:
            while waiting and may_start(waiting[0], [one.job for one in running.values()], lanes):
                one = _start(waiting.pop(0), lanes > 1, where)
                running[one.process.pid] = one
            pid, status, usage = os.wait4(-1, 0)
            if pid in running:
                _end(running.pop(pid), status, usage, ended)
    except SystemExit:
        # An interrupt of a terminal, which is another exception, reaches them anyway.
        for one in running.values():
            one.process.terminate()
        raise
    finally:
        for one in running.values():
            one.process.wait()
            one.resources.close()


def may_start(job: Job, beside: Sequence[Job], lanes: int) -> bool:
    """
    Whether there is room for a job.
    """
    if job.alone or any(other.alone for other in beside):
        return not beside
    return len(beside) < lanes


def _start(job: Job, apart: bool, where: Callable[[Path], Path]) -> _Running:
    with ExitStack() as stack:
        folder = Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="ark-", ignore_cleanup_errors=True))
        )
        # Databases run as users of their own, who have to get through.
        folder.chmod(0o711)
        temporary = folder / "tmp"
        temporary.mkdir()
        temporary.chmod(0o1777)
        output = stack.enter_context((folder / "output").open("w+b")) if apart else None
        if apart:
            print(f"{job.name}: begun", flush=True)
        process = subprocess.Popen(
            [word.replace("{}", str(folder)) for word in job.command],
            cwd=where(folder),
            env={**os.environ, "TMPDIR": str(temporary)},
            stdout=output,
            stderr=output and subprocess.STDOUT,
        )
        return _Running(job, process, folder, output, time.monotonic(), stack.pop_all())


def _end(one: _Running, status: int, usage: Any, ended: Callable[[Job, Ended, Path], None]) -> None:
    # It has been waited for behind the back of its object.
    one.process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.monotonic() - one.began
    with one.resources:
        if one.output is not None:
            one.output.seek(0)
            sys.stdout.flush()
            sys.stdout.buffer.write(one.output.read())
            sys.stdout.flush()
        found = left(one.folder / "tmp")
        ended(
            one.job,
            Ended(one.process.returncode, seconds, usage.ru_utime + usage.ru_stime, found),
            one.folder,
        )


def left(folder: Path) -> list[str]:
    """
    What there is in a temporary folder, and which processes know of it.

    Processes that are about to end are waited for.
    """
    deadline = time.monotonic() + _PATIENCE
    while (processes := list(_users(folder))) and time.monotonic() < deadline:
        time.sleep(_POLL)
    return [*processes, *sorted(path.name for path in folder.iterdir())]


def _users(folder: Path) -> Iterator[str]:
    wanted = str(folder).encode()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            # Some have an environment of their own, but a folder among their arguments.
            if any(wanted in (process / name).read_bytes() for name in ("environ", "cmdline")):
                yield f"process {process.name} ({(process / 'comm').read_text().strip()})"
        except OSError:
            continue
