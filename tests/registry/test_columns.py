"""
Tests of L{ark.registry.columns} and L{ark.registry.cells}.
"""

from __future__ import annotations

from typing import Any

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from ark.apis.kind import Column, Kind
from ark.registry.columns import compile_columns
from tests.registry.foreign import built_in, foreign_kind

NOW = 1_700_000_000.0  # 2023-11-14T22:13:20Z
CREATED = "2023-11-14T22:08:20Z"


def core(plural: str) -> Kind:
    """
    One of the core kinds.
    """
    kind = built_in().get("", "v1", plural)
    assert kind is not None
    return kind


def cells(kind: Kind, **members: Any) -> dict[str, Any]:
    """
    The cells of an object by the names of their columns.
    """
    columns = compile_columns(kind)
    obj = {"metadata": {"name": "a", "creationTimestamp": CREATED}, **members}
    names = [definition["name"] for definition in columns.definitions()]
    return dict(zip(names, columns.cells(obj, NOW)))


class CustomColumnTests(SynchronousTestCase):
    """
    Columns of custom resources (contract 14).
    """

    def test_definitions(self) -> None:
        """
        The name comes first; a column without words tells its path.
        """
        definitions = compile_columns(foreign_kind()).definitions()
        self.assertEqual([each["name"] for each in definitions][:3], ["Name", "Mode", "Count"])
        self.assertEqual(definitions[0]["format"], "name")
        text = "Custom resource definition column (in JSONPath format): .spec.mode"
        self.assertEqual(definitions[1]["description"], text)
        self.assertEqual(definitions[2]["priority"], 1)

    def test_cells_have_the_declared_type(self) -> None:
        """
        What is of another type is left out; floats are cut to integers.
        """
        spec = {"mode": "a", "count": 3.7, "ratio": 2, "bool": True, "when": CREATED}
        mapl = [{"name": "x", "v": 1}, {"name": "http", "v": 80}]
        found = cells(foreign_kind(), spec={**spec, "mapl": mapl})
        self.assertEqual(
            found,
            {
                "Name": "a",
                "Mode": "a",
                "Count": 3,
                "Ratio": 2.0,
                "Bool": True,
                "When": "5m",
                "Ports": "80",
                "All": "x",
            },
        )
        odd = cells(
            foreign_kind(), spec={"mode": {"b": "<", "a": 1}, "count": "3", "bool": "yes", "when": "x"}
        )
        self.assertEqual(odd["Mode"], '{"a":1,"b":"\\u003c"}')
        self.assertEqual((odd["Count"], odd["Bool"], odd["When"]), (None, None, "<invalid>"))

    def test_what_is_missing_is_null(self) -> None:
        """
        A null in a text column prints as Go prints it.
        """
        found = cells(foreign_kind(), spec={"mode": None})
        self.assertEqual(found["Mode"], "<no value>")
        self.assertEqual(set(found.values()) - {"a", "<no value>"}, {None})

    def test_without_columns_there_is_the_age(self) -> None:
        """
        A kind that declares none shows names and ages.
        """
        self.assertEqual(cells(evolve(foreign_kind(), columns=())), {"Name": "a", "Age": "5m"})

    def test_unknown_words_are_refused(self) -> None:
        """
        A definition cannot ask for a rendering that does not exist.
        """
        kind = evolve(foreign_kind(), columns=(Column("A", "string", ".a", render="nope"),))
        self.assertRaises(ValueError, compile_columns, kind)


class CoreColumnTests(SynchronousTestCase):
    """
    The built-in kinds look as kubectl users know them.
    """

    def test_counts(self) -> None:
        """
        Secrets and ConfigMaps show how many values they hold.
        """
        self.assertEqual(cells(core("secrets"), type="Opaque", data={"a": "", "b": ""})["Data"], 2)
        self.assertEqual(cells(core("configmaps"), data={"a": ""}, binaryData={"b": ""})["Data"], 2)
        self.assertEqual(cells(core("configmaps"))["Data"], 0)

    def test_services(self) -> None:
        """
        Addresses and ports are joined.
        """
        ports = [{"port": 80, "protocol": "TCP"}, {"port": 53, "nodePort": 30053, "protocol": "UDP"}]
        spec: dict[str, Any] = {"type": "ClusterIP", "clusterIPs": ["10.0.0.1"], "ports": ports}
        found = cells(core("services"), spec=spec)
        self.assertEqual(found["Cluster-IP"], "10.0.0.1")
        self.assertEqual(found["External-IP"], "<none>")
        self.assertEqual(found["Port(s)"], "80/TCP,53:30053/UDP")
        balanced = {"loadBalancer": {"ingress": [{"ip": "1.2.3.4"}, {"hostname": "h"}]}}
        found = cells(core("services"), spec={**spec, "type": "LoadBalancer"}, status=balanced)
        self.assertEqual(found["External-IP"], "1.2.3.4,h")
        self.assertEqual(cells(core("services"), spec={"type": "LoadBalancer"})["External-IP"], "<pending>")
        named = {"type": "ExternalName", "externalName": "db.example.com"}
        self.assertEqual(cells(core("services"), spec=named)["External-IP"], "db.example.com")

    def test_events(self) -> None:
        """
        Events show when, where and how often; their name comes last.
        """
        event: dict[str, Any] = {
            "involvedObject": {"kind": "Query", "name": "q"},
            "firstTimestamp": CREATED,
            "lastTimestamp": "2023-11-14T22:13:10Z",
            "count": 4,
            "source": {"component": "ark", "host": "h"},
        }
        found = cells(core("events"), **event)
        self.assertEqual(next(iter(found)), "Last Seen")
        self.assertEqual((found["Last Seen"], found["First Seen"]), ("10s", "5m"))
        self.assertEqual((found["Object"], found["Source"], found["Count"]), ("query/q", "ark, h", 4))
        series = {"count": 9, "lastObservedTime": "2023-11-14T22:13:15.000000Z"}
        found = cells(core("events"), **{**event, "series": series})
        self.assertEqual((found["Last Seen"], found["Count"]), ("5s", 9))
        self.assertEqual(cells(core("events"))["Last Seen"], "<unknown>")

    def test_namespaces(self) -> None:
        """
        Namespaces show their phase.
        """
        self.assertEqual(cells(core("namespaces"), status={"phase": "Active"})["Status"], "Active")
