"""
C{ark-server copy}: moving a database to another one, as a process.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple
from urllib.parse import unquote

from ark.bootstrap import open_restorable, storage_factory
from ark.config import COMMAND_LINE, ConfigError, Given, ServerConfig, complete, redacted
from ark.job import FAILED, Job
from ark.options import OPTIONS
from ark.progress import ProgressLine
from ark.storage.copying import Copier, CopyError
from ark.storage.following import Follower, is_held
from ark.storage.marks import copy_state, is_same_place, moved_to
from ark.storage.verifying import Digest, compare

(_STORAGE,) = (option for option in OPTIONS if option.name == "storage")


class Wishes(NamedTuple):
    """
    What somebody wants of a copy.

    @ivar follow: go on until the cut-over.
    @ivar at_once: cut over as soon as it can be done.
    @ivar restart: forget what was copied before.
    """

    source: str
    target: str
    follow: bool = False
    at_once: bool = False
    restart: bool = False


class Place(NamedTuple):
    """
    A database that somebody named.

    @ivar name: without its password.
    """

    name: str
    config: ServerConfig


def place_of(url: str, environ: Mapping[str, str]) -> Place:
    """
    Where the database of a URL is: C{sqlite:PATH}, or a URL of the scheme of a storage.

    Nothing but the URL counts, for the options of a server are of one database only.

    @raise ConfigError: there is no such storage.
    """
    if ":" not in url:
        raise ConfigError(
            f"{url} does not say which kind of database it is.",
            f"Write sqlite:{url} for a file, or a URL like postgresql://USER@HOST/DATABASE.",
        )
    config = complete({"storage": Given(url, COMMAND_LINE)}, environ)
    if "db_path" not in storage_factory(config).options:
        return Place(redacted(_STORAGE, url), config)
    path = unquote(url.partition(":")[2])
    path = path[2:] if path.startswith("//") else path
    path = os.path.realpath(os.path.expanduser(path)) if path else config.db_path
    return Place(f"{config.storage_scheme}:{path}", replace(config, db_path=path, db_url=""))


class _Move:
    def __init__(self, wishes: Wishes, environ: Mapping[str, str], reactor: Any) -> None:
        self._wishes = wishes
        self._reactor = reactor
        self._progress = ProgressLine(sys.stderr, reactor.seconds)
        self._source = place_of(wishes.source, environ)
        self._target = place_of(wishes.target, environ)
        self._follower: Follower | None = None
        if is_same_place(self._source.name, self._target.name):
            raise ConfigError(f"Both databases are {self._source.name}.", "Name two.")

    def _signalled(self, _number: int, _frame: object) -> None:
        self._reactor.callFromThread(self._cut_over)

    def _cut_over(self) -> None:
        if self._follower is not None:
            self._follower.cut_over_now()

    async def move(self) -> None:
        signal.signal(signal.SIGUSR1, self._signalled)
        try:
            await self._opened()
        finally:
            self._progress.end()

    async def _opened(self) -> None:
        source = await open_restorable(*self._source, self._reactor, beside_server=True)
        try:
            target = await open_restorable(*self._target, self._reactor)
            try:
                await self._copy(Copier(source, target, self._progress))
            finally:
                await target.backend.close()
        finally:
            await source.backend.close()

    async def _copy(self, copier: Copier) -> None:
        wishes = self._wishes
        digests = await self._finished_before(copier)
        if digests is not None:
            self._progress.say("Nothing was copied: the second database has what the first one has.")
            self._tell(copier, digests)
        elif not await copier.begin(wishes.restart):
            print(f"{copier.source.name} was moved to {copier.target.name} already.")
        elif wishes.follow or await is_held(copier):
            await self._follow(copier)
        else:
            await self._copy_once(copier)

    async def _finished_before(self, copier: Copier) -> Mapping[str, Digest] | None:
        """
        What the target has, if it is a copy already that whoever made it had no time to tell of.
        """
        if self._wishes.follow or not await copier.is_level():
            return None
        try:
            return await compare(copier.source, copier.target, copier.revision, self._progress)
        except CopyError:
            return None

    async def _copy_once(self, copier: Copier) -> None:
        await copier.catch_up()
        digests = await compare(copier.source, copier.target, copier.revision, self._progress)
        await copier.target.restores.set_mark("")
        self._tell(copier, digests)
        behind = await copier.source.backend.current_revision() - copier.revision
        if behind:
            print(f"The source was written to meanwhile: {behind} versions are not in the copy.")

    async def _follow(self, copier: Copier) -> None:
        self._follower = follower = Follower(copier, self._progress, self._reactor)
        if self._wishes.at_once or await is_held(copier):
            follower.cut_over_now()
        else:
            self._progress.say(f"To cut over: kill -USR1 {os.getpid()}")
        await follower.follow()
        digests, seconds = await follower.cut_over()
        self._tell(copier, digests)
        print(f"Nothing could be written for {seconds:.3f} s. The source takes no more writes.")

    def _tell(self, copier: Copier, digests: Mapping[str, Digest]) -> None:
        self._progress.end()
        print(f"{'RESOURCE':<58} {'OBJECTS':>9} {'VERSIONS':>9}  SHA-256 LIVE      SHA-256 LOG")
        for resource, (objects, versions, (live, log)) in digests.items():
            print(f"{resource:<58} {objects:>9} {versions:>9}  {live[:16]}  {log[:16]}")
        print(f"{copier.target.name} has all of {copier.source.name} up to revision {copier.revision}.")


def copy(wishes: Wishes, environ: Mapping[str, str]) -> int:
    """
    Copy, or move, a database, and return the exit code.

    @raise ConfigError: it cannot be begun.
    """
    from twisted.internet import reactor

    return Job(reactor, _Move(wishes, environ, reactor).move).run()


def release(url: str, environ: Mapping[str, str]) -> int:
    """
    Let a database be written again that was moved, and return the exit code.

    @raise ConfigError: it was not.
    """
    from twisted.internet import reactor

    place = place_of(url, environ)

    async def work() -> None:
        database = await open_restorable(*place, reactor, beside_server=True)
        try:
            mark = await database.restores.mark()
            if not moved_to(mark):
                what = "is an unfinished copy" if copy_state(mark) else "was not moved"
                raise ConfigError(f"{place.name} {what}.", "There is nothing to release.", FAILED)
            await database.restores.set_mark("")
        finally:
            await database.backend.close()
        print(f"{place.name} can be written again.")

    return Job(reactor, work).run()
