"""
Tests for L{ark.moving.exporting}.
"""

from __future__ import annotations

from typing import Any

from ark.meta.records import ADDED
from ark.meta.status import bad_request
from ark.moving.exporting import Exported, Exporter
from ark.storage.copying import CopyError
from tests.moving import QUERIES, MovingCase, query


class ExporterTests(MovingCase):
    """
    What the cluster has afterwards.
    """

    def keep(self, *objects: dict[str, Any]) -> None:
        """
        Put objects into the database.
        """
        versions = [self.queries.version_of(obj, number + 2, ADDED, 0) for number, obj in enumerate(objects)]
        self.backend.reset(0)
        self.backend.put_back(versions, len(versions) + 1)

    def export(self) -> Exported:
        """
        Give everything back.
        """
        exporter = Exporter(self.cluster, self.backend, self.collections, self.progress)
        done: Exported = self.done(exporter.export())
        return done

    def there(self, name: str) -> dict[str, Any]:
        """
        What the cluster has.
        """
        found = self.cluster.find(QUERIES, name, "default")
        assert found is not None
        return found

    def test_what_did_not_change_is_not_written(self) -> None:
        """
        It keeps its uid and its revision.
        """
        before = self.cluster.put(QUERIES, query("one"))
        self.keep(query("one"))
        self.assertEqual(self.export(), Exported(kept=1))
        self.assertEqual(self.there("one"), before)

    def test_what_changed_keeps_its_uid(self) -> None:
        """
        Spec, labels and status come along.
        """
        self.cluster.put(QUERIES, query("one"))
        self.keep(
            {**query("one", labels={"a": "b"}), "spec": {"input": "other"}, "status": {"phase": "done"}}
        )
        self.assertEqual(self.export(), Exported(changed=1))
        found = self.there("one")
        self.assertEqual(found["metadata"]["uid"], "uid-of-one")
        self.assertEqual(found["spec"], {"input": "other"})
        self.assertEqual(found["status"], {"phase": "done"})
        self.assertEqual(found["metadata"]["labels"], {"a": "b"})

    def test_what_is_new_gets_another_uid_and_those_it_owns_follow(self) -> None:
        """
        Whatever the order of their names, the owner is made first.
        """
        reference = {
            "apiVersion": "ark.mckinsey.com/v1alpha1",
            "kind": "Query",
            "name": "z",
            "uid": "uid-of-z",
        }
        self.keep(query("a", ownerReferences=[reference]), query("z"))
        self.assertEqual(self.export(), Exported(renewed=2))
        uid = self.there("z")["metadata"]["uid"]
        self.assertNotEqual(uid, "uid-of-z")
        self.assertEqual(self.there("a")["metadata"]["ownerReferences"], [{**reference, "uid": uid}])
        made = [asked.body["metadata"]["name"] for asked in self.cluster.requests if asked.method == "POST"]
        self.assertEqual(made, ["z", "a"])

    def test_what_was_there_follows_its_new_owner(self) -> None:
        """
        Else its owner would be one that the cluster does not have, and it would be collected.
        """
        reference = {"apiVersion": "v", "kind": "Query", "name": "z", "uid": "uid-of-z"}
        self.cluster.put(QUERIES, query("a"))
        self.keep(query("a", ownerReferences=[reference]), query("z"))
        self.assertEqual(self.export(), Exported(changed=1, renewed=1))
        found, uid = self.there("a")["metadata"], self.there("z")["metadata"]["uid"]
        self.assertEqual(found["uid"], "uid-of-a")
        self.assertEqual(found["ownerReferences"], [{**reference, "uid": uid}])
        told = [asked.body for asked in self.cluster.requests if asked.method == "PUT"]
        self.assertEqual([one["metadata"]["ownerReferences"][0]["uid"] for one in told], [uid])
        self.assertEqual(self.export(), Exported(kept=2))

    def test_objects_that_own_each_other_come_back(self) -> None:
        """
        Nobody can be first; they lose the references.
        """

        def of(name: str) -> dict[str, Any]:
            return {"apiVersion": "v", "kind": "Query", "name": name, "uid": f"uid-of-{name}"}

        self.keep(query("a", ownerReferences=[of("b")]), query("b", ownerReferences=[of("a")]))
        self.assertEqual(self.export().renewed, 2)

    def test_what_was_deleted_goes(self) -> None:
        """
        Its finalizers do not keep it: they were seen to.
        """
        self.cluster.put(QUERIES, query("gone", finalizers=["example.com/wait"]))
        self.keep()
        self.assertEqual(self.export(), Exported(removed=1))
        self.assertIsNone(self.cluster.find(QUERIES, "gone", "default"))

    def test_one_of_the_same_name_takes_the_place_of_another(self) -> None:
        """
        It was deleted and made again meanwhile.
        """
        self.cluster.put(QUERIES, query("one", uid="older"))
        self.keep({**query("one"), "spec": {"input": "other"}})
        self.assertEqual(self.export(), Exported(renewed=1, removed=1))
        self.assertEqual(self.there("one")["spec"], {"input": "other"})

    def test_what_cannot_be_written_is_named(self) -> None:
        """
        Whoever has to mend it knows what.
        """
        self.keep(query("one"))
        path = "/apis/ark.mckinsey.com/v1alpha1/namespaces/default/queries"
        self.cluster.answer(path, _refuse)
        exporter = Exporter(self.cluster, self.backend, self.collections, self.progress)
        error = self.refused(exporter.export(), CopyError)
        self.assertIn(path, error.cause)
        self.assertIn("not like this", error.cause)

    def test_what_was_made_before_is_kept(self) -> None:
        """
        An export that was stopped and is run again makes nothing twice.
        """
        reference = {
            "apiVersion": "ark.mckinsey.com/v1alpha1",
            "kind": "Query",
            "name": "z",
            "uid": "uid-of-z",
        }
        self.keep(query("z"))
        self.export()
        uid = self.there("z")["metadata"]["uid"]
        self.keep(query("z"), query("a", ownerReferences=[reference]))
        self.assertEqual(self.export(), Exported(kept=1, renewed=1))
        self.assertEqual(self.there("z")["metadata"]["uid"], uid)
        self.assertEqual(self.there("a")["metadata"]["ownerReferences"][0]["uid"], uid)


def _refuse(_body: Any) -> dict[str, Any]:
    raise bad_request("not like this")
