"""
The times in objects of the built-in kinds.
"""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ark.apis.times import compile_times


class TimesTests(SynchronousTestCase):
    """
    C{k8s.io/apimachinery/pkg/apis/meta/v1/{time,micro_time}.go}.
    """

    def settled(self, kind: str, obj: dict[str, Any]) -> dict[str, Any]:
        """
        The object with its times in their one form.
        """
        compile_times("coordination.k8s.io/v1" if kind == "Lease" else "v1", kind)(obj)
        return obj

    def test_a_time_is_cut_to_seconds_and_told_in_utc(self) -> None:
        """
        Whatever its zone and digits; before the epoch too.
        """
        for sent, kept in (
            ("2026-01-02T03:04:05Z", "2026-01-02T03:04:05Z"),
            ("2026-01-02T03:04:05.999Z", "2026-01-02T03:04:05Z"),
            ("2026-01-02T03:04:05+02:00", "2026-01-02T01:04:05Z"),
            ("1969-12-31T23:59:59.5Z", "1969-12-31T23:59:59Z"),
            ("0001-01-01T00:00:00Z", None),
        ):
            self.assertEqual(self.settled("Event", {"lastTimestamp": sent}), {"lastTimestamp": kept})

    def test_a_micro_time_keeps_six_digits(self) -> None:
        """
        And must have them.
        """
        for sent, kept in (
            ("2026-01-02T03:04:05.678901Z", "2026-01-02T03:04:05.678901Z"),
            ("2026-01-02T03:04:05.678901+00:00", "2026-01-02T03:04:05.678901Z"),
            ("2026-01-02T03:04:05.000001-01:00", "2026-01-02T04:04:05.000001Z"),
        ):
            body = {"spec": {"renewTime": sent, "holderIdentity": "me"}}
            self.assertEqual(self.settled("Lease", body)["spec"]["renewTime"], kept)
        layout = "2006-01-02T15:04:05.000000Z07:00"
        for sent, told in (
            ("2026-01-02T03:04:05Z", f'as "{layout}": cannot parse "Z" as ".000000"'),
            ("2026-01-02T03:04:05.1234567Z", f'as "{layout}": cannot parse "7Z" as "Z07:00"'),
        ):
            error = self.assertRaises(ValueError, self.settled, "Lease", {"spec": {"renewTime": sent}})
            self.assertEqual(str(error), f'parsing time "{sent}" {told}')

    def test_times_are_found_in_objects_and_lists(self) -> None:
        """
        In a series, and in the conditions of a status.
        """
        sent, kept = "2026-01-02T03:04:05+01:00", "2026-01-02T02:04:05Z"
        body = {"status": {"conditions": [{"lastTransitionTime": sent}, {"type": "x"}]}}
        conditions = self.settled("Namespace", body)["status"]["conditions"]
        self.assertEqual(conditions, [{"lastTransitionTime": kept}, {"type": "x"}])
        series = {"series": {"lastObservedTime": "nothing"}}
        self.assertRaises(ValueError, self.settled, "Event", series)

    def test_what_is_no_time_stays(self) -> None:
        """
        Null, other types and other members; and kinds without a message.
        """
        for body in ({"lastTimestamp": None}, {"lastTimestamp": 5}, {"series": []}, {"message": "2026"}):
            self.assertEqual(self.settled("Event", dict(body)), body)
        self.assertEqual(self.settled("Nothing", {"at": "x"}), {"at": "x"})
