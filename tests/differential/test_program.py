"""
The parts of the comparison that need no server: generator, normalizer, comparison, list of differences.
"""

from __future__ import annotations

import json
import random
from typing import Any

from twisted.trial.unittest import TestCase

from tests.cluster.build import KUBERNETES_VERSION
from tests.cluster.client import Answer
from tests.cluster.cluster import read_definitions
from tests.cluster.shared import WIDGETS
from tests.differential.accepted import PAGE, Accepted, read_accepted, render, split
from tests.differential.bodies import spoiled, value, with_duplicates
from tests.differential.compare import Difference, compare
from tests.differential.kinds import find, read_kinds
from tests.differential.normal import Normalizer
from tests.differential.player import Outcome
from tests.differential.report import report
from tests.differential.steps import Call, call, target


def outcome(body: Any, code: int = 200, headers: tuple[tuple[str, str], ...] = ()) -> Outcome:
    """
    A recorded JSON answer.
    """
    content = (("content-type", "application/json"), *headers)
    return Outcome(Call("GET", "/x"), Answer(code, list(content), json.dumps(body).encode()))


def stored(revision: str, uid: str, **metadata: Any) -> dict[str, Any]:
    """
    An object as a server shows it.
    """
    return {"metadata": {"name": "a", "namespace": "n", "uid": uid, "resourceVersion": revision, **metadata}}


UID = "11111111-1111-4111-8111-11111111111"


class GeneratorTests(TestCase):
    """
    Programs are data that a seed decides.
    """

    def test_same_seed_gives_same_values(self) -> None:
        """
        A difference that was found can be found again.
        """
        schema = find(read_kinds(read_definitions(WIDGETS)), "widgets").schema
        made = [
            json.dumps(spoiled(value(schema, random.Random(7)), random.Random(8), 3), sort_keys=True)
            for _ in range(2)
        ]
        self.assertEqual(made[0], made[1])

    def test_duplicates_stand_in_the_text(self) -> None:
        """
        One member is written twice, the real value last.
        """
        body = with_duplicates(b'{"spec": {"color": "red"}}', random.Random(1))
        self.assertEqual(body, b'{"spec": {"color": "first", "color": "red"}}')

    def test_target_keeps_references_readable(self) -> None:
        """
        What the player fills in is not percent-encoded, all else is.
        """
        found = target("/x", resourceVersion="$(rv)", limit=None, continue_="a b", dryRun=["x", "y"])
        self.assertEqual(found, "/x?resourceVersion=$(rv)&continue=a%20b&dryRun=x&dryRun=y")


class NormalizerTests(TestCase):
    """
    What differs between any two servers goes, what tells of identity stays.
    """

    def test_servers_with_other_uids_and_revisions_are_equal(self) -> None:
        """
        Labels depend on the order of appearance, not on the values.
        """
        one, other = Normalizer(), Normalizer()
        for number in (5, 9):
            left = one.normalize(outcome(stored(str(number), UID + "1")))
            right = other.normalize(outcome(stored(str(number * 100), UID + "2")))
            self.assertEqual(left, right)

    def test_write_where_none_should_be_shows(self) -> None:
        """
        A second revision of the same object has another label.
        """
        normalizer = Normalizer()
        first, same, changed = (
            normalizer.normalize(outcome(stored(revision, UID + "1"))) for revision in ("5", "5", "6")
        )
        self.assertEqual(first, same)
        self.assertNotEqual(first, changed)

    def test_object_made_anew_shows(self) -> None:
        """
        A second uid of the same name has another label.
        """
        normalizer = Normalizer()
        first, anew = (normalizer.normalize(outcome(stored("5", UID + end))) for end in "12")
        self.assertNotEqual(first["body"]["metadata"]["uid"], anew["body"]["metadata"]["uid"])

    def test_times_of_the_request_survive(self) -> None:
        """
        Only a time near now is the server's; one that the client sent is compared.
        """
        body = Normalizer().normalize(outcome({"due": "2001-02-03T04:05:06Z"}))["body"]
        self.assertEqual(body, {"due": "2001-02-03T04:05:06Z"})

    def test_order_of_causes_does_not_matter(self) -> None:
        """
        A schema's causes come in the order of a map, in the message as well.
        """
        shown = []
        for fields in (("a", "b"), ("b", "a")):
            causes = [{"reason": "R", "message": "m", "field": field} for field in fields]
            text = ", ".join(f"{field}: m" for field in fields)
            status = {"kind": "Status", "message": f"X is invalid: [{text}]", "details": {"causes": causes}}
            shown.append(Normalizer().normalize(outcome(status, 422)))
        self.assertEqual(shown[0], shown[1])


class ComparisonTests(TestCase):
    """
    Each difference says where it was found.
    """

    def test_code_hides_what_follows_from_it(self) -> None:
        """
        Another code is one difference, not also one of reason, message and body.
        """
        found = self._compare(outcome({"a": 1}), outcome({"kind": "Status"}, 404))
        self.assertEqual([one.where for one in found], ["code"])

    def test_places_in_bodies_are_named(self) -> None:
        """
        Members by path, list members by a star, missing ones by name.
        """
        found = self._compare(outcome({"a": [{"b": 1}], "c": 2}), outcome({"a": [{"b": 2}]}))
        self.assertEqual([one.where for one in found], ["body.a.*.b", "body.c"])

    def test_headers_that_matter_are_compared(self) -> None:
        """
        A warning on one side is a difference; a date is not.
        """
        found = self._compare(outcome({}), outcome({}, headers=(("warning", '299 - "x"'), ("date", "now"))))
        self.assertEqual([one.where for one in found], ["header warning"])

    def _compare(self, left: Outcome, right: Outcome) -> list[Difference]:
        return compare(left, Normalizer().normalize(left), Normalizer().normalize(right))


class AcceptedTests(TestCase):
    """
    The list of differences that are kept.
    """

    def test_only_what_an_entry_describes_is_covered(self) -> None:
        """
        Request, place and both values must fit.
        """
        entry = Accepted("t", "k", "o", "r", request="^GET", where="code", left="^500", right="^400")
        fits = Difference("GET /x", "code", "500 x", "400 y")
        others = [fits._replace(request="PUT /x"), fits._replace(where="reason"), fits._replace(right="404")]
        left_over, counts = split([fits, *others], [entry])
        self.assertEqual((left_over, counts), (others, {entry: 1}))

    def test_page_of_the_reference_is_current(self) -> None:
        """
        C{python -m tests.differential.accepted} was run after the last change of the list.
        """
        self.assertEqual(PAGE.read_text(), render(read_accepted(), KUBERNETES_VERSION))

    def test_report_groups_by_kind(self) -> None:
        """
        The same difference of two names is one group with one example.
        """
        found = [Difference(str(call("GET", f"/x-{n}")), "message", f'"x-{n}" a', "b") for n in (1, 2)]
        text = report(found, examples=1)
        self.assertIn("2 differences of 1 kinds", text)
        self.assertEqual(text.count("GET /x"), 1)
