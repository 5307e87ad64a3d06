"""
What the cluster's own controllers do with objects that are ours.
"""

from __future__ import annotations

from typing import Any

from tests.aggregated.cases import AggregatedTests, config_map, engine, owned_by, query, target_of


class GarbageTestsMixin(AggregatedTests):
    """
    The garbage collector of kube-controller-manager knows owners and dependents on both sides.
    """

    def setUp(self) -> None:
        """
        A namespace of its own, and a collector that has heard of our kinds.
        """
        super().setUp()
        self.place = self.namespace()
        self._warm_up()

    def _warm_up(self) -> None:
        # It looks for kinds twice a minute, and deletes dependents only of those that it knows.
        for make in (query, engine):
            owner = self.make(make("warm"))
            dependent = self.make(
                config_map(f"warm-{owner['kind'].lower()}", ownerReferences=owned_by(owner))
            )
            self.delete(owner)
            self.until_gone(self.path(dependent))

    def make(self, obj: dict[str, Any]) -> dict[str, Any]:
        """
        Create an object.
        """
        return self.administrator.create(self.place, obj)

    def path(self, obj: dict[str, Any]) -> str:
        """
        Where an object is.
        """
        return f"{target_of(obj, self.place)}/{obj['metadata']['name']}"

    def delete(self, obj: dict[str, Any], propagation: str = "Background") -> None:
        """
        Delete an object, and have it go after, before or without its dependents.
        """
        body = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": propagation}
        answer = self.administrator.ask("DELETE", self.path(obj), body, Content_Type="application/json")
        self.assertIn(answer.code, (200, 202), answer.body)

    def test_what_the_cluster_keeps_goes_with_our_owner(self) -> None:
        """
        A ConfigMap goes after the query that owns it.
        """
        owner = self.make(query("owner"))
        dependent = self.make(config_map("dependent", ownerReferences=owned_by(owner)))
        self.delete(owner)
        self.until_gone(self.path(dependent))

    def test_ours_goes_with_an_owner_that_the_cluster_keeps(self) -> None:
        """
        A query goes after the ConfigMap that owns it, and an engine after the query.
        """
        owner = self.make(config_map("owner"))
        dependent = self.make(query("dependent", ownerReferences=owned_by(owner)))
        last = self.make(engine("last", ownerReferences=owned_by(dependent)))
        self.delete(owner)
        self.until_gone(self.path(dependent), self.path(last))

    def test_one_of_two_owners_is_enough(self) -> None:
        """
        While one owner is left a query stays, without the reference to the other.
        """
        one, other = self.make(query("one")), self.make(config_map("other"))
        shared = self.make(query("shared", ownerReferences=owned_by(one, other)))
        self.delete(one)

        def owners() -> list[str]:
            found = self.administrator.ask("GET", self.path(shared)).json()
            return [owner["name"] for owner in found["metadata"]["ownerReferences"]]

        self.until(lambda: owners() == ["other"], "one reference is left")
        self.delete(other)
        self.until_gone(self.path(shared))

    def test_an_owner_waits_for_dependents_that_block(self) -> None:
        """
        Deleted in the foreground, a query goes after its dependents on both sides.
        """
        owner = self.make(query("owner"))
        references = owned_by(owner, block=True)
        held = self.make(query("held", ownerReferences=references, finalizers=["example.com/held"]))
        other = self.make(config_map("other", ownerReferences=references))
        self.delete(owner, "Foreground")
        self.until_gone(self.path(other))
        waiting = self.administrator.ask("GET", self.path(owner)).json()["metadata"]
        self.assertEqual(waiting["finalizers"], ["foregroundDeletion"])
        self.administrator.ask("PATCH", self.path(held), {"metadata": {"finalizers": None}})
        self.until_gone(self.path(held), self.path(owner))

    def test_orphans_stay(self) -> None:
        """
        Dependents that are to be orphaned lose their references and stay.
        """
        owner = self.make(query("owner"))
        references = owned_by(owner)
        stay = [self.make(engine("ours", ownerReferences=references))]
        stay.append(self.make(config_map("theirs", ownerReferences=references)))
        self.delete(owner, "Orphan")
        self.until_gone(self.path(owner))
        for dependent in stay:
            found = self.administrator.ask("GET", self.path(dependent)).json()
            self.assertNotIn("ownerReferences", found["metadata"])

    def test_ours_goes_when_its_owner_was_never_there(self) -> None:
        """
        A query whose owner does not exist goes by itself.
        """
        owner = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "never", "uid": "no-such-uid"}}
        dependent = self.make(query("dependent", ownerReferences=owned_by(owner)))
        self.until_gone(self.path(dependent))


class NamespaceTestsMixin(AggregatedTests):
    """
    The namespace controller of kube-controller-manager empties our kinds too.
    """

    def setUp(self) -> None:
        """
        A namespace with an object of each version, one of them held by a finalizer.
        """
        super().setUp()
        self.place = self.namespace()
        self.path = f"/api/v1/namespaces/{self.place}"
        self.held = query("held", finalizers=["example.com/held"])
        for obj in (query("free"), self.held, engine("engine"), config_map("theirs")):
            self.administrator.create(self.place, obj)

    def test_a_namespace_goes_with_all_that_is_in_it(self) -> None:
        """
        It waits for what a finalizer holds, tells of it, lets nothing new in, and goes then.
        """
        queries = target_of(self.held, self.place)
        self.assertEqual(self.administrator.code("DELETE", self.path), 200)
        self.until(lambda: self._names(queries) == ["held"], "only what is held is left")
        self.until_gone(f"{target_of(engine(''), self.place)}/engine")
        self.until(lambda: "NamespaceFinalizersRemaining" in self._conditions(), "it tells why it stays")
        answer = self.administrator.ask("POST", queries, query("late"))
        self.assertEqual(answer.code, 403)
        self.assertEqual(answer.json()["details"]["causes"][0]["reason"], "NamespaceTerminating")
        patch = {"metadata": {"finalizers": None}}
        self.assertEqual(self.administrator.code("PATCH", f"{queries}/held", patch), 200)
        self.until_gone(self.path)

    def test_nothing_is_made_in_a_namespace_that_is_not_there(self) -> None:
        """
        404, as of kinds that the cluster keeps; and in a new one at once.
        """
        answer = self.administrator.ask("POST", target_of(self.held, "nowhere"), query("lost"))
        self.assertEqual((answer.code, answer.json()["message"]), (404, 'namespaces "nowhere" not found'))
        for _ in range(20):
            self.administrator.create(self.namespace(), query("first"))

    def _names(self, collection: str) -> list[str]:
        items = self.administrator.ask("GET", collection).json()["items"]
        return [item["metadata"]["name"] for item in items]

    def _conditions(self) -> list[str]:
        found = self.administrator.ask("GET", self.path).json()
        return [one["type"] for one in found["status"].get("conditions", ()) if one["status"] == "True"]


class SQLiteGarbageTests(GarbageTestsMixin):
    """
    One server on SQLite.
    """


class PostgreSQLGarbageTests(GarbageTestsMixin):
    """
    Two replicas on PostgreSQL.
    """

    backend = "postgresql"


class SQLiteNamespaceTests(NamespaceTestsMixin):
    """
    One server on SQLite.
    """


class PostgreSQLNamespaceTests(NamespaceTestsMixin):
    """
    Two replicas on PostgreSQL.
    """

    backend = "postgresql"


del GarbageTestsMixin, NamespaceTestsMixin
