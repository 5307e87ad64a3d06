"""
Tests of L{ark.http.metrics}, L{ark.http.instruments} and L{ark.http.access}.
"""

from __future__ import annotations

from typing import Any, cast

from prometheus_client.parser import text_string_to_metric_families
from twisted.logger import LogEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from ark.admission.waits import Waits
from ark.authentication.userinfo import UserInfo
from ark.endpoints.requestinfo import parse
from ark.http.instruments import Count, Distribution, Family, merged
from ark.http.knownroutes import Route
from ark.http.metrics import Metrics
from ark.http.requestseries import RequestLabels

GET = RequestLabels("GET", "g", "v1", "widgets", "", "resource")


async def nowhere(*_: Any) -> None:
    """
    An endpoint that does nothing.
    """


class Answered:
    """
    What an observer sees of a request.
    """

    route: Any = None

    def __init__(self, query: str = "", **headers: str) -> None:
        self.path, self.query, self.sent = "/apis/g/v1/widgets", query, 1234
        self.user, self.client_address, self.audit_id = UserInfo("ann"), "127.0.0.1", "a-1"
        self.headers = {name.replace("_", "-").encode(): value.encode() for name, value in headers.items()}
        self.waits: Waits | None = None

    def header(self, name: bytes) -> bytes | None:
        """
        As L{ark.http.request.Request.header}.
        """
        return self.headers.get(name)


def samples(metrics: Metrics, name: str) -> dict[tuple[tuple[str, str], ...], float]:
    """
    The samples of one name by their labels, empty ones left out.
    """
    found = {}
    for family in text_string_to_metric_families(metrics.render().decode()):
        for sample in family.samples:
            if sample.name == name:
                labels = tuple(sorted(item for item in sample.labels.items() if item[1]))
                found[labels] = sample.value
    return found


class MetricsTests(SynchronousTestCase):
    """
    What Prometheus reads.
    """

    def setUp(self) -> None:
        """
        No observation.
        """
        self.metrics = Metrics()

    def value(self, metric: str, **labels: str) -> float:
        """
        The one sample that has these labels among its own.
        """
        values = [
            value for key, value in samples(self.metrics, metric).items() if set(labels.items()) <= set(key)
        ]
        self.assertEqual(len(values), 1, f"{metric} {labels}")
        return values[0]

    def test_requests_are_counted_by_code(self) -> None:
        """
        Two codes are two totals and one duration.
        """
        self.metrics.requests(GET, 200).observe(0.01, 10)
        self.metrics.requests(GET, 200).observe(0.3, 2000)
        self.metrics.requests(GET, 404).observe(0.001, 10)
        self.assertEqual(self.value("apiserver_request_total", code="200"), 2)
        self.assertEqual(self.value("apiserver_request_total", code="404"), 1)
        self.assertEqual(self.value("apiserver_request_duration_seconds_count"), 3)
        self.assertEqual(self.value("apiserver_request_duration_seconds_bucket", le="0.005"), 1)
        self.assertEqual(self.value("apiserver_request_duration_seconds_bucket", le="0.025"), 2)
        self.assertEqual(self.value("apiserver_request_duration_seconds_bucket", le="0.4"), 3)
        self.assertEqual(self.value("apiserver_request_sli_duration_seconds_bucket", le="0.05"), 2)
        self.assertEqual(self.value("apiserver_response_sizes_sum"), 2020)

    def test_buckets_are_written_as_go_writes_them(self) -> None:
        """
        So that queries on C{le} work as they do on Kubernetes.
        """
        self.metrics.requests(GET, 200).observe(0.01, 10)
        bounds = [dict(key)["le"] for key in samples(self.metrics, "apiserver_response_sizes_bucket")]
        self.assertEqual(bounds, ["1000", "10000", "100000", "1e+06", "1e+07", "1e+08", "1e+09", "+Inf"])

    def test_only_reads_have_sizes(self) -> None:
        """
        As in Kubernetes.
        """
        self.metrics.requests(GET._replace(verb="POST"), 201).observe(0.01, 10)
        self.assertEqual(samples(self.metrics, "apiserver_response_sizes_count"), {})

    def test_gauges_are_read_when_asked(self) -> None:
        """
        A number, or a number for each value of a label.
        """
        now = [1.0]
        self.metrics.add_gauge("ark_watch_watchers", "Watchers.", lambda: now[0])
        self.metrics.add_gauge("ark_x", "X.", lambda: {("a",): 1, ("b",): 2}, ("name",))
        now[0] = 7
        self.assertEqual(self.value("ark_watch_watchers"), 7)
        self.assertEqual(self.value("ark_x", name="b"), 2)

    def test_commits_are_observed(self) -> None:
        """
        The size of a batch and its time.
        """
        self.metrics.observe_commit(32, 0.004)
        self.assertEqual(self.value("ark_storage_commit_seconds_count"), 1)
        self.assertEqual(self.value("ark_storage_commit_batch_size_sum"), 32)

    def test_process_is_described(self) -> None:
        """
        Memory and CPU time, as every program shows them.
        """
        self.assertGreater(self.value("process_resident_memory_bytes"), 0)

    def test_child_with_wrong_labels_is_refused(self) -> None:
        """
        At once, not when somebody asks for the metrics.
        """
        family = Family("x", "X.", ("a", "b"), Count)
        self.assertRaises(ValueError, family.child, "1")
        self.assertIs(family.child("1", "2"), family.child("1", "2"))

    def test_distributions_merge_into_fewer_bounds(self) -> None:
        """
        Counts go to the first bound that holds them.
        """
        fine = Distribution((1, 2, 4))
        for value in (0.5, 1.5, 3, 9):
            fine.observe(value)
        coarse = merged((2, 4), (fine, fine))
        self.assertEqual((coarse.counts, coarse.sum), ([4, 2, 2], 28))


class ObserverTests(SynchronousTestCase):
    """
    What is remembered of a request.
    """

    def setUp(self) -> None:
        """
        A server of one resource.
        """
        self.metrics = Metrics([("g", "v1", "widgets")])

    def observe(self, method: str, path: str, request: Answered | None = None) -> dict[str, str]:
        """
        The labels a request is counted under.
        """
        before = samples(self.metrics, "apiserver_request_total")
        info = parse(method, path)
        self.metrics.observe_request(request or Answered(), info, 200, 0.01)
        after = samples(self.metrics, "apiserver_request_total")
        (changed,) = [key for key, value in after.items() if before.get(key) != value]
        labels = dict(changed)
        del labels["component"], labels["code"]
        return labels

    def test_verbs_and_scopes(self) -> None:
        """
        Kubernetes' words for them.
        """
        base = {"group": "g", "version": "v1", "resource": "widgets"}
        collection = "/apis/g/v1/namespaces/n/widgets"
        for method, path, verb, scope in (
            ("GET", f"{collection}/a", "GET", "resource"),
            ("GET", collection, "LIST", "namespace"),
            ("GET", "/apis/g/v1/widgets", "LIST", "cluster"),
            ("POST", collection, "POST", "resource"),
            ("PUT", f"{collection}/a", "PUT", "resource"),
            ("DELETE", collection, "DELETECOLLECTION", "namespace"),
        ):
            for _ in range(2):
                self.assertEqual(self.observe(method, path), {**base, "verb": verb, "scope": scope})

    def test_apply_and_dry_run_are_told_apart(self) -> None:
        """
        By the media type and the query.
        """
        path = "/apis/g/v1/namespaces/n/widgets/a"
        apply = Answered(content_type="application/apply-patch+yaml")
        self.assertEqual(self.observe("PATCH", path, apply)["verb"], "APPLY")
        dry = Answered("dryRun=All")
        self.assertEqual(self.observe("PATCH", path, dry)["dry_run"], "All")

    def test_what_came_the_same_way_before_is_told_apart(self) -> None:
        """
        By its code, by its media type and by its query, as if it had come first.
        """
        path = "/apis/g/v1/namespaces/n/widgets/a"
        info = parse("PATCH", path)
        scope: Any = None
        route = Route(info, {}, scope, nowhere)
        apply = {"content_type": "application/apply-patch+yaml"}
        asked = (
            ("", {}, 200),
            ("", apply, 200),
            ("", {}, 404),
            ("dryRun=All", {}, 200),
            ("", {}, 429),
            ("", {}, 0),
            ("dryRun=All", apply, 200),
        )
        plain = Metrics([("g", "v1", "widgets")])
        for _ in range(3):
            for query, headers, code in asked:
                for metrics, way in ((plain, None), (self.metrics, route)):
                    answered = Answered(query, **headers)
                    answered.route = way
                    metrics.observe_request(answered, info, code, 0.01)
        for name in ("apiserver_request_total", "apiserver_request_aborts_total"):
            self.assertEqual(samples(self.metrics, name), samples(plain, name))
        self.assertEqual(sorted(route.series), [(200, False), (200, True), (404, False)])

    def test_what_is_not_served_is_not_kept_with_the_way(self) -> None:
        """
        So that it gets its labels once it is.
        """
        info = parse("GET", "/apis/g/v1/namespaces/n/gadgets/a")
        answered, scope = Answered(), cast(Any, None)
        answered.route = Route(info, {}, scope, nowhere)
        self.metrics.observe_request(answered, info, 200, 0.01)
        self.metrics.serve([("g", "v1", "gadgets")])
        self.metrics.observe_request(answered, info, 200, 0.01)
        counted = [
            dict(labels).get("resource", "") for labels in samples(self.metrics, "apiserver_request_total")
        ]
        self.assertEqual(sorted(counted), ["", "gadgets"])

    def test_what_clients_invent_is_no_label(self) -> None:
        """
        Else anybody could fill the memory.
        """
        self.assertEqual(self.observe("GET", "/apis/g/v1/gadgets/a"), {"verb": "GET"})
        self.assertEqual(self.observe("BREW", "/coffee"), {"verb": "OTHER"})
        self.assertEqual(self.observe("GET", "/healthz"), {"verb": "GET", "subresource": "/healthz"})
        labels = self.observe("GET", "/apis/g/v1/namespaces/n/widgets/a/nonsense")
        self.assertNotIn("subresource", labels)

    def test_the_time_of_webhooks_is_not_the_servers(self) -> None:
        """
        Those that change an object are asked one after the other, those that judge it at once.
        """
        info = parse("POST", "/apis/g/v1/namespaces/n/widgets")
        for waited in (((True, 1.0), (True, 2.0), (False, 3.0), (False, 2.5)), ()):
            answered = Answered()
            answered.waits = Waits()
            for mutates, seconds in waited:
                answered.waits.add(mutates, seconds)
            self.metrics.observe_request(answered, info, 201, 6.0625)
        whole, own = (f"apiserver_request{name}_duration_seconds" for name in ("", "_sli"))
        self.assertEqual(list(samples(self.metrics, f"{whole}_sum").values()), [12.125])
        self.assertEqual(list(samples(self.metrics, f"{own}_sum").values()), [6.125])
        self.assertEqual(list(samples(self.metrics, f"{own}_count").values()), [2.0])
        buckets = samples(self.metrics, f"{own}_bucket")
        below = {dict(labels)["le"]: count for labels, count in buckets.items()}
        self.assertEqual([below[each] for each in ("0.05", "0.1", "6", "8")], [0.0, 1.0, 1.0, 2.0])

    def test_requests_without_an_answer_are_counted_apart(self) -> None:
        """
        Clients that left, and requests that were too many.
        """
        info = parse("GET", "/apis/g/v1/namespaces/n/widgets/a")
        self.metrics.observe_request(Answered(), info, 0, 0.01)
        self.metrics.observe_request(Answered(), info, 429, 0.01)
        for name in ("apiserver_request_aborts_total", "apiserver_request_terminations_total"):
            self.assertEqual(list(samples(self.metrics, name).values()), [1], name)
        codes = [dict(key)["code"] for key in samples(self.metrics, "apiserver_request_total")]
        self.assertEqual(codes, ["429"])

    def test_authentication_is_told_from_the_codes(self) -> None:
        """
        Only 401 is a failure of it.
        """
        info = parse("GET", "/apis/g/v1/namespaces/n/widgets/a")
        for code in (200, 403, 401):
            self.metrics.observe_request(Answered(), info, code, 0.01)
        results = samples(self.metrics, "authentication_attempts_total")
        self.assertEqual(results, {(("result", "success"),): 2, (("result", "failure"),): 1})

    def test_a_line_says_who_did_what(self) -> None:
        """
        When asked to.
        """
        events: list[LogEvent] = []
        globalLogPublisher.addObserver(events.append)  # type: ignore[arg-type]  # any callable will do
        self.addCleanup(globalLogPublisher.removeObserver, events.append)
        Metrics(log_requests=True).observe_request(Answered(), parse("GET", "/version"), 200, 0.0015)
        found: list[dict[str, Any]] = [event for event in events if event.get("audit_id")]
        self.assertEqual(len(found), 1)
        self.assertEqual(
            (found[0]["user"], found[0]["code"], found[0]["ms"], found[0]["bytes"]), ("ann", 200, 1.5, 1234)
        )
