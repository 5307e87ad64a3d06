"""
More than a server can bear: idle connections and watches, no more files, ten times the requests that may be in flight, and many
requests one after the other.

    python -m tests.e2e.overload [--short]

prints what it found, a line a case, and ends with 1 if a promise was broken.  Trust T5.
"""

from __future__ import annotations

import json
import os
import resource
import ssl
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPException, HTTPSConnection
from pathlib import Path
from socket import create_connection, socket
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from tests.cluster.ark import ArkServer, console_script
from tests.e2e.byhand import Found, play, wants_short

MAPS = "/api/v1/namespaces/default/configmaps"
IN_FLIGHT = 5
LIMITED = (
    "--enable-priority-and-fairness=false",
    f"--max-requests-inflight={IN_FLIGHT}",
    f"--max-mutating-requests-inflight={IN_FLIGHT}",
)
MIB = 1024


class Size(NamedTuple):
    """
    How much is done.
    """

    connections: int
    seconds: float
    requests: int
    namespaces: int


SHORT = Size(500, 3, 3_000, 300)
FULL = Size(5_000, 30, 200_000, 10_000)


@contextmanager
def started(*flags: str, files: int = 0) -> Iterator[ArkServer]:
    """
    A server of its own.

    @param files: how many it may open; C{0} for as many as this process.
    """
    program = console_script()
    if files:
        program = ["sh", "-c", f'ulimit -n {files}; exec "$0" "$@"', *program]
    server = ArkServer(flags=flags, program=program)
    try:
        yield server.start()
    finally:
        server.remove()


class Load:
    """
    What a server bears.
    """

    def __init__(self, server: ArkServer) -> None:
        self._context: ssl.SSLContext = server.endpoint.context()
        self._port = urlsplit(server.endpoint.url).port or 443
        self.pid = server.processes[-1].pid

    def connect(self) -> HTTPSConnection:
        """
        A connection of the administrator's.
        """
        return HTTPSConnection("127.0.0.1", self._port, timeout=30, context=self._context)

    def idle(self, number: int) -> list[socket]:
        """
        Connections over which nothing comes.
        """
        return [create_connection(("127.0.0.1", self._port), 10) for _ in range(number)]

    def answers(self) -> float:
        """
        The seconds until C{/livez} answers on a new connection.
        """
        began = time.monotonic()
        connection = self.connect()
        try:
            connection.request("GET", "/livez")
            if connection.getresponse().read() != b"ok":
                raise AssertionError("/livez does not answer ok")
        finally:
            connection.close()
        return time.monotonic() - began

    def post(self, target: str, body: dict[str, Any]) -> None:
        """
        Create something on a new connection.
        """
        connection = self.connect()
        connection.request("POST", target, json.dumps(body), {"Content-Type": "application/json"})
        if (answer := connection.getresponse()).status != 201:
            raise AssertionError(answer.read())
        connection.close()

    @property
    def memory(self) -> int:
        """
        In KiB.
        """
        (line,) = (
            line
            for line in Path(f"/proc/{self.pid}/status").read_text().splitlines()
            if line.startswith("VmRSS")
        )
        return int(line.split()[1])

    @property
    def cpu(self) -> float:
        """
        The seconds that it has run.
        """
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def idle_connections(size: Size) -> Found:
    """
    Connections over which nothing comes do not keep it from answering others.
    """
    with started() as server:
        load = Load(server)
        before, broken = load.memory, []
        waiting = load.idle(size.connections)
        took, grown = load.answers(), load.memory - before
        for each in waiting:
            each.close()
        if took > 1:
            broken.append(f"/livez took {took:.2f} s")
        if grown > 150 * MIB:
            broken.append(f"{grown / MIB:.0f} MiB more memory")
        return Found(
            f"{size.connections} idle connections: /livez in {took * 1000:.0f} ms, {grown} KiB more", broken
        )


def idle_watches(size: Size) -> Found:
    """
    Watches, each on a connection of its own, cost little while nothing happens; and what happens all are told.
    """
    with started() as server:
        load = Load(server)
        load.answers()
        before, watches = load.memory, []
        for _ in range(size.connections):
            connection = load.connect()
            connection.request("GET", f"{MAPS}?watch=1&resourceVersion=0&fieldSelector=metadata.name%3Dtold")
            watches.append((connection, connection.getresponse()))
        each = (load.memory - before) / size.connections
        began, at = load.cpu, time.monotonic()
        time.sleep(size.seconds)
        idle = (load.cpu - began) / (time.monotonic() - at)
        began, at = load.cpu, time.monotonic()
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "told"}}
        load.post(MAPS, body)
        told = sum(b'"told"' in response.readline() for _, response in watches)
        took, spent = time.monotonic() - at, load.cpu - began
        for connection, _ in watches:
            connection.close()
    broken = [f"{size.connections - told} were not told"] if told < size.connections else []
    if each > 64:
        broken.append(f"{each:.0f} KiB each")
    if idle > 0.1:
        broken.append(f"{idle:.0%} of a CPU while nothing happens")
    return Found(
        f"{size.connections} watches: {each:.1f} KiB each, {idle:.1%} of a CPU while idle, one write told to all in "
        f"{took:.2f} s and {spent:.2f} s of CPU",
        broken,
    )


def out_of_files(size: Size) -> Found:
    """
    A server that cannot accept more does not spin, serves those who are there, and all when others have left.
    Certificates that were replaced meanwhile are taken then.
    """
    with started(files=200) as server:
        load, broken = Load(server), []
        kept = load.connect()
        kept.request("GET", "/livez")
        kept.getresponse().read()
        waiting = load.idle(400)
        # Replaced by themselves.
        os.utime(server.folder / "ark.db.d" / "pki" / "apiserver.crt")
        began, before = load.cpu, time.monotonic()
        time.sleep(2)
        spent = (load.cpu - began) / (time.monotonic() - before)
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "kept"}}
        kept.request("POST", MAPS, json.dumps(body), {"Content-Type": "application/json"})
        if (code := kept.getresponse().status) != 201:
            broken.append(f"who is there gets {code}")
        for each in waiting:
            each.close()
        if not eventually(load.answers):
            broken.append("it does not answer afterwards")
        log = server.folder / "ark-server.log"
        if not eventually(lambda: _said(log, "Too many open files", "the certificates were read again")):
            broken.append("certificates that were replaced meanwhile are not taken")
        if spent > 0.3:
            broken.append(f"it spins: {spent:.0%} of a CPU")
        return Found(f"no more files: {spent:.1%} of a CPU", broken)


def _said(log: Path, *lines: str) -> None:
    text = log.read_text()
    if not all(line in text for line in lines):
        raise FileNotFoundError(log)


def eventually(attempt: Callable[[], object], seconds: float = 5) -> bool:
    """
    Whether something succeeds in time.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            attempt()
        except (OSError, HTTPException):
            time.sleep(0.05)
        else:
            return True
    return False


def flood(size: Size) -> Found:
    """
    Ten times the requests that may be in flight are served or told to come again; C{/livez} answers meanwhile.
    """
    with started(*LIMITED) as server:
        load = Load(server)
        before = load.memory
        deadline = time.monotonic() + size.seconds
        with ThreadPoolExecutor(10 * IN_FLIGHT + 1) as pool:
            clients = [pool.submit(_write, load, number, deadline) for number in range(10 * IN_FLIGHT)]
            slowest = 0.0
            while time.monotonic() < deadline:
                slowest = max(slowest, load.answers())
                time.sleep(0.1)
            codes = sum((client.result() for client in clients), Counter())
        grown = load.memory - before
        broken = [f"{number} times {code}" for code, number in codes.items() if code not in ("201", "429")]
        if not codes["201"] or not codes["429"]:
            broken.append(f"not both served and refused: {dict(codes)}")
        if slowest > 1.5:
            broken.append(f"/livez took {slowest:.2f} s")
        if grown > 256 * MIB:
            broken.append(f"{grown / MIB:.0f} MiB more memory")
        return Found(
            f"ten times the limit: {dict(codes)}, /livez within {slowest:.2f} s, {grown} KiB more", broken
        )


def _write(load: Load, number: int, deadline: float) -> Counter[str]:
    codes: Counter[str] = Counter()
    connection = load.connect()
    while time.monotonic() < deadline:
        name = f"m-{number}-{codes.total()}"
        body = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": name},
            "data": {"a": "x" * 1000},
        }
        connection.request("POST", MAPS, json.dumps(body), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        answer.read()
        code = str(answer.status)
        codes[code if code != "429" or answer.headers["Retry-After"] else "429 without Retry-After"] += 1
    connection.close()
    return codes


def slope(size: Size) -> Found:
    """
    Memory does not grow with the number of requests.
    """
    with started() as server:
        load = Load(server)
        _get(load, size.requests // 3)
        before = load.memory
        _get(load, size.requests)
        grown = load.memory - before
        most = max(5 * MIB * size.requests / 100_000, 4 * MIB)
        broken = [f"{grown} KiB more"] if grown > most else []
        return Found(f"{size.requests} requests: {grown} KiB more", broken)


def _get(load: Load, number: int) -> None:
    connection = load.connect()
    for _ in range(number):
        connection.request("GET", "/api/v1/namespaces/default")
        connection.getresponse().read()
    connection.close()


def many_namespaces(size: Size) -> Found:
    """
    Namespaces can be many; the list has them all.
    """
    with started() as server:
        connection = Load(server).connect()
        began = time.monotonic()
        for number in range(size.namespaces):
            body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": f"n-{number}"}}
            connection.request(
                "POST", "/api/v1/namespaces", json.dumps(body), {"Content-Type": "application/json"}
            )
            connection.getresponse().read()
        made = time.monotonic() - began
        began = time.monotonic()
        connection.request("GET", "/api/v1/namespaces")
        names = {item["metadata"]["name"] for item in json.load(connection.getresponse())["items"]}
        took = time.monotonic() - began
        missing = size.namespaces - sum(f"n-{number}" in names for number in range(size.namespaces))
        broken = [f"{missing} are missing"] if missing else []
        return Found(f"{size.namespaces} namespaces: made in {made:.1f} s, listed in {took:.2f} s", broken)


CASES = (idle_connections, idle_watches, out_of_files, flood, slope, many_namespaces)


def may_open(number: int) -> bool:
    """
    Let this process, and those it starts, open that many files if they may.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = max(soft, number)
    if hard not in (resource.RLIM_INFINITY,) and wanted > hard:
        return False
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return True


def main() -> int:
    """
    Run all cases.
    """
    size = SHORT if wants_short("tests.e2e.overload") else FULL
    if not may_open(2 * size.connections + 500):
        print("not enough files may be open here", file=sys.stderr)
        return 1
    return play(CASES, size)


if __name__ == "__main__":
    sys.exit(main())
