"""
L{ark.authentication.trust}
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from twisted.trial.unittest import SynchronousTestCase

from ark.authentication import pki
from ark.authentication.trust import InvalidTrust, PeerVerifier, Trust
from ark.http.request import ClientConnection

NOW = 1_800_000_000.0
YEAR = 366 * 86400.0
MOMENT = pki.utc(NOW)


def der(pair: pki.Pair) -> bytes:
    """
    The certificate in DER.
    """
    return pair.certificate.public_bytes(Encoding.DER)


def issue(
    issuer: pki.Pair,
    *extensions: x509.ExtensionType,
    name: str = "made",
    key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | None = None,
) -> pki.Pair:
    """
    A certificate with just these extensions.
    """
    own = key or ec.generate_private_key(ec.SECP256R1())
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(issuer.certificate.subject)
        .public_key(own.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(MOMENT)
        .not_valid_after(MOMENT + timedelta(days=30))
    )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    digest = None if isinstance(issuer.key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return pki.Pair(builder.sign(issuer.key, digest), own)


AUTHORITY = x509.BasicConstraints(ca=True, path_length=None)
FOR_CLIENTS = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
FOR_SERVERS = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
FOR_ANYTHING = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE])


class TrustTests(SynchronousTestCase):
    """
    Which certificates one purpose's authorities vouch for.
    """

    def setUp(self) -> None:
        self.authority = pki.make_authority(MOMENT)
        self.trust = Trust(self.authority.certificate_pem)

    def holds(self, chain: Sequence[pki.Pair], now: float = NOW, trust: Trust | None = None) -> bool:
        """
        Whether a client with these certificates is believed.
        """
        return (trust or self.trust).verify([der(one) for one in chain], now).holds(now)

    def test_its_own_certificates_are_believed(self) -> None:
        """
        And those of another authority are not, though it has the same name.
        """
        self.assertTrue(self.holds([pki.make_client(self.authority, "ann", (), MOMENT)]))
        other = pki.make_authority(MOMENT)
        self.assertEqual(other.certificate.subject, self.authority.certificate.subject)
        self.assertFalse(self.holds([pki.make_client(other, "ann", (), MOMENT)]))
        self.assertFalse(self.holds([pki.make_client(other, "ann", (), MOMENT), other]))

    def test_one_of_several_authorities_is_enough(self) -> None:
        """
        As while one is replaced by the next.
        """
        other = pki.make_authority(MOMENT)
        both = Trust(self.authority.certificate_pem + other.certificate_pem)
        for authority in (self.authority, other):
            self.assertTrue(self.holds([pki.make_client(authority, "ann", (), MOMENT)], trust=both))

    def test_half_a_list_is_none(self) -> None:
        """
        Whoever is written behind the cut would be believed no longer.
        """
        other = pki.make_authority(MOMENT).certificate_pem
        for length in (30, len(other) // 2, len(other) - 5):
            self.assertRaises(InvalidTrust, Trust, self.authority.certificate_pem + other[:length])

    def test_time_counts_at_every_question(self) -> None:
        """
        A verdict knows from when to when it holds.
        """
        chain = [pki.make_client(self.authority, "ann", (), MOMENT)]
        verdict = self.trust.verify([der(one) for one in chain], NOW)
        self.assertEqual(
            [verdict.holds(now) for now in (NOW - 3600, NOW, NOW + 364 * 86400, NOW + YEAR)],
            [False, True, True, False],
        )
        self.assertFalse(self.holds(chain, NOW + YEAR))
        self.assertFalse(self.holds(chain, NOW - 3600))

    def test_an_authority_between_is_followed(self) -> None:
        """
        When the client sends it, or the operator trusts it alone.
        """
        between = issue(self.authority, AUTHORITY, name="between")
        leaf = issue(between, FOR_CLIENTS)
        self.assertTrue(self.holds([leaf, between]))
        self.assertFalse(self.holds([leaf]))
        self.assertTrue(self.holds([leaf], trust=Trust(between.certificate_pem)))

    def test_who_is_no_authority_vouches_for_nobody(self) -> None:
        """
        A user cannot make others with the key of their own certificate.
        """
        user = pki.make_client(self.authority, "ann", (), MOMENT)
        for middle in (
            user,
            issue(self.authority, FOR_CLIENTS, name="bob"),
            issue(self.authority, name="bob"),
        ):
            self.assertFalse(self.holds([issue(middle, FOR_CLIENTS), middle]))

    def test_it_must_be_for_clients(self) -> None:
        """
        Each certificate on the way must be for clients, for anything, or not say.
        """
        for extensions, expected in (
            ((FOR_CLIENTS,), True),
            ((FOR_ANYTHING,), True),
            ((), True),
            ((FOR_SERVERS,), False),
        ):
            self.assertEqual(self.holds([issue(self.authority, *extensions)]), expected)
        between = issue(self.authority, AUTHORITY, FOR_SERVERS, name="between")
        self.assertFalse(self.holds([issue(between, FOR_CLIENTS), between]))

    def test_keys_of_every_sort_count(self) -> None:
        """
        Go signs with Ed25519 too.
        """
        key = ed25519.Ed25519PrivateKey.generate()
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "ed")])
        own = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(1)
            .not_valid_before(MOMENT)
            .not_valid_after(MOMENT + timedelta(days=30))
            .add_extension(AUTHORITY, critical=True)
            .sign(key, None)
        )
        authority = pki.Pair(own, key)
        leaf = issue(authority, FOR_CLIENTS, key=ed25519.Ed25519PrivateKey.generate())
        trust = Trust(own.public_bytes(Encoding.PEM))
        self.assertTrue(self.holds([leaf], trust=trust))

    def test_what_is_no_certificate_is_refused(self) -> None:
        """
        The authorities when they are read, a client's when it is judged.
        """
        for pem in (b"", b"nonsense", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"):
            self.assertRaises(InvalidTrust, Trust, pem)
        self.assertTrue(self.trust.verify([b"nonsense"], NOW).problem)


class PeerTests(SynchronousTestCase):
    """
    Verdicts of connections.
    """

    def setUp(self) -> None:
        self.now = NOW
        self.authority = pki.make_authority(MOMENT)
        self.trust: Trust | None = Trust(self.authority.certificate_pem)
        self.verifier = PeerVerifier("test", lambda: self.trust, lambda: self.now)
        self.connection = ClientConnection()
        client = pki.make_client(self.authority, "ann", (), MOMENT)
        self.connection.peer_certificate_der = der(client)
        self.connection.peer_chain_der = (der(client), der(self.authority))

    def test_without_a_certificate_or_an_authority_there_is_no_verdict(self) -> None:
        """
        So that others are asked.
        """
        self.assertIsNone(self.verifier.judge(ClientConnection()))
        self.trust = None
        self.assertIsNone(self.verifier.judge(self.connection))

    def test_a_verdict_lasts_as_long_as_the_authorities(self) -> None:
        """
        Taken away, they vouch no more at the very next request; the root that TLS saw does not help.
        """
        self.assertIs(self.verifier.judge(self.connection), True)
        known = self.connection.state.copy()
        self.assertIs(self.verifier.judge(self.connection), True)
        self.assertEqual(self.connection.state, known)
        self.trust = Trust(pki.make_authority(MOMENT).certificate_pem)
        self.assertIs(self.verifier.judge(self.connection), False)
        self.trust = Trust(self.authority.certificate_pem)
        self.assertIs(self.verifier.judge(self.connection), True)

    def test_a_connection_does_not_outlive_its_certificate(self) -> None:
        """
        Nor its authority's.
        """
        self.assertIs(self.verifier.judge(self.connection), True)
        self.now += YEAR
        self.assertIs(self.verifier.judge(self.connection), False)

    def test_purposes_are_kept_apart(self) -> None:
        """
        What vouches for users does not make a front proxy.
        """
        other = Trust(pki.make_authority(MOMENT).certificate_pem)
        self.assertIs(self.verifier.judge(self.connection), True)
        proxies = PeerVerifier("proxies", lambda: other, lambda: self.now)
        self.assertIs(proxies.judge(self.connection), False)
        self.assertIs(self.verifier.judge(self.connection), True)
