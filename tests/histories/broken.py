"""
Our server with a bug planted: C{python broken.py BUG ...}, and what follows is for C{ark-server}.

Each is one that such servers have had.  The histories that broken servers play must be found to be wrong.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from typing import Any

from ark.cli import main
from ark.meta.records import DELETED, MODIFIED, Committed, EventPage, JoinedPage, Page, Range
from ark.registry import updating
from ark.storage import postgresqlsession
from ark.storage.errors import Compacted
from ark.storage.postgresql import PostgreSQLBackend
from ark.watch.bookmarks import Bookmarks
from ark.watch.cacher import Cacher
from ark.watch.predicate import SelectionPredicate
from ark.watch.watcher import Watcher

_dice = random.Random()


def _seldom(share: float) -> bool:
    return _dice.random() < share


def log_polled_by_revision() -> None:
    """
    What is committed late under a low revision is passed by.
    """
    events = PostgreSQLBackend.events

    async def some(self: Any, after: int, limit: int) -> EventPage:
        page = await events(self, after, limit)
        if len(page.events) > 1 and _seldom(0.3):
            return page._replace(events=page.events[1:])
        return page

    PostgreSQLBackend.events = some  # type: ignore[method-assign]


def bookmark_of_the_newest_revision() -> None:
    """
    A bookmark passes events that were not sent yet.
    """
    frame = Bookmarks.frame
    Bookmarks.frame = lambda self, form, revision: frame(self, form, revision + 25)  # type: ignore[method-assign]


def dropped_when_a_queue_is_full() -> None:
    """
    A watcher goes on as if nothing had been.
    """
    deliver = Watcher.deliver

    def some(self: Any, *given: Any) -> None:
        if not _seldom(0.02):
            deliver(self, *given)

    Watcher.deliver = some  # type: ignore[method-assign]


def duplicate_after_resuming() -> None:
    """
    The event of the revision resumed from comes again.
    """
    start = Watcher.start

    def earlier(self: Any, options: Any, *given: Any) -> None:
        if options.after and not options.initial:
            options = options._replace(after=options.after - 1)
        start(self, options, *given)

    Watcher.start = earlier  # type: ignore[method-assign]


def _tell(change: Callable[[str], str | None]) -> None:
    type_of = SelectionPredicate.type_of

    def told(self: Any, event: Any) -> str | None:
        found = type_of(self, event)
        return found if found is None else change(found)

    SelectionPredicate.type_of = told  # type: ignore[method-assign]


def wrong_type() -> None:
    """
    What a client knows already is told as new.
    """
    _tell(lambda found: "ADDED" if found == MODIFIED and _seldom(0.05) else found)


def deletion_lost() -> None:
    """
    An object goes away, and nobody is told.
    """
    _tell(lambda found: None if found == DELETED and _seldom(0.3) else found)


def revision_used_again() -> None:
    """
    Two writes are told one revision.
    """
    commit = PostgreSQLBackend.commit

    async def some(self: Any, changes: Any) -> Any:
        return [_as_before(outcome) if _seldom(0.02) else outcome for outcome in await commit(self, changes)]

    PostgreSQLBackend.commit = some  # type: ignore[method-assign]


def _as_before(outcome: Any) -> Any:
    if not isinstance(outcome, Committed):
        return outcome
    version = outcome.version
    texts = [b'"%d"' % (version.revision - step) for step in (0, 1)]
    return Committed(version._replace(revision=version.revision - 1, body=version.body.replace(*texts)))


def stale_read() -> None:
    """
    A replica answers from memory, whatever others have written since.
    """
    get = Cacher.get
    Cacher.get = lambda self, key, minimum=None: get(self, key, minimum or 0)  # type: ignore[method-assign]


def list_that_is_no_snapshot() -> None:
    """
    Each page tells the newest state.
    """
    for name in ("list", "list_joined"):
        setattr(PostgreSQLBackend, name, _newest(getattr(PostgreSQLBackend, name)))


def _newest(read: Callable[..., Any]) -> Callable[..., Any]:
    async def page(self: Any, range: Range, limit: int, revision: int | None = None) -> Page | JoinedPage:
        found: Page | JoinedPage = await read(self, range, limit, None)
        return found if revision is None else found._replace(revision=revision)

    return page


def expired_too_early() -> None:
    """
    What is still there is refused as too old.
    """
    events = PostgreSQLBackend.events

    async def some(self: Any, after: int, limit: int) -> EventPage:
        if _seldom(0.05):
            raise Compacted(after, after + 1)
        return await events(self, after, limit)

    PostgreSQLBackend.events = some  # type: ignore[method-assign]


def commits_that_do_not_last() -> None:
    """
    What is acknowledged is not on the disk yet.
    """
    postgresqlsession._SETUP = "SELECT set_config('synchronous_commit', 'off', false)"


def swallowed_conflict() -> None:
    """
    A write that expected something else is carried out.
    """
    updating._check_revision = lambda store, new, version, name: None


#: Each with the fault in which it shows.
BUGS: dict[str, tuple[Callable[[], None], str]] = {
    bug.__name__.replace("_", "-"): (bug, fault)
    for bug, fault in (
        (log_polled_by_revision, "none"),
        (bookmark_of_the_newest_revision, "none"),
        (dropped_when_a_queue_is_full, "none"),
        (duplicate_after_resuming, "none"),
        (wrong_type, "none"),
        (deletion_lost, "none"),
        (revision_used_again, "none"),
        (stale_read, "notify-dead"),
        (list_that_is_no_snapshot, "none"),
        (expired_too_early, "none"),
        (commits_that_do_not_last, "restart-immediate"),
        (swallowed_conflict, "none"),
    )
}


if __name__ == "__main__":
    BUGS[sys.argv[1]][0]()
    sys.exit(main(sys.argv[2:]))
