"""
What storage is given and gives back: keys, changes, versions, pages.

These are the values of L{ark.interfaces.IStorageBackend}.  A backend knows keys,
revisions and bytes, and nothing of HTTP or Kubernetes.
"""

from __future__ import annotations

from typing import NamedTuple, Union

ADDED = "ADDED"
MODIFIED = "MODIFIED"
DELETED = "DELETED"


class Key(NamedTuple):
    """
    Where an object lives.  Keys order bytewise, member by member.

    C{resource} is the text form of a L{ark.meta.gvk.GroupResource}
    (C{queries.ark.mckinsey.com}); C{namespace} is empty for cluster-scoped objects.
    """

    resource: str
    namespace: str
    name: str


class Body(NamedTuple):
    """
    The JSON text of an object, cut where its resourceVersion goes.

    The text of revision I{n} is C{head + str(n) + tail}, in UTF-8.
    """

    head: bytes
    tail: bytes

    def at(self, revision: int) -> bytes:
        """
        The whole text with C{revision} in its place.
        """
        return b"%b%d%b" % (self.head, revision, self.tail)


class Change(NamedTuple):
    """
    One wish to write.

    C{expected} is the revision that C{key} must have now (C{0}: it must not exist).
    C{event} is L{ADDED}, L{MODIFIED} or L{DELETED}; a deletion carries the last state
    as its body.  C{labels} is the JSON text of the object's labels, empty when it has
    none; C{uid} its uid.
    """

    key: Key
    expected: int
    event: str
    body: Body
    labels: bytes
    uid: str


class Version(NamedTuple):
    """
    One version of one object, as the log keeps it.

    C{body} is the JSON text exactly as it is served, resourceVersion included;
    C{previous} the revision of the version before it (C{0}: none, the object was new).
    """

    key: Key
    revision: int
    event: str
    body: bytes
    labels: bytes
    uid: str
    previous: int


class Committed(NamedTuple):
    """
    A change was written, durably, as C{version}.
    """

    version: Version


class Mismatch(NamedTuple):
    """
    A change was not written: what it expected was not so.

    C{current} is the live version of its key, or L{None} when there is none.
    """

    current: Version | None


Outcome = Union[Committed, Mismatch]


class Event(NamedTuple):
    """
    A version in the log together with the state it replaced.

    C{before} is L{None} when the object was new.
    """

    version: Version
    before: Version | None


class Range(NamedTuple):
    """
    Which objects a list asks for.

    C{namespace} is L{None} for every namespace.  Only keys after C{after}
    (C{(namespace, name)}, exclusive) are meant, when it is given.
    """

    resource: str
    namespace: str | None = None
    after: tuple[str, str] | None = None


class Page(NamedTuple):
    """
    A stretch of a list, in key order, as of C{revision}.

    C{more} tells whether keys of the range follow the last one.
    """

    revision: int
    versions: list[Version]
    more: bool


class JoinedPage(NamedTuple):
    """
    A stretch of a list as one text: C{count} bodies joined by commas.

    C{last} is the C{(namespace, name)} of the last of them, L{None} when there are none.
    """

    revision: int
    text: bytes
    count: int  # type: ignore[assignment]  # shadows tuple.count, which nobody needs here
    last: tuple[str, str] | None
    more: bool


class EventPage(NamedTuple):
    """
    Events in revision order without gaps.

    After the page the reader has seen everything up to and including C{revision}.
    """

    revision: int
    events: list[Event]


class SchemaState(NamedTuple):
    """
    Which schema a database has (C{0}: none yet), and which this server would give it.
    """

    version: int
    newest: int
