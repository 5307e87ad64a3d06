"""
Tests for L{ark.meta.options}, L{ark.meta.deleteoptions} and L{ark.meta.query}.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ark.meta import options
from ark.meta.status import APIStatus


def query(**parameters: str) -> dict[str, list[str]]:
    """
    A decoded query; C{continue_} stands for C{continue}.
    """
    return {name.rstrip("_"): [value] for name, value in parameters.items()}


class _Case(SynchronousTestCase):
    def refused(self, code: int, read: Callable[..., Any], *arguments: Any) -> str:
        """
        The message of the error that reading must raise.
        """
        status = self.assertRaises(APIStatus, read, *arguments)
        self.assertEqual(status.code, code)
        return status.message

    def invalid(self, kind: str, read: Callable[..., Any], *arguments: Any) -> str:
        """
        What a 422 says after its start.
        """
        message = self.refused(422, read, *arguments)
        start = f'{kind}.meta.k8s.io "" is invalid: '
        self.assertTrue(message.startswith(start), message)
        return message[len(start) :]


class EmptyTests(SynchronousTestCase):
    """
    An empty query costs nothing.
    """

    def test_defaults_are_shared(self) -> None:
        """
        The same value each time.
        """
        for read in (
            options.get_options,
            options.list_options,
            options.create_options,
            options.update_options,
            options.patch_options,
            options.delete_options,
        ):
            self.assertIs(read({}), read({}))

    def test_unknown_parameters_are_ignored(self) -> None:
        """
        Contract 1.3.
        """
        self.assertEqual(options.list_options(query(pretty="1", foo="x")), options.list_options({}))
        self.assertEqual(options.create_options(query(foo="x")), options.create_options({}))


class ListTests(_Case):
    """
    Contract 1.2, 11.2, 11.3, 12.13, 12.17.
    """

    def test_everything_is_read(self) -> None:
        """
        One value each; the first counts.
        """
        asked = options.list_options(
            query(
                labelSelector="a=b",
                fieldSelector="metadata.name=x",
                limit="5",
                resourceVersion="17",
                resourceVersionMatch="Exact",
                timeoutSeconds="30",
            )
            | {"allowWatchBookmarks": ["true", "false"]}
        )
        self.assertEqual((asked.limit, asked.timeout_seconds, asked.resource_version), (5, 30, 17))
        self.assertEqual(asked.resource_version_match, options.EXACT)
        self.assertEqual(
            (str(asked.label_selector), asked.field_selector.exact("metadata.name")), ("a=b", "x")
        )
        self.assertTrue(asked.allow_watch_bookmarks)
        self.assertFalse(asked.watch)

    def test_flags_are_parsed_loosely(self) -> None:
        """
        Everything but C{0} and C{false} is true.
        """
        for value in ("1", "true", "maybe", ""):
            self.assertTrue(options.list_options(query(watch=value)).watch, value)
        for value in ("0", "false", "FALSE"):
            self.assertFalse(options.list_options(query(watch=value)).watch, value)

    def test_numbers_that_are_none_are_bad_requests(self) -> None:
        """
        With the text of Go's parser.
        """
        for name in ("limit", "timeoutSeconds"):
            message = self.refused(400, options.list_options, query(**{name: "x"}))
            self.assertEqual(message, 'strconv.ParseInt: parsing "x": invalid syntax')
        self.assertIn(
            "invalid resource version", self.refused(400, options.list_options, query(resourceVersion="x"))
        )

    def test_a_negative_limit_is_none(self) -> None:
        """
        Contract 11.3.
        """
        self.assertEqual(options.list_options(query(limit="-5")).limit, 0)

    def test_resource_version_match_needs_a_fitting_revision(self) -> None:
        """
        The table of contract 11.2.
        """
        read, match = options.list_options, "resourceVersionMatch"
        self.assertEqual(
            self.invalid("ListOptions", read, query(resourceVersionMatch="Exact")),
            f"{match}: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided",
        )
        self.assertEqual(
            self.invalid("ListOptions", read, query(resourceVersionMatch="Exact", resourceVersion="0")),
            f'{match}: Forbidden: resourceVersionMatch "exact" is forbidden for resourceVersion "0"',
        )
        self.assertEqual(
            self.invalid("ListOptions", read, query(resourceVersionMatch="Foo", resourceVersion="1")),
            f'{match}: Unsupported value: "Foo": supported values: "Exact", "NotOlderThan", ""',
        )
        self.assertEqual(
            self.invalid(
                "ListOptions", read, query(resourceVersionMatch="Exact", resourceVersion="1", continue_="x")
            ),
            f"{match}: Forbidden: resourceVersionMatch is forbidden when continue is provided",
        )
        self.assertEqual(
            self.refused(400, read, query(resourceVersion="1", continue_="x")),
            "specifying resource version is not allowed when using continue",
        )
        for version in ("", "0"):
            self.assertEqual(read(query(resourceVersion=version, continue_="x")).continue_, "x")

    def test_initial_events_are_for_watches(self) -> None:
        """
        A list refuses them whatever their value is.
        """
        for value in ("true", "false"):
            self.assertEqual(
                self.invalid("ListOptions", options.list_options, query(sendInitialEvents=value)),
                "sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list",
            )

    def test_watch_options_depend_on_each_other(self) -> None:
        """
        Initial events and their match come together.
        """
        read, match = options.list_options, "resourceVersionMatch"
        needs = f"{match}: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
        self.assertEqual(self.invalid("ListOptions", read, query(watch="1", sendInitialEvents="1")), needs)
        self.assertEqual(
            self.invalid("ListOptions", read, query(watch="1", resourceVersionMatch="NotOlderThan")),
            f"{match}: Forbidden: resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
        )
        exact = query(watch="1", sendInitialEvents="1", resourceVersionMatch="Exact")
        self.assertEqual(
            self.invalid("ListOptions", read, exact),
            f'[{needs}, {match}: Unsupported value: "Exact": supported values: "NotOlderThan"]',
        )

    def test_watch_from_no_certain_revision_starts_with_the_present(self) -> None:
        """
        Kubernetes fills in initial events (contract 12.9).
        """
        for version in ("", "0"):
            asked = options.list_options(query(watch="1", resourceVersion=version))
            self.assertEqual((asked.send_initial_events, asked.legacy), (True, True))
        asked = options.list_options(query(watch="1", resourceVersion="5"))
        self.assertEqual((asked.send_initial_events, asked.legacy), (None, False))
        asked = options.list_options(
            query(watch="1", sendInitialEvents="false", resourceVersionMatch="NotOlderThan")
        )
        self.assertEqual((asked.send_initial_events, asked.legacy), (False, False))

    def test_continue_is_not_for_watches(self) -> None:
        """
        Contract 12.17, in both forms that a watch has.
        """
        message = self.invalid("ListOptions", options.list_options, query(watch="1", continue_="x"))
        self.assertEqual(
            message,
            "resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden when continue is provided",
        )

    def test_the_path_can_ask_for_a_watch(self) -> None:
        """
        The old watch paths carry no parameter.
        """
        self.assertTrue(options.list_options({}, watch=True).watch)


class GetTests(_Case):
    """
    Contract 11.1.
    """

    def test_only_the_revision_counts(self) -> None:
        """
        A match is ignored.
        """
        asked = options.get_options(query(resourceVersion="7", resourceVersionMatch="Foo"))
        self.assertEqual(asked.resource_version, 7)
        self.refused(400, options.get_options, query(resourceVersion="x"))

    def test_exports_are_refused(self) -> None:
        """
        Nobody is to take an object for one without what the server sets.
        """
        for asked in ("true", "1", ""):
            message = self.refused(400, options.get_options, query(export=asked))
            self.assertEqual(message, "the export parameter, deprecated since v1.14, is no longer supported")
        self.assertEqual(options.get_options(query(export="false")), options.get_options({}))


class WriteTests(_Case):
    """
    Contract 7.7, 7.8.
    """

    def test_everything_is_read(self) -> None:
        """
        An empty validation is C{Warn}.
        """
        asked = options.create_options(query(dryRun="All", fieldManager="kubectl", fieldValidation="Strict"))
        self.assertEqual(asked, options.CreateOptions(True, "kubectl", options.STRICT, options.STRICT))
        self.assertEqual(options.update_options(query(fieldValidation="")).field_validation, options.WARN)
        self.assertTrue(options.patch_options(query(force="true", fieldManager="x"), apply=True).force)

    def test_wrong_values_are_told(self) -> None:
        """
        By the kind of the options.
        """
        for kind, read in (
            ("CreateOptions", options.create_options),
            ("UpdateOptions", options.update_options),
            ("PatchOptions", options.patch_options),
        ):
            self.assertEqual(
                self.invalid(kind, read, {"dryRun": ["All", "Maybe"]}),
                'dryRun: Unsupported value: ["All","Maybe"]: supported values: "All"',
            )
            self.assertEqual(
                self.invalid(kind, read, query(fieldValidation="x")),
                'fieldValidation: Unsupported value: "x": supported values: "", "Ignore", "Strict", "Warn"',
            )
            self.assertEqual(
                self.invalid(kind, read, query(fieldManager="x" * 129)),
                "fieldManager: Too long: may not be more than 128 bytes",
            )
            self.assertEqual(
                self.invalid(kind, read, query(fieldManager="é\n")),
                'fieldManager: Invalid value: "é\\n": invalid character U+000A (at position 2)',
            )

    def test_force_is_for_apply(self) -> None:
        """
        And apply needs a manager.
        """
        self.assertEqual(
            self.invalid("PatchOptions", options.patch_options, query(force="false")),
            "force: Forbidden: may not be specified for non-apply patch",
        )
        self.assertEqual(
            self.invalid("PatchOptions", options.patch_options, {}, True),
            "fieldManager: Required value: is required for apply patch",
        )


class DeleteTests(_Case):
    """
    Contract 8.1 to 8.3.
    """

    def test_body_is_read(self) -> None:
        """
        Any of the kinds of options that clients send.
        """
        asked = options.delete_options(
            {},
            {
                "kind": "DeleteOptions",
                "apiVersion": "v1",
                "dryRun": ["All"],
                "gracePeriodSeconds": 0,
                "propagationPolicy": "Orphan",
                "preconditions": {"uid": "u", "resourceVersion": "7"},
            },
        )
        self.assertEqual(asked, options.DeleteOptions(True, 0, "Orphan", None, "u", "7"))

    def test_query_is_read_when_there_is_no_body(self) -> None:
        """
        The preconditions as well.
        """
        asked = options.delete_options(query(orphanDependents="1", uid="u", gracePeriodSeconds="-3"))
        self.assertEqual(
            (asked.orphan_dependents, asked.precondition_uid, asked.grace_period_seconds), (True, "u", 1)
        )
        self.assertIsNone(options.delete_options(query(uid="u"), {}).precondition_uid)

    def test_propagation(self) -> None:
        """
        One of three policies, and not together with the older member.
        """
        self.assertEqual(
            self.invalid("DeleteOptions", options.delete_options, {}, {"propagationPolicy": "Bogus"}),
            'propagationPolicy: Unsupported value: "Bogus": supported values: "Foreground", "Background", "Orphan", "nil"',
        )
        both = {"propagationPolicy": "Orphan", "orphanDependents": False}
        self.assertEqual(
            self.invalid("DeleteOptions", options.delete_options, {}, both),
            'propagationPolicy: Invalid value: "Orphan": orphanDependents and deletionPropagation cannot be both set',
        )

    def test_wrong_types_are_bad_requests(self) -> None:
        """
        In the words of Go's decoder.
        """
        texts: list[tuple[Any, str]] = [
            ([], "json: cannot unmarshal array into Go value of type v1.DeleteOptions"),
            (
                {"gracePeriodSeconds": 1.5},
                "json: cannot unmarshal number 1.5 into Go struct field DeleteOptions.gracePeriodSeconds of type int64",
            ),
            (
                {"dryRun": "All"},
                "json: cannot unmarshal string into Go struct field DeleteOptions.dryRun of type []string",
            ),
            (
                {"preconditions": {"uid": 5}},
                "json: cannot unmarshal number into Go struct field DeleteOptions.preconditions.uid of type types.UID",
            ),
        ]
        for body, message in texts:
            self.assertEqual(self.refused(400, options.delete_options, {}, body), message)
        self.refused(400, options.delete_options, {}, {"kind": "Status", "apiVersion": "v1"})
