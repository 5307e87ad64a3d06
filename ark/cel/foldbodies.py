"""
What the macros over lists and maps do with each item.

The numbers are what the steps of cel-go's folds would cost.
"""

from __future__ import annotations

from typing import Any

from ark.cel.code import Frame, Run
from ark.cel.errors import EvaluationError, no_overload
from ark.cel.values import MapValue


class Body:
    """
    What a fold does: C{begin} makes its state, C{step} does one item and says whether to go on,
    and C{end} gives the result.
    """

    __slots__ = ()

    def begin(self) -> Any:
        """
        The state before the first item.
        """
        return []

    def step(self, frame: Frame, state: Any) -> bool:
        """
        Do an item, whose variables are in the frame.
        """
        raise NotImplementedError

    def end(self, frame: Frame, state: Any) -> Any:
        """
        The result.
        """
        raise NotImplementedError


class Quantifier(Body):
    """
    C{all} and C{exists}.  The state is what was found and what failed first.
    """

    __slots__ = ("_check", "_neutral", "_test")

    def __init__(self, test: Run, neutral: bool, check: int) -> None:
        self._test = test
        self._neutral = neutral
        self._check = check

    def begin(self) -> Any:
        return [self._neutral, None]

    def step(self, frame: Frame, state: Any) -> bool:
        neutral = self._neutral
        frame[0] += self._check
        if state[0] is not neutral:
            return False
        frame[0] += 1
        try:
            value = self._test(frame)
        except EvaluationError as error:
            state[1] = state[1] or error
            return True
        if value is (not neutral):
            state[0] = value
        elif value is not neutral:
            state[1] = state[1] or no_overload()
        return True

    def end(self, frame: Frame, state: Any) -> Any:
        frame[0] += 1
        if state[0] is self._neutral and state[1] is not None:
            raise state[1]
        return state[0]


class One(Body):
    """
    C{exists_one}.  The state is how many there are and what failed last.
    """

    __slots__ = ("_test",)

    def __init__(self, test: Run) -> None:
        self._test = test

    def begin(self) -> Any:
        return [0, None]

    def step(self, frame: Frame, state: Any) -> bool:
        try:
            value = self._test(frame)
        except EvaluationError as error:
            state[1] = error
            return True
        if value is True:
            frame[0] += 2
            state[0] += 1
        elif value is not False:
            state[1] = no_overload()
        return True

    def end(self, frame: Frame, state: Any) -> Any:
        frame[0] += 2
        if state[1] is not None:
            raise state[1]
        return bool(state[0] == 1)


class Filtered(Body):
    """
    A fold that may leave items out.  The state is what was collected and what failed.
    """

    __slots__ = ("_only",)

    def __init__(self, only: Run | None) -> None:
        self._only = only

    def step(self, frame: Frame, state: Any) -> bool:
        only = self._only
        if only is not None:
            try:
                value = only(frame)
            except EvaluationError as error:
                state[1] = error
                return True
            if value is False:
                return True
            if value is not True:
                state[1] = no_overload()
                return True
        try:
            self.collect(frame, state)
        except EvaluationError as error:
            state[1] = state[1] or error
        return True

    def collect(self, frame: Frame, state: Any) -> None:
        """
        Take the item.
        """
        raise NotImplementedError

    def end(self, frame: Frame, state: Any) -> Any:
        frame[0] += 1
        if state[1] is not None:
            raise state[1]
        return state[0]


class Collecting(Filtered):
    """
    C{map}, C{filter} and C{transformList}.
    """

    __slots__ = ("_cost", "_item")

    def __init__(self, only: Run | None, item: Run, cost: int) -> None:
        super().__init__(only)
        self._item = item
        self._cost = cost

    def begin(self) -> Any:
        return [[], None]

    def collect(self, frame: Frame, state: Any) -> None:
        frame[0] += self._cost
        state[0].append(self._item(frame))


class Inserting(Filtered):
    """
    C{transformMap} and C{transformMapEntry}.
    """

    __slots__ = ("_parts",)

    def __init__(self, only: Run | None, parts: list[Run]) -> None:
        super().__init__(only)
        self._parts = parts

    def begin(self) -> Any:
        return [MapValue({}), None]

    def collect(self, frame: Frame, state: Any) -> None:
        if state[1] is not None:
            frame[0] += 1
            return
        frame[0] += 2
        given = [part(frame) for part in self._parts]
        target: MapValue = state[0]
        if len(given) == 2:
            pairs = [(given[0], given[1])]
        else:
            pairs = [(key, given[0].find(key)[1]) for key in given[0].every_key()]
        for key, value in pairs:
            target.insert(key, value)
