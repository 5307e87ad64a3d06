"""
What clients asked, when, and what they were told.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

OK = "ok"
ABSENT = "absent"
EXISTS = "exists"
CONFLICT = "conflict"
EXPIRED = "expired"
REFUSED = "refused"
UNKNOWN = "unknown"

WRITES = ("create", "update", "apply", "delete")


class Item(NamedTuple):
    """
    One object of a list.
    """

    key: str
    revision: int
    mark: str


class Operation(NamedTuple):
    """
    One request.

    @ivar client: who asked.
    @ivar verb: C{get}, C{list}, C{create}, C{update}, C{apply} (which does one or the other) or C{delete}.
    @ivar key: C{plural/namespace/name}; of a list without the name.
    @ivar start: when it was sent, in nanoseconds of the machine's steady clock.
    @ivar end: when its answer had come.
    @ivar outcome: L{OK}; L{ABSENT} (404); L{EXISTS} and L{CONFLICT} (409); L{EXPIRED} (410);
        L{REFUSED}, an answer that promises that nothing was done; L{UNKNOWN}, all else.
    @ivar revision: the resourceVersion that the answer told; 0 of a deletion.
    @ivar mark: what a write put into the object, or a read found in it.
    @ivar expected: the resourceVersion that a write was to find; 0 for any.
    @ivar uid: of the object in the answer.
    @ivar digest: of the object in the answer, see L{tests.histories.log.digest}.
    @ivar minimum: the resourceVersion that a read asked for; L{None} for the newest state.
    @ivar exact: whether it asked for that very one.
    @ivar items: what a list held.
    """

    client: int
    verb: str
    key: str
    start: int
    end: int
    outcome: str
    revision: int = 0
    mark: str = ""
    expected: int = 0
    uid: str = ""
    digest: str = ""
    minimum: int | None = None
    exact: bool = False
    items: tuple[Item, ...] = ()

    @property
    def fresh(self) -> bool:
        """
        Whether it was to tell the newest state, as all but some reads are.
        """
        return self.minimum is None


def registers(operations: Sequence[Operation], keys: dict[str, list[str]]) -> Iterator[Operation]:
    """
    The operations on single keys that a history comes to, without what says nothing.

    A list is a read of each key of its namespace and kind.

    @param keys: of each namespace of each kind.
    """
    for one in operations:
        if one.outcome == REFUSED or not one.fresh or (one.outcome == UNKNOWN and one.verb not in WRITES):
            continue
        if one.verb != "list":
            yield one
        elif one.outcome == OK:
            found = {item.key: item for item in one.items}
            for key in keys[one.key]:
                item = found.get(key)
                read = one._replace(verb="get", key=key, items=())
                if item is None:
                    yield read._replace(outcome=ABSENT)
                else:
                    yield read._replace(revision=item.revision, mark=item.mark)
