"""
Tests for L{ark.admission.rules} and L{ark.admission.selectors}.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from ark.admission.attributes import DELETE, Subject
from ark.admission.rules import EXACT, Rules, is_exempt
from ark.admission.selectors import InvalidSelector, matches_namespace, matches_object, read_selector
from ark.meta.gvk import GroupResource
from tests.admission.policies.support import LABELS, write

THINGS = Subject("CREATE", "g", "v1", "things")
ALL: dict[str, Any] = {
    "operations": ["*"],
    "apiGroups": ["*"],
    "apiVersions": ["*"],
    "resources": ["*"],
}


def concerns(subject: Subject, **rule: Any) -> bool:
    """
    Whether a rule is about a sort of writes.
    """
    return Rules([{**ALL, **rule}]).concerns(subject)


class RuleTests(SynchronousTestCase):
    """
    Contract 16.2.
    """

    def test_each_part_has_to_name_it(self) -> None:
        """
        Or everything.
        """
        for part, named in (
            ("operations", "CREATE"),
            ("apiGroups", "g"),
            ("apiVersions", "v1"),
            ("resources", "things"),
        ):
            self.assertTrue(concerns(THINGS, **{part: ["other", named]}))
            self.assertFalse(concerns(THINGS, **{part: ["other"]}))
            self.assertFalse(concerns(THINGS, **{part: []}))

    def test_subresources(self) -> None:
        """
        C{*} is about none of them, C{*/*} about all and what they are of.
        """
        status = THINGS._replace(subresource="status")
        for resource, whole, part in (
            ("*", True, False),
            ("*/*", True, True),
            ("things/*", True, True),
            ("things/status", False, True),
            ("*/status", False, True),
            ("things/scale", False, False),
            ("others/*", False, False),
        ):
            found = concerns(THINGS, resources=[resource]), concerns(status, resources=[resource])
            self.assertEqual(found, (whole, part), resource)

    def test_scope(self) -> None:
        """
        A namespace is in none.
        """
        inside, outside, namespace = write(), write(), write()
        outside.namespace = ""
        namespace.resource = GroupResource("", "namespaces")
        for scope, expected in (
            ("Namespaced", [True, False, False]),
            ("Cluster", [False, True, True]),
            ("*", [True, True, True]),
            (None, [True, True, True]),
        ):
            rules = Rules([{**ALL, "scope": scope}])
            found = [rules.version_met(each) is not None for each in (inside, outside, namespace)]
            self.assertEqual(found, expected, scope)

    def test_names(self) -> None:
        """
        None means all.
        """
        rules = Rules([{**ALL, "resourceNames": ["one", "two"]}])
        self.assertEqual([rules.version_met(write(name=name)) for name in ("one", "three")], ["v1", None])

    def test_other_versions(self) -> None:
        """
        Rules for them are met if none for the version itself is, in their order, unless only
        exactly what they name is meant.  Contract 16.10.
        """
        first, second = {**ALL, "apiVersions": ["v3"]}, {**ALL, "apiVersions": ["v2", "v1"]}
        told = write()
        told.others = ("v2", "v3")
        for rules, policy, expected in (
            ([first, second], "Equivalent", "v1"),
            ([first], "Equivalent", "v3"),
            ([first], None, "v3"),
            ([first], EXACT, None),
            ([second], EXACT, "v1"),
            ([{**ALL, "apiVersions": ["v3", "v2"]}], None, "v2"),
            ([{**first, "resourceNames": ["two"]}, {**second, "apiVersions": ["v2"]}], None, "v2"),
            ([{**ALL, "apiVersions": ["v4"]}], None, None),
        ):
            self.assertEqual(Rules(rules, policy).version_met(told), expected, (rules, policy))
        self.assertTrue(Rules([first]).concerns(told.subject))
        self.assertFalse(Rules([first], EXACT).concerns(told.subject))

    def test_exempt(self) -> None:
        """
        What configures admission is beyond it.
        """
        group = "admissionregistration.k8s.io"
        self.assertTrue(is_exempt(Subject("CREATE", group, "v1", "validatingwebhookconfigurations")))
        self.assertFalse(is_exempt(Subject("CREATE", "g", "v1", "validatingwebhookconfigurations")))
        self.assertFalse(is_exempt(THINGS))


class SelectorTests(SynchronousTestCase):
    """
    Selectors of objects, and of their namespaces.
    """

    def test_expressions(self) -> None:
        """
        All have to hold.
        """
        selector = read_selector(
            {
                "matchLabels": {"a": "1"},
                "matchExpressions": [
                    {"key": "b", "operator": "In", "values": ["1", "2"]},
                    {"key": "c", "operator": "NotIn", "values": ["3"]},
                    {"key": "d", "operator": "Exists"},
                    {"key": "e", "operator": "DoesNotExist"},
                ],
            }
        )
        fits = {"a": "1", "b": "2", "d": ""}
        self.assertTrue(selector.matches(fits))
        for wrong in ({"a": "2"}, {"b": "3"}, {"c": "3"}, {"e": ""}):
            self.assertFalse(selector.matches({**fits, **wrong}), wrong)
        del fits["d"]
        self.assertFalse(selector.matches(fits))

    def test_nothing_selects_everything(self) -> None:
        """
        No selector, and an empty one.
        """
        self.assertTrue(read_selector(None).empty)
        self.assertTrue(read_selector({}).empty)

    def test_unknown_operator(self) -> None:
        """
        Means nothing.
        """
        with self.assertRaises(InvalidSelector):
            read_selector({"matchExpressions": [{"key": "a", "operator": "Like"}]})

    def test_objects_before_and_after(self) -> None:
        """
        One of them is enough.
        """
        selector = read_selector({"matchLabels": {"a": "1"}})
        labelled = {"metadata": {"labels": {"a": "1"}}}
        self.assertFalse(matches_object(selector, write()))
        self.assertTrue(matches_object(selector, write(old=labelled)))
        gone = write(DELETE, old=labelled)
        gone.object = None
        self.assertTrue(matches_object(selector, gone))

    def namespaced(
        self, wanted: dict[str, str], namespace: str, resource: GroupResource | None = None
    ) -> Any:
        """
        Whether the namespace of a write is selected.
        """
        attributes = write()
        attributes.namespace = namespace
        attributes.resource = resource or attributes.resource

        async def find(name: str) -> dict[str, Any]:
            return {"metadata": {"name": name, "labels": LABELS}}

        selector = read_selector({"matchLabels": wanted})
        return self.successResultOf(Deferred.fromCoroutine(matches_namespace(selector, attributes, find)))

    def test_namespaces(self) -> None:
        """
        What is in none always is.
        """
        self.assertTrue(self.namespaced(LABELS, "default"))
        self.assertFalse(self.namespaced({"team": "red"}, "default"))
        self.assertTrue(self.namespaced({"team": "red"}, ""))
        self.assertFalse(self.namespaced(LABELS, "", GroupResource("", "namespaces")))
