"""
All entries of C{metadata.managedFields}: who set which fields of an object.

Follows C{k8s.io/apimachinery/pkg/util/managedfields/internal/managedfields.go}; contract
13.1 and 13.8.  What was read or written once is kept: field sets come again and again.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from functools import lru_cache
from operator import attrgetter
from typing import Any

import orjson

from ark.apply.fieldset import FieldSet
from ark.apply.managedfieldsentry import APPLY, FIELDS, UPDATE, Entry, Identity, entries_text

_FIELDS_TYPE = "FieldsV1"
_KEPT_TEXTS = 2048
_KEPT_SETS = 8192
# Longer ones are rare, and many of them would take more memory than the objects do.
_LONGEST_TEXT = 1 << 16
_LONGEST_SET = 1 << 14
_LONGEST_HOLDINGS = 1 << 13
_BETWEEN = b'},{"'


class InvalidManagedFields(ValueError):
    """
    Entries that mean nothing; the message is Kubernetes'.
    """


Holdings = frozenset[tuple[Identity, str, FieldSet]]
"""
What each owner holds, and the version it is named in, whenever that came to be.
"""


class ManagedFields:
    """
    All entries of an object.  Immutable.

    @ivar entries: the entry of each identity, in any order.
    @ivar text: the entries in JSON, in the order in which they are stored; empty when there are
        none.
    @ivar is_doubled: whether the text tells of an identity more than once, which no write leaves so.
    """

    __slots__ = ("_holdings", "_text", "entries", "is_doubled")

    def __init__(
        self,
        entries: Mapping[Identity, Entry],
        text: bytes | None = None,
        holdings: Holdings | None = None,
        is_doubled: bool = False,
    ) -> None:
        """
        @param holdings: what is told of them without their times, where it is known already.
        """
        self.entries = entries
        self.is_doubled = is_doubled
        self._text = text
        self._holdings = holdings

    @property
    def text(self) -> bytes:
        if self._text is None:
            self._text = entries_text(self.entries.values())
            # What is written now is read at the next write.
            _remember(self._text, self)
        return self._text

    @property
    def holdings(self) -> Holdings | None:
        """
        What the entries tell without their times; L{None} if it is too much to be remembered.
        """
        if self._holdings is None and len(self.text) <= _LONGEST_HOLDINGS:
            entries = self.entries.values()
            self._holdings = frozenset((entry.identity, entry.version, entry.fields) for entry in entries)
        return self._holdings

    def __bool__(self) -> bool:
        return bool(self.entries)

    def members(self) -> list[dict[str, Any]]:
        """
        The entries as they stand in an object, a new list at each call.
        """
        found: list[dict[str, Any]] = orjson.loads(self.text) if self.text else []
        return found

    def same_but_times(self, other: ManagedFields) -> bool:
        """
        Whether both hold the same entries, whenever they were made.  The order follows from
        the times, so it does not count either.
        """
        if len(self.entries) != len(other.entries) or self.is_doubled != other.is_doubled:
            return False
        for identity, entry in self.entries.items():
            found = other.entries.get(identity)
            if found is None or not entry.same_but_time(found):
                return False
        return True


NOTHING = ManagedFields({}, b"")


_rank = attrgetter("rank")


def ordered(entries: Iterable[Entry]) -> ManagedFields:
    """
    Entries in the order in which they are stored (C{sortEncodedManagedFields}).

    Of two with one identity both are stored, and the last one counts when they are read: the next
    write leaves that one.
    """
    found = sorted(entries, key=_rank)
    by_identity = {entry.identity: entry for entry in found}
    if len(by_identity) == len(found):
        return ManagedFields(by_identity)
    return ManagedFields(by_identity, entries_text(found), is_doubled=True)


def written(entries: Mapping[Identity, Entry], holdings: Holdings | None = None) -> ManagedFields:
    """
    What the owners of an object hold once it is written.

    @param entries: they must not change any more.
    @param holdings: what is told of them without their times, where it is known already.
    """
    text = entries_text(sorted(entries.values(), key=_rank))
    managed = ManagedFields(entries, text, holdings)
    # It is read at the next write.
    _remember(text, managed)
    return managed


def is_reset(members: Any) -> bool:
    """
    Whether a client asks to forget who set what: with no entries at all, or an empty one.
    """
    return isinstance(members, list) and (not members or members == [{}])


def parse(members: Iterable[Mapping[str, Any]]) -> ManagedFields:
    """
    The entries of an object that a client or a webhook made.  Their types were checked.

    @raise InvalidManagedFields: an entry means nothing.
    """
    entries: dict[Identity, Entry] = {}
    for index, member in enumerate(members):
        entry = _parsed(index, member)
        entries[entry.identity] = entry
    return ManagedFields(entries)


def _parsed(index: int, member: Mapping[str, Any]) -> Entry:
    operation, version = member.get("operation"), member.get("apiVersion")
    if operation not in (APPLY, UPDATE):
        raise InvalidManagedFields("operation must be `Apply` or `Update`")
    if not version:
        raise InvalidManagedFields("apiVersion must not be empty")
    fields_type = member.get("fieldsType")
    if fields_type != _FIELDS_TYPE:
        if not fields_type:
            raise InvalidManagedFields(f"missing fieldsType in managed fields entry {index}")
        raise InvalidManagedFields(f'invalid fieldsType "{fields_type}" in managed fields entry {index}')
    try:
        told = member.get("fieldsV1")
        fields = _fields_of(b"{}" if told is None else orjson.dumps(told))
    except (ValueError, TypeError) as error:
        raise InvalidManagedFields(f"error decoding versioned set: error decoding set: {error}") from error
    return _identified(member, fields)


def _identified(member: Mapping[str, Any], fields: FieldSet, text: bytes = b"") -> Entry:
    operation, version = member["operation"], member["apiVersion"]
    identity = Identity(
        member.get("manager") or "",
        operation,
        "" if operation == APPLY else version,
        member.get("subresource") or "",
    )
    return Entry(identity, fields, version, member.get("time") or "", text)


def _parsed_set(text: bytes) -> FieldSet:
    return FieldSet.parse(orjson.loads(text))


_kept_set = lru_cache(maxsize=_KEPT_SETS)(_parsed_set)


def _fields_of(text: bytes) -> FieldSet:
    return _kept_set(text) if len(text) <= _LONGEST_SET else _parsed_set(text)


_known: OrderedDict[bytes, ManagedFields] = OrderedDict()


def _remember(text: bytes, managed: ManagedFields) -> None:
    if len(text) > _LONGEST_TEXT:
        return
    _known[text] = managed
    if len(_known) > _KEPT_TEXTS:
        _known.popitem(last=False)


def read(text: bytes) -> ManagedFields:
    """
    The entries of a text that L{ManagedFields.text} once was.
    """
    known = _known.get(text)
    if known is None:
        known = decode(text)
        _remember(text, known)
    else:
        _known.move_to_end(text)
    return known


def decode(text: bytes) -> ManagedFields:
    """
    As L{read}, but nothing is remembered.
    """
    if not text:
        return NOTHING
    pieces = text[len(b'[{"') : -len(b"}]")].split(_BETWEEN)
    entries = {entry.identity: entry for entry in map(_read_entry, pieces)}
    return ManagedFields(entries, text, is_doubled=len(entries) < len(pieces))


def _read_entry(piece: bytes) -> Entry:
    # No text within an entry holds these marks: its quotes are escaped.
    head, _, fields = piece.partition(FIELDS)
    return _identified(orjson.loads(b'{"%b}' % head), _fields_of(fields), b'{"%b}' % piece)
