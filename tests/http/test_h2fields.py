"""
L{ark.http.h2fields}
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ark.http import h2fields
from ark.http.h2fields import FieldReader, RequestFields
from ark.http.refusal import Refused

Pairs = list[tuple[bytes, bytes]]

_PSEUDO = [(b":method", b"PATCH"), (b":scheme", b"https"), (b":path", b"/a?b=c"), (b":authority", b"h")]
_OWN = [(b"accept", b"x"), (b"content-length", b"7"), (b"authorization", b"Bearer t"), (b"accept", b"y")]


class FieldReaderTests(SynchronousTestCase):
    """
    What a connection has said before does not let anything else pass.
    """

    def setUp(self) -> None:
        self.reader = FieldReader(50)

    def read(self, pairs: Pairs) -> RequestFields:
        """
        Read fields, of which no name or value is the object of an earlier call.
        """
        return self.reader.read(
            [(bytes(bytearray(name)), bytes(bytearray(value)), False) for name, value in pairs]
        )

    def refused(self, pairs: Pairs) -> int:
        """
        The code of the refusal.
        """
        return self.assertRaises(Refused, self.read, pairs).status.code

    def test_the_same_again_reads_the_same(self) -> None:
        """
        All fields in order, the first of each name, and the authority as the Host.
        """
        for _ in range(3):
            line, raw, headers, length = self.read(_PSEUDO + _OWN)
            self.assertEqual(line, ("PATCH", "/a", "b=c"))
            self.assertEqual(list(raw), _OWN)
            self.assertEqual(
                headers,
                {b"accept": b"x", b"content-length": b"7", b"authorization": b"Bearer t", b"host": b"h"},
            )
            self.assertEqual(length, 7)

    def test_every_value_counts_each_time(self) -> None:
        """
        A request that differs in one value from one before shows that value.
        """
        self.read(_PSEUDO + _OWN)
        for index in range(len(_PSEUDO + _OWN)):
            changed = _PSEUDO + _OWN
            name, value = changed[index]
            changed[index] = (name, value + b"1" if value.isdigit() else value + b"z")
            expected = FieldReader(50).read([(*pair, False) for pair in changed])
            found = self.read(changed)
            self.assertEqual(
                (found[0], list(found[1]), *found[2:]), (expected[0], list(expected[1]), *expected[2:])
            )

    def test_every_value_is_judged_each_time(self) -> None:
        """
        Whatever was well-formed before.
        """
        self.read(_PSEUDO + _OWN)
        for index in range(len(_PSEUDO + _OWN)):
            for bad in (b"\x00", b"a\nb", b" a", b"7 ", b"\x7f"):
                damaged = _PSEUDO + _OWN
                damaged[index] = (damaged[index][0], bad)
                self.assertEqual(self.refused(damaged), 400, damaged[index])
        self.read(_PSEUDO + _OWN)

    def test_path_and_length_are_judged_each_time(self) -> None:
        """
        They are not among what a client repeats.
        """
        self.read(_PSEUDO + _OWN)
        for name, bad in (
            (b":path", b"a"),
            (b":path", b"/#"),
            (b":path", b""),
            (b"content-length", b"+7"),
            (b"content-length", b""),
            (b"content-length", b"1" * 19),
        ):
            damaged = [(field, bad if field == name else value) for field, value in _PSEUDO + _OWN]
            self.assertEqual(self.refused(damaged), 400, bad)

    def test_method_host_and_te_are_judged_each_time(self) -> None:
        """
        Values that are well-formed, and still not allowed.
        """
        good = [*_PSEUDO, (b"host", b"h"), (b"te", b"trailers")]
        self.read(good)
        for name, bad in ((b":method", b"CONNECT"), (b"host", b"i"), (b":authority", b"i"), (b"te", b"gzip")):
            damaged = [(field, bad if field == name else value) for field, value in good]
            self.assertEqual(self.refused(damaged), 400, name)
        self.read(good)

    def test_what_is_refused_is_refused_again(self) -> None:
        """
        It is not remembered as known.
        """
        for _ in range(2):
            self.assertEqual(self.refused([*_PSEUDO, (b"te", b"gzip")]), 400)
            self.assertEqual(self.refused([*_PSEUDO, (b"X-Upper", b"1")]), 400)
            self.assertEqual(self.refused([*_PSEUDO, (b"host", b"h"), (b"host", b"h")]), 400)
            self.assertEqual(self.refused([*_PSEUDO, (b"x", b"1"), (b":status", b"1")]), 400)
            self.assertEqual(self.refused([*_PSEUDO, (b":path", b"/")]), 400)
            self.assertEqual(self.refused(_PSEUDO[1:]), 400)
            self.assertEqual(self.refused([]), 400)
            self.assertEqual(self.refused(_PSEUDO + [(b"x", b"1")] * 51), 431)

    def test_another_connection_has_its_own_limit(self) -> None:
        """
        Although the names are known already.
        """
        self.read(_PSEUDO + _OWN)
        self.reader = FieldReader(3)
        self.assertEqual(self.refused(_PSEUDO + _OWN), 431)

    def test_fields_taken_out_of_a_request_are_in_the_next(self) -> None:
        """
        As credentials are, once they have been judged.
        """
        self.read(_PSEUDO + _OWN)[2].clear()
        del self.read(_PSEUDO + _OWN)[2][b"authorization"]
        self.assertEqual(self.read(_PSEUDO + _OWN)[2][b"authorization"], b"Bearer t")

    def test_what_is_remembered_is_bounded(self) -> None:
        """
        In kinds of requests, and in the size of each; all are read nevertheless.
        """
        for number in range(1000):
            name = b"x-%d" % number
            self.assertEqual(self.read([*_PSEUDO, (name, b"1")])[2], {b"host": b"h", name: b"1"})
            self.assertLessEqual(len(self.reader._known), 8)
            self.assertLessEqual(len(h2fields._shapes), 256)
        self.reader._known.clear()
        self.read([*_PSEUDO, (b"x-a", b"v" * 4000)])
        self.read([*_PSEUDO, (b"x" * 2000, b"1")])
        self.read([*_PSEUDO, *[(b"x-remote-group", b"g")] * 60])
        self.assertEqual(len(self.reader._known), 0)
        self.assertFalse(
            [names for names in h2fields._shapes if len(names) > 40 or len(b"".join(names)) > 1024]
        )

    def test_many_names_take_no_longer_each(self) -> None:
        """
        As many as the limit of a header allows are read in one pass over them.
        """
        many = [(b"x-remote-extra-%d" % number, b"1") for number in range(20000)]
        self.assertEqual(len(self.read(_PSEUDO + many)[2]), 20001)
