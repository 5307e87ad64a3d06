"""
What goes on while one part of it all is away, and that everything does when it is back.
"""

from __future__ import annotations

import contextlib
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException

from tests.aggregated.cases import ARK, AggregatedTests, Session, config_map, query, target_of
from tests.cluster.aggregated import Replica
from tests.cluster.balancer import Balancer
from tests.cluster.build import require
from tests.cluster.client import kubectl
from tests.cluster.kubeconfig import moved
from tests.storage.postgresqlserver import PostgreSQLServer


class ServerTestsMixin(AggregatedTests):
    """
    All replicas are stopped.
    """

    def setUp(self) -> None:
        """
        A namespace with a query, and one without.
        """
        super().setUp()
        self.place, self.empty = self.namespace(), self.namespace()
        self.administrator.create(self.place, query("one"))

    def test_the_rest_of_the_cluster_goes_on(self) -> None:
        """
        Other kinds are written, read and discovered; ours answer 503; a namespace waits to be
        gone, because nobody can say what is in it, and goes when the server is back.
        """
        for replica in self.server.replicas:
            replica.stop()
        try:
            self.until(lambda: set(self.server.available()) != {"True"}, "the aggregator noticed")
            self.assertEqual(self.administrator.code("GET", f"{ARK}/queries"), 503)
            self.administrator.create(self.place, config_map("meanwhile"))
            self.assertIn("configmaps", self._discovered())
            self.assertEqual(self.administrator.code("DELETE", f"/api/v1/namespaces/{self.empty}"), 200)
            self.until(
                lambda: "NamespaceDeletionDiscoveryFailure" in self._conditions(), "it tells why it stays"
            )
        finally:
            for replica in self.server.replicas:
                self.server.wait_ready(replica, replica.start())
        self.server.wait_available()
        self.until(lambda: "queries" in self._discovered(), "kubectl knows our kinds again")
        self.until_gone(f"/api/v1/namespaces/{self.empty}")
        self.assertEqual(self.administrator.code("GET", f"{ARK}/namespaces/{self.place}/queries/one"), 200)

    def _discovered(self) -> str:
        (program,) = require("kubectl")
        arguments = ("api-resources", "--cached=false")
        return kubectl(program, self.server.endpoint, *arguments, home=self.server.folder).stdout

    def _conditions(self) -> list[str]:
        found = self.administrator.ask("GET", f"/api/v1/namespaces/{self.empty}").json()
        return [one["type"] for one in found["status"].get("conditions", ()) if one["status"] == "True"]


class SQLiteServerTests(ServerTestsMixin):
    """
    One server on SQLite.
    """


class PostgreSQLServerTests(ServerTestsMixin):
    """
    Two replicas on PostgreSQL.
    """

    backend = "postgresql"

    def test_one_replica_is_enough(self) -> None:
        """
        When one of two is stopped, requests go to the other.
        """
        first = self.server.replicas[0]
        first.stop()
        try:
            self.until(
                lambda: self.administrator.code("GET", f"{ARK}/namespaces/{self.place}/queries/one") == 200,
                "the other one answers",
            )
            self.administrator.create(self.place, query("two"))
        finally:
            self.server.wait_ready(first, first.start())

    def test_replicas_are_replaced_without_a_failure(self) -> None:
        """
        While one replica after the other ends and comes back, every write is answered, none is
        lost, and a watch that begins anew where it ended misses nothing.
        """
        stopping = threading.Event()
        listed = self.administrator.ask("GET", target_of(query(""), self.place)).json()
        since = listed["metadata"]["resourceVersion"]
        with ThreadPoolExecutor(5) as threads:
            writing = [threads.submit(self._write, f"worker-{number}", stopping) for number in range(4)]
            watching = threads.submit(self._watch, since, stopping)
            for replica in self.server.replicas:
                self.server.replace(replica)
            stopping.set()
            answers = [answer for one in writing for answer in one.result()]
            seen = watching.result()
        self.assertEqual([answer for answer in answers if answer[1]], [])
        self.assertEqual({name for name, _ in answers} - set(seen), set())
        self.assertEqual(len(seen), len(set(seen)))

    def _write(self, prefix: str, stopping: threading.Event) -> list[tuple[str, str]]:
        session = Session(self.server.endpoint.connect())
        answers = []
        while not stopping.is_set():
            name = f"{prefix}-{len(answers)}"
            answer = session.ask("POST", target_of(query(""), self.place), query(name))
            answers.append((name, "" if answer.code == 201 else f"{answer.code} {answer.body.decode()}"))
        return answers

    def _watch(self, since: str, stopping: threading.Event) -> list[str]:
        """
        The names of all that was created after a revision, watched until the last one was seen.
        """
        target = target_of(query(""), self.place)
        client = self.server.endpoint.connect(2)
        seen: list[str] = []
        quiet = False
        while not (stopping.is_set() and quiet):
            stream = client.stream("GET", f"{target}?watch=true&resourceVersion={since}")
            quiet = True
            # Not by its own name: trial takes C{suppress} in a module for its own.
            with contextlib.suppress(OSError, HTTPException):
                next(stream)
                for line in stream:
                    metadata = json.loads(line)["object"]["metadata"]
                    seen.append(metadata["name"])
                    since, quiet = metadata["resourceVersion"], False
            client.close()
        return seen


class DatabaseTests(AggregatedTests):
    """
    PostgreSQL is stopped, and both replicas are not.
    """

    backend = "postgresql"

    def test_the_aggregator_need_not_know(self) -> None:
        """
        The availability checks, discovery and OpenAPI are answered from memory; writes are
        refused with a reason; all is as before when the database is back.

        Contract 20.1.
        """
        place = self.namespace()
        database: PostgreSQLServer = self.server.database
        database.stop("immediate")
        try:
            direct = self.session(self.server.direct())
            for path in ("/apis", ARK, "/openapi/v2", "/openapi/v3", f"/openapi/v3{ARK}", "/livez"):
                self.assertEqual(direct.code("GET", path), 200, path)
            answer = self.administrator.ask("POST", target_of(query(""), place), query("lost"))
            self.assertGreaterEqual(answer.code, 500)
            self.assertEqual(set(self.server.available()), {"True"})
            self.assertIn("[-]storage failed", direct.ask("GET", "/readyz?verbose").body.decode())
        finally:
            database.start()
        for replica in range(2):
            session = self.session(self.server.direct(replica))
            self.until(lambda: session.code("GET", "/readyz") == 200, "it is ready again")  # noqa: B023
        self.administrator.create(place, query("found"))


class ClusterTests(AggregatedTests):
    """
    The cluster cannot be reached from a server that runs, or that starts.
    """

    def setUp(self) -> None:
        """
        A server of its own, with something between it and the cluster that can be cut.
        """
        super().setUp()
        self.way = Balancer([])
        self.addCleanup(self.way.stop)
        url = f"https://127.0.0.1:{self.way.port}"
        kubeconfig = moved(
            self.server.kubeconfig, url, self.server.folder / f"{self.unique('away')}.kubeconfig"
        )
        serving = self.server.serving
        options = {
            "kubeconfig": str(kubeconfig),
            "storage": "memory",
            "db-path": str(self.server.folder / self.unique("away") / "ark.db"),
            "tls-cert-file": str(serving.certificate),
            "tls-private-key-file": str(serving.key),
        }
        self.replica = Replica(self.unique("away"), self.server.folder, options, [])
        self.place = self.namespace()
        self.process = self.replica.start()
        self.addCleanup(self.replica.stop)
        here = self.server.direct()._replace(url=f"https://127.0.0.1:{self.replica.port}")
        self.nobody, self.user = self.session(here.anonymous()), self.session(here)
        self.process.wait_until(lambda: self.nobody.code("GET", "/livez") == 200)

    def _join(self) -> None:
        self.way.ports = [int(self.server.endpoint.url.rpartition(":")[2])]
        self.process.wait_until(lambda: self.nobody.code("GET", "/readyz") == 200)

    def test_a_server_waits_for_its_cluster(self) -> None:
        """
        It starts, lives, is not ready and says of what it waits; nobody is believed meanwhile.
        """
        ready = self.nobody.ask("GET", "/readyz?verbose")
        self.assertEqual(ready.code, 500)
        for check in ("cluster-authentication", "cluster-namespaces", "cluster-admission"):
            self.assertIn(f"[-]{check} failed", ready.body.decode())
        # An authority that nobody vouches for is refused before there is a request.
        self.assertRaises(OSError, self.user.code, "GET", ARK)
        self._join()
        self.user.create(self.place, query("one"))

    def test_a_server_goes_on_without_its_cluster(self) -> None:
        """
        When the cluster goes away, those who need not be asked for go on in namespaces that are known,
        and nobody else is let in; when it is back, it is followed again.
        """
        self._join()
        self.user.create(self.place, query("one"))
        self.way.cut()
        self.user.create(self.place, query("two"))
        self.assertEqual(self.nobody.code("GET", "/readyz"), 200)
        jane = self.server.cluster.user(self.unique("jane"))
        here = self.server.direct(user=jane)._replace(url=f"https://127.0.0.1:{self.replica.port}")
        self.assertEqual(self.session(here).code("GET", f"{ARK}/queries"), 500)
        late = self.namespace()
        self.assertEqual(self.user.code("POST", target_of(query(""), late), query("three")), 500)
        self._join()
        self.until(
            lambda: self.user.code("POST", target_of(query(""), late), query("three")) in (201, 409),
            "the cluster is followed again",
        )
        self.assertEqual(self.session(here).code("GET", f"{ARK}/queries"), 403)


del ServerTestsMixin
