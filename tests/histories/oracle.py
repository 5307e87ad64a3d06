"""
A second opinion on histories: Porcupine, made by others.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable
from typing import NamedTuple

from tests.cluster.build import binary
from tests.histories.operations import Operation

_TOLD = ("client", "verb", "key", "start", "end", "outcome", "revision", "mark", "expected")


class Verdict(NamedTuple):
    """
    What Porcupine says.

    @ivar illegal: keys of which no order of the operations explains the answers.
    @ivar late: keys for which the time did not suffice.
    """

    keys: int
    operations: int
    illegal: list[str]
    late: list[str]

    def faults(self) -> list[str]:
        """
        The same as sentences.
        """
        return [
            *(f"Porcupine: the answers about {key} are not linearizable" for key in self.illegal),
            *(f"Porcupine: {key} could not be judged in time" for key in self.late),
        ]


def ask(operations: Iterable[Operation], seconds: int = 60) -> Verdict:
    """
    The verdict on operations on single keys.

    @param seconds: how long a key may take.
    @raise tests.cluster.build.Unavailable: the program cannot be made here.
    """
    lines = [
        json.dumps({name: getattr(operation, name) for name in _TOLD}) + "\n" for operation in operations
    ]
    done = subprocess.run(
        [str(binary("porcupine")), f"-timeout={seconds}s"],
        input="".join(lines),
        capture_output=True,
        text=True,
        check=True,
    )
    return Verdict(**json.loads(done.stdout))
