"""
One entry of C{metadata.managedFields}: whose it is, and what that one has set.

Follows C{k8s.io/apimachinery/pkg/util/managedfields/internal/managedfields.go}; contract 13.1.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import orjson

from ark.apply.fieldset import FieldSet
from ark.meta.known import Known

APPLY = "Apply"
UPDATE = "Update"

FIELDS = b',"fieldsType":"FieldsV1","fieldsV1":'
"""
What stands in the text of an entry before the set of its fields.
"""

_NO_TIME = "1970-01-01T00:00:00Z"
_KEPT_HEADS = 2048
_LONGEST_HEAD = 1024


class Identity(NamedTuple):
    """
    What tells an entry from the others of an object.

    @ivar api_version: empty for appliers, who have one entry whatever version they apply.
    """

    manager: str
    operation: str
    api_version: str = ""
    subresource: str = ""

    @property
    def applied(self) -> bool:
        """
        Whether it is an applier's.
        """
        return self.operation == APPLY

    @property
    def text(self) -> str:
        """
        The form in which Kubernetes orders and compares identities.
        """
        members = {
            "manager": self.manager,
            "operation": self.operation,
            "apiVersion": self.api_version,
            "subresource": self.subresource,
        }
        return orjson.dumps({name: value for name, value in members.items() if value}).decode()


class Entry:
    """
    What one owner holds.  Immutable.

    @ivar identity: the owner.
    @ivar version: the API version that the fields are named in.
    @ivar time: when the entry last changed, in RFC 3339; empty when that is not known.
    @ivar rank: what entries are stored in the order of (C{sortEncodedManagedFields}).
    """

    __slots__ = ("_text", "fields", "identity", "rank", "time", "version")

    def __init__(
        self, identity: Identity, fields: FieldSet, version: str, time: str = "", text: bytes = b""
    ) -> None:
        """
        @param text: the entry in JSON, where it is known already.
        """
        self.identity = identity
        self.fields = fields
        self.version = version
        self.time = time
        manager, operation, _, subresource = identity
        # Times are in UTC and of one length; one that is missing counts as 1970.
        self.rank = operation, time or _NO_TIME, manager, version, subresource
        self._text = text

    @property
    def text(self) -> bytes:
        """
        The entry in JSON.
        """
        if not self._text:
            time = b',"time":"%b"' % self.time.encode() if self.time else b""
            owner = self.identity, self.version
            head = _heads.get(owner) or _head(*owner)
            self._text = b"%b%b%b%b}" % (head, time, FIELDS, self.fields.text)
        return self._text

    def with_fields(self, fields: FieldSet) -> Entry:
        """
        The same with other fields.
        """
        return self if fields is self.fields else Entry(self.identity, fields, self.version, self.time)

    def same_but_time(self, other: Entry) -> bool:
        """
        Whether both hold the same, whenever that came to be.
        """
        if self is other:
            return True
        same_owner = self.identity == other.identity and self.version == other.version
        return same_owner and self.fields == other.fields

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Entry):
            return NotImplemented
        return self.same_but_time(other) and self.time == other.time

    def __hash__(self) -> int:
        return hash((self.version, self.time))

    def __repr__(self) -> str:
        return f"<Entry {self.version} {self.time} {self.fields!r}>"


def entries_text(entries: Iterable[Entry]) -> bytes:
    """
    Entries in JSON, in their order; empty when there are none.
    """
    # Most are known, and there are many.
    texts = [entry._text or entry.text for entry in entries]
    return b"[%b]" % b",".join(texts) if texts else b""


_heads: Known[tuple[Identity, str], bytes] = Known(_KEPT_HEADS)


def _head(identity: Identity, version: str) -> bytes:
    members = {"manager": identity.manager} if identity.manager else {}
    members.update(operation=identity.operation, apiVersion=version)
    if identity.subresource:
        members["subresource"] = identity.subresource
    head = orjson.dumps(members)[:-1]
    # What a client can make long on purpose is not kept.
    return _heads.keep((identity, version), head) if len(head) <= _LONGEST_HEAD else head
