"""
Further answers that the checkers find, because they cannot be.
"""

from __future__ import annotations

from collections.abc import Callable

from ark.meta.records import MODIFIED
from tests.histories.imaginary import Imaginary
from tests.histories.log import place
from tests.histories.operations import (
    ABSENT,
    CONFLICT,
    EXISTS,
    OK,
    REFUSED,
    Operation,
)
from tests.histories.planting import (
    HistoryTestCase,
    find,
    lost_write,
    phantom,
    replace,
)


class AnswerTests(HistoryTestCase):
    """
    One sort of answer a test.
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
            bound = Operation(
                8, "list", update.key.rpartition("/")[0], 0, update.start - 1, OK, update.revision - 1
            )
            history.operations.append(bound)

        def exists(history: Imaginary) -> None:
            end = max(one.end for one in history.operations)
            history.operations.append(
                Operation(9, "create", "models/history-a/n9", end + 1, end + 2, EXISTS, mark="e")
            )

        def conflict(history: Imaginary) -> None:
            end = max(one.end for one in history.operations) + 9
            live = next(one for one in reversed(history.versions) if one.event == MODIFIED)
            key = place(live.key)
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
        W12: in the end everybody has heard of everything that he is to be told.
        """

        def fall_silent(history: Imaginary) -> None:
            own = [one for one in history.connections if one.watcher == history.connections[-1].watcher]
            last = max(line.revision for one in own for line in one.lines if line.type != "BOOKMARK")
            for one in own:
                one.lines[:] = [line for line in one.lines if line.revision < last or line.initial_end]
                if one.after == last:
                    history.connections.remove(one)

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
