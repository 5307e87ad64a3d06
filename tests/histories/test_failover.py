"""
What cannot be after a failover that lost something is found, and what is true is taken for true.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.trial.unittest import SynchronousTestCase

from tests.cluster.build import require
from tests.histories.checker import Floors
from tests.histories.failover import Loss, judge_failover
from tests.histories.imaginary import Imaginary
from tests.histories.judging import Played
from tests.histories.log import Log, place
from tests.histories.operations import OK, Operation
from tests.histories.planting import SEEDS
from tests.histories.selections import SELECTIONS
from tests.histories.watchers import Connection, Line

_FURTHER = 1000


class Failover(Imaginary):
    """
    A history whose last third is lost, and which then goes on.

    @ivar loss: what was lost.
    """

    def __init__(self, seed: int, further: int = _FURTHER) -> None:
        """
        @param further: how far above all that was lost revisions go on.
        """
        super().__init__(seed)
        died = max(one.end for one in self.operations) + 1
        self.loss = Loss(Log(self.versions), died, died + 10, self._revision + further)
        asked, kept = self.operations, self.versions[: len(self.versions) * 2 // 3]
        for number in range(len(SELECTIONS)):
            told = Line("ERROR", 0, "410", False, self.loss.noticed + 1)
            self.connections.append(Connection(number, number, 0, self._revision, died, [told]))
        self._live = {
            key: version
            for key in self.loss.before.states
            for version in self.loss.before.during(key, kept[-1].revision, kept[-1].revision)
            if version is not None
        }
        self.operations, self.versions, self._revision = [], kept, self.loss.begins
        self.floors = [(self.loss.noticed, self.loss.begins)]
        self._let_clients_ask(self.loss.noticed + 1, len(asked))
        for number in range(2 * len(SELECTIONS)):
            self._let_watch(number, self.loss.begins)
        self.operations = [*asked, *self.operations]

    def faults(self) -> list[str]:
        """
        What the checkers find.
        """
        played = Played(
            self.operations, self.connections, Log(self.versions), Floors(self.floors), self._revision
        )
        return judge_failover(played, self.loss)

    def fresh(self) -> Connection:
        """
        A watch that began when all was over, and heard something.
        """
        return next(
            one
            for one in self.connections
            if one.after is None and len(one.lines) > 2 and one.lines[-1].revision > self.loss.begins
        )


class FailoverTests(SynchronousTestCase):
    """
    Histories with a failover.
    """

    def setUp(self) -> None:
        """
        Porcupine judges them too.
        """
        require("porcupine")

    def finds(self, reason: str, change: Callable[[Failover], None], further: int = _FURTHER) -> None:
        """
        In every history the change is found, for that reason.
        """
        for seed in SEEDS:
            history = Failover(seed, further)
            change(history)
            self.assertRegex("\n".join(history.faults()), reason, f"seed {seed}")

    def test_true_histories_pass(self) -> None:
        """
        Nothing is found.
        """
        for seed in SEEDS:
            self.assertEqual(Failover(seed).faults(), [], f"seed {seed}")

    def test_revisions_used_twice(self) -> None:
        """
        Those that were lost, by whoever had not seen them.
        """
        self.finds("was used again", lambda history: None, further=-20)

    def test_a_watch_that_goes_on(self) -> None:
        """
        From what was lost to what came afterwards, in one stream or when it comes back.
        """

        def go_on(history: Failover) -> None:
            heard = history.fresh().lines[-1]
            old = next(one for one in history.connections if one.after is not None)
            old.lines.append(heard)

        def come_back(history: Failover) -> None:
            fresh = history.fresh()
            begun = next(number for number, line in enumerate(fresh.lines) if line.initial_end) + 1
            lost = history.loss.before.revisions[-1]
            history.connections.append(fresh._replace(after=lost, lines=fresh.lines[begun:]))

        for change in (go_on, come_back):
            self.finds("was not told that something was lost", change)

    def test_nobody_is_told(self) -> None:
        """
        And a watcher that hears nothing any more.
        """

        def tell_nobody(history: Failover) -> None:
            history.connections = [
                one for one in history.connections if not (one.lines and one.lines[-1].type == "ERROR")
            ]

        def begin_not(history: Failover) -> None:
            fresh = history.fresh()
            history.connections = [
                one
                for one in history.connections
                if one.watcher != fresh.watcher
                or max(line.revision for line in one.lines) < history.loss.begins
            ]

        self.finds("no watch was told", tell_nobody)
        self.finds("did not begin anew", begin_not)

    def test_a_write_that_is_on_neither_side(self) -> None:
        """
        It was acknowledged before, or afterwards.
        """

        def lose(history: Failover, after: bool) -> None:
            one = next(
                one
                for one in reversed(history.operations)
                if one.verb == "create"
                and one.outcome == OK
                and (one.revision > history.loss.begins) == after
            )
            history.operations.append(one._replace(mark="lost", start=one.end + 1, end=one.end + 2))

        for after in (False, True):
            self.finds("lost, acknowledged as .* is lost", lambda history, at=after: lose(history, at))

    def test_a_read_of_what_was_lost(self) -> None:
        """
        After others were told of what came instead.
        """

        def read(history: Failover) -> None:
            lost = next(
                one
                for one in reversed(history.loss.before.versions)
                if one.event != "DELETED" and one not in history.versions
            )
            mark = next(event.mark for event in Log([lost]).events())
            end = max(one.end for one in history.operations)
            history.operations.append(
                Operation(9, "get", place(lost.key), end + 1, end + 2, OK, lost.revision, mark)
            )

        self.finds("found revision .*, which was not there", read)
