"""
Tests of L{ark.tracing.context}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ark.tracing.context import TraceContext, read_context

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN = "00f067aa0ba902b7"
GIVEN = f"00-{TRACE}-{SPAN}-01".encode()


class ReadTests(SynchronousTestCase):
    """
    What a request says of a trace.
    """

    def test_place_is_read_and_written_the_same(self) -> None:
        """
        With its state.
        """
        found = read_context(GIVEN, b"congo=t61rcWkgMzE,rojo=00f067aa0ba902b7")
        self.assertEqual(
            found,
            TraceContext(int(TRACE, 16), int(SPAN, 16), True, b"congo=t61rcWkgMzE,rojo=00f067aa0ba902b7"),
        )
        assert found is not None
        self.assertEqual(
            found.headers(),
            {b"traceparent": [GIVEN], b"tracestate": [b"congo=t61rcWkgMzE,rojo=00f067aa0ba902b7"]},
        )

    def test_place_that_nobody_tells_of_is_read_too(self) -> None:
        """
        Its flag says so; the flag of random ids says nothing of it.
        """
        for flags, sampled in (("00", False), ("01", True), ("02", False), ("03", True)):
            found = read_context(f"00-{TRACE}-{SPAN}-{flags}".encode())
            assert found is not None
            self.assertIs(found.sampled, sampled)

    def test_later_version_may_have_more(self) -> None:
        """
        After another dash.
        """
        for text in (f"01-{TRACE}-{SPAN}-09", f"cc-{TRACE}-{SPAN}-01-what-ever"):
            self.assertIsNotNone(read_context(text.encode()))

    def test_what_breaks_the_rules_is_no_place(self) -> None:
        """
        One case a rule.
        """
        for text in (
            "",
            "00",
            f"ff-{TRACE}-{SPAN}-01",
            f"00-{'0' * 32}-{SPAN}-01",
            f"00-{TRACE}-{'0' * 16}-01",
            f"00-{TRACE.upper()}-{SPAN}-01",
            f"00-{TRACE[1:]}-{SPAN}-01",
            f"00-{TRACE}-{SPAN}-04",
            f"00-{TRACE}-{SPAN}-01-more",
            f"01-{TRACE}-{SPAN}-01.more",
            f"0-{TRACE}-{SPAN}-01",
        ):
            self.assertIsNone(read_context(text.encode()), text)
        self.assertIsNone(read_context(None))

    def test_state_that_breaks_the_rules_is_left_out(self) -> None:
        """
        The place counts all the same.
        """
        many = ",".join(f"k{number}=v" for number in range(33))
        for state in ("=v", "A=v", "a", "a=1,a=2", "a=b=c", f"a={'x' * 257}", "a=v\u00e4", many):
            found = read_context(GIVEN, state.encode("latin-1"))
            assert found is not None
            self.assertEqual(found.state, b"", state)
        found = read_context(GIVEN, b" a=1 ,, b@c=2\t")
        assert found is not None
        self.assertEqual(found.state, b"a=1,b@c=2")
