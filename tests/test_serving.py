"""
Tests of L{ark.serving}.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from ark.authentication import pki
from ark.config import complete
from ark.serving import SecureServing

START = 1_800_000_000.0
DAY = 86400.0


class CertificatesTests(SynchronousTestCase):
    """
    Certificates that change while they are served.
    """

    def setUp(self) -> None:
        """
        A server whose certificates an operator gives.
        """
        self.directory = Path(self.mktemp()).resolve()
        self.directory.mkdir()
        self.time = START
        self.authority = pki.make_authority(pki.utc(START))
        self.put("clients.crt", self.authority.certificate_pem)
        self.replace(self.issue())
        config = complete({}, {"HOME": str(self.directory), "XDG_DATA_HOME": str(self.directory)})
        self.config = replace(
            config,
            tls_cert_file=str(self.directory / "tls.crt"),
            tls_private_key_file=str(self.directory / "tls.key"),
            client_ca_file=str(self.directory / "clients.crt"),
        )
        self.serving = self.start()

    def start(self) -> SecureServing:
        """
        A server.
        """
        return SecureServing(self.config, Clock(), lambda: self.time)

    def issue(self, at: float = START) -> pki.Pair:
        """
        A serving certificate.
        """
        return pki.make_serving(self.authority, ["localhost"], pki.utc(at))

    def put(self, name: str, data: bytes) -> None:
        """
        Write a file as a whole.
        """
        other = self.directory / f"{name}.new"
        other.write_bytes(data)
        os.replace(other, self.directory / name)

    def replace(self, pair: pki.Pair) -> None:
        """
        Put another certificate there.
        """
        self.put("tls.crt", pair.certificate_pem)
        self.put("tls.key", pair.key_pem)

    def served(self) -> tuple[bytes, float]:
        """
        What a kubeconfig would trust, and until when.
        """
        self.serving.reload()
        return self.serving.credentials.server_authority, self.serving.credentials.expiry["serving"]

    def test_halves_are_not_taken(self) -> None:
        """
        Neither a certificate of another key, nor half of one, nor none; as soon as there is a pair, it is.
        """
        before, after = self.served(), self.issue(START + DAY)
        certificate = after.certificate_pem
        for name, data in (
            ("tls.crt", certificate),
            ("tls.crt", certificate[: len(certificate) // 2]),
            ("tls.crt", b""),
            ("tls.key", b"x"),
        ):
            self.put(name, data)
            self.assertEqual(self.served(), before)
            self.assertIn(str(self.directory), self.serving.refused)
        self.replace(after)
        self.assertEqual(self.served()[0], certificate)
        self.assertEqual(self.serving.refused, "")

    def test_what_cannot_be_read_now_is_read_later(self) -> None:
        """
        Though nobody touches the files any more: it may be that no more files could be opened.
        """
        before, after = self.served(), self.issue(START + DAY)
        self.replace(after)
        reading = self.patch(Path, "read_bytes", _out_of_files)
        self.assertEqual(self.served(), before)
        self.assertIn("Too many open files", self.serving.refused)
        reading.restore()
        self.assertEqual(self.served()[0], after.certificate_pem)

    def test_one_that_has_run_out_is_not_taken(self) -> None:
        """
        Until the clock that says so is set right.
        """
        before, after = self.served(), self.issue()
        self.time += 400 * DAY
        self.replace(after)
        self.serving.renew()
        self.assertEqual(self.served(), before)
        self.assertIn("has run out", self.serving.refused)
        self.time -= 400 * DAY
        self.assertEqual(self.served()[0], after.certificate_pem)

    def test_authorities_of_clients_change_as_a_whole(self) -> None:
        """
        Half a list of them is none, and who vouches is told anew when it is somebody else.
        """
        known = self.serving.clients
        assert known is not None
        other = pki.make_authority(pki.utc(START)).certificate_pem
        self.replace(self.issue(START + DAY))
        self.served()
        self.assertIs(self.serving.clients, known)
        for data in (self.authority.certificate_pem + other[:-50], b"", other[:-50]):
            self.put("clients.crt", data)
            self.served()
            self.assertIs(self.serving.clients, known)
            self.assertIn("clients.crt", self.serving.refused)
        self.put("clients.crt", other)
        self.served()
        self.assertEqual(self.serving.refused, "")
        leaf = pki.make_client(self.authority, "somebody", (), pki.utc(START))
        chain = [leaf.certificate.public_bytes(pki.serialization.Encoding.DER)]
        assert self.serving.clients is not None
        self.assertTrue(known.verify(chain, START).holds(START))
        self.assertFalse(self.serving.clients.verify(chain, START).holds(START))

    def test_made_ones_follow_the_clock(self) -> None:
        """
        Set on by a year they are made anew, and once more when it is set back.
        """
        self.config = replace(self.config, tls_cert_file="", tls_private_key_file="", client_ca_file="")
        self.serving = self.start()
        seen = set()
        for days in (0, 400, 0, -1):
            self.time = START + days * DAY
            self.serving.renew()
            _, expiry = self.served()
            self.assertEqual(expiry, self.time + pki.LEAF_LIFE.total_seconds())
            seen.add(expiry)
        self.assertEqual(len(seen), 3)


def _out_of_files(path: Path) -> bytes:
    raise OSError(24, "Too many open files", str(path))
