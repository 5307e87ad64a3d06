"""
Tests of L{ark.apis.openapiproto}.  That real documents say the same in both forms is tried by client-go, in
C{tests/clients/clientgo}.
"""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ark.apis.openapiproto import encode_openapi_v2


def _definition(schema: dict[str, Any]) -> bytes:
    """
    The bytes of one schema, behind the name it is defined by.
    """
    found = encode_openapi_v2({"definitions": {"K": schema}})
    head = b"\x4a%c\x0a%c\x0a\x01K\x12" % (len(found) - 2, len(found) - 4)
    assert found.startswith(head), found
    return found[len(head) + 1 :]


class EncodingTests(SynchronousTestCase):
    """
    The bytes that C{protoc --encode} makes of the same.
    """

    def test_text_stands_behind_its_number_and_length(self) -> None:
        """
        Messages do, too.
        """
        document = {"swagger": "2.0", "info": {"title": "a", "version": "1"}}
        self.assertEqual(encode_openapi_v2(document), b"\x0a\x032.0\x12\x06\x0a\x01a\x12\x011")

    def test_a_type_is_a_list_of_its_own(self) -> None:
        """
        Of one or of several.
        """
        self.assertEqual(_definition({"type": "string"}), b"\xb2\x01\x08\x0a\x06string")
        self.assertEqual(_definition({"type": ["a", "b"]}), b"\xb2\x01\x06\x0a\x01a\x0a\x01b")

    def test_additional_properties_are_allowed_or_described(self) -> None:
        """
        By a boolean or by a schema.
        """
        self.assertEqual(_definition({"additionalProperties": True}), b"\xaa\x01\x02\x10\x01")
        described = {"additionalProperties": {"format": "x"}}
        self.assertEqual(_definition(described), b"\xaa\x01\x05\x0a\x03\x12\x01x")

    def test_values_and_extensions_are_text(self) -> None:
        """
        JSON, which is YAML.
        """
        self.assertEqual(_definition({"default": {}}), b"\x2a\x04\x12\x02{}")
        self.assertEqual(_definition({"x-a": [1]}), b"\xfa\x01\x0c\x0a\x03x-a\x12\x05\x12\x03[1]")

    def test_bounds_are_doubles(self) -> None:
        """
        Lengths are integers.
        """
        self.assertEqual(_definition({"minimum": 1}), b"\x49" + b"\x00" * 6 + b"\xf0\x3f")
        self.assertEqual(_definition({"maxLength": 300}), b"\x58\xac\x02")

    def test_what_has_no_place_is_left_out(self) -> None:
        """
        Version 2 knows no alternatives.
        """
        self.assertEqual(_definition({"anyOf": [{"type": "string"}], "format": "x"}), b"\x12\x01x")

    def test_parameters_are_told_apart_by_where_they_are(self) -> None:
        """
        Body, query and path.
        """
        for place, wanted in (
            ("body", b"\x0a\x09\x1a\x04body\x12\x01n"),
            ("query", b'\x12\x0c\x1a\x0a\x12\x05query"\x01n'),
            ("path", b'\x12\x0b"\x09\x12\x04path"\x01n'),
        ):
            item = {"parameters": [{"in": place, "name": "n"}]}
            self.assertTrue(encode_openapi_v2({"paths": {"/": item}}).endswith(wanted), place)
