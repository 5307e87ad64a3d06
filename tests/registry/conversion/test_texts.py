"""
Tests for L{ark.registry.conversion.texts}.
"""

from __future__ import annotations

from collections.abc import Sequence

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from ark.registry.conversion.texts import ConvertedTexts


class TextsTests(SynchronousTestCase):
    """
    What has been prepared is at hand.
    """

    def setUp(self) -> None:
        """
        Make texts whose conversions end when the test says so.
        """
        self.asked: list[tuple[list[bytes], Deferred[None]]] = []
        self.texts = ConvertedTexts(self.convert, lambda text: text.startswith(b"new"), limit=100)

    async def convert(self, texts: Sequence[bytes]) -> list[bytes]:
        """
        The texts in capitals, later.
        """
        done: Deferred[None] = Deferred()
        self.asked.append((list(texts), done))
        await done
        return [text.upper() for text in texts]

    def prepare(self, *texts: bytes) -> Deferred[None]:
        """
        Begin to prepare texts.
        """
        return Deferred.fromCoroutine(self.texts.prepare(texts))

    def test_nothing_is_asked_for_what_is_right(self) -> None:
        """
        Nor for nothing.
        """
        self.successResultOf(self.prepare())
        self.successResultOf(self.prepare(b"new one"))
        self.assertEqual((self.texts.get(b"new one"), self.asked), (b"new one", []))

    def test_texts_are_asked_for_together_and_once(self) -> None:
        """
        Also while they are on their way to somebody else.
        """
        one, two = self.prepare(b"a", b"b", b"a"), self.prepare(b"b", b"c")
        self.assertEqual([texts for texts, _ in self.asked], [[b"a", b"b"], [b"c"]])
        self.assertEqual(self.texts.lacks([b"a", b"new"]), [b"a"])
        self.asked[1][1].callback(None)
        self.assertNoResult(two)
        self.asked[0][1].callback(None)
        self.successResultOf(one)
        self.successResultOf(two)
        self.assertEqual([self.texts.get(text) for text in (b"a", b"b", b"c")], [b"A", b"B", b"C"])
        self.successResultOf(self.prepare(b"c", b"a"))
        self.assertEqual(len(self.asked), 2)

    def test_a_failure_is_told_to_all_who_wait(self) -> None:
        """
        And forgotten: the next one asks again.
        """
        waiting = [self.prepare(b"a"), self.prepare(b"a", b"b")]
        self.asked[1][1].callback(None)
        self.asked[0][1].errback(ValueError("no"))
        for one in waiting:
            self.failureResultOf(one, ValueError)
        again = self.prepare(b"a")
        self.asked[2][1].callback(None)
        self.successResultOf(again)

    def test_who_goes_away_does_not_end_it_for_others(self) -> None:
        """
        A request is cancelled while another waits for the same text.
        """
        gone, other = self.prepare(b"a"), self.prepare(b"a")
        gone.cancel()
        self.failureResultOf(gone, CancelledError)
        self.asked[0][1].callback(None)
        self.successResultOf(other)

    def test_what_is_old_goes(self) -> None:
        """
        But nothing of what was prepared last.
        """
        for letter in (b"a", b"b", b"c"):
            ready = self.prepare(letter * 60)
            self.asked[-1][1].callback(None)
            self.successResultOf(ready)
            self.assertEqual(self.texts.get(letter * 60), letter.upper() * 60)
        self.assertIsNone(self.texts.get(b"a" * 60))
        self.assertIsNotNone(self.texts.get(b"b" * 60))
