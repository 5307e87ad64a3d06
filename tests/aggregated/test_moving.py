"""
Moving a group from CustomResourceDefinitions to a server of ours, and back.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from twisted.trial.unittest import TestCase

from tests.aggregated.cases import ARK, PRE, Object, Session, config_map, engine, owned_by, query
from tests.aggregated.newcomer import Newcomer
from tests.cluster.build import REPOSITORY, require
from tests.cluster.client import Client
from tests.cluster.cluster import Cluster, read_definitions
from tests.cluster.shared import CONTROLLERS, postgresql

QUERIES = int(os.environ.get("ARK_TEST_MOVED_OBJECTS", "1000"))
PLACES = ("one", "one-more", "other")
_DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_SERVICES = "/apis/apiregistration.k8s.io/v1/apiservices"
_OWN = [REPOSITORY / "ark/apis" / version for version in ("v1alpha1", "v1prealpha1")]


def _same(obj: Object) -> Object:
    """
    What has to be equal on both sides.
    """
    return {**obj, "metadata": {**obj["metadata"], "resourceVersion": ""}}


class MovingTests(TestCase):
    """
    The way there and back in one go, for each step needs the one before.
    """

    timeout = 900

    def setUp(self) -> None:
        """
        A cluster with the definitions, and nothing of ours in it.
        """
        require("etcd", "kube")
        self.cluster = Cluster(controllers=CONTROLLERS).start()
        self.addCleanup(self.cluster.remove)
        self.cluster.define(read_definitions(*_OWN))
        client = self.cluster.endpoint.connect()
        self.addCleanup(client.close)
        self.session = Session(client)
        self.begin()

    def begin(self, *storage: str) -> None:
        """
        Let a server come to it.
        """
        self.server = Newcomer(self.cluster, storage=storage)
        self.addCleanup(self.server.stop)
        self.server.prepare()

    # What there is

    def fill(self) -> None:
        """
        Queries with results, some that own and are owned, one that waits for its finalizer.
        """
        for place in PLACES:
            body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": place}}
            self.assertEqual(self.session.code("POST", "/api/v1/namespaces", body), 201)
        with ThreadPoolExecutor(4) as threads:
            list(threads.map(self._make_some, range(4)))
        owner = self.session.create("one", query("owner", labels={"team": "a"}))
        self.session.create("one", config_map("owned", ownerReferences=owned_by(owner)))
        self.session.create("one", query("dependent", ownerReferences=owned_by(owner)))
        self.session.create("one-more", engine("engine"))
        self.session.create("other", query("going", finalizers=["example.com/wait"]))
        self.assertEqual(self.session.code("DELETE", f"{ARK}/namespaces/other/queries/going"), 200)

    def _make_some(self, share: int) -> None:
        client = self.cluster.endpoint.connect()
        session = Session(client)
        for number in range(share, QUERIES, 4):
            place = PLACES[number % len(PLACES)]
            made = session.create(place, query(f"q{number:05}"))
            if number % 10 == 0:
                status = {"status": {"phase": "done"}}
                session.ask(
                    "PATCH", f"{ARK}/namespaces/{place}/queries/{made['metadata']['name']}/status", status
                )
        client.close()

    def everything(self) -> dict[str, Object]:
        """
        All objects of both versions, by their uids.
        """
        found: dict[str, Object] = {}
        for path in (f"{ARK}/queries", f"{PRE}/executionengines", f"{ARK}/agents"):
            answer = self.session.ask("GET", path)
            self.assertEqual(answer.code, 200, answer.body)
            found.update((item["metadata"]["uid"], _same(item)) for item in answer.json()["items"])
        return found

    def revision(self) -> str:
        """
        The newest revision of the queries.
        """
        answer = self.session.ask("GET", f"{ARK}/queries?limit=1").json()
        return str(answer["metadata"]["resourceVersion"])

    # The steps

    def ran(self, result: Any, code: int = 0) -> str:
        """
        What a command printed.
        """
        self.assertEqual(result.returncode, code, result.stdout + result.stderr)
        return str(result.stdout + result.stderr)

    def test_a_group_moves_and_comes_back(self) -> None:
        """
        Each object keeps all that it has on the way there, controllers list again and go on, and on the way back
        what was written meanwhile comes along.

        Contract 20.5.
        """
        self.fill()
        before, old = self.everything(), self.revision()
        self._look(len(before))
        with self._controller() as seen:
            self._import(before)
            self._take_over(before, old)
            changed = self._write_meanwhile()
            self._sees(seen, "new")
        self._give_back(changed)

    def test_the_definitions_can_go_when_all_is_done(self) -> None:
        """
        What kube-apiserver had of the objects goes with them, and nothing of what is served now, here from
        PostgreSQL, nor of what that owns: the garbage collector, which watches the server by then, is not told
        that the former objects are deleted.
        """
        database = postgresql()
        self.addCleanup(database.remove)
        self.begin("--storage=postgresql", f"--db-url={database.url()}")
        self.session.code("POST", "/api/v1/namespaces", {"metadata": {"name": "one"}})
        self._own("known")
        self.session.code("DELETE", f"{ARK}/namespaces/one/queries/known")
        self._eventually(lambda: self._owned("known") == 404, "the collector does not know queries")
        owner = self._own("owner")
        self.ran(self.server.command("import", "--from-cluster"))
        self.server.serve()
        self.ran(self.server.switch())
        names = [definition["metadata"]["name"] for definition in read_definitions(*_OWN)]
        # Its watches of the former objects end by themselves, but not before ten minutes are over.
        self.cluster.restart_controllers()
        for name in names:
            self.assertEqual(self.session.code("DELETE", f"{_DEFINITIONS}/{name}"), 200)
        self._eventually(
            lambda: not self.session.ask("GET", _DEFINITIONS).json()["items"], "definitions are left"
        )
        self.assertEqual(list(self.everything()), [owner["metadata"]["uid"]])
        self.assertEqual(self.session.code("POST", f"{ARK}/namespaces/one/queries", query("two")), 201)
        self._own("later")
        self.session.code("DELETE", f"{ARK}/namespaces/one/queries/later")
        self._eventually(lambda: self._owned("later") == 404, "the collector does not watch the server")
        self.assertEqual(self._owned("owner"), 200)

    def _own(self, name: str) -> Object:
        """
        A query, and a ConfigMap that it owns.
        """
        owner = self.session.create("one", query(name))
        self.session.create("one", config_map(name, ownerReferences=owned_by(owner)))
        return owner

    def _owned(self, name: str) -> int:
        return self.session.code("GET", f"/api/v1/namespaces/one/configmaps/{name}")

    def _eventually(self, holds: Callable[[], bool], otherwise: str) -> None:
        deadline = time.monotonic() + 90
        while not holds():
            self.assertLess(time.monotonic(), deadline, otherwise)
            time.sleep(0.2)

    def _look(self, objects: int) -> None:
        shown = self.ran(self.server.command("import", "--from-cluster", "--dry-run"))
        self.assertIn("Nothing was changed.", shown)
        self.assertIn(f"{objects - 1:>9}", shown)
        self.assertFalse(self.server.database.exists())

    def _import(self, before: dict[str, Object]) -> None:
        began = time.monotonic()
        shown = self.ran(self.server.command("import", "--from-cluster"))
        print(f"imported {len(before)} objects in {time.monotonic() - began:.1f} s")
        self.assertIn(f"Imported {len(before)} objects", shown)
        refused = self.session.ask("POST", f"{ARK}/namespaces/one/queries", query("too-late"))
        self.assertEqual(refused.code, 422, refused.body)
        self.assertIn("are being moved", refused.body.decode())

    def _take_over(self, before: dict[str, Object], old: str) -> None:
        self.server.serve()
        print(self.ran(self.server.switch()).strip())
        self.assertEqual(self.everything(), before)
        answer = self.session.ask("GET", f"{ARK}/queries?watch=true&resourceVersion={old}&timeoutSeconds=1")
        self.assertIn(b'"code":410', answer.body.replace(b" ", b""))
        self.assertGreater(int(self.revision()), int(old))
        with_owner = self.session.ask("GET", "/api/v1/namespaces/one/configmaps/owned")
        self.assertEqual(with_owner.code, 200)

    def _write_meanwhile(self) -> dict[str, Object]:
        """
        Make, change and remove objects where they are now.
        """
        session = self.session
        owner = session.create("one", query("new"))
        session.create("one", query("newer", ownerReferences=owned_by(owner)))
        path = f"{ARK}/namespaces/one/queries"
        answer = session.ask("PATCH", f"{path}/owner", {"spec": {"input": "changed"}})
        self.assertEqual(answer.code, 200, answer.body + self.server.replicas[0].process.tail(40).encode())
        self.assertEqual(session.code("PATCH", f"{path}/owner/status", {"status": {"phase": "done"}}), 200)
        self.assertEqual(session.code("DELETE", f"{path}/q00000"), 200)
        released = {"metadata": {"finalizers": None}}
        self.assertEqual(session.code("PATCH", f"{ARK}/namespaces/other/queries/going", released), 200)
        return self.everything()

    def _give_back(self, changed: dict[str, Object]) -> None:
        print(self.ran(self.server.command("export", "--to-cluster")).strip())
        self.assertNotIn(
            "service", self.session.ask("GET", f"{_SERVICES}/v1alpha1.ark.mckinsey.com").json()["spec"]
        )
        after = self.everything()
        self.assertEqual(_content(after), _content(changed))
        by_name = {obj["metadata"]["name"]: obj for obj in after.values()}
        (reference,) = by_name["newer"]["metadata"]["ownerReferences"]
        self.assertEqual(reference["uid"], by_name["new"]["metadata"]["uid"])
        kept = [uid for uid, obj in changed.items() if obj["metadata"]["name"] not in ("new", "newer")]
        self.assertLessEqual(set(kept), set(after))
        self.assertEqual(self.session.code("POST", f"{ARK}/namespaces/one/queries", query("again")), 201)

    # Somebody who follows the queries all the time

    @contextmanager
    def _controller(self) -> Iterator[set[str]]:
        """
        Names of queries that somebody saw who lists, watches, and lists again when told to.
        """
        seen: set[str] = set()
        stopped = threading.Event()
        thread = threading.Thread(target=self._follow, args=(seen, stopped), daemon=True)
        thread.start()
        try:
            yield seen
        finally:
            stopped.set()
            thread.join(30)

    def _follow(self, seen: set[str], stopped: threading.Event) -> None:
        while not stopped.is_set():
            client = self.cluster.endpoint.connect(10)
            try:
                self._follow_once(client, seen, stopped)
            except (OSError, KeyError, ValueError):
                stopped.wait(0.5)
            finally:
                client.close()

    def _follow_once(self, client: Client, seen: set[str], stopped: threading.Event) -> None:
        listed = client.get(f"{ARK}/queries")
        seen.update(item["metadata"]["name"] for item in listed["items"])
        revision = listed["metadata"]["resourceVersion"]
        while not stopped.is_set():
            query_ = f"watch=true&timeoutSeconds=2&resourceVersion={revision}"
            for line in client.request("GET", f"{ARK}/queries?{query_}").body.splitlines():
                event = json.loads(line)
                if event["type"] == "ERROR":
                    return
                seen.add(event["object"]["metadata"]["name"])
                revision = event["object"]["metadata"]["resourceVersion"]

    def _sees(self, seen: set[str], name: str) -> None:
        deadline = time.monotonic() + 60
        while name not in seen:
            self.assertLess(time.monotonic(), deadline, f"{name} was not seen")
            time.sleep(0.1)


def _content(objects: dict[str, Object]) -> dict[str, Any]:
    """
    What a user wrote, and what came of it.
    """
    return {
        f"{obj['kind']}/{obj['metadata']['namespace']}/{obj['metadata']['name']}": [
            obj["spec"],
            obj.get("status"),
            obj["metadata"].get("labels"),
        ]
        for obj in objects.values()
    }
