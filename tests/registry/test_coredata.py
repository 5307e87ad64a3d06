"""
Tests for L{ark.registry.coredata}.
"""

from __future__ import annotations

import base64
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ark.registry.coredata import MOST_BYTES, config_map_causes, secret_causes


def encoded(text: str) -> str:
    """
    A value of a secret.
    """
    return base64.b64encode(text.encode()).decode()


class KeyTests(SynchronousTestCase):
    """
    Keys become names of files.
    """

    def test_keys(self) -> None:
        """
        Letters, digits and three marks, but no way up.
        """
        for key, problem in (
            ("a.b_c-D1", ""),
            (".hidden", ""),
            ("a b", "a valid config key must consist of"),
            ("é", "a valid config key must consist of"),
            ("", "a valid config key must consist of"),
            (".", "must not be '.'"),
            ("..", "must not be '..'"),
            ("..a", "must not start with '..'"),
            ("a" * 254, "must be no more than 253 characters"),
        ):
            causes = list(config_map_causes({"data": {key: "x"}}))
            causes += secret_causes({"data": {key: "AA=="}})
            told = [cause.message for cause in causes]
            self.assertEqual(len(told), 2 if problem else 0, key)
            self.assertTrue(all(problem in message for message in told), told)


class SecretTests(SynchronousTestCase):
    """
    Types of secrets promise contents.
    """

    def fields(self, **secret: Any) -> list[tuple[str, str]]:
        """
        What is wrong with a secret: fields and reasons.
        """
        causes = secret_causes({"metadata": {}, **secret})
        return [(cause.field, cause.reason.removeprefix("FieldValue")) for cause in causes]

    def test_values_are_base64(self) -> None:
        """
        Nothing else can be decoded.
        """
        self.assertEqual(self.fields(data={"a": "?"}), [("data[a]", "Invalid")])

    def test_a_secret_is_no_larger_than_a_megabyte(self) -> None:
        """
        Decoded.
        """
        self.assertEqual(self.fields(data={"a": encoded("x" * MOST_BYTES)}), [])
        self.assertEqual(self.fields(data={"a": encoded("x" * (MOST_BYTES + 1))}), [("data", "TooLong")])

    def test_types_want_their_keys(self) -> None:
        """
        Those of Kubernetes; any other type wants nothing.
        """
        for kind, fields in (
            ("Opaque", []),
            ("example.com/own", []),
            ("kubernetes.io/tls", ["data[tls.crt]", "data[tls.key]"]),
            ("kubernetes.io/basic-auth", ["data[username]", "data[password]"]),
            ("kubernetes.io/ssh-auth", ["data[ssh-privatekey]"]),
            ("kubernetes.io/dockercfg", ["data[.dockercfg]"]),
            ("kubernetes.io/dockerconfigjson", ["data[.dockerconfigjson]"]),
            (
                "kubernetes.io/service-account-token",
                ["metadata.annotations[kubernetes.io/service-account.name]"],
            ),
        ):
            self.assertEqual(self.fields(type=kind), [(field, "Required") for field in fields])

    def test_configurations_of_docker_are_json(self) -> None:
        """
        An object.
        """
        kind = "kubernetes.io/dockerconfigjson"
        for text, wrong in (("{}", False), ("null", False), ("[]", True), ("{", True)):
            found = self.fields(type=kind, data={".dockerconfigjson": encoded(text)})
            self.assertEqual(bool(found), wrong, text)


class ConfigMapTests(SynchronousTestCase):
    """
    Texts and bytes.
    """

    def test_a_key_is_there_once(self) -> None:
        """
        As a text or as bytes.
        """
        (cause,) = config_map_causes({"data": {"a": "x"}, "binaryData": {"a": "AA=="}})
        self.assertEqual(cause.field, "data[a]")
        self.assertEqual(cause.message, 'Invalid value: "a": duplicate of key present in binaryData')

    def test_all_together_are_no_larger_than_a_megabyte(self) -> None:
        """
        Texts and bytes.
        """
        half = MOST_BYTES // 2
        whole = {"data": {"a": "x" * half}, "binaryData": {"b": encoded("x" * half)}}
        self.assertEqual(list(config_map_causes(whole)), [])
        whole["data"]["a"] += "x"
        (cause,) = config_map_causes(whole)
        self.assertEqual((cause.field, cause.reason), ("", "FieldValueTooLong"))
