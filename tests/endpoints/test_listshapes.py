"""
Lists of more than a page, in every form that there is.
"""

from __future__ import annotations

from itertools import product
from typing import Any

from ark.endpoints import list as listing
from tests.endpoints.support import WIDGETS, ServerTestCase

MAPS = "/api/v1/namespaces/default/configmaps"
TABLE = "as=Table;v=v1;g=meta.k8s.io"
PARTIAL = "as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"


class LongListTests(ServerTestCase):
    """
    No call has more than a page to read or write (trust T5: no turn of the reactor above 200 ms).
    """

    def setUp(self) -> None:
        """
        Objects of two kinds.
        """
        super().setUp()
        for number in range(11):
            self.create(f"w-{number}", size=number % 7)
            body = {"metadata": {"name": f"m-{number}"}, "data": {"0": "- 0", "items": "[\n    0\n  ]"}}
            self.assertEqual(self.request("POST", MAPS, body).code, 201)

    def asked(self, target: str, accept: str) -> tuple[Any, Any]:
        """
        The answer in one piece, and in several.
        """
        whole = self.request("GET", target, accept=accept)
        self.assertIsNone(whole.stream)
        self.patch(listing, "PAGE", 3)
        pieces = self.request("GET", target, accept=accept)
        self.assertIsNotNone(pieces.stream)
        self.patch(listing, "PAGE", 500)
        return whole, pieces

    def test_the_same_as_in_one_piece(self) -> None:
        """
        To the byte, whatever the form, with labels, and where more is left.
        """
        protobuf = "application/vnd.kubernetes.protobuf"
        asked = 0
        for media_type, transform, target in product(
            ("application/json", "application/yaml", protobuf), ("", TABLE, PARTIAL), (MAPS, WIDGETS)
        ):
            # Tables have no message, and neither have widgets.
            if media_type == protobuf and (transform == TABLE or (transform, target) == ("", WIDGETS)):
                continue
            accept = f"{media_type};{transform}".rstrip(";")
            for query in ("?pretty=1", "?limit=7&pretty=1", "?labelSelector=x!%3D1&pretty=1"):
                whole, pieces = self.asked(target + query, accept)
                self.assertEqual(pieces.body, whole.body, (accept, target, query))
                said, wanted = dict(pieces.headers), dict(whole.headers)
                self.assertEqual(said[b"content-type"], wanted[b"content-type"])
                asked += 1
        self.assertEqual(asked, 45)
