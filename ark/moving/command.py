"""
C{ark-server import} and C{ark-server export}: moving a group into a database and back, as a process.
"""

from __future__ import annotations

import base64
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, NamedTuple

from ark.aggregation import connect
from ark.bootstrap import load_kinds, open_restorable
from ark.cluster.client import Cluster
from ark.cluster.errors import Unreachable
from ark.config import CERTIFICATE, ConfigError, ServerConfig
from ark.job import Job
from ark.meta.status import APIStatus
from ark.moving.checking import Judged, check_definitions, judge_objects
from ark.moving.exporting import Exporter
from ark.moving.holding import Hold
from ark.moving.importing import Importer
from ark.moving.objects import GROUP, Collection, collections_of
from ark.moving.switching import Service, Switch
from ark.progress import ProgressLine
from ark.storage.copying import CopyError, Database
from ark.storage.marks import moved_mark, moved_to

_WHO = "/apis/authentication.k8s.io/v1/selfsubjectreviews"


class Wishes(NamedTuple):
    """
    What somebody wants of an import.

    @ivar dry_run: only look.
    @ivar restart: forget what was imported before.
    @ivar hold: keep everybody from writing meanwhile.
    @ivar service: who is to serve the group; L{None} not to change that.
    @ivar release: let everybody write again, and do nothing else.
    """

    dry_run: bool = False
    restart: bool = False
    hold: bool = True
    service: Service | None = None
    release: bool = False


def service_of(text: str, authority_file: str = "", release: str = "") -> Service:
    """
    A service as somebody names it.

    @param text: C{NAMESPACE/NAME} or C{NAMESPACE/NAME:PORT}.
    @param release: C{NAMESPACE/NAME} of the Helm release that is to own what is made; empty for none.
    @raise ConfigError: it cannot be understood, or the file not be read.
    """
    place, _, port = text.partition(":")
    namespace, _, name = place.partition("/")
    if not namespace or not name or (port and not (port.isascii() and port.isdigit())):
        raise ConfigError(f'The service is "{text}".', "Write NAMESPACE/NAME or NAMESPACE/NAME:PORT.")
    owner = release.split("/")
    if release and len(owner) != 2:
        raise ConfigError(f'The Helm release is "{release}".', "Write NAMESPACE/NAME.")
    authority = ""
    if authority_file:
        try:
            authority = base64.b64encode(Path(authority_file).read_bytes()).decode()
        except OSError as error:
            raise ConfigError(
                f"{authority_file} cannot be read: {error.strerror}.", "Name a file in PEM.", CERTIFICATE
            ) from None
    return Service(
        namespace, name, int(port) if port else 443, authority, (owner[0], owner[1]) if release else None
    )


class _Moving:
    """
    What imports and exports share.
    """

    def __init__(self, config: ServerConfig, reactor: Any) -> None:
        self._config = config
        self._reactor = reactor
        self._cluster: Cluster = connect(config, reactor, time.time)
        self._collections: list[Collection] = collections_of(load_kinds(config))
        self._progress = ProgressLine(sys.stderr, reactor.seconds)
        self._switch = Switch(self._cluster, self._collections, self._progress, reactor)

    async def run(self, work: Callable[[], Awaitable[None]]) -> None:
        """
        Do it, and tell what goes wrong with the cluster.
        """
        try:
            await work()
        except Unreachable as error:
            raise CopyError(f"The cluster cannot be reached: {error}.", "Try again when it can be.") from None
        except APIStatus as status:
            raise CopyError(
                f"The cluster refuses: {status.message}.",
                "See what rights the command needs in docs/how-to/move-from-custom-resources.md.",
            ) from None
        finally:
            self._progress.end()
            await self._cluster.close()

    async def _open(self, *, beside_server: bool) -> Database:
        config = self._config
        name = f"the {config.storage_scheme} database"
        return await open_restorable(name, config, self._reactor, beside_server=beside_server)


class _Import(_Moving):
    def __init__(self, config: ServerConfig, wishes: Wishes, reactor: Any) -> None:
        super().__init__(config, reactor)
        self._wishes = wishes
        self._hold = Hold(self._cluster, reactor)

    async def work(self) -> None:
        wishes = self._wishes
        if wishes.release:
            await self._hold.lift()
            print("Everybody can write again.")
        elif wishes.service is not None:
            await self._take_over(wishes.service)
        else:
            await self._import()

    async def _import(self) -> None:
        wishes = self._wishes
        if await self._switch.served_by() != {""}:
            raise CopyError(
                f"The versions of {GROUP} are served by another server already.",
                "There is nothing to import: kube-apiserver hides what it has of them.",
            )
        await check_definitions(self._cluster, self._collections)
        if wishes.dry_run:
            self._tell(await judge_objects(self._cluster, self._collections, self._progress))
            return
        database = await self._open(beside_server=False)
        try:
            importer = Importer(
                self._cluster,
                f"cluster {self._cluster.server}",
                database,
                self._collections,
                self._progress,
            )
            await importer.begin(wishes.restart)
            if wishes.hold:
                await self._hold.place(self._collections)
            tally = await importer.copy()
            await importer.finish()
        finally:
            await database.backend.close()
        self._progress.end()
        print(f"Imported {tally.objects} objects, up to revision {importer.revision}, and compared them all.")
        print(
            "Now start servers of this database behind a service, and run this with --switch NAMESPACE/SERVICE;\n"
            "or run it with --release to let kube-apiserver go on as before."
        )

    def _tell(self, found: list[Judged]) -> None:
        self._progress.end()
        print(f"{'RESOURCE':<58} {'OBJECTS':>9} {'UNFIT':>7}")
        for each in found:
            print(f"{each.resource:<58} {each.objects:>9} {each.unfit:>7}")
            for text in each.wrong:
                print(f"  {text}")
        print("Nothing was changed.")

    async def _take_over(self, service: Service) -> None:
        if not await self._hold.is_placed():
            self._progress.say("Writes are not held: what is written meanwhile stays behind.")
        seconds = await self._switch.take_over(service)
        await self._hold.lift()
        print(f"{service.namespace}/{service.name} serves {GROUP}, after {seconds:.1f} s.")
        print(
            "The definitions in the cluster are the way back. Delete them fifteen minutes from now at the earliest:\n"
            "earlier, the cluster's garbage collector would delete what the objects own."
        )


class _Export(_Moving):
    async def work(self) -> None:
        await check_definitions(self._cluster, self._collections)
        answer = await self._cluster.request(
            "POST", _WHO, {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
        )
        hold = Hold(self._cluster, self._reactor, answer["status"]["userInfo"]["username"])
        database = await self._open(beside_server=True)
        try:
            mark = await database.restores.mark()
            if mark and not moved_to(mark):
                raise CopyError("The database is an unfinished copy.", "Finish that first.")
            await hold.place(self._collections)
            await database.restores.set_mark(moved_mark(f"the cluster {self._cluster.server}"))
            await self._switch.give_back()
            exporter = Exporter(self._cluster, database.backend, self._collections, self._progress)
            done = await exporter.export()
        finally:
            await database.backend.close()
        await hold.lift()
        self._progress.end()
        print(
            f"kube-apiserver serves {GROUP} again: {done.kept} objects were as they are, {done.changed} were changed, "
            f"{done.renewed} made anew with other uids, {done.removed} removed."
        )
        print("The database takes no more writes.")


def import_objects(config: ServerConfig, wishes: Wishes) -> int:
    """
    Import a group, or take it over, and return the exit code.

    @raise ConfigError: it cannot be begun.
    """
    from twisted.internet import reactor

    moving = _Import(config, wishes, reactor)
    return Job(reactor, lambda: moving.run(moving.work)).run()


def export_objects(config: ServerConfig) -> int:
    """
    Give a group back, and return the exit code.

    @raise ConfigError: it cannot be begun.
    """
    from twisted.internet import reactor

    moving = _Export(config, reactor)
    return Job(reactor, lambda: moving.run(moving.work)).run()
