"""
Tests for L{ark.moving.command}, and for the commands that lead there.
"""

from __future__ import annotations

import base64
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from ark.config import ConfigError
from ark.datacommands import export, import_
from ark.moving.command import service_of
from ark.moving.switching import Service


class ServiceTests(SynchronousTestCase):
    """
    How the new server is named.
    """

    def test_a_service_has_a_port_of_its_own_or_the_usual_one(self) -> None:
        """
        443 is that of HTTPS.
        """
        self.assertEqual(service_of("a/b"), Service("a", "b", 443))
        self.assertEqual(service_of("a/b:8443"), Service("a", "b", 8443))

    def test_authority_and_release_come_along(self) -> None:
        """
        The authority as the APIService has it.
        """
        path = Path(self.mktemp())
        path.write_bytes(b"PEM")
        found = service_of("a/b", str(path), "c/d")
        self.assertEqual(base64.b64decode(found.authority), b"PEM")
        self.assertEqual(found.release, ("c", "d"))

    def test_what_cannot_be_understood_is_refused(self) -> None:
        """
        Before anything is asked of the cluster.
        """
        for arguments in (
            ("b",),
            ("/b",),
            ("a/",),
            ("a/b:http",),
            ("a/b", "/missing"),
            ("a/b", "", "release"),
        ):
            with self.assertRaises(ConfigError):
                service_of(*arguments)


class WordsTests(SynchronousTestCase):
    """
    What has to be said.
    """

    def test_from_where_and_to_where_has_to_be_said(self) -> None:
        """
        Nothing is guessed where this much is changed.
        """
        for command, words in (
            (import_, []),
            (import_, ["--from-cluster"]),
            (export, []),
            (export, ["--to-cluster"]),
        ):
            with self.assertRaises(ConfigError):
                command(words, {})

    def test_a_switch_is_understood_before_anything_else(self) -> None:
        """
        A word too few is found at once.
        """
        words = ["--from-cluster", "--kubeconfig=/missing", "--switch=nothing"]
        with self.assertRaises(ConfigError) as caught:
            import_(words, {})
        self.assertIn("NAMESPACE/NAME", caught.exception.remedy)
