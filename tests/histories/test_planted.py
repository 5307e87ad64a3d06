"""
The checkers find what cannot be: a true history is changed as a broken server would have told it.
"""

from __future__ import annotations

from ark.meta.records import DELETED, MODIFIED
from tests.histories.imaginary import Imaginary
from tests.histories.operations import (
    EXPIRED,
    OK,
)
from tests.histories.planting import (
    SEEDS,
    HistoryTestCase,
    ask_porcupine,
    find,
    lost_update,
    replace,
    resumed,
    stale_read,
)
from tests.histories.selections import KEYS
from tests.histories.watchers import Line


class TrueTests(HistoryTestCase):
    """
    What is true is taken for true.
    """

    def test_true_histories_pass(self) -> None:
        """
        Our checkers find nothing.
        """
        for seed in range(20):
            self.assertEqual(Imaginary(seed).faults(), [], f"seed {seed}")

    def test_true_histories_are_linearizable(self) -> None:
        """
        Porcupine finds nothing, and looks at all keys.
        """
        for seed in SEEDS:
            verdict = ask_porcupine(Imaginary(seed).operations)
            self.assertEqual(verdict.faults(), [])
            self.assertEqual(verdict.keys, sum(map(len, KEYS.values())))
            self.assertGreater(verdict.operations, 300)


class PlantedTests(HistoryTestCase):
    """
    Twelve ways in which such servers have been broken before.
    """

    def test_log_polled_by_revision(self) -> None:
        """
        W4: what is committed late under a low revision is never heard of.
        """

        def skip(history: Imaginary) -> None:
            del resumed(history).lines[1]

        self.finds("after .* came|events are missing", skip)

    def test_bookmark_of_the_newest_revision(self) -> None:
        """
        W6: a bookmark passes events that were not sent yet.
        """

        def pass_by(history: Imaginary) -> None:
            resumed(history).lines.insert(1, Line("BOOKMARK", history.last, "", False, 1))

        self.finds("bookmark .* events are missing", pass_by)

    def test_events_dropped_when_a_queue_is_full(self) -> None:
        """
        W4: the watch goes on as if nothing had been.
        """

        def drop(history: Imaginary) -> None:
            longest = max(history.connections, key=lambda one: len(one.lines))
            del longest.lines[2:5]

        self.finds("after .* came|events are missing", drop)

    def test_duplicate_after_resuming(self) -> None:
        """
        W3, W10: the event of the revision resumed from comes again.
        """

        def repeat(history: Imaginary) -> None:
            one = resumed(history)
            again = next(
                line for other in history.connections for line in other.lines if line.revision == one.after
            )
            one.lines.insert(0, again)

        self.finds("after .* came", repeat)

    def test_wrong_type_after_resuming(self) -> None:
        """
        W7: what the client knows already is told as new.
        """

        def mistake(history: Imaginary) -> None:
            for one in history.connections:
                for index, line in enumerate(one.lines):
                    if one.after is not None and line.type == MODIFIED:
                        one.lines[index] = line._replace(type="ADDED")
                        return

        self.finds("came .*ADDED.* instead of .*MODIFIED", mistake)

    def test_deletion_lost_at_compaction(self) -> None:
        """
        W4: an object goes away, and nobody is told.
        """

        def forget(history: Imaginary) -> None:
            for one in history.connections:
                for line in list(one.lines[:-2]):
                    if line.type == DELETED:
                        one.lines.remove(line)
                        return

        self.finds("instead of .*DELETED|events are missing", forget)

    def test_revision_used_again_after_a_restart(self) -> None:
        """
        C1: the counter falls, and two writes have one revision.
        """

        def reuse(history: Imaginary) -> None:
            index = len(history.versions) // 2
            used = history.versions[index - 1].revision
            history.versions[index] = history.versions[index]._replace(revision=used)

        self.finds(r"revision (\d+) comes after \1", reuse)

    def test_stale_read_of_a_replica(self) -> None:
        """
        C4: what was acknowledged before a read began is not in it.
        """
        self.finds("get of .* which was not there", stale_read)
        self.refutes(stale_read)

    def test_list_that_is_no_snapshot(self) -> None:
        """
        C4, W8: one object is newer than the list.
        """

        def mix(history: Imaginary) -> None:
            listed = next(
                one
                for one in history.operations
                if one.verb == "list" and one.outcome == OK and one.items and one.revision < history.last - 20
            )
            newer = listed.items[0]._replace(revision=listed.revision + 1)
            replace(history, listed, listed._replace(items=(newer, *listed.items[1:])))

        def mix_initial(history: Imaginary) -> None:
            first = next(
                one
                for one in history.connections
                if one.after is None
                and len(one.lines) > 1
                and not one.lines[1].initial_end
                and not one.lines[0].initial_end
            )
            del first.lines[0]

        self.finds("list of .* showed", mix)
        self.finds("initial events are not the state", mix_initial)

    def test_expired_too_early(self) -> None:
        """
        W9: what is still there is refused as too old, by a watch and by a list.
        """

        def expire_watch(history: Imaginary) -> None:
            one = resumed(history)
            one.lines[1:] = [Line("ERROR", 0, "410", False, 5)]
            history.floors = [(0, 1), (9, 10**6)]

        def expire_list(history: Imaginary) -> None:
            listed = find(history, "list")
            replace(history, listed, listed._replace(outcome=EXPIRED, minimum=7, exact=True))

        self.finds("410 at .* was not too old", expire_watch)
        self.finds("told that 7 is too old", expire_list)

    def test_commits_that_do_not_last(self) -> None:
        """
        C3: the newest writes are gone when the power is back.
        """

        def lose(history: Imaginary) -> None:
            acknowledged = {one.revision for one in history.operations if one.mark and one.outcome == OK}
            while history.versions.pop().revision not in acknowledged:
                pass

        self.finds("acknowledged as .* is lost", lose)

    def test_conflict_swallowed(self) -> None:
        """
        C5: a write that expected something else is carried out.
        """
        self.finds("expected .* and replaced", lost_update)
        self.refutes(lost_update)
