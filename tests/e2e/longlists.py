"""
What keeps others waiting, or takes memory: long lists in every form, and watchers that read nothing.

    python -m tests.e2e.longlists [--short]

prints what it found, a line a case, and ends with 1 if a promise was broken.  Trust T5.
"""

from __future__ import annotations

import json
import re
import ssl
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPSConnection
from pathlib import Path
from socket import SO_RCVBUF, SOL_SOCKET, create_connection, socket
from tempfile import TemporaryDirectory
from typing import NamedTuple
from urllib.parse import urlsplit

from tests.bench.databases import fresh_database
from tests.bench.sizes import fill, name_of, namespace_of
from tests.cluster.ark import ArkServer
from tests.cluster.client import Endpoint
from tests.e2e.byhand import Found, play, wants_short
from tests.e2e.overload import MAPS, MIB, Load, may_open, started

_QUERIES = "/apis/ark.mckinsey.com/v1alpha1/{}queries"
_META = "v=v1;g=meta.k8s.io"
_BODY = 10_000
_STEP = 7919


class Size(NamedTuple):
    """
    How much is done.

    @ivar turn: the seconds that nobody may have to wait longer.
    @ivar share: of the time that a list took, where that is longer; on machines that do other things, too.
    @ivar forms: in which forms are listed.
    """

    objects: int
    turn: float
    share: float
    forms: dict[str, str]
    watches: int
    writes: int


_FORMS = {
    "JSON": "application/json",
    "a table": f"application/json;as=Table;{_META}",
    "indented JSON": "application/json;pretty=1",
}
_SLOW_FORMS = {
    "YAML": "application/yaml",
    "metadata in protobuf": f"application/vnd.kubernetes.protobuf;as=PartialObjectMetadataList;{_META}",
}
SHORT = Size(10_000, 0.5, 0.5, _FORMS, 100, 400)
FULL = Size(50_000, 0.2, 0, {**_FORMS, **_SLOW_FORMS}, 1_000, 2_000)


class _Getter(threading.Thread):
    """
    Gets one object after the other.

    @ivar took: the seconds that each took.
    """

    def __init__(self, endpoint: Endpoint, objects: int) -> None:
        super().__init__(daemon=True)
        self.took: list[float] = []
        self._endpoint = endpoint
        self._objects = objects
        self._ended = threading.Event()

    def run(self) -> None:
        """
        Get.
        """
        client, number = self._endpoint.connect(), 0
        while not self._ended.wait(0.002):
            place = _QUERIES.format(f"namespaces/{namespace_of(number)}/")
            began = time.monotonic()
            answer = client.request("GET", f"{place}/{name_of(number)}")
            self.took.append(time.monotonic() - began if answer.code == 200 else float("inf"))
            number = (number + _STEP) % self._objects
        client.close()

    def finish(self) -> list[float]:
        """
        How long each took, those that took longest last.
        """
        self._ended.set()
        self.join()
        return sorted(self.took)


@contextmanager
def _filled(objects: int) -> Iterator[ArkServer]:
    with (
        TemporaryDirectory(prefix="ark-lists-") as folder,
        fresh_database("sqlite", Path(folder)) as database,
    ):
        fill(database, objects)
        server = ArkServer(flags=database.flags)
        try:
            yield server.start()
        finally:
            server.remove()


def long_lists(size: Size) -> Found:
    """
    While somebody lists all there is, in whatever form, others are served as quickly as ever.
    """
    texts, broken = [], []
    with _filled(size.objects) as server:
        load = Load(server)
        for name, accept in size.forms.items():
            before, getter = load.memory, _Getter(server.endpoint, size.objects)
            getter.start()
            connection, began = load.connect(), time.monotonic()
            connection.request("GET", _QUERIES.format(""), headers={"Accept": accept})
            answer = connection.getresponse()
            sent = sum(map(len, iter(lambda read=answer.read: read(1 << 16), b"")))
            lasted = time.monotonic() - began
            took, grown = getter.finish(), load.memory - before
            connection.close()
            p99, longest = took[int(len(took) * 0.99)], took[-1]
            texts.append(
                f"{name}: {sent / 1e6:.0f} MB, gets p99 {p99 * 1e3:.0f}, longest {longest * 1e3:.0f} ms, "
                f"{grown // MIB} MiB more"
            )
            if answer.status != 200 or sent < 100 * size.objects:
                broken.append(f"{name} was answered {answer.status}, {sent} bytes")
            if longest > max(size.turn, size.share * lasted):
                broken.append(f"{name} kept a get waiting for {longest:.2f} s")
            if grown > 100 * MIB:
                broken.append(f"{name} took {grown // MIB} MiB more")
        late, looks = _late(load)
        if not size.share and late > max(1, looks // 1000):
            broken.append(f"the reactor was late {late} of {looks} times")
    texts.append(f"the reactor was late by 0.2 s {late} of {looks} times")
    return Found(f"lists of {size.objects}: {'; '.join(texts)}", broken)


def _late(load: Load) -> tuple[int, int]:
    """
    How often the server was late by more than 200 ms, and how often it looked.
    """
    connection = load.connect()
    connection.request("GET", "/metrics")
    text = connection.getresponse().read().decode()
    connection.close()
    found = dict(re.findall(r'^ark_reactor_late_seconds_bucket{le="(.*)"} (\S+)$', text, re.MULTILINE))
    return int(float(found["+Inf"]) - float(found["0.2"])), int(float(found["+Inf"]))


def stuck_watches(size: Size) -> Found:
    """
    Watchers that read nothing cost no more than what lies in their sockets; who reads again has everything, in order.
    """
    with started() as server:
        load, broken = Load(server), []
        connection = load.connect()
        _create(connection, "first")
        stuck = [_watch(server.endpoint) for _ in range(size.watches)]
        before = load.memory
        for number in range(size.writes):
            _create(connection, f"m-{number}")
        grown = load.memory - before
        if grown > 150 * MIB:
            broken.append(f"{grown // MIB} MiB more memory")
        took = load.answers()
        if took > 1:
            broken.append(f"/livez took {took:.2f} s")
        heard = _names(stuck[0], f"m-{size.writes - 1}")
        if heard != ["first", *(f"m-{number}" for number in range(size.writes))]:
            broken.append(f"who reads again hears {len(heard)}: {heard[:3]}... {heard[-3:]}")
        for each in stuck:
            each.close()
        return Found(
            f"{size.watches} watchers that read nothing, {size.writes} writes: {grown // MIB} MiB more",
            broken,
        )


def _create(connection: HTTPSConnection, name: str) -> None:
    body = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name},
        "data": {"a": "x" * _BODY},
    }
    connection.request("POST", MAPS, json.dumps(body), {"Content-Type": "application/json"})
    answer = connection.getresponse()
    if answer.status != 201:
        raise AssertionError(answer.read())
    answer.read()


def _watch(endpoint: Endpoint) -> socket:
    """
    A watch of which nothing is read.
    """
    place = urlsplit(endpoint.url)
    context: ssl.SSLContext = endpoint.context()
    plain = create_connection((str(place.hostname), int(place.port or 443)), 30)
    plain.setsockopt(SOL_SOCKET, SO_RCVBUF, 1 << 16)
    secure = context.wrap_socket(plain, server_hostname=place.hostname)
    secure.sendall(f"GET {MAPS}?watch=1&resourceVersion=0 HTTP/1.1\r\nHost: ark\r\n\r\n".encode())
    return secure


def _names(watch: socket, last: str) -> list[str]:
    """
    Whom a watch tells of, until it tells of the last.
    """
    names = []
    with watch.makefile("rb") as lines:
        for line in lines:
            if line.startswith(b'{"type"'):
                obj = json.loads(line)["object"]
                names.append(obj["metadata"].get("name", "") if "metadata" in obj else str(obj))
                if names[-1] == last or obj["kind"] == "Status":
                    break
    return names


CASES = (long_lists, stuck_watches)


def main() -> int:
    """
    Run all cases.
    """
    size = SHORT if wants_short("tests.e2e.longlists") else FULL
    if not may_open(2 * size.watches + 500):
        print("not enough files may be open here", file=sys.stderr)
        return 1
    return play(CASES, size)


if __name__ == "__main__":
    sys.exit(main())
