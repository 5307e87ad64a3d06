"""
Tests for L{ark.watch.watcher}, L{ark.watch.hub} and L{ark.watch.backlog}.
"""

from __future__ import annotations

import sys
from random import Random
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from ark.meta.status import APIStatus
from ark.storage.memory import MemoryBackend
from ark.watch import backlog
from ark.watch.watcher import Watcher
from tests.watch.harness import Client, LateBackend, PlainForm, Replica, creation
from tests.watch.support import AGENTS


class WatchTestCase(SynchronousTestCase):
    """
    One replica.
    """

    options: dict[str, Any] = {}

    def setUp(self) -> None:
        self.clock = Clock()
        self.backend = MemoryBackend(self.clock)
        self.replica = Replica(self.clock, self.backend, **self.options).start()
        self.write = self.replica.write
        self.modify = self.replica.modify
        self.delete = self.replica.delete
        self.watch = self.replica.watch


class StartTests(WatchTestCase):
    """
    Where a watch begins (contract 12.9, 12.11, 12.13).
    """

    def test_sends_changes_after_a_revision_only(self) -> None:
        """
        A watch from revision n is sent each change after n and nothing else.
        """
        first = self.write("a").revision
        second = self.modify("a").revision
        client = self.watch(first)
        third = self.delete("a").revision
        self.assertEqual(client.seen(), [("MODIFIED", second), ("DELETED", third)])

    def test_begins_now_without_initial_events(self) -> None:
        """
        C{sendInitialEvents=false} without a revision means from now on.
        """
        self.write("a")
        client = self.watch(None)
        version = self.write("b")
        self.assertEqual(client.seen(), [("ADDED", version.revision)])

    def test_sends_present_objects_then_the_bookmark_then_changes(self) -> None:
        """
        Initial events come in key order and end with one bookmark of the global revision.
        """
        one, two = self.write("b").revision, self.write("a").revision
        elsewhere = self.write("x", resource=AGENTS).revision
        client = self.watch(None, initial=True, initial_end=True, bookmarks=True)
        three = self.write("c").revision
        self.assertEqual(
            client.seen(), [("ADDED", two), ("ADDED", one), ("BOOKMARK", elsewhere), ("ADDED", three)]
        )
        self.assertTrue(client.stream.events()[2]["end"])

    def test_sends_no_bookmark_to_those_who_want_none(self) -> None:
        """
        Without C{allowWatchBookmarks} the end of the initial events is not told.
        """
        revision = self.write("a").revision
        client = self.watch(0, initial=True, initial_end=True)
        self.assertEqual(client.seen(), [("ADDED", revision)])

    def test_one_object_is_read_by_its_key(self) -> None:
        """
        A watch of one name starts with that object alone.
        """
        self.write("a")
        revision = self.write("b").revision
        client = self.watch(None, namespace="default", name="b", initial=True)
        self.write("c")
        self.assertEqual(client.seen(), [("ADDED", revision)])
        self.assertEqual(self.watch(None, namespace="default", name="none", initial=True).seen(), [])

    def test_waits_for_a_future_revision(self) -> None:
        """
        A watch from a revision to come opens, waits, and is sent what comes after it.
        """
        now = self.write("a").revision
        client = self.watch(now + 2, bookmarks=True)
        for name in "bcd":
            self.write(name)
        self.assertEqual(client.seen(), [("ADDED", now + 3)])

    def test_refuses_initial_events_of_a_future_revision(self) -> None:
        """
        The objects as of a revision that does not come are refused before the stream opens.
        """
        client = self.watch(99, initial=True)
        self.assertIsNone(client.failure)
        self.replica.pass_time(3)
        self.assertIsInstance(client.failure, APIStatus)
        self.assertEqual((client.failure.code, client.stream.writes), (504, []))

    def test_tells_of_compacted_history_and_ends(self) -> None:
        """
        A revision below the floor gets an ERROR event with 410 Expired, and the end.
        """
        for _ in range(3):
            self.write("a")
            self.delete("a")
        self.replica.run(self.backend.compact(5))
        fresh = Replica(self.clock, self.backend).start()
        client = fresh.watch(2)
        (error,) = client.stream.events()
        self.assertEqual(error["type"], "ERROR")
        self.assertEqual(
            (error["object"]["code"], error["object"]["reason"], error["object"]["message"]),
            (410, "Expired", "too old resource version: 2 (5)"),
        )
        self.assertTrue(client.stream.finished)

    def test_replays_after_a_restart(self) -> None:
        """
        A new process serves revisions from before it started.
        """
        revisions = [self.write(name).revision for name in "abc"]
        fresh = Replica(self.clock, self.backend).start()
        self.assertEqual(fresh.watch(revisions[0]).seen(), [("ADDED", r) for r in revisions[1:]])


class SelectionTests(WatchTestCase):
    """
    What a watch is about (contract 12.10).
    """

    def test_only_its_resource_namespace_and_name(self) -> None:
        """
        Others' changes are not sent.
        """
        start = self.replica.cacher.revision
        clients = [
            self.watch(start),
            self.watch(start, namespace="default"),
            self.watch(start, name="a"),
            self.watch(start, namespace="other", name="a"),
        ]
        here, there = self.write("a").revision, self.write("a", namespace="other").revision
        self.write("a", resource=AGENTS)
        third = self.write("b").revision
        expected = ([here, there, third], [here, third], [here, there], [there])
        self.assertEqual([[r for _, r in client.seen()] for client in clients], list(expected))

    def test_objects_enter_and_leave_a_label_selection(self) -> None:
        """
        Entering is ADDED; leaving is DELETED with the last matching state at the
        revision of the change.
        """
        client = self.watch(self.replica.cacher.revision, labels="app=ark")
        self.write("a", labels={"app": "other"})
        entered = self.modify("a", labels={"app": "ark"}, color="red")
        stayed = self.modify("a", labels={"app": "ark"}, color="blue")
        left = self.modify("a", labels={"app": "other"}, color="green")
        self.modify("a")
        self.delete("a")
        self.assertEqual(
            client.seen(),
            [("ADDED", entered.revision), ("MODIFIED", stayed.revision), ("DELETED", left.revision)],
        )
        gone = client.stream.events()[-1]["object"]
        self.assertEqual((gone["spec"]["color"], gone["metadata"]["labels"]), ("blue", {"app": "ark"}))

    def test_objects_enter_and_leave_a_field_selection(self) -> None:
        """
        The same holds for fields of the object.
        """
        client = self.watch(self.replica.cacher.revision, fields="spec.color=red")
        self.write("a", color="red")
        self.modify("a", color="blue")
        self.modify("a", color="red")
        self.delete("a")
        self.assertEqual([type for type, _ in client.seen()], ["ADDED", "DELETED", "ADDED", "DELETED"])

    def test_a_recreated_object_is_added(self) -> None:
        """
        What was deleted does not match any more.
        """
        client = self.watch(self.replica.cacher.revision, labels="app=ark")
        self.write("a", labels={"app": "ark"})
        self.delete("a")
        self.write("a", labels={"app": "ark"})
        self.assertEqual([type for type, _ in client.seen()], ["ADDED", "DELETED", "ADDED"])

    def test_previous_states_that_memory_lost_are_read(self) -> None:
        """
        Without an object cache the types are right nevertheless.
        """
        replica = Replica(self.clock, self.backend, cache_bytes=0).start()
        client = replica.watch(replica.cacher.revision, labels="app=ark")
        replica.write("a", labels={"app": "ark"})
        replica.modify("a", labels={"app": "ark"})
        replica.modify("a")
        replica.delete("a")
        self.assertEqual([type for type, _ in client.seen()], ["ADDED", "MODIFIED", "DELETED"])


class SharingTests(WatchTestCase):
    """
    Work that is done once for many watchers.
    """

    def test_frames_are_made_once_for_each_form_and_type(self) -> None:
        """
        Watchers of different selections share the bytes of an event.
        """
        form = PlainForm()
        clients = [
            self.watch(self.replica.cacher.revision, form=form, **where)
            for where in ({}, {}, {"namespace": "default"}, {"labels": "!x"}, {"name": "a"})
        ]
        self.write("a")
        self.assertEqual(form.made, 1)
        self.assertEqual(len({client.stream.writes[0] for client in clients}), 1)

    def test_one_write_a_turn(self) -> None:
        """
        All events of a reactor turn leave in one write.
        """
        client = self.watch(self.replica.cacher.revision)
        done = [Deferred.fromCoroutine(self.replica.cacher.commit(creation(name))) for name in "abc"]
        self.replica.settle()
        self.assertEqual([self.successResultOf(one).version.revision for one in done], [2, 3, 4])
        self.assertEqual((len(client.stream.writes), len(client.seen())), (1, 3))

    def test_a_first_form_gives_way_to_its_following(self) -> None:
        """
        Only the first event a stream is sent is in the first form, as a table needs it.
        """
        form = PlainForm("first", PlainForm("rest"))
        self.write("a")
        early = self.watch(None, initial=True, form=form)
        late = self.watch(None, form=form)
        self.write("b")
        self.write("c")
        forms = [[event["form"] for event in client.stream.events()] for client in (early, late)]
        self.assertEqual(forms, [["first", "rest", "rest"], ["first", "rest"]])


class BackPressureTests(WatchTestCase):
    """
    Clients that do not keep up.
    """

    options = {"window_events": 4}

    def test_nothing_is_written_while_the_client_does_not_read(self) -> None:
        """
        What happened meanwhile is sent when it reads again: nothing lost, nothing twice.
        """
        client = self.watch(self.replica.cacher.revision, bookmarks=True)
        client.stream.set_paused(True)
        revisions = [self.write(name).revision for name in "abc"]
        self.replica.pass_time(120, 30)
        self.assertEqual(client.stream.writes, [])
        client.stream.set_paused(False)
        self.replica.settle()
        self.assertEqual(client.seen(), [("ADDED", revision) for revision in revisions])

    def test_goes_on_from_storage_when_the_window_has_moved_on(self) -> None:
        """
        A client that is slower than the window is served from the log and loses nothing.
        """
        client = self.watch(self.replica.cacher.revision)
        client.stream.set_paused(True)
        revisions = [self.write(f"a{number}").revision for number in range(20)]
        client.stream.set_paused(False)
        self.replica.settle()
        revisions.append(self.write("last").revision)
        self.assertEqual(client.seen(), [("ADDED", revision) for revision in revisions])

    def test_is_told_when_even_the_log_has_moved_on(self) -> None:
        """
        Whoever falls behind the floor gets 410 in its stream.
        """
        client = self.watch(self.replica.cacher.revision)
        client.stream.set_paused(True)
        for number in range(20):
            self.write(f"a{number}")
        self.replica.run(self.backend.compact(18))
        self.assertEqual(client.stream.writes, [])
        client.stream.set_paused(False)
        self.replica.settle()
        (error,) = client.stream.events()
        self.assertEqual((error["type"], error["object"]["code"]), ("ERROR", 410))
        self.assertTrue(client.stream.finished)

    def test_a_quiet_resource_stays_in_the_window(self) -> None:
        """
        Changes of other resources do not push a watcher out, nor its resource.
        """
        client = self.watch(self.replica.cacher.revision, resource=AGENTS)
        start = self.write("a", resource=AGENTS).revision
        for number in range(3):
            self.write(f"a{number}")
        self.assertEqual(self.replica.cacher.window.floor(AGENTS), 1)
        self.write("more")
        self.assertEqual(self.replica.cacher.window.floor(AGENTS), start)
        second = self.write("b", resource=AGENTS).revision
        self.assertEqual(client.seen(), [("ADDED", start), ("ADDED", second)])

    def test_initial_events_wait_for_the_client(self) -> None:
        """
        Pages are read as the client takes them, and changes meanwhile come after them.
        """
        self.patch(backlog, "LIST_PAGE", 2)
        revisions = [self.write(f"a{number}").revision for number in range(7)]
        client = self.watch(None, initial=True, initial_end=True, bookmarks=True, pause_after=1)
        self.assertEqual(len(client.seen()), 2)
        late = self.modify("a0").revision
        while client.stream.paused:
            client.stream.set_paused(False)
            self.replica.settle()
        self.assertEqual(
            client.seen(),
            [*(("ADDED", r) for r in revisions), ("BOOKMARK", revisions[-1]), ("MODIFIED", late)],
        )
        self.assertEqual(client.stream.violations, [])

    def test_much_at_once_leaves_in_chunks(self) -> None:
        """
        A watcher that comes back from far is not sent everything in one turn.
        """
        replica = Replica(self.clock, self.backend).start()
        color = "x" * 60_000
        revisions = [replica.write(f"a{number}", color=color).revision for number in range(10)]
        client = replica.watch(1)
        self.assertEqual([r for _, r in client.seen()], revisions)
        self.assertGreater(len(client.stream.writes), 3)


class EndTests(WatchTestCase):
    """
    How a watch ends, and what it leaves behind.
    """

    def nothing_is_left(self) -> None:
        hub = self.replica.cacher.hub
        self.assertEqual((hub.watchers, hub._views, hub._topics, hub._ahead), (0, {}, {}, {}))
        self.assertFalse(any(hub.wheel._slots.values()))

    def test_ends_at_the_deadline(self) -> None:
        """
        The stream finishes cleanly when the time is up (contract 12.15).
        """
        client = self.watch(None, timeout=10)
        self.replica.pass_time(9.75)
        self.assertFalse(client.stream.finished)
        self.replica.pass_time(0.5)
        self.assertTrue(client.stream.finished)
        self.assertIsNone(self.successResultOf(client.done))
        self.nothing_is_left()

    def test_a_client_that_goes_frees_everything(self) -> None:
        """
        So it does while it is synced, behind, ahead, or being sent the initial events.
        """
        self.write("a")
        late = LateBackend(self.clock, Random(1))
        slow = Replica(self.clock, late)
        started = slow.begin(slow.cacher.start())
        slow.pass_time(1, 0.01)
        self.successResultOf(started)
        clients = [
            self.watch(None),
            self.watch(1, paused=True),
            self.watch(99),
            self.watch(None, initial=True, paused=True),
            slow.watch(None, initial=True),
        ]
        for client in clients:
            client.stream.connection_lost()
            self.assertIsNone(self.successResultOf(client.done))
        self.replica.pass_time(1, 0.01)
        self.nothing_is_left()
        self.assertEqual((slow.cacher.hub.watchers, slow.cacher.hub._views), (0, {}))
        self.write("b")
        self.assertEqual(clients[0].stream.writes, [])

    def test_cancelling_ends_a_watch(self) -> None:
        """
        The request that is cancelled takes its watch along.
        """
        for client in (self.watch(None), self.watch(1, initial=True, paused=True)):
            client.done.cancel()
            self.assertIsInstance(client.failure, CancelledError)
        self.nothing_is_left()

    def test_stopping_ends_all_watches(self) -> None:
        """
        Also those that come later.
        """
        client = self.watch(None)
        self.replica.cacher.hub.stop()
        late = self.watch(None)
        self.assertTrue(client.stream.finished and late.stream.finished)
        self.successResultOf(late.done)
        self.nothing_is_left()

    def test_a_resource_that_goes_ends_its_watches(self) -> None:
        """
        Others go on (contract 12.20).
        """
        queries, agents = self.watch(None), self.watch(None, resource=AGENTS)
        self.replica.cacher.hub.close_resource(AGENTS)
        self.assertEqual((queries.stream.finished, agents.stream.finished), (False, True))

    def test_storage_that_fails_is_told(self) -> None:
        """
        A watch that cannot be begun gets an ERROR event, not silence.
        """
        self.write("a")
        self.replica.run(self.backend.close())
        client = self.watch(None)
        (error,) = client.stream.events()
        self.assertEqual((error["type"], error["object"]["code"]), ("ERROR", 503))
        self.assertTrue(client.stream.finished)

    def test_an_idle_watch_is_small(self) -> None:
        """
        At most 2 KiB a watcher beside its stream and its request.
        """
        clients = [self.watch(None, bookmarks=True) for _ in range(100)]
        watchers = [watcher for view in self.replica.cacher.hub._views.values() for watcher in view.synced]
        self.assertEqual(len(watchers), len(clients))
        own = sum(sys.getsizeof(watcher) for watcher in watchers) / 100
        callbacks = 2 * sys.getsizeof(watchers[0].detach) + sys.getsizeof(watchers[0]._finished)
        shared = sys.getsizeof(watchers[0].view.synced) / 100
        self.assertLess(own + callbacks + shared + 200, 2048)
        self.assertFalse(hasattr(Watcher, "__dict__") and hasattr(watchers[0], "__dict__"))


class BookmarkTests(WatchTestCase):
    """
    Bookmarks (contract 12.12).
    """

    def bookmarks(self, client: Client) -> list[int]:
        return [revision for type, revision in client.seen() if type == "BOOKMARK"]

    def test_about_once_a_minute_and_before_the_end(self) -> None:
        """
        They carry the revision that the log has come to, also for quiet resources.
        """
        client = self.watch(None, bookmarks=True, timeout=130)
        self.write("a", resource=AGENTS)
        self.replica.pass_time(61)
        last = self.write("b", resource=AGENTS).revision
        self.replica.pass_time(67.25)
        self.assertEqual(self.bookmarks(client), [2, last, last])
        self.replica.pass_time(2)
        self.assertTrue(client.stream.finished)

    def test_none_unless_asked_for(self) -> None:
        """
        Without C{allowWatchBookmarks} there are none.
        """
        client = self.watch(None, timeout=130)
        self.replica.pass_time(140, 5)
        self.assertEqual(client.stream.writes, [])

    def test_none_ahead_of_what_was_sent(self) -> None:
        """
        A client that is behind is not told a revision it has not come to.
        """
        client = self.watch(self.replica.cacher.revision, bookmarks=True)
        client.stream.set_paused(True)
        revision = self.write("a").revision
        self.replica.pass_time(70, 5)
        client.stream.set_paused(False)
        self.replica.pass_time(70, 5)
        self.assertEqual(client.seen()[0], ("ADDED", revision))
        self.assertEqual(self.bookmarks(client), [revision])

    def test_none_for_a_revision_to_come(self) -> None:
        """
        Who waits for a revision is not sent back to before it.
        """
        client = self.watch(99, bookmarks=True)
        self.replica.pass_time(200, 5)
        self.assertEqual(client.seen(), [])
