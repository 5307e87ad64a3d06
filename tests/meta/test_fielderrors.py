"""
Tests for L{ark.meta.fielderrors}.
"""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ark.meta import fielderrors
from ark.meta.status import Cause


class TextTests(SynchronousTestCase):
    """
    The texts of contract 2.5.
    """

    def check(self, cause: Cause, reason: str, message: str) -> None:
        """
        Compare a cause about C{spec.x}.
        """
        self.assertEqual(cause, Cause(reason, message, "spec.x"))

    def test_required_and_forbidden_show_no_value(self) -> None:
        """
        A detail follows when there is one.
        """
        self.check(fielderrors.required("spec.x"), "FieldValueRequired", "Required value")
        self.check(fielderrors.required("spec.x", "why"), "FieldValueRequired", "Required value: why")
        self.check(fielderrors.forbidden("spec.x", "no"), "FieldValueForbidden", "Forbidden: no")
        self.check(fielderrors.internal("spec.x", "no"), "InternalError", "Internal error: no")

    def test_values_are_shown_as_go_shows_them(self) -> None:
        """
        Strings are quoted, numbers plain, others are JSON.
        """
        values: list[tuple[Any, str]] = [
            ("a\n", '"a\\n"'),
            (99, "99"),
            (1e6, "1e+06"),
            (True, "true"),
            (None, "null"),
            ({"b": 1, "a": [1.0]}, '{"a":[1],"b":1}'),
        ]
        for value, text in values:
            message = f"Invalid value: {text}: why"
            self.check(fielderrors.invalid("spec.x", value, "why"), "FieldValueInvalid", message)
            self.check(fielderrors.type_invalid("spec.x", value, "why"), "FieldValueTypeInvalid", message)
            self.check(
                fielderrors.duplicate("spec.x", value), "FieldValueDuplicate", f"Duplicate value: {text}"
            )
            self.check(fielderrors.not_found("spec.x", value), "FieldValueNotFound", f"Not found: {text}")

    def test_a_value_can_be_left_out(self) -> None:
        """
        Rules about whole objects show none.
        """
        cause = fielderrors.invalid("spec.x", fielderrors.OMITTED, "why")
        self.check(cause, "FieldValueInvalid", "Invalid value: why")

    def test_supported_values_are_listed_in_order(self) -> None:
        """
        Quoted, joined by commas.
        """
        self.check(
            fielderrors.not_supported("spec.x", "pink", ["red", ""]),
            "FieldValueNotSupported",
            'Unsupported value: "pink": supported values: "red", ""',
        )

    def test_limits_are_counted(self) -> None:
        """
        One of a thing is singular, a negative limit is not named.
        """
        text = "FieldValueTooLong"
        self.check(fielderrors.too_long("spec.x", 10), text, "Too long: may not be more than 10 bytes")
        self.check(fielderrors.too_long("spec.x", 1), text, "Too long: may not be more than 1 byte")
        self.check(fielderrors.too_long("spec.x", -1), text, "Too long: value is too long")
        self.check(
            fielderrors.too_many("spec.x", 3, 2),
            "FieldValueTooMany",
            "Too many: 3: must have at most 2 items",
        )
        self.check(
            fielderrors.too_many("spec.x", -1, -1), "FieldValueTooMany", "Too many: has too many items"
        )

    def test_paths_are_joined_by_dots(self) -> None:
        """
        The root has no name.
        """
        self.assertEqual([fielderrors.child("", "a"), fielderrors.child("a", "b")], ["a", "a.b"])
