"""
Stored texts in another version, remembered for those who want them again.

What is served and watched is made of texts without waiting.  So whoever reads them waits
here first, for all that he is about to use; then they are at hand.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence

from twisted.internet.defer import CancelledError, Deferred

LIMIT = 16 * 1024 * 1024

Convert = Callable[[Sequence[bytes]], Awaitable[Sequence[bytes]]]
"""
Makes texts of another version of stored ones, in their order.
"""


class _Flight:
    """
    Texts that are being converted, and who waits for them.
    """

    def __init__(self) -> None:
        self._over = False
        self._error: Exception | None = None
        self._waiting: list[Deferred[None]] = []

    def land(self, error: Exception | None) -> None:
        """
        It is over, well or not.
        """
        self._over, self._error = True, error
        waiting, self._waiting = self._waiting, []
        for waiter in waiting:
            waiter.callback(None)

    async def landed(self) -> None:
        """
        Return when it is over.

        @raise Exception: what it ended with.
        """
        if not self._over:
            waiter: Deferred[None] = Deferred()
            self._waiting.append(waiter)
            try:
                await waiter
            finally:
                if waiter in self._waiting:
                    self._waiting.remove(waiter)
        if self._error is not None:
            raise self._error


class ConvertedTexts:
    """
    Those of one version of one resource.

    What was made ready stays at hand at least until something else was made ready twice;
    beyond C{limit} bytes what is older goes.

    @param is_right: whether a text is in that version as it is.
    """

    def __init__(self, convert: Convert, is_right: Callable[[bytes], bool], limit: int = LIMIT) -> None:
        self._convert = convert
        self._is_right = is_right
        self._limit = limit
        self._young: dict[bytes, bytes] = {}
        self._old: dict[bytes, bytes] = {}
        self._size = 0
        self._flights: dict[bytes, _Flight] = {}

    def get(self, text: bytes) -> bytes | None:
        """
        A stored text in the other version; L{None} when it is not at hand.
        """
        found = self._young.get(text)
        if found is None:
            found = self._old.get(text)
        if found is None and self._is_right(text):
            return text
        return found

    def lacks(self, texts: Iterable[bytes]) -> list[bytes]:
        """
        Those that are not at hand, each once.
        """
        return [text for text in dict.fromkeys(texts) if self.get(text) is None]

    async def prepare(self, texts: Iterable[bytes]) -> None:
        """
        Return when all are at hand.  What others wait for already is not asked for again.

        @raise APIStatus: they cannot be had.
        """
        self._age()
        missing = self.lacks(texts)
        fresh = [text for text in missing if text not in self._flights]
        flight = _Flight()
        self._flights.update(dict.fromkeys(fresh, flight))
        flights = dict.fromkeys(self._flights[text] for text in missing)
        if fresh:
            Deferred.fromCoroutine(self._fly(flight, fresh))
        for flight in flights:
            await flight.landed()

    async def _fly(self, flight: _Flight, texts: list[bytes]) -> None:
        failed: Exception | None = None
        try:
            for text, made in zip(texts, await self._convert(texts), strict=True):
                self._young[text] = made
                self._size += len(text) + len(made)
        except CancelledError:
            raise
        except Exception as error:
            failed = error
        finally:
            for text in texts:
                del self._flights[text]
        flight.land(failed)

    def _age(self) -> None:
        if self._size > self._limit:
            self._old, self._young, self._size = self._young, {}, 0
