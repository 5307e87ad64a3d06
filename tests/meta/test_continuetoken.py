"""
Tests for L{ark.meta.continuetoken}.
"""

from __future__ import annotations

import base64
from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ark.meta.continuetoken import LATEST, decode, encode
from ark.meta.status import APIStatus

NAMES = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,20}[a-z0-9])?", fullmatch=True)


def token_of(value: Any) -> str:
    """
    A token that holds any JSON value.
    """
    return base64.urlsafe_b64encode(orjson.dumps(value)).rstrip(b"=").decode()


class TokenTests(SynchronousTestCase):
    """
    Contract 12.1, 12.2.
    """

    def test_form_is_that_of_kubernetes(self) -> None:
        """
        The storage tests of Kubernetes decode tokens, so the form is fixed.
        """
        text = base64.urlsafe_b64decode(encode(17, "ns/a") + "==")
        self.assertEqual(text, b'{"v":"meta.k8s.io/v1","rv":17,"start":"ns/a\\u0000"}')

    def test_what_is_left(self) -> None:
        """
        A token can carry how many objects follow; what cannot be a number of them is passed over.
        """
        self.assertEqual(decode(encode(17, "ns/a", 5)), (17, "ns/a\0", 5))
        for strange in (0, -3, "5", 2.5, True, None):
            token = token_of({"v": "meta.k8s.io/v1", "rv": 17, "start": "a\0", "left": strange})
            self.assertEqual(decode(token), (17, "a\0", None))

    @settings(derandomize=True, max_examples=60, deadline=None, database=None)
    @given(st.integers(1, 1 << 62) | st.just(LATEST), NAMES, NAMES)
    def test_tokens_read_back_the_same(self, revision: int, namespace: str, name: str) -> None:
        """
        For lists of all namespaces and of one.
        """
        whole = decode(encode(revision, f"{namespace}/{name}"))
        self.assertEqual((whole.revision, whole.after()), (revision, (namespace, name)))
        within = decode(encode(revision, name))
        self.assertEqual(within.after(namespace), (namespace, name))
        self.assertEqual(within.after(""), ("", name))

    def test_a_leading_slash_is_the_same(self) -> None:
        """
        The watch cache of Kubernetes writes one.
        """
        start = "/ns/a\0"
        self.assertEqual(decode(token_of({"v": "meta.k8s.io/v1", "rv": 1, "start": start})).start, start[1:])

    def test_foreign_tokens_are_bad_requests(self) -> None:
        """
        The message tells what is wrong, as Kubernetes does.
        """
        version = "meta.k8s.io/v1"
        go_type = "into Go struct field continueToken"
        reasons = {
            "": ": unexpected end of JSON input",
            "a=": ": illegal base64 data at input byte 1",
            "abcde": ": illegal base64 data at input byte 4",
            "YQ": ": invalid character 'a' looking for beginning of value",
            token_of([]): ": json: cannot unmarshal array into Go value of type storage.continueToken",
            token_of({"v": "v2"}): ": server does not recognize this encoded version v2",
            token_of({"v": version}): f": incorrect encoded start resourceVersion (version {version})",
            token_of({"v": version, "rv": 1}): f": encoded start key empty (version {version})",
            token_of({"rv": True}): f": json: cannot unmarshal bool {go_type}.rv of type int64",
            token_of({"rv": 1.5}): f": json: cannot unmarshal number 1.5 {go_type}.rv of type int64",
            token_of({"start": 1}): f": json: cannot unmarshal number {go_type}.start of type string",
        }
        for token, reason in reasons.items():
            status = self.assertRaises(APIStatus, decode, token)
            self.assertEqual(status.code, 400)
            self.assertEqual(status.message, f"invalid continue token: continue key is not valid{reason}")

    def test_tokens_cannot_leave_their_list(self) -> None:
        """
        No path that would clean up to another one is taken.
        """
        for start in ("../x", "a/../b", "a//b", "./a", "a/", "//", "//a", "a/."):
            token = token_of({"v": "meta.k8s.io/v1", "rv": 1, "start": start})
            self.assertEqual(self.assertRaises(APIStatus, decode, token).code, 400)
