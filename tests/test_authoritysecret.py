"""
Tests for L{ark.authoritysecret}.
"""

from __future__ import annotations

from base64 import b64encode
from datetime import timedelta
from typing import Any

from cryptography import x509
from twisted.trial.unittest import TestCase

from ark.authentication.pki import LEAF_LIFE, BadCertificate, make_authority, make_serving, utc
from ark.authoritysecret import OVERLAP, Authorities

START = utc(1_800_000_000)
YEAR = timedelta(days=365)


def stored(authorities: Authorities) -> dict[str, Any]:
    """
    A Secret's data, less what must not be there.
    """
    return {name: value for name, value in authorities.to_data().items() if value is not None}


def kept(authorities: Authorities) -> dict[str, Any]:
    """
    What would be stored after it was stored and read.
    """
    found = Authorities.from_data(stored(authorities))
    assert found is not None
    return found.to_data()


class AuthoritiesTests(TestCase):
    """
    One authority follows another, and at no moment does somebody trust the wrong one.
    """

    def setUp(self) -> None:
        self.first = Authorities(make_authority(START))

    def trusted(self, authorities: Authorities) -> list[x509.Certificate]:
        """
        The certificates of the bundle.
        """
        return x509.load_pem_x509_certificates(authorities.bundle)

    def test_a_secret_keeps_all(self) -> None:
        """
        What was stored is read again.
        """
        self.assertIsNone(Authorities.from_data({}))
        self.assertEqual(kept(self.first), self.first.to_data())
        former = make_authority(START).certificate
        all_of_it = Authorities(make_authority(START), make_authority(START), (former,))
        self.assertEqual(kept(all_of_it), all_of_it.to_data())

    def test_ten_years(self) -> None:
        """
        For two thirds of its life nothing changes.
        """
        for years in range(7):
            self.assertEqual(self.first.advanced(START + years * YEAR - timedelta(days=120)), self.first)

    def test_rotation(self) -> None:
        """
        The next is trusted for a day before it signs, the last for as long as what it signed.
        """
        moment = START + 7 * YEAR
        second = self.first.advanced(moment)
        self.assertEqual(second.current, self.first.current)
        assert second.following is not None
        following = second.following
        self.assertEqual(self.trusted(second), [self.first.current.certificate, following.certificate])
        self.assertEqual(second.advanced(moment + OVERLAP - timedelta(seconds=1)), second)
        third = second.advanced(moment + OVERLAP)
        self.assertEqual((third.current, third.following), (following, None))
        self.assertEqual(self.trusted(third), [following.certificate, self.first.current.certificate])
        self.assertEqual(third.advanced(moment + OVERLAP + LEAF_LIFE - timedelta(seconds=1)), third)
        last = third.advanced(moment + OVERLAP + LEAF_LIFE)
        self.assertEqual(self.trusted(last), [following.certificate])
        self.assertEqual(kept(third), third.to_data())

    def test_everything_that_is_signed_is_trusted(self) -> None:
        """
        Looked at once a month for forty years, by replicas that are up to a day behind: whatever
        one of them has signed last is in the bundle.
        """
        held, leaf = self.first, make_serving(self.first.current, ["x"], START)
        before = held
        for month in range(40 * 12):
            moment = START + timedelta(days=30 * month)
            for late in (timedelta(), OVERLAP):
                held = held.advanced(moment + late)
            issuers = [one for one in self.trusted(held) if one.subject == leaf.certificate.issuer]
            self.assertEqual(len(issuers), 1, month)
            leaf.certificate.verify_directly_issued_by(issuers[0])
            self.assertIn(before.current.certificate, self.trusted(held), month)
            leaf, before = make_serving(held.current, ["x"], moment), held

    def test_one_that_has_run_out(self) -> None:
        """
        After a long sleep there is a new one at once.
        """
        moment = START + 11 * YEAR
        awake = self.first.advanced(moment)
        self.assertGreater(awake.current.certificate.not_valid_after_utc, moment)
        self.assertEqual(self.trusted(awake), [awake.current.certificate])

    def test_something_else(self) -> None:
        """
        A Secret that holds something else is told of, and not overwritten.
        """
        good, other = stored(self.first), make_authority(START)
        leaf = make_serving(other, ["x"], START)

        def text(data: bytes) -> str:
            return b64encode(data).decode()

        for words, changes in (
            ("not both readable", {"tls.crt": text(b"x")}),
            ("not both readable", {"tls.key": None}),
            ("not base64", {"tls.key": "%"}),
            ("not the key of", {"tls.key": text(other.key_pem)}),
            (
                "not the certificate of an authority",
                {"tls.crt": text(leaf.certificate_pem), "tls.key": text(leaf.key_pem)},
            ),
            ("no PEM certificates", {"ca.crt": text(b"x")}),
            ("next.key", {"next.crt": good["tls.crt"]}),
        ):
            error = self.assertRaises(BadCertificate, Authorities.from_data, {**good, **changes})
            self.assertIn(words, str(error))
