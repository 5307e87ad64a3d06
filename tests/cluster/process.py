"""
A server process of a test: started on loopback, waited for, measured and stopped by its own id.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from random import SystemRandom
from typing import NamedTuple

_POLL = 0.05
_CHANCE = SystemRandom()
# Below those that Linux gives to connections out.
_PORTS = range(15_000, 32_000)
_given: set[int] = set()


class NotReady(Exception):
    """
    A process ended, or did not answer in time; the message carries the tail of its log.
    """


class Usage(NamedTuple):
    """
    What a process has used so far.

    @ivar cpu: user and system seconds of all its threads, dead ones included.
    @ivar resident: resident bytes now.
    @ivar peak: the most resident bytes so far.
    """

    cpu: float
    resident: int
    peak: int


class Process:
    """
    One server process.  Its output goes to C{<folder>/<name>.log}, which stays when it ends.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        folder: Path,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        with self.log.open("ab") as output:
            self._popen = subprocess.Popen(
                list(command),
                cwd=folder,
                env={**os.environ, **(environment or {})},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        self.pid = self._popen.pid

    @property
    def code(self) -> int | None:
        """
        With what it ended; L{None} while it runs.
        """
        return self._popen.poll()

    def wait_until(self, ready: Callable[[], bool], seconds: float = 90) -> None:
        """
        Return as soon as C{ready} says yes.  An C{OSError} from it counts as no.

        @raise NotReady: when the process ends first or the time is up.
        """
        deadline = time.monotonic() + seconds
        while not _quietly(ready):
            if self._popen.poll() is not None:
                raise NotReady(f"{self.name} ended with {self._popen.returncode}: {self.tail()}")
            if time.monotonic() > deadline:
                raise NotReady(f"{self.name} was not ready after {seconds} s: {self.tail()}")
            time.sleep(_POLL)

    def tail(self, lines: int = 15) -> str:
        """
        The end of its log.
        """
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def usage(self) -> Usage:
        """
        What this process and its descendants have used (workers count with their parent).
        """
        return usage_of(self.pid)

    def kill(self) -> None:
        """
        End it and its descendants at once, as a failing machine would.
        """
        for pid in reversed(_family(self.pid)):
            os.kill(pid, signal.SIGKILL)
        self._popen.wait()

    def stop(self, seconds: float = 20) -> None:
        """
        Ask it to end; end it when it does not.
        """
        if self._popen.poll() is not None:
            return
        self._popen.send_signal(signal.SIGTERM)
        try:
            self._popen.wait(seconds)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            self._popen.wait()


def free_port() -> int:
    """
    A loopback port that nobody listens on now, and that no connection out will be given.

    Which one is left to chance, as other processes look for ports at the same time; none is given twice, for
    whoever was given one may not listen yet.
    """
    while True:
        port = _CHANCE.choice(_PORTS)
        if port in _given:
            continue
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        _given.add(port)
        return port


def _quietly(ready: Callable[[], bool]) -> bool:
    try:
        return ready()
    except OSError:
        return False


def usage_of(pid: int) -> Usage:
    """
    What a process and its descendants have used, as far as they still run.
    """
    parts = [_usage(member) for member in _family(pid)]
    return Usage(*(sum(column) for column in zip(*parts)))


def _family(pid: int) -> list[int]:
    members = [pid]
    for task in Path(f"/proc/{pid}/task").iterdir():
        children = task / "children"
        if children.exists():
            for child in children.read_text().split():
                members.extend(_family(int(child)))
    return members


def _usage(pid: int) -> Usage:
    # Fields 14 and 15 of proc(5) stat, counted after the parenthesis that closes the command.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    ticks = int(fields[11]) + int(fields[12])
    memory = dict(
        line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":" in line
    )
    kilobytes = [int(memory.get(name, "0 kB").split()[0]) for name in ("VmRSS", "VmHWM")]
    return Usage(ticks / os.sysconf("SC_CLK_TCK"), kilobytes[0] * 1024, kilobytes[1] * 1024)
