"""
Tests for L{ark.progress}.
"""

from __future__ import annotations

from io import StringIO

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from ark.progress import ProgressLine


class Terminal(StringIO):
    """
    A stream that somebody looks at.
    """

    def isatty(self) -> bool:
        """
        It is one.
        """
        return True


class ProgressTests(SynchronousTestCase):
    """
    What is shown, and how often.
    """

    def show(self, stream: StringIO) -> str:
        """
        Ten steps of a second each, the last of which ends it.
        """
        clock = Clock()
        progress = ProgressLine(stream, clock.seconds)
        progress.begin("objects", 1000)
        for _ in range(10):
            clock.advance(1)
            progress.advance(100)
        progress.say("Done.")
        progress.end()
        return stream.getvalue()

    def test_lines_now_and_then(self) -> None:
        """
        Where nobody looks: a line each five seconds, and what it came to.
        """
        self.assertEqual(
            self.show(StringIO()).splitlines(),
            [
                "objects: 1,000",
                "objects: 500 of 1,000 (50%), 100 a second, 5 s left",
                "objects: 1,000 of 1,000 (100%), 100 a second",
                "objects: 1,000 of 1,000 (100%), 100 a second",
                "Done.",
            ],
        )

    def test_a_bar_on_a_terminal(self) -> None:
        """
        One line that is written over and over.
        """
        text = self.show(Terminal())
        self.assertEqual(text.count("\n"), 2)
        self.assertIn(
            "\r[###...........................] objects: 100 of 1,000 (10%), 100 a second, 9 s left\x1b[K",
            text,
        )
        self.assertTrue(text.endswith("(100%), 100 a second\x1b[K\nDone.\n"))

    def test_more_than_was_thought(self) -> None:
        """
        What is counted may grow meanwhile, or be nothing at all.
        """
        for total in (0, 5):
            clock = Clock()
            stream = StringIO()
            progress = ProgressLine(stream, clock.seconds)
            progress.begin("objects", total)
            clock.advance(6)
            progress.advance(12)
            self.assertIn("objects: 12 of 12 (100%), 2 a second\n", stream.getvalue())
