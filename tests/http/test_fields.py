"""
L{ark.http.fields}
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ark.http.fields import FieldCache


class _Fields(FieldCache):
    def encode_name(self, name: bytes) -> bytes:
        return name + b"="

    def encode(self, name: bytes, value: bytes) -> bytes:
        return self.names[name] + value


class FieldCacheTests(SynchronousTestCase):
    """
    Fields that are written once.
    """

    def setUp(self) -> None:
        self.fields = _Fields()

    def test_what_was_written_is_remembered(self) -> None:
        """
        The same object comes again.
        """
        written = self.fields[b"a", b"1"]
        self.assertEqual(written, b"a=1")
        self.assertIs(self.fields[b"a", b"1"], written)

    def test_fields_that_are_new_each_time_are_not(self) -> None:
        """
        They would only take up the room of others.
        """
        for name in (b"audit-id", b"etag", b"warning"):
            self.assertEqual(self.fields[name, b"1"], name + b"=1")
        self.assertEqual(len(self.fields), 0)

    def test_what_is_remembered_is_bounded(self) -> None:
        """
        Fields, and names; beyond that they are written each time.
        """
        for number in range(5000):
            self.assertEqual(self.fields[b"x-%d" % number, b"1"], b"x-%d=1" % number)
        self.assertEqual((len(self.fields), len(self.fields.names)), (2048, 2048))

    def test_what_cannot_be_sent_is_refused_each_time(self) -> None:
        """
        It is not remembered either.
        """
        for field in ((b"a", b"1\r\n"), (b"A", b"1"), (b"", b"1")):
            for _ in range(2):
                self.assertRaises(ValueError, self.fields.__getitem__, field)
        self.assertEqual((len(self.fields), len(self.fields.names)), (0, 0))
