"""
Tests for L{ark.apply.managedfields} and L{ark.apply.managedfieldsentry}.
"""

from __future__ import annotations

from typing import Any

import orjson
from twisted.trial.unittest import SynchronousTestCase

from ark.apply.fieldset import FieldSet
from ark.apply.managedfields import (
    NOTHING,
    InvalidManagedFields,
    decode,
    is_reset,
    ordered,
    parse,
    read,
)
from ark.apply.managedfieldsentry import APPLY, UPDATE, Entry, Identity

FIELDS = {"f:spec": {".": {}, "f:a": {}}}


def entry(**members: Any) -> dict[str, Any]:
    """
    An entry as an object holds it.
    """
    return {
        "manager": "m",
        "operation": UPDATE,
        "apiVersion": "g/v1",
        "time": "2026-01-01T00:00:00Z",
        "fieldsType": "FieldsV1",
        "fieldsV1": FIELDS,
        **members,
    }


def made(manager: str, operation: str, time: str = "", version: str = "v1", subresource: str = "") -> Entry:
    """
    An entry.
    """
    identity = Identity(manager, operation, "" if operation == APPLY else version, subresource)
    return Entry(identity, FieldSet.parse(FIELDS), version, time)


class EntryTests(SynchronousTestCase):
    """
    Entries as objects hold them (contract 13.1).
    """

    def test_text_is_read_back(self) -> None:
        """
        What was written is read as what it was, whatever characters names hold.
        """
        odd = 'a"},{"manager":"b","fieldsType":"FieldsV1","fieldsV1":{}'
        names = {f"f:{odd}": {}, 'k:{"name":"],\\"name\\":\\"x"}': {}}
        managed = parse(
            [entry(), entry(manager=odd), entry(operation=APPLY, fieldsV1=names, subresource="status")]
        )
        again = decode(managed.text)
        self.assertEqual(again.entries, managed.entries)
        self.assertEqual(again.members(), managed.members())

    def test_what_was_written_is_known(self) -> None:
        """
        Entries that were written are not made anew when they are read, nor those that were read.
        """
        managed = parse([entry(manager="written"), entry(manager="too")])
        text = managed.text
        self.assertIs(read(text[:1] + text[1:]), managed)
        other = text.replace(b"too", b"two")
        self.assertEqual(read(other).entries, decode(other).entries)
        self.assertIs(read(other[:1] + other[1:]), read(other))

    def test_long_texts_are_not_kept(self) -> None:
        """
        Neither the text of all entries nor that of one; they are read anew each time.
        """
        fields = {f"f:{index:06}": {} for index in range(5000)}
        managed = parse([entry(fieldsV1=fields)])
        again = read(managed.text)
        self.assertIsNot(again, managed)
        self.assertIsNot(read(managed.text), again)
        self.assertEqual(again.entries, managed.entries)
        (one,), (other,) = again.entries.values(), managed.entries.values()
        self.assertIsNot(one.fields, other.fields)

    def test_members_are_what_was_parsed(self) -> None:
        """
        Every member of an entry survives; those that were left out stay out.
        """
        members = [entry(subresource="status"), entry(manager="n", operation=APPLY)]
        del members[1]["time"]
        self.assertEqual(parse(members).members(), members)

    def test_no_entries_have_no_text(self) -> None:
        """
        An object that nobody is known of has no member for it.
        """
        self.assertEqual(NOTHING.text, b"")
        self.assertEqual(read(b"").members(), [])
        self.assertFalse(parse([]))

    def test_appliers_have_one_entry_in_all_versions(self) -> None:
        """
        The version is part of who an updater is, but not of who an applier is.
        """
        both = [entry(), entry(apiVersion="g/v2")]
        self.assertEqual(len(parse(both).entries), 2)
        self.assertEqual(len(parse([{**one, "operation": APPLY} for one in both]).entries), 1)

    def test_subresources_tell_entries_apart(self) -> None:
        """
        What a manager sets through C{/status} is an entry of its own.
        """
        self.assertEqual(len(parse([entry(), entry(subresource="status")]).entries), 2)

    def test_identity_text_leaves_out_what_is_empty(self) -> None:
        """
        As Kubernetes marshals it.
        """
        self.assertEqual(Identity("m", APPLY).text, '{"manager":"m","operation":"Apply"}')
        self.assertEqual(
            Identity("m", UPDATE, "v1", "status").text,
            '{"manager":"m","operation":"Update","apiVersion":"v1","subresource":"status"}',
        )


class OrderTests(SynchronousTestCase):
    """
    The order in which entries are stored (contract 13.1).
    """

    def test_appliers_come_first_then_time_decides(self) -> None:
        """
        Operation, time, manager, version, subresource; no time is the oldest.
        """
        early, late = "2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z"
        wanted = [
            made("z", APPLY, late),
            made("y", UPDATE),
            made("x", UPDATE, early),
            made("a", UPDATE, late),
            made("b", UPDATE, late, "v1"),
            made("b", UPDATE, late, "v1", "status"),
            made("b", UPDATE, late, "v2"),
        ]
        managed = ordered(reversed(wanted))
        self.assertEqual(list(managed.entries.items()), [(entry.identity, entry) for entry in wanted])

    def test_doubled_identities_are_stored_and_the_last_counts(self) -> None:
        """
        A scale may leave two entries of one identity behind; they are told as they are.
        """
        first, second = made("m", UPDATE), made("m", UPDATE, "2026-01-01T00:00:00Z")
        managed = ordered([second, first])
        self.assertEqual(len(managed.members()), 2)
        again = decode(managed.text)
        self.assertEqual(again.entries, managed.entries)
        self.assertTrue(again.same_but_times(managed))
        self.assertFalse(managed.same_but_times(ordered([second])))
        self.assertEqual(managed.entries[first.identity].time, "2026-01-01T00:00:00Z")

    def test_times_alone_make_no_difference(self) -> None:
        """
        Entries are the same whenever they were made (contract 13.16), but not with other
        fields, versions or managers.
        """
        one = parse([entry()])
        self.assertTrue(one.same_but_times(parse([entry(time="2026-02-02T00:00:00Z")])))
        for other in (
            [],
            [entry(fieldsV1={"f:spec": {}})],
            [entry(manager="n")],
            [entry(operation=APPLY)],
            [entry(), entry(manager="n")],
        ):
            self.assertFalse(one.same_but_times(parse(other)))

    def test_holdings_are_all_but_the_times(self) -> None:
        """
        They are equal exactly if the entries are the same but for their times.
        """
        one = parse([entry(), entry(manager="n")])
        later = parse([entry(manager="n", time="2026-02-02T00:00:00Z"), entry()])
        self.assertEqual(one.holdings, later.holdings)
        for other in ([entry()], [entry(), entry(manager="n", fieldsV1={})], [entry(), entry(manager="o")]):
            self.assertNotEqual(one.holdings, parse(other).holdings)

    def test_long_entries_have_no_holdings(self) -> None:
        """
        What is remembered by them must not hold more than a little.
        """
        fields = {f"f:{index:04}": {} for index in range(2000)}
        self.assertIsNone(parse([entry(fieldsV1=fields)]).holdings)


class ClientTests(SynchronousTestCase):
    """
    Entries that clients send (contract 13.8).
    """

    def test_none_or_an_empty_one_resets(self) -> None:
        """
        C{[]} and C{[{}]} ask to forget everything; nothing else does.
        """
        self.assertTrue(is_reset([]))
        self.assertTrue(is_reset([{}]))
        for other in (None, {}, [{}, {}], [entry()], "[]"):
            self.assertFalse(is_reset(other))

    def test_what_means_nothing_is_refused(self) -> None:
        """
        In the words that Kubernetes warns with.
        """
        for wrong, message in (
            ({"operation": "Create"}, "operation must be `Apply` or `Update`"),
            ({"apiVersion": ""}, "apiVersion must not be empty"),
            ({"fieldsType": ""}, "missing fieldsType in managed fields entry 1"),
            ({"fieldsType": "V2"}, 'invalid fieldsType "V2" in managed fields entry 1'),
        ):
            error = self.assertRaises(InvalidManagedFields, parse, [entry(), entry(**wrong)])
            self.assertEqual(str(error), message)

    def test_fields_that_cannot_be_read_are_refused(self) -> None:
        """
        Keys name fields, keys, values or places.
        """
        for fields in ({"x": {}}, {"k:[": {}}, {"f:a": 1}, [1]):
            self.assertRaises(InvalidManagedFields, parse, [entry(fieldsV1=fields)])

    def test_no_fields_are_an_empty_set(self) -> None:
        """
        An entry without fields is one all the same.
        """
        members = entry()
        del members["fieldsV1"]
        managed = parse([members])
        self.assertEqual(managed.members()[0]["fieldsV1"], {})
        self.assertEqual(orjson.loads(managed.text), managed.members())
