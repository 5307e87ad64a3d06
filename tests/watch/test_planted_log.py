"""
More bugs that L{tests.watch.test_history} must find: in following, windows and memory.

Here it also matters which violation finds a bug: one that is found because the broken
server falls over, or for something beside the point, has not been found.
"""

from __future__ import annotations

from ark.meta.records import DELETED, EventPage, Version
from ark.watch.events import WatchEvent
from ark.watch.follower import Follower
from ark.watch.objects import ObjectCache
from ark.watch.predicate import SelectionPredicate
from ark.watch.watcher import Watcher
from ark.watch.window import _Series
from tests.watch.planted import PlantedBugTestCase
from tests.watch.test_history import Violation, World

SEEDS = 40


class PlantedBugTests(PlantedBugTestCase):
    """
    One bug a test.
    """

    def finds(self, reason: str) -> None:
        """
        Play histories until one shows a violation, which must say C{reason}.
        """
        for seed in range(SEEDS):
            for late in (False, True):
                try:
                    World(seed, late).play()
                except Violation as violation:
                    self.assertRegex(str(violation), reason)
                    return
        self.fail(f"no violation in {SEEDS} histories")

    def test_a_short_page_taken_for_the_end(self) -> None:
        """
        W12: only an empty page of the log is its end.
        """
        honest = Follower._bring

        def bring(self: Follower, page: EventPage) -> None:
            honest(self, page)
            page.events.clear()

        self.patch(Follower, "_bring", bring)
        self.finds("has not come|was not followed to its end")

    def test_a_page_brought_though_it_was_overtaken(self) -> None:
        """
        W2, W3: own commits that overtook a page of the log are not brought again.
        """

        def bring(self: Follower, page: EventPage) -> None:
            for version, before in page.events:
                self._enter(version, before)
            self.revision = max(self.revision, page.revision)
            self._waiters.reached(self.revision)
            self.advanced()

        self.patch(Follower, "_bring", bring)
        self.finds("^after .* came|^a read begun at")

    def test_a_window_that_hides_what_it_dropped(self) -> None:
        """
        W10: who resumes from before the window is not sent on from inside it.
        """
        honest = _Series.drop_first

        def drop_first(self: _Series) -> None:
            floor = self.floor
            honest(self)
            self.floor = floor

        self.patch(_Series, "drop_first", drop_first)
        self.finds("^after .* came|has not come|events are missing")

    def test_writing_to_a_client_that_does_not_read(self) -> None:
        """
        A stream may pause between writes, because of others on its connection.
        """
        self.patch(Watcher, "deliver", lambda self, data, since: self.write(data))
        self.finds("^written to while paused")

    def test_deletions_that_are_not_told(self) -> None:
        """
        W4: a deletion is an event as any other.
        """
        honest = SelectionPredicate.type_of

        def type_of(self: SelectionPredicate, event: WatchEvent) -> str | None:
            return None if event.version.event == DELETED else honest(self, event)

        self.patch(SelectionPredicate, "type_of", type_of)
        self.finds("type='DELETED'|events are missing")

    def test_leaving_that_is_not_told(self) -> None:
        """
        W1: an object that no longer matches is told as DELETED.
        """
        honest = SelectionPredicate.type_of

        def type_of(self: SelectionPredicate, event: WatchEvent) -> str | None:
            found = honest(self, event)
            return None if found == DELETED and event.version.event != DELETED else found

        self.patch(SelectionPredicate, "type_of", type_of)
        self.finds("instead of Told.type='DELETED'|events are missing")

    def test_memory_that_misses_changes(self) -> None:
        """
        G3: what is in memory changes with the log.
        """
        honest = ObjectCache.observe

        def observe(self: ObjectCache, version: Version) -> None:
            if version.key not in self._objects:
                honest(self, version)

        self.patch(ObjectCache, "observe", observe)
        self.finds("^a read begun at")

    def test_bookmarks_of_the_newest_revision_there_is(self) -> None:
        """
        W6: a revision that exists, but whose events the client was not sent yet.
        """

        def send_bookmark(self: Watcher) -> None:
            # Never one of the future: that would be found without looking at events.
            newest = self.hub._backend._revision  # type: ignore[attr-defined]  # of MemoryBackend
            if not self.stream.paused:
                self.write(self.view.representation.bookmark(newest, False))

        self.patch(Watcher, "_send_bookmark", send_bookmark)
        self.finds("events are missing")
