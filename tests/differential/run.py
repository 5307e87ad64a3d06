"""
Play the generated programs against two servers at the same time and compare.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Sequence
from typing import NamedTuple

from tests.cluster.client import Endpoint
from tests.differential.compare import Difference, compare
from tests.differential.kinds import Kind
from tests.differential.normal import Normalizer
from tests.differential.player import Outcome, Player
from tests.differential.steps import Step
from tests.differential.topics import TOPICS

NO_CONTROLLERS = "*,-garbage-collector-controller,-namespace-controller"
"""
Which of our controllers run: none, as beside a kube-apiserver alone.  What they write comes at any time.
"""


class Result(NamedTuple):
    """
    What a run found.

    @ivar requests: how many requests each server answered.
    @ivar differences: all of them, accepted or not.
    """

    requests: int
    differences: list[Difference]


def program(kinds: Sequence[Kind], seed: int, topics: Sequence[str] = ()) -> list[Step]:
    """
    The steps of some topics (of all by default); each topic is the same whichever others are played.
    """
    steps: list[Step] = []
    for name in topics or TOPICS:
        steps.extend(TOPICS[name](random.Random(f"{seed}/{name}"), kinds))
    return steps


def run(left: Endpoint, right: Endpoint, steps: Sequence[Step]) -> Result:
    """
    Both servers' answers to the same steps, compared.
    """
    recorded: dict[str, list[Outcome] | BaseException] = {}

    def play(name: str, endpoint: Endpoint) -> None:
        try:
            recorded[name] = Player(endpoint).play(steps)
        except BaseException as error:  # carried to the caller's thread
            recorded[name] = error

    threads = [
        threading.Thread(target=play, args=arguments, daemon=True)
        for arguments in (("left", left), ("right", right))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return _compared(_outcomes(recorded["left"]), _outcomes(recorded["right"]))


def _outcomes(recorded: list[Outcome] | BaseException) -> list[Outcome]:
    if isinstance(recorded, BaseException):
        raise recorded
    return recorded


def _compared(left: list[Outcome], right: list[Outcome]) -> Result:
    one, other = Normalizer(), Normalizer()
    differences: list[Difference] = []
    for first, second in zip(left, right):
        differences.extend(compare(first, one.normalize(first), other.normalize(second)))
    return Result(len(left), differences)
