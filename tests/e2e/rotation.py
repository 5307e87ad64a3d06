"""
Certificates that are replaced while a server is under load: new connections get the new ones, and nobody else notices.

    python -m tests.e2e.rotation [--short]

prints what it found, a line a case, and ends with 1 if a promise was broken.  Trust T4.
"""

from __future__ import annotations

import os
import re
import ssl
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from tests.cluster.ark import ArkServer
from tests.cluster.certificates import Authority, Pair
from tests.cluster.client import Answer, Client, Endpoint
from tests.cluster.shared import obligatory
from tests.e2e.byhand import Found, play, wants_short
from tests.e2e.load import under_load

WITHIN = 2.0
"""
The seconds after which everybody who connects sees a new certificate.
"""

LATE = 5.0
"""
The seconds after which one of them may, on a machine that has other things to do.
"""

_PATIENCE = 30.0
_POLL = 0.02
_READ = "/api/v1/namespaces/default"


class Size(NamedTuple):
    """
    How much is done.

    @ivar replacements: how many certificates there are, one after the other.
    """

    replacements: int


SHORT = Size(5)
FULL = Size(20)


class Replaced:
    """
    A server, and the files of its certificates.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._live = folder / "live"
        self._live.mkdir()
        self._number = 0
        self.authority = Authority(folder, "serving")
        self.clients = {name: Authority(folder, name) for name in ("first", "second")}
        self.users = {
            name: authority.issue(f"user-{name}", groups=["system:masters"])
            for name, authority in self.clients.items()
        }
        self.replace(self.issue())
        self.trust("first")
        flags = [
            f"--tls-cert-file={self._live / 'tls.crt'}",
            f"--tls-private-key-file={self._live / 'tls.key'}",
            f"--client-ca-file={self._live / 'clients.crt'}",
        ]
        self.server = obligatory(lambda: ArkServer(flags=flags).start())

    def issue(self) -> Pair:
        """
        Another serving certificate.
        """
        self._number += 1
        pair = self.authority.issue(f"serving-{self._number}", server=True)
        chain = pair.certificate.with_suffix(".chain")
        chain.write_bytes(pair.certificate.read_bytes() + self.authority.certificate.read_bytes())
        return Pair(chain, pair.key)

    def put(self, name: str, data: bytes) -> None:
        """
        Replace a file as a whole.
        """
        other = self._live / f".{name}"
        other.write_bytes(data)
        os.replace(other, self._live / name)

    def replace(self, pair: Pair) -> None:
        """
        Put another certificate there, one file after the other.
        """
        self.put("tls.crt", pair.certificate.read_bytes())
        self.put("tls.key", pair.key.read_bytes())

    def trust(self, *names: str) -> None:
        """
        Let these authorities vouch for clients.
        """
        self.put("clients.crt", b"".join(self.clients[name].certificate.read_bytes() for name in names))

    def endpoint(self, user: str) -> Endpoint:
        """
        How a user of one of the authorities comes.
        """
        certificate, key = self.users[user]
        return self.server.endpoint._replace(
            authority=self.authority.certificate, certificate=certificate, key=key
        )

    def served(self) -> bytes:
        """
        The certificate that a new connection is shown, in PEM.
        """
        place = urlsplit(self.server.endpoint.url)
        pem = ssl.get_server_certificate((str(place.hostname), int(place.port or 443)), timeout=_PATIENCE)
        return x509.load_pem_x509_certificate(pem.encode()).public_bytes(Encoding.PEM)

    def seconds_until(self, condition: Callable[[], bool]) -> float:
        """
        How long it takes until something is so.
        """
        began = time.monotonic()
        while not condition():
            if time.monotonic() > began + _PATIENCE:
                raise AssertionError("it did not happen")
            time.sleep(_POLL)
        return time.monotonic() - began

    def metric(self, client: Client, series: str) -> float:
        """
        The value of a metric.
        """
        text = client.request("GET", "/metrics").body.decode()
        found = re.search(rf"^{re.escape(series)} (\S+)$", text, re.MULTILINE)
        if found is None:
            raise AssertionError(f"there is no {series}")
        return float(found[1])

    def said(self) -> str:
        """
        The log.
        """
        return (self.server.folder / "ark-server.log").read_text()


@contextmanager
def replaced() -> Iterator[Replaced]:
    """
    A server that is gone afterwards.
    """
    with TemporaryDirectory(prefix="ark-rotation-") as folder:
        made = Replaced(Path(folder))
        try:
            yield made
        finally:
            made.server.remove()


def replacements(size: Size) -> Found:
    """
    The serving certificate is replaced again and again while clients write, list and watch, over connections that
    stay and over new ones: none of them fails, and whoever comes later sees the new one.
    """
    took: list[float] = []
    with replaced() as made:
        endpoint = made.endpoint("first")
        lister, newcomer = _Lister(endpoint, keeps=True), _Lister(endpoint, keeps=False)

        def happen() -> None:
            lister.start()
            newcomer.start()
            for _ in range(size.replacements):
                pair = made.issue()
                made.replace(pair)
                leaf = pair.certificate.read_bytes()
                took.append(made.seconds_until(lambda now=leaf: now.startswith(made.served())))

        outcome = under_load([endpoint], "rotation", happen)
        listed = [lister.finish(), newcomer.finish()]
        broken = [*outcome.faults, *lister.faults, *newcomer.faults]
    if outcome.broken:
        broken.append(f"{outcome.broken} requests and watches broke")
    slowest = sorted(took)
    if slowest[-1] > LATE or (len(slowest) > 1 and slowest[-2] > WITHIN):
        broken.append(f"new certificates were seen after {slowest[-2:]} s")
    text = (
        f"{len(took)} replacements: seen within {slowest[-1]:.2f} s, {outcome.writes} writes, {listed} lists"
    )
    return Found(text, broken)


class _Lister(threading.Thread):
    """
    Lists again and again.

    @ivar faults: what went wrong.
    """

    def __init__(self, endpoint: Endpoint, *, keeps: bool) -> None:
        """
        @param keeps: whether its connection stays.
        """
        super().__init__(daemon=True)
        self.faults: list[str] = []
        self._endpoint = endpoint
        self._keeps = keeps
        self._ended = threading.Event()
        self._listed = 0

    def run(self) -> None:
        """
        List.
        """
        client = self._endpoint.connect()
        while not self._ended.wait(_POLL):
            if not self._keeps:
                client.close()
            try:
                answer = client.request("GET", "/api/v1/namespaces", retry=False)
            except OSError as error:
                self.faults.append(f"a list failed: {error!r}")
                return
            self._listed += 1
            if answer.code != 200:
                self.faults.append(f"a list was answered {answer.code}")
        client.close()

    def finish(self) -> int:
        """
        How many lists there were.
        """
        self._ended.set()
        self.join()
        return self._listed


def refusals(size: Size) -> Found:
    """
    Files that are half written, or do not belong together, are not taken, and that is said; a certificate's end is told.
    """
    broken: list[str] = []
    with replaced() as made:
        client = made.endpoint("first").connect()
        before, pair = made.served(), made.issue()
        certificate, key = pair.certificate.read_bytes(), pair.key.read_bytes()
        refused = 'ark_cert_files_refused{files="certificates"}'
        for name, data, cause in (
            ("tls.crt", certificate[:300], "not the whole of one"),
            ("tls.crt", certificate, "is not the key of"),
            ("tls.key", key[:50], "is not an unencrypted PEM key"),
        ):
            made.put(name, data)
            made.seconds_until(lambda why=cause: why in made.said())
            if made.served() != before or made.metric(client, refused) != 1:
                broken.append(f"a {name} of {len(data)} bytes was taken")
        made.put("tls.key", key)
        made.seconds_until(lambda: made.metric(client, refused) == 0)
        if not certificate.startswith(made.served()):
            broken.append("the whole pair was not taken")
        if (said := made.said().count("are not taken")) != 3:
            broken.append(f"it was said {said} times")
        end = x509.load_pem_x509_certificate(certificate).not_valid_after_utc.timestamp() - time.time()
        told = made.metric(client, 'ark_cert_expiry_seconds{certificate="serving"}')
        if abs(told - end) > 5:
            broken.append(f"{told} s are left of the certificate, not {end}")
        client.close()
    return Found("refusals: three", broken)


def authorities(size: Size) -> Found:
    """
    Who vouches for clients is exchanged: those of the old one are refused, over open connections too, and those of the
    new one let in; while both are there, both are.
    """
    broken: list[str] = []
    with replaced() as made:
        old, new = (made.endpoint(name) for name in ("first", "second"))
        stays = old.connect()
        if stays.request("GET", _READ).code != 200:
            broken.append("the old one is refused from the beginning")
        if _enters(new):
            broken.append("the new one is let in from the beginning")
        made.trust("first", "second")
        took = [made.seconds_until(lambda: _enters(new))]
        if not _enters(old) or stays.request("GET", _READ).code != 200:
            broken.append("the old one is refused while it is still there")
        made.trust("second")
        took.append(made.seconds_until(lambda: not _enters(old)))
        took.append(made.seconds_until(lambda: stays.request("GET", _READ, retry=False).code == 401))
        if not _enters(new):
            broken.append("the new one is refused")
        stays.close()
    if max(took) > LATE:
        broken.append(f"it took {max(took):.1f} s")
    return Found(f"authorities: exchanged within {max(took):.2f} s", broken)


def _enters(endpoint: Endpoint) -> bool:
    """
    Whether a client is let in: it is not when the handshake fails, see docs/decisions/0002.
    """
    client = endpoint.connect()
    try:
        answer: Answer = client.request("GET", _READ, retry=False)
    except OSError:
        return False
    finally:
        client.close()
    return answer.code == 200


CASES = (replacements, refusals, authorities)


def main() -> int:
    """
    Run all cases.
    """
    size = SHORT if wants_short("tests.e2e.rotation") else FULL
    return play(CASES, size)


if __name__ == "__main__":
    sys.exit(main())
