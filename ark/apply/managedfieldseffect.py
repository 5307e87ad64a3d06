"""
What a write does to the entries of an object, whatever their times are.

It follows from what each owner held, from what the write changed and from who wrote; these
come again and again where controllers report on many objects.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from ark.apply.fieldset import EMPTY, FieldSet
from ark.apply.managedfields import Holdings
from ark.apply.managedfieldsentry import Entry, Identity

Owners = dict[Identity, Entry]
"""
What each owner has.
"""


class Effect(NamedTuple):
    """
    What becomes of the entries.

    @ivar changed: who holds something else from now on, and what; nothing if the entry goes.
    @ivar owner: who wrote.
    @ivar fields: what that one holds, with the time of the write; L{None} if its entry is one
        of the others.
    @ivar holdings: what is held then, where it is known.
    """

    changed: tuple[tuple[Identity, FieldSet], ...]
    owner: Identity
    fields: FieldSet | None
    holdings: Holdings | None = None

    @classmethod
    def between(cls, before: Mapping[Identity, Entry], after: Owners, owner: Identity, dated: bool) -> Effect:
        """
        What has led from some entries to others.

        @param dated: whether the entry of C{owner}, who is among those after it, gets a new time.
        """
        changed = []
        for identity, entry in before.items():
            if dated and identity == owner:
                continue
            left = after.get(identity)
            if left is None or left.fields is not entry.fields:
                changed.append((identity, EMPTY if left is None else left.fields))
        return cls(tuple(changed), owner, after[owner].fields if dated else None)

    @property
    def is_none(self) -> bool:
        """
        Whether the entries stay as they are.
        """
        return not self.changed and self.fields is None

    def known(self, entries: Mapping[Identity, Entry]) -> Effect:
        """
        The same for all that hold what these entries do, which tells what they hold then.
        """
        held = self.on(entries, str).values()
        return self._replace(holdings=frozenset((one.identity, one.version, one.fields) for one in held))

    def on(self, entries: Mapping[Identity, Entry], now: Callable[[], str]) -> Owners:
        """
        The entries after it.

        @param now: gives the time of the write.
        """
        result = dict(entries)
        for identity, fields in self.changed:
            if fields.empty:
                del result[identity]
            else:
                result[identity] = result[identity].with_fields(fields)
        if self.fields is not None:
            result[self.owner] = Entry(self.owner, self.fields, self.owner.api_version, now())
        return result
