"""
Tests for L{ark.meta.time}.
"""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ark.meta.time import human_duration, parse_go_duration, parse_rfc3339, rfc3339, rfc3339_micro

LAYOUT = '"2006-01-02T15:04:05Z07:00"'


class TimeTests(SynchronousTestCase):
    """
    C{metav1.Time} and C{time.Parse}.
    """

    def test_whole_seconds_are_written(self) -> None:
        """
        Fractions are cut and the zone is UTC.
        """
        self.assertEqual(rfc3339(1767323045.999), "2026-01-02T03:04:05Z")
        self.assertEqual(rfc3339_micro(1767323045.25), "2026-01-02T03:04:05.250000Z")

    @settings(derandomize=True, max_examples=60, deadline=None, database=None)
    @given(st.integers(0, 253402300799))
    def test_times_read_back_the_same(self, seconds: int) -> None:
        """
        Up to the end of year 9999.
        """
        self.assertEqual(parse_rfc3339(rfc3339(seconds)), seconds)

    def test_zones_and_fractions_are_read(self) -> None:
        """
        As RFC 3339 has them.
        """
        for text in ("2026-01-02T03:04:05.5Z", "2026-01-02T04:04:05.5+01:00", "2026-01-01T23:04:05,5-04:00"):
            self.assertEqual(parse_rfc3339(text), 1767323045.5)
        self.assertEqual(parse_rfc3339("0000-12-31T00:00:00Z"), parse_rfc3339("0001-01-01T00:00:00Z") - 86400)

    def test_other_texts_are_refused_as_go_does(self) -> None:
        """
        The error names the first element that does not fit.
        """
        reasons = {
            "bad": f'"bad" as {LAYOUT}: cannot parse "bad" as "2006"',
            "2026-01-02": f'"2026-01-02" as {LAYOUT}: cannot parse "" as "T"',
            "2026-01-02T03:04:05": f'"2026-01-02T03:04:05" as {LAYOUT}: cannot parse "" as "Z07:00"',
            "2026-13-02T03:04:05": '"2026-13-02T03:04:05": month out of range',
            "2026-02-30T03:04:05Z": '"2026-02-30T03:04:05Z": day out of range',
            "2026-02-30T03:04:05.1Z": '"2026-02-30T03:04:05.1Z": day out of range',
            "2026-02-01T24:04:05Z": '"2026-02-01T24:04:05Z": hour out of range',
            "2026-02-01T03:04:05Zé": '"2026-02-01T03:04:05Z\\xc3\\xa9": extra text: "\\xc3\\xa9"',
            "2026-02-01T03:04:05+25:00": '"2026-02-01T03:04:05+25:00": time zone offset hour out of range',
            "2026-02-01T03:04:05+23:61": '"2026-02-01T03:04:05+23:61": time zone offset minute out of range',
        }
        for text, reason in reasons.items():
            error = self.assertRaises(ValueError, parse_rfc3339, text)
            self.assertEqual(str(error), f"parsing time {reason}")


class AgeTests(SynchronousTestCase):
    """
    C{duration.HumanDuration}.
    """

    def test_ages_have_two_or_three_figures(self) -> None:
        """
        The limits between the units are those of Kubernetes.
        """
        minute, hour, day, year = 60, 3600, 86400, 86400 * 365
        texts = {
            -2: "<invalid>",
            -1: "0s",
            -0.5: "0s",
            119.9: "119s",
            2 * minute: "2m",
            2 * minute + 1: "2m1s",
            10 * minute - 1: "9m59s",
            10 * minute + 1: "10m",
            3 * hour - 1: "179m",
            3 * hour: "3h",
            8 * hour - 1: "7h59m",
            8 * hour + minute: "8h",
            2 * day - 1: "47h",
            2 * day: "2d",
            2 * day + hour: "2d1h",
            8 * day: "8d",
            2 * year - 1: "729d",
            2 * year: "2y",
            2 * year + day: "2y1d",
            8 * year + day: "8y",
        }
        for seconds, text in texts.items():
            self.assertEqual(human_duration(seconds), text)


class DurationTests(SynchronousTestCase):
    """
    C{time.ParseDuration}.
    """

    def test_durations_are_read(self) -> None:
        """
        Any units in any order, fractions too.
        """
        values = {"0": 0.0, "1h2m3s": 3723.0, "-1.5s": -1.5, "+.5m": 30.0, "3ms2us": 0.003002, "1µs": 1e-6}
        for text, seconds in values.items():
            self.assertEqual(parse_go_duration(text), seconds)

    def test_other_texts_are_refused_as_go_does(self) -> None:
        """
        The error tells what is missing.
        """
        reasons = {
            "": 'invalid duration ""',
            "x": 'invalid duration "x"',
            ".s": 'invalid duration ".s"',
            "1": 'missing unit in duration "1"',
            "1d": 'unknown unit "d" in duration "1d"',
            "٣s": 'invalid duration "\\xd9\\xa3s"',
            "9999999h": 'invalid duration "9999999h"',
            "9" * 5000 + "s": f'invalid duration "{"9" * 5000}s"',
        }
        for text, reason in reasons.items():
            error = self.assertRaises(ValueError, parse_go_duration, text)
            self.assertEqual(str(error), f"time: {reason}")
