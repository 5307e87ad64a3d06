"""
Servers whose clock shows what a test wants, by libfaketime.
"""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple
from unittest import SkipTest

from tests.cluster.ark import ArkServer, console_script
from tests.cluster.certificates import Authority, Pair
from tests.cluster.client import Answer, Client, Endpoint
from tests.cluster.shared import obligatory
from tests.programs import FAKETIME, NotInstalled

HOUR, DAY = 3600, 86400
JUMPS = (HOUR, -HOUR, DAY, -DAY, 400 * DAY, 0)
SPEEDS = (10.0, 0.1)
MAPS = "/api/v1/namespaces/default/configmaps"
_EVERY = 0.02


class Size(NamedTuple):
    """
    How much is done.

    @ivar step: for how many seconds a clock shows the same wrong time.
    @ivar waits: whether there is time to wait for leases to run out.
    """

    step: float
    waits: bool


SHORT = Size(0.5, False)
FULL = Size(5, True)


class WrongClock:
    """
    The time of day of servers, which may be set while they run.

    What C{CLOCK_MONOTONIC} tells them goes on as it should, as on a machine whose clock is set: unless
    C{speed} is given, with which both clocks go so many times too fast.

    @ivar offset: by how many seconds it is wrong.
    """

    def __init__(self, folder: Path, speed: str = "") -> None:
        self.offset = 0.0
        self._file = folder / "clock"
        self._speed = speed
        self.set(0)

    def set(self, offset: float) -> None:
        """
        Set it.

        @param offset: by how many seconds it is wrong from now on.
        """
        self.offset = offset
        other = self._file.with_name("clock.new")
        other.write_text(f"{offset:+f} {self._speed}".strip() + "\n")
        os.replace(other, self._file)

    def drift(self, speed: float, seconds: float) -> None:
        """
        Let it go so many times too fast for some seconds.
        """
        began, before = time.monotonic(), self.offset
        pause = threading.Event()
        while (gone := time.monotonic() - began) < seconds:
            self.set(before + gone * (speed - 1))
            pause.wait(_EVERY)

    def command(self) -> list[str]:
        """
        What starts a server that goes by it.

        @raise SkipTest: libfaketime cannot be had here (an error where C{CI=true}).
        """
        variables = {
            "LD_PRELOAD": _library(),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            # Files have been changed when they were.
            "NO_FAKE_STAT": "1",
        }
        if not self._speed:
            variables["FAKETIME_DONT_FAKE_MONOTONIC"] = "1"
            # Else threads that wait for the interpreter spin: their deadlines are by that clock.
            variables["FAKETIME_FORCE_MONOTONIC_FIX"] = "0"
        return ["env", *(f"{name}={value}" for name, value in variables.items()), *console_script()]


def _library() -> str:
    try:
        program = FAKETIME.require()["faketime"]
    except NotInstalled as error:
        if os.environ.get("CI") == "true":
            raise
        raise SkipTest(str(error)) from error
    asked = [str(program), "-m", "-f", "+0", "printenv", "LD_PRELOAD"]
    return subprocess.run(asked, check=True, capture_output=True, text=True).stdout.strip()


class Timeless:
    """
    Certificates for whatever time it is.
    """

    def __init__(self, folder: Path) -> None:
        self._authority = Authority(folder, "timeless", timeless=True)
        self._client = self._authority.issue("somebody", groups=["system:masters"])
        serving = self._authority.issue("server", server=True)
        chain = folder / "chain.crt"
        chain.write_bytes(serving.certificate.read_bytes() + self._authority.certificate.read_bytes())
        self._serving = Pair(chain, serving.key)

    def flags(self) -> list[str]:
        """
        Of a server.
        """
        certificate, key = self._serving
        return [
            f"--tls-cert-file={certificate}",
            f"--tls-private-key-file={key}",
            f"--client-ca-file={self._authority.certificate}",
        ]

    def endpoint(self, server: ArkServer) -> Endpoint:
        """
        How an administrator reaches it.
        """
        certificate, key = self._client
        return server.endpoint._replace(
            authority=self._authority.certificate, certificate=certificate, key=key
        )


class Stage:
    """
    Servers, and one clock.

    @ivar clock: of those that go by it.
    """

    def __init__(self, folder: Path, speed: str) -> None:
        self.clock = WrongClock(folder, speed)
        self._timeless = Timeless(folder)
        self._servers: list[ArkServer] = []

    def start(self, flags: Sequence[str] = (), *, right: bool = False) -> ArkServer:
        """
        Start a server.

        @param right: whether its clock is right instead.
        """
        program = () if right else self.clock.command()
        server = ArkServer(flags=[*self._timeless.flags(), *flags], program=program)
        self._servers.append(server)
        return obligatory(server.start)

    def show_everything(self, step: float, then: Callable[[], None] = lambda: None) -> None:
        """
        Let the clock show everything that is wrong, and the right time in the end.

        @param step: for how many seconds each.
        @param then: what to do then.
        """
        for offset in JUMPS:
            self.clock.set(offset)
            then()
            time.sleep(step)
        for speed in SPEEDS:
            self.clock.drift(speed, 2 * step)
            then()
        self.clock.set(0)

    def endpoint(self, server: ArkServer) -> Endpoint:
        """
        How a server is reached, whatever time it is.
        """
        return self._timeless.endpoint(server)

    def remove(self) -> None:
        """
        End all of them.
        """
        for server in self._servers:
            server.remove()


@contextmanager
def staged(speed: str = "") -> Iterator[Stage]:
    """
    A stage that is gone afterwards.
    """
    with TemporaryDirectory(prefix="ark-clock-") as folder:
        stage = Stage(Path(folder), speed)
        try:
            yield stage
        finally:
            stage.remove()


def body(kind: str, name: str) -> dict[str, Any]:
    """
    An object of the core group.
    """
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name}}


def post(client: Client, target: str, value: dict[str, Any]) -> Answer:
    """
    Create an object.
    """
    answer = client.request("POST", target, {"Content-Type": "application/json"}, json.dumps(value).encode())
    if answer.code != 201:
        raise AssertionError(answer)
    return answer
