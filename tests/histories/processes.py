"""
The processes in which clients and watchers are, so that none of them waits for another one's turn.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.cluster.build import REPOSITORY
from tests.cluster.client import Endpoint
from tests.histories.operations import Operation, read_operations
from tests.histories.watchers import Connection, read_record

_WATCHING = 2
_PATIENCE = 150.0


class Child:
    """
    A process that does something until it is told to end, and leaves a record.

    @ivar record: the file.
    """

    def __init__(self, module: str, folder: Path, name: str, configuration: dict[str, Any]) -> None:
        file, self.record = folder / f"{name}.json", folder / f"{name}.record"
        file.write_text(json.dumps(configuration))
        command = [sys.executable, "-m", f"tests.histories.{module}", str(file), str(self.record)]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=REPOSITORY,
            text=True,
            # An interrupt is for whoever ends it.
            start_new_session=True,
        )

    def tell(self, line: str) -> None:
        """
        Tell it something.
        """
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()

    def answer(self) -> str:
        """
        The next line that it says.
        """
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def wait(self) -> Path:
        """
        Wait until it has ended.

        @return: its record.
        """
        if self._process.wait(_PATIENCE):
            raise AssertionError("a process of clients or watchers fell over")
        return self.record

    def end(self) -> None:
        """
        End it, if it has not.
        """
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            # What it was told and did not read is of no more use.
            with contextlib.suppress(BrokenPipeError):
                if stream is not None:
                    stream.close()


class Clients:
    """
    Those that ask.
    """

    def __init__(
        self,
        numbers: Sequence[int],
        seed: str,
        endpoints: Sequence[Endpoint],
        rate: float,
        folder: Path,
        *,
        writing: bool = False,
    ) -> None:
        """
        @param rate: how many requests a second each sends at most.
        @param writing: whether they do nothing but write.
        """
        given = {"endpoints": _encoded(endpoints), "seed": seed, "clients": list(numbers), "rate": rate}
        given["writing"] = writing
        self._child = Child("clients", folder, "clients", given)
        self._child.answer()

    def rest(self) -> None:
        """
        Let them ask for nothing more.
        """
        self._child.tell("rest")
        self._child.answer()

    def finish(self) -> list[Operation]:
        """
        What they asked for.
        """
        return read_operations(self._child.wait())

    def end(self) -> None:
        """
        End those that still are.
        """
        self._child.end()


class Watchers:
    """
    Those that watch.
    """

    def __init__(self, count: int, seed: str, endpoints: Sequence[Endpoint], folder: Path) -> None:
        self._children = []
        for number in range(_WATCHING):
            own = list(range(number, count, _WATCHING))
            given = {"endpoints": _encoded(endpoints), "seed": seed, "watchers": own}
            self._children.append(Child("watchers", folder, f"watchers-{number}", given))

    def end_at(self, lasts: Sequence[int]) -> None:
        """
        Let them end as soon as they have heard of a revision.

        @param lasts: of each selection.
        """
        for child in self._children:
            child.tell(json.dumps(lasts))

    def finish(self) -> list[Connection]:
        """
        What they heard.
        """
        return [connection for child in self._children for connection in read_record(child.wait())]

    def end(self) -> None:
        """
        End those that still are.
        """
        for child in self._children:
            child.end()


def _encoded(endpoints: Sequence[Endpoint]) -> list[list[str]]:
    return [[endpoint.url, *map(str, endpoint[1:])] for endpoint in endpoints]
