"""
The checkers find what cannot be: a true history is changed as a broken server would have told it.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from ark.meta.records import DELETED, MODIFIED
from tests.cluster.build import Unavailable
from tests.histories import oracle
from tests.histories.imaginary import Imaginary
from tests.histories.operations import (
    ABSENT,
    CONFLICT,
    EXISTS,
    EXPIRED,
    OK,
    REFUSED,
    Operation,
    registers,
)
from tests.histories.selections import KEYS
from tests.histories.watchers import Connection, Line

SEEDS = range(3)


def ask_porcupine(operations: list[Operation]) -> oracle.Verdict:
    """
    Porcupine's verdict, if it can be had here.
    """
    try:
        return oracle.ask(registers(operations, KEYS))
    except Unavailable as error:
        if os.environ.get("CI") == "true":
            raise
        raise SkipTest(str(error)) from error


class HistoryTestCase(SynchronousTestCase):
    """
    Has histories to change.
    """

    def finds(self, reason: str, change: Callable[[Imaginary], None]) -> None:
        """
        In every history the change is found, for that reason.
        """
        for seed in SEEDS:
            history = Imaginary(seed)
            change(history)
            self.assertRegex("\n".join(history.faults()), reason, f"seed {seed}")

    def refutes(self, change: Callable[[Imaginary], None]) -> None:
        """
        Porcupine finds it as well.  It takes an operation without an answer for whatever explains the others.
        """
        for seed in SEEDS:
            history = Imaginary(seed, unknown=0)
            change(history)
            self.assertTrue(ask_porcupine(history.operations).illegal, f"seed {seed}")


def replace(history: Imaginary, old: Operation, new: Operation) -> None:
    """
    Have a client told something else.
    """
    history.operations[history.operations.index(old)] = new


def find(history: Imaginary, verb: str, outcome: str = OK) -> Operation:
    """
    An operation late in the history.
    """
    found = [one for one in history.operations if one.verb == verb and one.outcome == outcome]
    return found[len(found) * 2 // 3]


def resumed(history: Imaginary) -> Connection:
    """
    A watch of everything that went on from a revision, and heard something.
    """
    return next(
        one
        for one in history.connections
        if one.selection == 0 and one.after is not None and len(one.lines) > 2
    )


def stale_read(history: Imaginary) -> None:
    """
    A replica answers with what was replaced long ago.
    """
    update = next(
        one
        for one in history.operations
        if one.verb == "update" and one.outcome == OK and one.client == 0 and one.expected
    )
    before = next(one for one in history.operations if one.revision == update.expected and one.mark)
    read = Operation(9, "get", update.key, update.end + 1, update.end + 2, OK, before.revision, before.mark)
    history.operations.append(read)


def lost_update(history: Imaginary) -> None:
    """
    A conflict is not told, and the write overwrites what it did not know.
    """
    conflict = find(history, "update", CONFLICT)
    write = next(
        one
        for one in history.operations
        if one.verb == "update" and one.outcome == OK and one.expected and one.start > conflict.start
    )
    replace(history, write, write._replace(expected=write.expected - 1))


def lost_write(history: Imaginary) -> None:
    """
    An acknowledged create is not found afterwards.
    """
    created = find(history, "create")
    history.operations.append(Operation(9, "get", created.key, created.end + 1, created.end + 2, ABSENT))
    history.versions = [one for one in history.versions if one.revision != created.revision]
    history.operations = [
        one
        for one in history.operations
        if one.key != created.key or one.end <= created.end or one.client == 9 or one.verb == "list"
    ]


def phantom(history: Imaginary) -> None:
    """
    A write is acknowledged that never was.
    """
    end = max(one.end for one in history.operations)
    key = next(one.key for one in history.operations if one.verb == "update" and one.outcome == OK)
    revision = history.last + 1
    history.operations.append(Operation(9, "update", key, end + 1, end + 2, OK, revision, "phantom"))
    history.operations.append(Operation(9, "get", key, end + 3, end + 4, ABSENT))


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


class AnswerTests(HistoryTestCase):
    """
    Further answers that cannot be.
    """

    def test_lost_write(self) -> None:
        """
        An acknowledged write is not there for the next reader.
        """
        self.finds("acknowledged as .* is lost", lost_write)
        self.refutes(lost_write)

    def test_phantom_acknowledgement(self) -> None:
        """
        What was acknowledged never happened.
        """
        self.finds("phantom, acknowledged as .* is lost", phantom)
        self.refutes(phantom)

    def test_write_carried_out_twice(self) -> None:
        """
        A retried write is in the log under two revisions.
        """

        def double(history: Imaginary) -> None:
            first = next(one for one in history.versions if one.event == MODIFIED)
            again = first._replace(revision=history.last + 1, previous=first.revision)
            history.versions.append(again)

        self.finds("is in the log 2 times", double)

    def test_refused_write_carried_out(self) -> None:
        """
        503 promises that nothing was written.
        """

        def refuse(history: Imaginary) -> None:
            write = find(history, "update")
            replace(history, write, write._replace(outcome=REFUSED))

        self.finds("was nobody's write", refuse)

    def test_revision_below_one_that_was_known(self) -> None:
        """
        C1: who writes later gets a higher revision.
        """

        def reverse(history: Imaginary) -> None:
            write = find(history, "update")
            late = max(one.end for one in history.operations) + 5
            replace(history, write, write._replace(start=late, end=late + 1))

        self.finds("though newer ones were known before it", reverse)

    def test_refusals_without_a_reason(self) -> None:
        """
        C5: 404, AlreadyExists and Conflict each must have been so at some moment.
        """

        def absent(history: Imaginary) -> None:
            update = find(history, "update")
            read = Operation(9, "get", update.key, update.start, update.end, ABSENT)
            history.operations = [update, read]
            history.versions = [one for one in history.versions if one.revision <= update.revision]
            bound = Operation(8, "list", "history-a", 0, update.start - 1, OK, update.revision - 1)
            history.operations.append(bound)

        def exists(history: Imaginary) -> None:
            end = max(one.end for one in history.operations)
            history.operations.append(
                Operation(9, "create", "history-a/n9", end + 1, end + 2, EXISTS, mark="e")
            )

        def conflict(history: Imaginary) -> None:
            end = max(one.end for one in history.operations) + 9
            live = next(one for one in reversed(history.versions) if one.event == MODIFIED)
            key = f"{live.key.namespace}/{live.key.name}"
            history.versions = [one for one in history.versions if one.revision <= live.revision]
            history.operations.append(
                Operation(9, "update", key, end, end + 2, CONFLICT, mark="c", expected=live.revision)
            )
            history.operations = [
                one for one in history.operations if one.client == 9 or one.revision == live.revision
            ]

        self.finds("was told absent, which was not so", absent)
        self.finds("was told exists, which was not so", exists)
        self.finds("was told conflict, which was not so", conflict)

    def test_other_content_than_was_written(self) -> None:
        """
        C3: the same revision, but not the same object.
        """

        def alter(verb: str) -> Callable[[Imaginary], None]:
            def change(history: Imaginary) -> None:
                told = find(history, verb)
                replace(history, told, told._replace(digest="0"))

            return change

        self.finds("was answered with another object", alter("update"))
        self.finds("found another object", alter("get"))

    def test_watcher_that_hears_no_more(self) -> None:
        """
        W12: in the end everybody has heard of everything.
        """

        def fall_silent(history: Imaginary) -> None:
            watcher = history.connections[-1].watcher
            for one in history.connections:
                if one.watcher == watcher:
                    one.lines[:] = [line for line in one.lines if line.type != "BOOKMARK" or line.initial_end]

        self.finds("had heard up to .* only", fall_silent)

    def test_initial_events_older_than_what_was_known(self) -> None:
        """
        W8: a watch begins with a state that is not older than what was acknowledged before.
        """

        def begin_late(history: Imaginary) -> None:
            end = max(one.end for one in history.operations) + 1
            history.connections = [one._replace(started=end) for one in history.connections]

        self.finds("though newer ones were known before", begin_late)

    def test_history_that_is_no_chain(self) -> None:
        """
        C6: versions stand on top of each other, and uid and generation go on.
        """

        def tear(history: Imaginary) -> None:
            index = next(i for i, one in enumerate(history.versions) if one.event == MODIFIED)
            one = history.versions[index]
            body = one.body.replace(b'"generation":', b'"generation":7')
            history.versions[index] = one._replace(previous=one.previous - 1, body=body)

        self.finds("replaces .*(.|\n)*has generation", tear)
