"""
Tests for L{ark.watch.events}, L{ark.watch.predicate} and L{ark.meta.body}.
"""

from __future__ import annotations

import orjson
from twisted.trial.unittest import SynchronousTestCase

from ark.meta.body import with_revision
from ark.meta.records import ADDED, DELETED, MODIFIED, Key, Range, Version
from ark.meta.selectors import parse_field_selector, parse_label_selector
from ark.watch.events import Memos, WatchEvent
from ark.watch.predicate import SelectionPredicate
from tests.watch.harness import PlainForm, body
from tests.watch.support import QUERIES, read_fields

KEY = Key(QUERIES, "default", "a")


def version(revision: int, event: str = MODIFIED, color: str = "", **labels: str) -> Version:
    """
    A version of the one object here.
    """
    text = body(KEY, labels, color, revision).at(revision)
    return Version(KEY, revision, event, text, orjson.dumps(labels) if labels else b"", "uid", 0)


class WithRevisionTests(SynchronousTestCase):
    """
    L{with_revision}.
    """

    def test_changes_nothing_else(self) -> None:
        """
        Not even the same text elsewhere in the object.
        """
        text = (
            b'{"apiVersion":"v1","kind":"T","metadata":{"resourceVersion":"7","name":"a"},'
            b'"spec":{"metadata":{"resourceVersion":"7"}}}'
        )
        self.assertEqual(with_revision(text, 7, 123), text.replace(b'"7"', b'"123"', 1))

    def test_texts_of_another_shape_are_taken_apart(self) -> None:
        """
        Where the revision is not at the known place it is found nevertheless.
        """
        text = b'{"spec":{"metadata":{"resourceVersion":"7"}},"metadata":{"name":"a","resourceVersion":"7"}}'
        changed = orjson.loads(with_revision(text, 7, 8))
        self.assertEqual(changed["metadata"], {"name": "a", "resourceVersion": "8"})
        self.assertEqual(changed["spec"], {"metadata": {"resourceVersion": "7"}})


class WatchEventTests(SynchronousTestCase):
    """
    What all watchers share.
    """

    def test_frames_are_kept_for_each_form_and_type(self) -> None:
        """
        Equal keys share bytes.
        """
        event = WatchEvent(version(3), version(2))
        one, other = PlainForm(), PlainForm("other")
        self.assertIs(event.frame(MODIFIED, one), event.frame(MODIFIED, PlainForm()))
        self.assertNotEqual(event.frame(MODIFIED, one), event.frame(MODIFIED, other))
        self.assertNotEqual(event.frame(ADDED, one), event.frame(MODIFIED, one))

    def test_what_is_derived_is_bounded_in_bytes(self) -> None:
        """
        The oldest events forget first, and make it again when asked.
        """
        memos = Memos(10_000)
        form = PlainForm()
        events = [WatchEvent(version(n, color="x" * 1000), None, memos) for n in range(2, 30)]
        for event in events:
            event.frame(ADDED, form)
        self.assertLessEqual(memos.bytes, 10_000)
        made = form.made
        events[-1].frame(ADDED, form)
        self.assertEqual(form.made, made)
        events[0].frame(ADDED, form)
        self.assertEqual(form.made, made + 1)


class SelectionPredicateTests(SynchronousTestCase):
    """
    L{SelectionPredicate}.
    """

    def test_the_table_of_transitions(self) -> None:
        """
        Contract 12.10, case by case.
        """
        predicate = SelectionPredicate(QUERIES, labels=parse_label_selector("app=ark"))
        inside, outside = version(2, app="ark"), version(2)
        cases = (
            (version(3, ADDED, app="ark"), None, ADDED),
            (version(3, ADDED), None, None),
            (version(3, app="ark"), outside, ADDED),
            (version(3, app="ark"), inside, MODIFIED),
            (version(3), inside, DELETED),
            (version(3), outside, None),
            (version(3, DELETED, app="ark"), inside, DELETED),
            (version(3, DELETED), outside, None),
        )
        for new, old, expected in cases:
            self.assertEqual(predicate.type_of(WatchEvent(new, old)), expected, (new, old))

    def test_the_state_before_is_not_asked_for_without_selectors(self) -> None:
        """
        Then the log's own type is told.
        """
        for fields in ("", "metadata.name=a", "metadata.name=a,metadata.namespace=default"):
            predicate = SelectionPredicate(QUERIES, "default", "a", fields=parse_field_selector(fields))
            self.assertEqual(predicate.type_of(WatchEvent(version(3), None)), MODIFIED)

    def test_equal_predicates_have_equal_keys(self) -> None:
        """
        So that watchers of the same selection share their work.
        """

        def make(labels: str, fields: str) -> SelectionPredicate:
            return SelectionPredicate(
                QUERIES,
                labels=parse_label_selector(labels),
                fields=parse_field_selector(fields),
                read_fields=read_fields,
            )

        self.assertEqual(make("a=b", "spec.color=red").key, make("a=b", "spec.color=red").key)
        self.assertNotEqual(make("a=b", "").key, make("a=c", "").key)
        self.assertNotEqual(make("", "spec.color=red").key, make("", "spec.color!=red").key)

    def test_what_it_reads(self) -> None:
        """
        The range to list, and the key when there is but one.
        """
        self.assertEqual(SelectionPredicate(QUERIES, "default").range, Range(QUERIES, "default"))
        self.assertEqual(SelectionPredicate(QUERIES, "default", "a").single, KEY)
        self.assertIsNone(SelectionPredicate(QUERIES, None, "a").single)
        predicate = SelectionPredicate(
            QUERIES, fields=parse_field_selector("spec.color=red"), read_fields=read_fields
        )
        self.assertTrue(predicate.matches(version(2, color="red")))
        self.assertFalse(predicate.matches(version(2, color="blue")))
