"""
Moving the database of a running server to another one, under writers and watchers.
"""

from __future__ import annotations

import http.client
import json
import os
import signal
import threading
import time

from twisted.trial.unittest import SkipTest, TestCase

from tests.cluster.ark import ArkServer, console_script
from tests.cluster.client import Client, Endpoint
from tests.cluster.process import Process
from tests.cluster.shared import obligatory
from tests.e2e.history import Write, check_watch, check_writes
from tests.e2e.load import Watcher
from tests.storage.postgresqlserver import shared_server

WATCHERS = 3
LONGEST_PAUSE = 2.0
_PATH = "/apis/ark.mckinsey.com/v1alpha1/namespaces/default/queries"
_BROKEN = (OSError, http.client.HTTPException)


class Address:
    """
    What leads clients to a server, and can lead them to another one.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint

    def connect(self) -> Client:
        """
        A connection to where it leads now.
        """
        return self.endpoint.connect()


class Writer(threading.Thread):
    """
    Creates one object after another, and goes where it is led when it is refused.

    @ivar longest: for how long nothing was acknowledged at most.
    """

    def __init__(self, address: Address) -> None:
        super().__init__(daemon=True)
        self.writes: list[Write] = []
        self.longest = 0.0
        self.refusals: set[int] = set()
        self.stopped = threading.Event()
        self._address = address

    def run(self) -> None:
        """
        Write until stopped.
        """
        client, count = self._address.connect(), 0
        last = time.monotonic()
        while not self.stopped.is_set():
            count += 1
            revision = self._create(client, f"move-{count}")
            if revision:
                now = time.monotonic()
                self.longest, last = max(self.longest, now - last), now
            else:
                client.close()
                time.sleep(0.02)
                client = self._address.connect()
        client.close()

    def _create(self, client: Client, name: str) -> int:
        spec = {"input": "x", "sessionId": name}
        body = {"apiVersion": "ark.mckinsey.com/v1alpha1", "kind": "Query", "spec": spec}
        body["metadata"] = {"name": name}
        try:
            answer = client.request(
                "POST", _PATH, {"Content-Type": "application/json"}, json.dumps(body).encode(), retry=False
            )
        except _BROKEN:
            self.writes.append(Write("create", name, name, 0, False))
            return 0
        if answer.code == 201:
            revision = int(answer.json()["metadata"]["resourceVersion"])
            self.writes.append(Write("create", name, name, revision, True))
            return revision
        # Nothing was written: it must not be in the log, and so it is not in the list.
        self.refusals.add(answer.code)
        return 0


class StrictWatcher(Watcher):
    """
    To which a watch that cannot begin is a fault.
    """

    def refused(self, code: int) -> None:
        """
        See L{Watcher.refused}.
        """
        self.faults.append(f"a watch from {self._last} was answered {code}")


class MoveTests(TestCase):
    """
    From SQLite to PostgreSQL, with a server over each.
    """

    timeout = 180

    def setUp(self) -> None:
        """
        A server over SQLite, and an empty PostgreSQL.
        """
        self.url = shared_server(SkipTest).url()
        self.old = obligatory(lambda: ArkServer().start())
        self.addCleanup(self.old.remove)

    def copy(self) -> Process:
        """
        Start to copy, and return when it follows.
        """
        ends = [f"--from=sqlite:{self.old.folder / 'ark.db'}", f"--to={self.url}"]
        folder = self.old.folder / "copy"
        folder.mkdir()
        process = Process("ark-copy", [*console_script(), "copy", "--follow", *ends], folder)
        self.addCleanup(process.stop)
        process.wait_until(lambda: "follows" in process.log.read_text())
        return process

    def test_nothing_is_lost_and_writes_wait_for_less_than_two_seconds(self) -> None:
        """
        A server of the target stands by, the writes are moved to it, then the old one is
        stopped: each acknowledged write is there once, every watcher heard exactly the log and
        was never told 410.
        """
        address = Address(self.old.endpoint)
        client = address.connect()
        start = int(client.get(_PATH)["metadata"]["resourceVersion"])
        client.close()
        writer, watchers = Writer(address), [StrictWatcher(address.connect, start) for _ in range(WATCHERS)]
        for thread in (writer, *watchers):
            thread.start()
        copying = self.copy()
        new = ArkServer(flags=[f"--storage={self.url}"]).start()
        self.addCleanup(new.remove)
        os.kill(copying.pid, signal.SIGUSR1)
        copying.wait_until(lambda: "takes no more writes" in copying.log.read_text())
        address.endpoint = new.endpoint
        before = len(writer.writes)
        while len(writer.writes) < before + 50 and writer.is_alive():
            time.sleep(0.02)
        self.old.stop()
        time.sleep(0.5)
        writer.stopped.set()
        writer.join()
        self._check(writer, watchers, StrictWatcher(address.connect, start))

    def _check(self, writer: Writer, watchers: list[Watcher], witness: Watcher) -> None:
        witness.until = max(write.revision for write in writer.writes)
        witness.run()
        log = witness.events
        faults = witness.faults + check_writes(writer.writes, log)
        for watcher in watchers:
            watcher.until = witness.until
            watcher.join()
            faults += watcher.faults + check_watch(watcher.events, log)
        self.assertEqual(faults, [])
        self.assertEqual(writer.refusals, {503})
        self.assertLess(writer.longest, LONGEST_PAUSE)
