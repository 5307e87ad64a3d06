"""
The processes in which clients and watchers are.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.cluster.build import binary
from tests.cluster.client import Endpoint
from tests.histories.operations import Operation
from tests.histories.records import read_connections, read_operations
from tests.histories.selections import (
    COLLECTION,
    FORMS,
    NAMES,
    NAMESPACES,
    SELECTIONS,
    TEAMS,
    WRITTEN,
    Written,
)
from tests.histories.watchers import Connection

_PATIENCE = 150.0


class Child:
    """
    A crowd that does something until it is told to end, and leaves a record.

    @ivar record: the file.
    """

    def __init__(self, role: str, folder: Path, configuration: dict[str, Any]) -> None:
        file, self.record = folder / f"{role}.json", folder / f"{role}.record"
        file.write_text(json.dumps(configuration))
        self._process = subprocess.Popen(
            [str(binary("crowd")), role, str(file), str(self.record)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            # An interrupt is for whoever ends it.
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        """
        Of the process.
        """
        return self._process.pid

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
        kinds: int = len(WRITTEN),
    ) -> None:
        """
        @param rate: how many requests a second each sends at most.
        @param writing: whether they do nothing but write.
        @param kinds: how many.
        """
        given = {
            "endpoints": _encoded(endpoints),
            "seed": seed,
            "numbers": list(numbers),
            "rate": rate,
            "writing": writing,
            "kinds": list(map(_template, WRITTEN[:kinds])),
            "namespaces": NAMESPACES,
            "names": NAMES,
            "teams": TEAMS,
        }
        self._child = Child("clients", folder, given)
        self._child.answer()

    @property
    def pid(self) -> int:
        """
        Of their process.
        """
        return self._child.pid

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

    def __init__(
        self, count: int, seed: str, endpoints: Sequence[Endpoint], folder: Path, kinds: int = len(WRITTEN)
    ) -> None:
        """
        @param kinds: how many are watched.
        """
        watched = [{"target": one.target, "query": one.query} for one in SELECTIONS[: kinds * FORMS]]
        given = {"endpoints": _encoded(endpoints), "seed": seed, "selections": watched}
        self._child = Child("watchers", folder, {**given, "numbers": list(range(count))})

    @property
    def pid(self) -> int:
        """
        Of their process.
        """
        return self._child.pid

    def end_at(self, lasts: Sequence[int]) -> None:
        """
        Let them end as soon as they have heard of a revision.

        @param lasts: of each selection.
        """
        self._child.tell(json.dumps(lasts))

    def finish(self) -> list[Connection]:
        """
        What they heard.
        """
        return read_connections(self._child.wait())

    def end(self) -> None:
        """
        End those that still are.
        """
        self._child.end()


def _encoded(endpoints: Sequence[Endpoint]) -> list[dict[str, str]]:
    names = ("url", "authority", "certificate", "key")
    return [{name: str(getattr(endpoint, name)) for name in names} for endpoint in endpoints]


def _template(written: Written) -> dict[str, str]:
    return {
        "collection": COLLECTION,
        "apiVersion": COLLECTION.removeprefix("/apis/"),
        "plural": written.plural,
        "kind": written.kind,
        "spec": json.dumps(written.spec),
        "status": json.dumps(written.status) if written.status else "",
    }
