"""
Tests of L{ark.registry.codec}.
"""

from __future__ import annotations

from uuid import RFC_4122, UUID

from twisted.trial.unittest import SynchronousTestCase

from ark.registry.codec import UidSource


class UidTests(SynchronousTestCase):
    """
    The uids of objects, and the names of requests.
    """

    def test_each_is_a_random_uuid(self) -> None:
        """
        Version 4 of RFC 9562 in its usual spelling, across the ends of batches.
        """
        source = UidSource()
        for uid in (source() for _ in range(1000)):
            read = UUID(uid)
            self.assertEqual((read.version, read.variant, str(read)), (4, RFC_4122, uid))

    def test_no_two_are_the_same(self) -> None:
        """
        Whatever a source has made before, and whatever another makes.
        """
        sources = UidSource(), UidSource()
        made = [source() for source in sources for _ in range(1000)]
        self.assertEqual(len(set(made)), len(made))

    def test_every_other_bit_is_random(self) -> None:
        """
        Nothing but version and variant is set by us.
        """
        source = UidSource()
        numbers = [UUID(source()).int for _ in range(1000)]
        always, ever = -1, 0
        for number in numbers:
            always &= number
            ever |= number
        version, variant = 0x4 << 76, 0x8 << 60
        self.assertEqual(always, version | variant)
        self.assertEqual(ever, (1 << 128) - 1 - (0xB << 76) - (0x4 << 60))
