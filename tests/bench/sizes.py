"""
What a request costs with few objects and with many: CPU of the server's processes and of the database's.

The database is filled by restoring, then C{ark-server} is started on it as its operator does, and asked
over one connection.  Run C{python -m tests.bench.sizes --help}.
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import orjson
from twisted.internet.defer import Deferred
from twisted.internet.task import react

from ark.apis.loader import KindRegistry
from ark.interfaces import IRestores
from ark.meta import continuetoken
from ark.meta.records import Key, Version
from ark.storage.registry import find_storage_factory
from ark.testing import InMemoryServer
from tests.bench.databases import BACKENDS, Database, fresh_database
from tests.cluster.ark import ArkServer
from tests.cluster.client import Client
from tests.cluster.process import usage_of

SIZES = (1_000, 10_000, 100_000, 1_000_000)
_ALL = "/apis/ark.mckinsey.com/v1alpha1/queries"
_QUERIES = "/apis/ark.mckinsey.com/v1alpha1/namespaces/{}/queries"
_NAMESPACES = 10
_BATCH = 2_000
_PAGE = 500
_EVENTS = 900


def namespace_of(number: int) -> str:
    """
    Where the object with this number lives.
    """
    return f"sizes-{number % _NAMESPACES}"


def name_of(number: int) -> str:
    """
    Its name.
    """
    return f"query-{number:08d}"


def query(name: str) -> bytes:
    """
    A query of about 1 KiB as it is stored.
    """
    return orjson.dumps(
        {
            "apiVersion": "ark.mckinsey.com/v1alpha1",
            "kind": "Query",
            "metadata": {"name": name, "labels": {"app": "sizes"}},
            "spec": {
                "input": "What is the weather like? " * 12,
                "target": {"type": "agent", "name": "weather"},
            },
        }
    )


class Template:
    """
    Makes versions of what the server itself stores of a query.
    """

    def __init__(self) -> None:
        server = InMemoryServer(KindRegistry.load())
        server.create_namespace("template")
        answer = server.request("POST", _QUERIES.format("template"), query("template-name"))
        if answer.code != 201:
            raise RuntimeError(f"the template was refused: {answer.body!r}")
        stored = answer.json()
        self._uid = stored["metadata"]["uid"].encode()
        self._revision = b'"resourceVersion":"' + stored["metadata"]["resourceVersion"].encode() + b'"'
        self._body = orjson.dumps(stored)

    def version(self, number: int) -> Version:
        """
        The object with a number, at the revision after it.
        """
        key = Key("queries.ark.mckinsey.com", namespace_of(number), name_of(number))
        uid = f"{number:08x}-0000-4000-8000-000000000000"
        body = (
            self._body.replace(b'"template-name"', f'"{key.name}"'.encode())
            .replace(b'"template"', f'"{key.namespace}"'.encode())
            .replace(self._uid, uid.encode())
            .replace(self._revision, b'"resourceVersion":"%d"' % (number + 2))
        )
        return Version(key, number + 2, "ADDED", body, b'{"app":"sizes"}', uid, 0)


async def _fill(reactor: Any, database: Database, size: int) -> None:
    """
    Put C{size} queries into an empty database.
    """
    backend = await find_storage_factory(database.name).open(database.config, reactor)
    restores = IRestores(backend)
    template = Template()
    await restores.wipe(0, "filling")
    for start in range(0, size, _BATCH):
        versions = [template.version(number) for number in range(start, min(start + _BATCH, size))]
        await restores.restore(versions, versions[-1].revision, "filling")
    await restores.set_mark("")
    await backend.close()


class Cost(NamedTuple):
    """
    CPU microseconds and milliseconds of time of one operation.
    """

    ours: float
    database: float
    wall: float


class Measured:
    """
    A server on a database of some size.

    @ivar results: what each operation cost.
    """

    def __init__(self, server: ArkServer, database: Database, size: int) -> None:
        self._server = server
        self._database = database
        self._size = size
        self._random = random.Random(size)
        self.client: Client = server.endpoint.connect()
        self._newest = 0
        self.results: dict[str, Cost] = {}

    def _read(self) -> tuple[float, float, float]:
        ours = sum(process.usage().cpu for process in self._server.processes)
        theirs = usage_of(self._database.pid).cpu if self._database.pid else 0.0
        return ours, theirs, time.perf_counter()

    def measure(self, title: str, times: int, work: Callable[[int], int], warm: int = 3) -> None:
        """
        Do something some times, after a few that do not count.

        @param work: is told which time it is, and gives how many operations it was.
        """
        for number in range(warm):
            work(-1 - number)
        before = self._read()
        done = sum(work(number) for number in range(times))
        ours, theirs, wall = (end - start for start, end in zip(before, self._read()))
        self.results[title] = Cost(1e6 * ours / done, 1e6 * theirs / done, 1e3 * wall / done)

    def _ask(self, method: str, target: str, code: int, body: bytes | None = None) -> bytes:
        headers = {"Content-Type": "application/json"} if body else {}
        answer = self.client.request(method, target, headers, body)
        if answer.code != code:
            raise RuntimeError(f"{method} {target}: {answer.code} {answer.body[:300]!r}")
        return answer.body

    def create(self, number: int) -> int:
        """
        A new object between the others.
        """
        beside = self._random.randrange(self._size)
        name = f"{name_of(beside)}-{number + 10:06d}"
        self._ask("POST", _QUERIES.format(namespace_of(beside)), 201, query(name))
        return 1

    def get(self, _: int) -> int:
        """
        Any object.
        """
        number = self._random.randrange(self._size)
        self._ask("GET", f"{_QUERIES.format(namespace_of(number))}/{name_of(number)}", 200)
        return 1

    def first_page(self, _: int) -> int:
        """
        The first page of all objects.
        """
        self._ask("GET", f"{_ALL}?limit={_PAGE}", 200)
        return 1

    def deep_page(self, _: int) -> int:
        """
        A page from the middle, as of a revision that others were written after.
        """
        middle = f"{namespace_of(5)}/{name_of(self._size // 2)}"
        token = continuetoken.encode(self._newest - 100, middle, self._size // 2)
        self._ask("GET", f"{_ALL}?limit={_PAGE}&continue={token}", 200)
        return 1

    def resume(self, _: int) -> int:
        """
        The events since a revision, one after another.
        """
        lines = self.client.stream(
            "GET", f"{_ALL}?watch=true&resourceVersion={self._newest - _EVENTS - 50}&timeoutSeconds=5"
        )
        head = next(lines)
        seen = 0
        for line in lines:
            if isinstance(line, bytes) and line.startswith(b'{"type"'):
                seen += 1
            if seen == _EVENTS:
                break
        self.client.close()
        if seen != _EVENTS:
            raise RuntimeError(f"{seen} events came: {head!r}")
        return _EVENTS

    def settle(self) -> None:
        """
        Wait until the server has nothing to do of its own.
        """
        idle = 0
        while idle < 3:
            before = self._read()
            time.sleep(1)
            after = self._read()
            idle = idle + 1 if after[0] - before[0] + after[1] - before[1] < 0.05 else 0

    def run(self) -> None:
        """
        All operations.
        """
        for number in range(_NAMESPACES):
            body = orjson.dumps({"metadata": {"name": namespace_of(number)}})
            self._ask("POST", "/api/v1/namespaces", 201, body)
        self.settle()
        self.measure("get", 1_000, self.get)
        self.measure("create", 1_000, self.create)
        newest = orjson.loads(self._ask("GET", f"{_ALL}?limit=1", 200))
        self._newest = int(newest["metadata"]["resourceVersion"])
        self.measure("first page", 40, self.first_page)
        self.measure("deep page", 40, self.deep_page)
        self.measure("watch event", 20, self.resume)
        self.client.close()


@contextmanager
def served(database: Database, size: int) -> Iterator[tuple[Measured, float]]:
    """
    A server on the database, with the seconds that its start took.
    """
    began = time.perf_counter()
    server = ArkServer(flags=database.flags).start()
    try:
        yield Measured(server, database, size), time.perf_counter() - began
    finally:
        server.remove()


def fill(database: Database, size: int) -> float:
    """
    Put objects into an empty database, in a process of its own, and give the seconds that it took.
    """
    began = time.perf_counter()
    plain = database._replace(server=None)
    child = multiprocessing.get_context("spawn").Process(target=_react, args=(plain, size))
    child.start()
    child.join()
    if child.exitcode:
        raise SystemExit(f"{database.name} was not filled")
    return time.perf_counter() - began


def _react(database: Database, size: int) -> None:
    react(lambda reactor: Deferred.fromCoroutine(_fill(reactor, database, size)))


def measured(backend: str, size: int) -> dict[str, Cost]:
    """
    What each operation costs on a new database with so many objects.
    """
    with (
        tempfile.TemporaryDirectory(prefix="ark-sizes-") as folder,
        fresh_database(backend, Path(folder)) as database,
    ):
        seconds = fill(database, size)
        if backend == "postgresql":
            # What it would do by itself some time later.
            database.server.sql("VACUUM ANALYZE")
            database.server.sql("CHECKPOINT")
        with served(database, size) as (server, start):
            server.run()
            print(
                f"{backend}, {size:,} objects: filled in {seconds:.0f} s, ready after {start:.1f} s",
                file=sys.stderr,
                flush=True,
            )
            return server.results


def table(results: dict[tuple[str, int], dict[str, Cost]]) -> str:
    """
    A row for each backend and operation, a column for each size, as Markdown.
    """
    sizes = sorted({size for _, size in results})
    lines = [
        f"| database | CPU µs of | {' | '.join(f'{size:,}' for size in sizes)} |",
        f"| --- | --- | {' | '.join('---:' for _ in sizes)} |",
    ]
    for backend in dict.fromkeys(backend for backend, _ in results):
        costs = [results.get((backend, size), {}) for size in sizes]
        for title in dict.fromkeys(title for cost in costs for title in cost):
            cells = [_cell(cost.get(title), backend) for cost in costs]
            lines.append(f"| {backend} | {title} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(cost: Cost | None, backend: str) -> str:
    if cost is None:
        return ""
    return f"{cost.ours:,.0f}" + ("" if backend == "sqlite" else f" + {cost.database:,.0f}")


def main() -> int:
    """
    Print the table.
    """
    parser = argparse.ArgumentParser(prog="python -m tests.bench.sizes", description=__doc__)
    parser.add_argument("--backend", action="append", choices=BACKENDS, help="default: sqlite and postgresql")
    parser.add_argument("--size", action="append", type=int, help="how many objects (repeatable)")
    options = parser.parse_args()
    results = {
        (backend, size): measured(backend, size)
        for backend in options.backend or BACKENDS[:2]
        for size in options.size or SIZES
    }
    print(table(results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
