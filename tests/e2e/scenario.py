"""
Scenarios: command lines in order, played against one server in a namespace of their own.
"""

from __future__ import annotations

import shlex
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from tests.cluster.client import Endpoint

FOLDER = Path(__file__).parent
MANIFESTS = FOLDER / "manifests"
_TIMEOUT = 60
_WAIT_FOR_LINES = 15
_WAIT_FOR_TEXT = 30


class Command(NamedTuple):
    """
    One kubectl command line.

    @ivar run: what follows C{kubectl}, as a shell would split it; the namespace is added.
    @ivar input: its standard input.
    @ivar editor: a sed expression that stands in for the editor.
    @ivar background: a label under which it goes on while later commands run.
    @ivar collect: instead of running, the label of a background command to wait for.
    @ivar lines: how many lines to collect before that command is stopped; 0 waits for its own end.
    @ivar until: what it prints before long: it runs again until it does, and what it printed last counts.
    @ivar differs: why it prints something else with our server on purpose; then only that it differs
        is checked.
    """

    run: str = ""
    input: str = ""
    editor: str = ""
    background: str = ""
    collect: str = ""
    lines: int = 0
    until: str = ""
    differs: str = ""


class Printed(NamedTuple):
    """
    What a command line printed, and its exit code (C{None} when it was stopped).
    """

    line: str
    code: int | None
    output: str
    errors: str
    differs: str = ""


def read_scenarios() -> dict[str, list[Command]]:
    """
    All scenarios by name.
    """
    found: dict[str, list[Command]] = {}
    for file in sorted((FOLDER / "scenarios").glob("*.yaml")):
        for name, commands in yaml.safe_load(file.read_text()).items():
            found[name] = [_command(one) for one in commands]
    return found


def _command(entry: Any) -> Command:
    return Command(**entry) if isinstance(entry, dict) else Command(entry)


class Terminal:
    """
    A kubectl with a home of its own, pointed at one server and one namespace.  It plays once.
    """

    def __init__(self, program: Path, endpoint: Endpoint, namespace: str) -> None:
        self._program = program
        self._namespace = namespace
        self._home = tempfile.TemporaryDirectory(prefix="kubectl-home-")
        self._environment = {
            "HOME": self._home.name,
            "TMPDIR": self._home.name,
            "KUBECONFIG": str(endpoint.kubeconfig),
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "LC_ALL": "C",
        }
        self._background: dict[str, _Background] = {}

    def play(self, commands: Iterable[Command]) -> list[Printed]:
        """
        Make the namespace, run the commands in order, and take the namespace's content away with them.
        """
        with self._home:
            self._run(Command(f"create namespace {self._namespace}"))
            try:
                return [printed for command in commands for printed in self._step(command)]
            finally:
                for running in self._background.values():
                    running.stop(0)
                self._run(Command(f"delete namespace {self._namespace} --wait=false"))

    def _step(self, command: Command) -> list[Printed]:
        if command.collect:
            return [self._background.pop(command.collect).stop(command.lines)]
        if command.background:
            started = _Background(command.run, self._popen(command))
            started.settle()
            self._background[command.background] = started
            return []
        return [self._run_until(command)._replace(differs=command.differs)]

    def _run_until(self, command: Command) -> Printed:
        deadline = time.monotonic() + _WAIT_FOR_TEXT
        while True:
            printed = self._run(command)
            if command.until in printed.output or time.monotonic() > deadline:
                return printed
            time.sleep(0.2)

    def _run(self, command: Command) -> Printed:
        process = self._popen(command)
        try:
            output, errors = process.communicate(command.input, _TIMEOUT)
        except subprocess.TimeoutExpired:
            process.kill()
            output, errors = process.communicate()
            return Printed(command.run, None, output, errors)
        return Printed(command.run, process.returncode, output, errors)

    def _popen(self, command: Command) -> subprocess.Popen[str]:
        arguments = [str(self._program), f"--namespace={self._namespace}", *shlex.split(command.run)]
        environment = {**self._environment, "KUBE_EDITOR": f"sed -i -e '{command.editor}'"}
        return subprocess.Popen(
            arguments,
            cwd=MANIFESTS,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


class _Background:
    """
    A command that goes on while others run.
    """

    def __init__(self, line: str, process: subprocess.Popen[str]) -> None:
        self._line = line
        self._process = process
        self._output: list[str] = []
        self._errors: list[str] = []
        self._threads = [
            threading.Thread(target=self._read, args=pair, daemon=True)
            for pair in ((process.stdout, self._output), (process.stderr, self._errors))
        ]
        for thread in self._threads:
            thread.start()

    def settle(self) -> None:
        """
        Give it time to ask the server; what it will see begins there.
        """
        time.sleep(1.5)

    def stop(self, lines: int) -> Printed:
        """
        Wait until it printed that many lines (or ended by itself, for 0), then end it.
        """
        deadline = time.monotonic() + _WAIT_FOR_LINES
        while time.monotonic() < deadline and self._process.poll() is None:
            if lines and len(self._output) >= lines:
                break
            time.sleep(0.02)
        stopped = self._process.poll() is None
        self._process.terminate()
        self._process.wait()
        for thread in self._threads:
            thread.join()
        code = None if stopped else self._process.returncode
        return Printed(self._line, code, "".join(self._output), "".join(self._errors))

    def _read(self, stream: Any, into: list[str]) -> None:
        into.extend(stream)
