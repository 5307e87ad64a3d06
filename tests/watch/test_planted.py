"""
The checker of L{tests.watch.test_history} finds what it is there to find.

Each test breaks the server on purpose, in a way in which such servers have been broken
before, and asks that a history shows it.
"""

from __future__ import annotations

from typing import Any

from ark.meta.records import ADDED, DELETED, EventPage, Version
from ark.storage.errors import Compacted
from ark.watch import backlog
from ark.watch.cacher import Cacher
from ark.watch.events import WatchEvent
from ark.watch.follower import Follower
from ark.watch.hub import Hub
from ark.watch.objects import ObjectCache
from ark.watch.predicate import SelectionPredicate
from ark.watch.watcher import Watcher
from ark.watch.window import Window
from tests.watch.planted import PlantedBugTestCase
from tests.watch.test_history import Violation, World

SEEDS = 60


class PlantedBugTests(PlantedBugTestCase):
    """
    One bug a test.
    """

    def finds(self, *slow: bool) -> None:
        """
        Play histories until one shows a violation.
        """
        for seed in range(SEEDS):
            for late in slow or (False, True):
                try:
                    World(seed, late).play()
                except Violation:
                    return
                except Exception:
                    # What is broken may also fall over, which is not what is asked for.
                    continue
        self.fail(f"no violation in {SEEDS} histories")

    def test_events_dropped_when_a_client_is_slow(self) -> None:
        """
        W4: what comes while a stream is paused must come later.
        """
        deliver = Watcher.deliver

        def dropping(self: Watcher, data: bytes, since: int) -> None:
            if not self.stream.paused:
                deliver(self, data, since)

        self.patch(Watcher, "fall_behind", lambda self, cursor: None)
        self.patch(Watcher, "deliver", dropping)
        self.finds()

    def test_an_event_sent_again_after_resuming(self) -> None:
        """
        W3, W10: the revision resumed from is not sent again.
        """
        between = Window.between
        self.patch(Window, "between", lambda self, r, after, last, n: between(self, r, after - 1, last, n))
        self.finds()

    def test_bookmarks_ahead_of_what_was_sent(self) -> None:
        """
        W6: a bookmark must not pass what the client has yet to be sent.
        """

        def hasty(self: Watcher) -> None:
            if not self.stream.paused:
                self.write(self.view.representation.bookmark(self.hub.flushed + 2, False))

        self.patch(Watcher, "_send_bookmark", hasty)
        self.finds()

    def test_types_that_ignore_the_state_before(self) -> None:
        """
        W1, W7: what enters a selection is ADDED, and what leaves it is DELETED.
        """

        def of_now(self: SelectionPredicate, event: WatchEvent) -> str | None:
            return event.version.event if self.matches(event.version) else None

        self.patch(SelectionPredicate, "type_of", of_now)
        self.finds()

    def test_the_new_state_in_an_event_of_leaving(self) -> None:
        """
        W7: DELETED carries the last state that matched.
        """
        self.patch(WatchEvent, "_body", lambda self, type: self.version.body)
        self.finds()

    def test_the_old_revision_in_an_event_of_leaving(self) -> None:
        """
        W2, W7: DELETED carries the revision of the change.
        """

        def stale(self: WatchEvent, type: str) -> bytes:
            leaves = type == DELETED and self.version.event != DELETED and self.before is not None
            return self.before.body if leaves and self.before is not None else self.version.body

        self.patch(WatchEvent, "_body", stale)
        self.finds()

    def test_compacted_history_skipped_in_silence(self) -> None:
        """
        W4, W9: whoever falls below the floor is told so.
        """
        read_log = Hub.read_log

        async def forgiving(self: Hub, after: int) -> EventPage:
            try:
                return await read_log(self, after)
            except Compacted as compacted:
                return EventPage(compacted.floor, [])

        self.patch(Hub, "read_log", forgiving)
        self.finds()

    def test_expired_too_early(self) -> None:
        """
        W9: leaving the window is no reason for 410.
        """

        async def impatient(watcher: Watcher) -> None:
            raise Compacted(watcher.cursor, watcher.hub.flushed)

        self.patch(backlog, "replay", impatient)
        self.patch(Watcher, "_replay", impatient)
        self.finds()

    def test_reads_of_memory_alone(self) -> None:
        """
        A read without a revision asks how new memory is.
        """
        get = Cacher.get
        self.patch(Cacher, "get", lambda self, key, minimum=None: get(self, key, 0))
        self.finds()

    def test_memory_filled_with_an_overtaken_read(self) -> None:
        """
        What was read before a change must not be remembered after it.
        """
        begin_read = ObjectCache.begin_read

        def careless(self: ObjectCache, key: Any) -> None:
            begin_read(self, key)
            self._objects.pop(key, None)

        def end_read(self: ObjectCache, key: Any, version: Any) -> None:
            self._objects[key] = version if isinstance(version, Version) else None

        self.patch(ObjectCache, "begin_read", careless)
        self.patch(ObjectCache, "end_read", end_read)
        self.finds()

    def test_own_commits_that_jump_the_queue(self) -> None:
        """
        W4: what others committed in between comes first.
        """

        def eager(self: Follower, version: Version) -> bool:
            if version.revision > self.revision:
                self._enter(version, self._objects.peek(version.key) if version.previous else None)
                self.advanced()
            return True

        self.patch(Follower, "offer", eager)
        self.finds()

    def test_a_list_that_is_no_snapshot(self) -> None:
        """
        W8: the initial events are the state at one revision.
        """
        list_ = Cacher.list
        self.patch(Cacher, "list", lambda self, range, limit, revision=None: list_(self, range, limit))
        self.finds(True)

    def test_following_from_after_the_list(self) -> None:
        """
        W4: nothing between the state that was sent and the first change is lost.
        """

        async def begin(self: Watcher, options: Any, cacher: Cacher) -> None:
            revision = await cacher.read_revision(0)
            if options.initial:
                await backlog.send_present(self, cacher, revision)
                if not self.closed:
                    self.write(self.view.representation.bookmark(revision, True))
            self._continue_from(max(revision, self.hub.flushed))

        self.patch(Watcher, "_begin", begin)
        self.finds(True)

    def test_watchers_that_are_not_woken(self) -> None:
        """
        W12: who watches one name in all namespaces is told too.
        """
        entered = Hub._entered

        def forgetful(self: Hub, event: WatchEvent) -> None:
            if event.version.event != ADDED:
                entered(self, event)

        self.patch(Hub, "_entered", forgetful)
        self.finds()
