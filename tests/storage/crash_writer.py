"""
A process that writes until it is killed, and says on its output what was acknowledged.

Run by L{tests.storage.test_crash}: C{python -m tests.storage.crash_writer path seed workers}.
"""

from __future__ import annotations

import os
import random
import sys
from hashlib import sha256
from typing import Any

from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import react

from ark.meta.records import ADDED, DELETED, MODIFIED, Body, Change, Committed, Key
from ark.storage.committer import Committer
from ark.storage.sqlite import open_backend

CLIENTS = 8
RESOURCE = "queries.ark.mckinsey.com"


async def write_for_ever(committer: Committer, name: str, dice: random.Random) -> None:
    """
    One client: random changes of ten objects, each from the revision it knows.
    """
    known: dict[int, int] = {}
    while True:
        number = dice.randrange(10)
        expected = known.get(number, 0)
        event = ADDED if not expected else dice.choice((MODIFIED, MODIFIED, MODIFIED, DELETED))
        body = Body(b'{"r":"', b'","t":"%b"}' % (b"x" * dice.randrange(6000)))
        key = Key(RESOURCE, f"client-{name}", f"n{number}")
        outcome = await committer.commit(Change(key, expected, event, body, b"", "uid"))
        assert isinstance(outcome, Committed), outcome
        version = outcome.version
        known[number] = 0 if event == DELETED else version.revision
        line = f"{version.revision} {key.namespace}/{key.name} {event} {sha256(version.body).hexdigest()}\n"
        os.write(1, line.encode())


async def run(reactor: Any, path: str, seed: str, workers: str) -> None:
    """
    All clients of this process, at once.
    """
    backend = await open_backend({"db_path": path, "workers": workers, "ballast_bytes": 4096}, reactor)
    committer = Committer(backend, reactor)
    names = [f"{os.getpid()}-{number}" for number in range(CLIENTS)]
    clients = [write_for_ever(committer, name, random.Random(f"{seed} {name}")) for name in names]
    await gatherResults([Deferred.fromCoroutine(client) for client in clients])


def main(reactor: Any, path: str, seed: str, workers: str) -> Any:
    """
    Start.
    """
    return Deferred.fromCoroutine(run(reactor, path, seed, workers))


if __name__ == "__main__":
    react(main, sys.argv[1:])
