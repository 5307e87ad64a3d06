"""
Tests of L{ark.meta.jsonpath}.
"""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ark.meta.jsonpath import MISSING, InvalidPath, compile_first, compile_path

POD: dict[str, Any] = {
    "metadata": {"labels": {"app.kubernetes.io/name": "web"}},
    "spec": {
        "ports": [{"name": "http", "port": 80}, {"name": "dns", "port": 53, "udp": True}],
        "empty": None,
    },
    "status": {
        "conditions": [
            {"type": "Ready", "status": "True"},
            {"type": "Good", "status": "False", "count": 3},
        ]
    },
}


class PathTests(SynchronousTestCase):
    """
    Paths find what client-go finds.
    """

    def found(self, path: str) -> list[Any]:
        """
        What a path finds in L{POD}.
        """
        return compile_path(path)(POD)

    def test_members(self) -> None:
        """
        Members are found by name, with dots escaped or in quotes.
        """
        self.assertEqual(self.found(".spec.ports[0].name"), ["http"])
        self.assertEqual(self.found(r".metadata.labels.app\.kubernetes\.io/name"), ["web"])
        self.assertEqual(self.found(r"['metadata']['labels']['app\.kubernetes\.io/name']"), ["web"])
        self.assertEqual(self.found("$.spec.ports[1].port"), [53])

    def test_a_way_that_breaks_off_finds_nothing(self) -> None:
        """
        Missing members, and members of what is no object, are nothing; a null is found.
        """
        for path in (
            ".nope",
            ".spec.nope.deeper",
            ".spec.ports.name",
            ".spec.empty.x",
            ".spec.ports[0].name.x",
        ):
            self.assertEqual(self.found(path), [], path)
        self.assertEqual(self.found(".spec.empty"), [None])

    def test_indexes_and_slices(self) -> None:
        """
        Indexes count from either end; slices may leave out ends and take steps.
        """
        self.assertEqual(self.found(".spec.ports[-1].name"), ["dns"])
        self.assertEqual(self.found(".spec.ports[0:1].name"), ["http"])
        self.assertEqual(self.found(".spec.ports[1:].name"), ["dns"])
        self.assertEqual(self.found(".spec.ports[::2].name"), ["http"])
        self.assertEqual(self.found(".spec.ports[0,1].name"), ["http", "dns"])
        self.assertEqual(self.found(".spec.ports[5].name"), [])
        self.assertEqual(self.found(".spec[0]"), [])

    def test_wildcards_and_descent(self) -> None:
        """
        Stars find all children, two dots all descendants.
        """
        self.assertEqual(self.found(".spec.ports[*].name"), ["http", "dns"])
        self.assertEqual(self.found(".spec.ports.*.port"), [80, 53])
        self.assertEqual(self.found("..port"), [80, 53])
        self.assertEqual(self.found(".spec['ports','empty']"), [POD["spec"]["ports"], None])

    def test_filters_compare(self) -> None:
        """
        Filters take both quote styles and blanks, numbers, booleans and all six signs.
        """
        conditions = ".status.conditions"
        for test in ("@.type=='Ready'", '@.type == "Ready"', "@.type!='Good'"):
            self.assertEqual(self.found(f"{conditions}[?({test})].status"), ["True"], test)
        for test, names in (("@.port>53", ["http"]), ("@.port<=53", ["dns"]), ("@.udp==true", ["dns"])):
            self.assertEqual(self.found(f".spec.ports[?({test})].name"), names, test)
        self.assertEqual(self.found(f"{conditions}[?(@.count)].type"), ["Good"])

    def test_what_cannot_be_compared_finds_nothing(self) -> None:
        """
        Comparing values of different types, or filtering what is no list, spoils it all.
        """
        self.assertEqual(self.found(".spec.ports[?(@.port=='80')].name"), [])
        self.assertEqual(self.found(".spec[?(@.port==80)].name"), [])

    def test_first(self) -> None:
        """
        The first value is given alone, and absence differs from null.
        """
        self.assertEqual(compile_first(".spec.ports[*].port")(POD), 80)
        self.assertIsNone(compile_first(".spec.empty")(POD))
        self.assertIs(compile_first(".spec.nope")(POD), MISSING)
        self.assertIs(compile_first(".spec.ports[9].port")(POD), MISSING)
        self.assertIs(compile_first(".spec.ports[?(@.port=='80')]")(POD), MISSING)

    def test_broken_paths(self) -> None:
        """
        What is no path is refused with a reason.
        """
        for path in (
            ".a[",
            ".a[x]",
            ".a[?(@.b",
            ".a[?(@.b=='c)]",
            ".a[?(@.b==1)",
            "#",
            ".a['b",
            ".a[?(@.b<>1)]",
        ):
            self.assertRaises(InvalidPath, compile_path, path)
