"""
What ends when its time has come, by whatever clock: history, events, leases and certificates.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable
from datetime import datetime, timezone
from urllib.parse import urlsplit

from cryptography import x509

from tests.cluster.ark import ArkServer
from tests.cluster.client import Client
from tests.cluster.shared import postgresql
from tests.e2e.byhand import Found
from tests.e2e.load import under_load
from tests.e2e.wrongclock import DAY, MAPS, Size, Stage, body, post, staged

LIVES = 5
"""
The seconds for which history and events are kept.
"""

_EVENTS = "/api/v1/namespaces/default/events"
_LEADS = "This server runs the controllers"
_LEASE = 15.0
_PATIENCE = 120.0


def ends(size: Size) -> Found:
    """
    History and events end when they should, neither sooner nor later, though the clock is set.
    """
    flags = (
        "--compaction-interval=200ms",
        f"--history-retention={LIVES}s",
        "--history-events=0",
        f"--event-ttl={LIVES}s",
    )
    with staged() as stage:
        client = stage.endpoint(stage.start(flags)).connect()
        revision = client.get(MAPS)["metadata"]["resourceVersion"]
        written = {}
        for number, offset in enumerate((0, 400 * DAY, -DAY)):
            stage.clock.set(offset)
            post(client, MAPS, body("ConfigMap", f"a{number}"))
            involved = {"kind": "ConfigMap", "namespace": "default", "name": "a"}
            post(client, _EVENTS, {**body("Event", f"e{number}"), "involvedObject": involved})
            written[f"e{number}"] = time.monotonic()
        ended = _watch_for_ends(client, revision, written)
        client.close()
    broken = [f"{name} ended after {seconds:.1f} s" for name, seconds in ended.items() if seconds < LIVES - 1]
    broken += [f"{name} did not end" for name in {"history", *written} - set(ended)]
    told = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in ended.items())
    return Found(f"ends after {LIVES} s: {told}", broken)


def _watch_for_ends(client: Client, revision: str, written: dict[str, float]) -> dict[str, float]:
    """
    How many seconds after they were written they were gone.
    """
    began = min(written.values())
    ended: dict[str, float] = {}
    target = f"{MAPS}?resourceVersionMatch=Exact&resourceVersion={revision}"
    while len(ended) <= len(written) and time.monotonic() < began + _PATIENCE:
        there = {item["metadata"]["name"] for item in client.get(_EVENTS)["items"]}
        now = time.monotonic()
        ended.update({name: now - at for name, at in written.items() if name not in there | set(ended)})
        if client.request("GET", target).code == 410:
            ended.setdefault("history", time.monotonic() - began)
        time.sleep(0.1)
    return ended


def leases(size: Size) -> Found:
    """
    Of two servers on one database, one with a wrong clock, the same runs the controllers until it ends.
    """
    database = postgresql()
    try:
        with staged() as stage:
            return _lead(stage, f"--storage={database.url()}", size)
    finally:
        database.remove()


def _lead(stage: Stage, storage: str, size: Size) -> Found:
    wrong = stage.start([storage])
    _until(lambda: _led(wrong) == 1, "the first to lead", wrong)
    right = stage.start([storage], right=True)
    endpoints, broken = [stage.endpoint(wrong), stage.endpoint(right)], []

    def play(run: str) -> None:
        outcome = under_load(endpoints, run, lambda: stage.show_everything(size.step))
        broken.extend(outcome.faults)

    def check(when: str, expected: tuple[int, int]) -> None:
        if (_led(wrong), _led(right)) != expected:
            broken.append(f"{when} the servers have begun to lead {_led(wrong)} and {_led(right)} times")

    play("leads")
    check("with the wrong clock at the leader,", (1, 0))
    wrong.stop()
    _until(lambda: _led(right) == 1, "the other to lead", right)
    stage.clock.set(400 * DAY)
    wrong.start_again()
    play("follows")
    check("with the wrong clock at the other,", (1, 1))
    text = "leases: kept"
    if size.waits:
        stage.clock.set(400 * DAY)
        right.kill()
        began = time.monotonic()
        stage.clock.set(-DAY)
        _until(lambda: _led(wrong) == 2, "the first to lead again", wrong)
        took = time.monotonic() - began
        text += f", taken over after {took:.0f} s"
        if not _LEASE - 3 <= took <= 2 * _LEASE:
            broken.append(f"a lease of {_LEASE} s was taken over after {took:.1f} s")
    return Found(text, broken)


def _led(server: ArkServer) -> int:
    """
    How often it has begun to run the controllers.
    """
    return (server.folder / "ark-server.log").read_text().count(_LEADS)


def certificates(size: Size) -> Found:
    """
    Certificates that a server makes follow its clock within two minutes, forwards and back.
    """
    with staged() as stage:
        server = ArkServer(program=stage.clock.command())
        try:
            server.start()
            took = [_renewed(stage, server, offset) for offset in (400 * DAY, 0)]
        finally:
            server.remove()
    return Found(f"certificates: renewed after {took[0]:.0f} and {took[1]:.0f} s", [])


def _renewed(stage: Stage, server: ArkServer, offset: float) -> float:
    """
    How many seconds it takes until the certificate is one for the time.
    """
    place = urlsplit(server.endpoint.url)
    began = time.monotonic()
    stage.clock.set(offset)

    def valid() -> bool:
        pem = ssl.get_server_certificate((str(place.hostname), int(place.port or 443)))
        served = x509.load_pem_x509_certificate(pem.encode())
        now = datetime.fromtimestamp(time.time() + offset, timezone.utc)
        return served.not_valid_before_utc <= now <= served.not_valid_after_utc

    _until(valid, "a certificate for the time", server)
    return time.monotonic() - began


def _until(condition: Callable[[], bool], what: str, server: ArkServer) -> None:
    deadline = time.monotonic() + _PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"in vain for {what}:\n{(server.folder / 'ark-server.log').read_text()}")
        time.sleep(0.05)
