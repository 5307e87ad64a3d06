"""
A server that is told to stop while it has much to do (contract 18.4).
"""

from __future__ import annotations

import signal
import threading
import time
from http.client import HTTPConnection
from typing import Any

import orjson

from tests.e2e.test_process import ProcessTestCase

MAPS = "/api/v1/namespaces/default/configmaps"
WRITERS = 8
WATCHES = 40
UNDER_LOAD = 1.5


class Writer(threading.Thread):
    """
    Creates objects on one connection after the other until nobody listens.

    @ivar codes: what it was answered.
    @ivar broken: why a request that had been sent got no answer.
    """

    def __init__(self, connect: Any, number: int) -> None:
        super().__init__()
        self._connect = connect
        self._number = number
        self.created: list[str] = []
        self.codes: list[int] = []
        self.retry_after: list[str | None] = []
        self.broken: list[str] = []

    def run(self) -> None:
        """
        Write on.
        """
        while not self.broken:
            connection = self._connect()
            try:
                connection.connect()
            except OSError:
                return
            try:
                while connection.sock is not None:
                    self._write(connection)
            except OSError as error:
                self.broken.append(repr(error))
            finally:
                connection.close()

    def _write(self, connection: HTTPConnection) -> None:
        name = f"map-{self._number}-{len(self.codes)}"
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}}
        connection.request("POST", MAPS, orjson.dumps(body), {"Content-Type": "application/json"})
        response = connection.getresponse()
        response.read()
        self.codes.append(response.status)
        if response.status == 201:
            self.created.append(name)
        else:
            self.retry_after.append(response.getheader("retry-after"))
            time.sleep(0.05)


class ShutdownTests(ProcessTestCase):
    """
    C{SIGTERM} under load (contract 18.4).
    """

    def _watch(self, bookmarks: bool) -> tuple[HTTPConnection, Any]:
        connection = self.connect()
        wanted = "&allowWatchBookmarks=true" if bookmarks else ""
        connection.request("GET", f"{MAPS}?watch=true&resourceVersion=1{wanted}")
        return connection, connection.getresponse()

    def _under_load(self, *flags: str) -> tuple[list[Writer], list[Any]]:
        """
        Stop a server while it is written to and watched.
        """
        running = self.started(*flags)
        watches = [self._watch(number % 2 == 0) for number in range(WATCHES)]
        writers = [Writer(self.connect, number) for number in range(WRITERS)]
        ends: list[Any] = [None] * WATCHES

        def read(number: int) -> None:
            # Raises IncompleteRead where the stream breaks off.
            ends[number] = watches[number][1].read().splitlines()

        threads = [threading.Thread(target=read, args=(number,)) for number in range(WATCHES)]
        for thread in (*writers, *threads):
            thread.start()
        time.sleep(UNDER_LOAD)
        self.assertEqual(running.end(signal.SIGTERM), 0, running.text())
        for thread in (*writers, *threads):
            thread.join(30)
        self.assertNotIn("Traceback", running.text())
        return writers, ends

    def test_no_accepted_request_fails(self) -> None:
        """
        Every request that was sent is answered, everything that was acknowledged is there, and every watch
        ends with a whole line, the last one a bookmark where bookmarks were asked for.
        """
        writers, ends = self._under_load()
        self.assertEqual([writer.broken for writer in writers if writer.broken], [])
        self.assertEqual({code for writer in writers for code in writer.codes}, {201})
        for number, lines in enumerate(ends):
            self.assertIsNotNone(lines, number)
            last = orjson.loads(lines[-1])["type"]
            self.assertEqual(last, "BOOKMARK" if number % 2 == 0 else "ADDED")
        self.started()
        kept = {item["metadata"]["name"] for item in orjson.loads(self.request("GET", MAPS)[1])["items"]}
        self.assertEqual({name for writer in writers for name in writer.created} - kept, set())

    def test_new_requests_may_be_told_to_come_again(self) -> None:
        """
        With C{--shutdown-send-retry-after}, while others finish.
        """
        writers, _ = self._under_load("--shutdown-send-retry-after=true")
        self.assertEqual([writer.broken for writer in writers if writer.broken], [])
        codes = {code for writer in writers for code in writer.codes}
        self.assertLessEqual(codes, {201, 429})
        self.assertLessEqual({value for writer in writers for value in writer.retry_after}, {"5"})
