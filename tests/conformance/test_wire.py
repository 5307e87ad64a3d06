"""
Paths, media types and failures: sections 1 and 2.
"""

from __future__ import annotations

import gzip

from ark.authentication.userinfo import UserInfo
from tests.endpoints.support import BASE, GROUP, WIDGETS, ServerTestCase

KUBECTL = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json"
METADATA_CLIENT = (
    "application/vnd.kubernetes.protobuf;as=PartialObjectMetadata{list};g=meta.k8s.io;v=v1,"
    "application/json;as=PartialObjectMetadata{list};g=meta.k8s.io;v=v1,application/json"
)
LARGE = 128 << 10


class PathTests(ServerTestCase):
    """
    Where objects are.
    """

    def test_across_namespaces_there_are_only_reads(self) -> None:
        """
        Contract 1.1.
        """
        self.create("a")
        everywhere = self.request("GET", f"{BASE}/widgets").json()
        self.assertEqual([item["metadata"]["name"] for item in everywhere["items"]], ["a"])
        for method in ("POST", "DELETE"):
            answer = self.request(method, f"{BASE}/widgets", self.widget("b"))
            self.assertEqual((answer.code, answer.body), (404, b"404 page not found\n"))

    def test_an_empty_namespace_is_every_namespace(self) -> None:
        """
        Contract 1.1: clients leave it empty to read all, and to do anything else by mistake.
        """
        self.create("a")
        nowhere = f"{BASE}/namespaces//widgets"
        listed = self.request("GET", nowhere).json()
        self.assertEqual([item["metadata"]["name"] for item in listed["items"]], ["a"])
        self.assertEqual(len(self.request("GET", f"{nowhere}?watch=1").events()), 1)
        for method, path in (("POST", nowhere), ("DELETE", nowhere), ("GET", f"{nowhere}/a")):
            self.assertEqual(self.request(method, path, self.widget("b")).code, 404)
        self.server.create_namespace("configmaps")
        self.assertEqual(self.request("DELETE", "/api/v1/namespaces//configmaps").code // 100, 4)
        kept = self.request("GET", "/api/v1/namespaces/configmaps").json()
        self.assertEqual(kept["status"], {"phase": "Active"})

    def test_the_old_way_to_watch_still_works(self) -> None:
        """
        Contract 1.1.
        """
        self.create("a")
        watch = self.request("GET", f"/apis/{GROUP}/v1/watch/namespaces/default/widgets")
        self.assertEqual([event["type"] for event in watch.events()], ["ADDED"])


class MediaTypeTests(ServerTestCase):
    """
    What is sent and read.
    """

    def test_what_cannot_be_sent_is_named_with_what_can(self) -> None:
        """
        Contract 1.5.
        """
        status = self.status(self.request("GET", WIDGETS, accept="image/png"), 406, "NotAcceptable")
        self.assertIn("only the following media types are accepted: application/json", status["message"])

    def test_cbor_is_refused(self) -> None:
        """
        Contract 1.7: with the codes that make client-go fall back.
        """
        self.status(self.request("GET", WIDGETS, accept="application/cbor"), 406, "NotAcceptable")
        answer = self.request("POST", WIDGETS, b"\xd9\xd9\xf7\xa0", content_type="application/cbor")
        self.status(answer, 415, "UnsupportedMediaType")
        self.create("a")
        patch = self.request(
            "PATCH", f"{WIDGETS}/a?fieldManager=m", b"\xa0", content_type="application/apply-patch+cbor"
        )
        self.status(patch, 415, "UnsupportedMediaType")

    def test_what_kubectl_and_the_metadata_client_accept_is_served(self) -> None:
        """
        Contract 1.9.
        """
        self.create("a")
        self.assertEqual(self.request("GET", WIDGETS, accept=KUBECTL).json()["kind"], "Table")
        many = self.request("GET", WIDGETS, accept=METADATA_CLIENT.format(list="List"))
        self.assertIn(b"PartialObjectMetadataList", many.body)
        one = self.request("GET", f"{WIDGETS}/a", accept=METADATA_CLIENT.format(list=""))
        self.assertIn(b"PartialObjectMetadata", one.body)
        self.assertNotIn(b'"spec":', one.body)

    def test_large_answers_are_compressed(self) -> None:
        """
        Contract 1.10: for those who accept it; small ones and watches are not.
        """
        self.create("a", free={"text": "x" * LARGE})
        answer = self.request("GET", f"{WIDGETS}/a", accept_encoding="gzip")
        self.assertEqual(answer.header(b"content-encoding"), b"gzip")
        self.assertEqual(gzip.decompress(answer.body), self.request("GET", f"{WIDGETS}/a").body)
        self.assertIsNone(self.request("GET", f"{WIDGETS}/a").header(b"content-encoding"))
        self.create("b")
        self.assertIsNone(
            self.request("GET", f"{WIDGETS}/b", accept_encoding="gzip").header(b"content-encoding")
        )
        watch = self.request("GET", f"{WIDGETS}?watch=1", accept_encoding="gzip")
        self.assertIsNone(watch.header(b"content-encoding"))

    def test_people_get_indented_json(self) -> None:
        """
        Contract 1.11.
        """
        self.create("a")
        for query, agent, indented in (
            ("", "client-go", False),
            ("?pretty=1", "client-go", True),
            ("", "curl/8.0", True),
            ("", "Mozilla/5.0 (X11)", True),
            ("?pretty=0", "curl/8.0", False),
        ):
            body = self.request("GET", f"{WIDGETS}/a{query}", user_agent=agent).body
            self.assertEqual(b"\n  " in body, indented, (query, agent))


class HeaderTests(ServerTestCase):
    """
    What every answer says.
    """

    def test_browsers_guess_nothing_of_refusals(self) -> None:
        """
        Contract 1.12 and 1.15: of those that come before anything is looked at, and of plain texts.
        """
        self.assertEqual(self.request("GET", "/nope").header(b"x-content-type-options"), b"nosniff")
        self.assertIsNone(self.request("GET", f"{WIDGETS}/a").header(b"x-content-type-options"))
        self.server.authenticator.user = UserInfo("jane", groups=("system:authenticated",))
        refused = self.request("GET", f"{WIDGETS}/a")
        self.assertEqual((refused.code, refused.header(b"x-content-type-options")), (403, b"nosniff"))


class TimeoutTests(ServerTestCase):
    """
    How long requests may take: contract 1.14.
    """

    def test_what_is_no_duration_is_400(self) -> None:
        """
        In the words of Go.
        """
        status = self.status(self.request("GET", f"{WIDGETS}?timeout=x"), 400, "BadRequest")
        self.assertEqual(
            status["message"],
            'invalid timeout specified in the request URL - time: invalid duration "x"',
        )

    def test_a_request_has_as_long_as_it_wants_but_no_longer_than_others(self) -> None:
        """
        Here it waits for a revision, three seconds at most.
        """
        future = f"{WIDGETS}/a?resourceVersion=99999"
        quick = self.request("GET", f"{future}&timeout=1s")
        slow = [self.request("GET", f"{future}&timeout={text}") for text in ("0s", "2h")]
        self.server.advance(2)
        status = self.status(quick, 504, "Timeout")
        self.assertEqual(status["message"], "Timeout: request did not complete within the allotted timeout")
        self.assertEqual([answer.code for answer in slow], [0, 0])
        self.server.advance(2)
        for answer in slow:
            self.assertIn("Too large resource version", self.status(answer, 504, "Timeout")["message"])

    def test_watches_have_a_time_of_their_own(self) -> None:
        """
        C{timeout} means nothing to them.
        """
        watch = self.request("GET", f"{WIDGETS}?watch=1&timeout=1s")
        self.server.advance(90)
        self.create("a")
        self.assertEqual([event["type"] for event in watch.events()], ["ADDED"])


class StatusTests(ServerTestCase):
    """
    How failures are told.
    """

    def test_empty_members_are_left_out(self) -> None:
        """
        Contract 2.1.
        """
        status = self.request("GET", f"{WIDGETS}/a").json()
        self.assertEqual(
            status,
            {
                "kind": "Status",
                "apiVersion": "v1",
                "metadata": {},
                "status": "Failure",
                "message": f'widgets.{GROUP} "a" not found',
                "reason": "NotFound",
                "details": {"name": "a", "group": GROUP, "kind": "widgets"},
                "code": 404,
            },
        )

    def test_invalid_objects_are_named_by_kind(self) -> None:
        """
        Contract 2.1: where others are named by resource.
        """
        status = self.status(self.request("POST", WIDGETS, self.widget(size="x")), 422, "Invalid")
        self.assertEqual(status["details"]["kind"], "Widget")
        obj = self.create("a")
        options = {"preconditions": {"uid": "other"}}
        status = self.status(self.request("DELETE", f"{WIDGETS}/a", options), 409, "Conflict")
        self.assertEqual(status["details"]["kind"], "Widget")
        self.assertIn(obj["metadata"]["uid"], status["message"])

    def test_when_to_try_again_is_told_twice(self) -> None:
        """
        Contract 2.2: in the details and in the header.
        """
        answer = self.request("GET", f"{WIDGETS}/a?resourceVersion=99999")
        self.server.advance(4)
        status = self.status(answer, 504, "Timeout")
        self.assertEqual(status["details"]["retryAfterSeconds"], 1)
        self.assertEqual(answer.header(b"retry-after"), b"1")

    def test_messages_are_kubernetes(self) -> None:
        """
        Contract 2.3.
        """
        self.create("a")
        taken = self.status(self.request("POST", WIDGETS, self.widget("a")), 409, "AlreadyExists")
        self.assertEqual(taken["message"], f'widgets.{GROUP} "a" already exists')
        missing = self.status(self.request("GET", f"{WIDGETS}/zz"), 404, "NotFound")
        self.assertEqual(missing["message"], f'widgets.{GROUP} "zz" not found')
        nowhere = self.request("POST", f"{BASE}/namespaces/nope/widgets", self.widget())
        self.assertEqual(self.status(nowhere, 404, "NotFound")["message"], 'namespaces "nope" not found')

    def test_warnings_are_told_once_and_shortened(self) -> None:
        """
        Contract 2.7: quoted, each once, and 256 characters of each when they are very many.
        """
        answer = self.request("POST", WIDGETS, self.widget("a", bogus=1))
        self.assertEqual(answer.header_values(b"warning"), [b'299 - "unknown field \\"spec.bogus\\""'])
        many = {f"{index:02}" + "x" * 300: 1 for index in range(20)}
        lines = self.request("POST", WIDGETS, self.widget("b", **many)).header_values(b"warning")
        self.assertTrue(lines)
        self.assertTrue(all(len(line) < 300 for line in lines), lines[0])
        self.assertEqual(len(set(lines)), len(lines))

    def test_warnings_stand_beside_failures(self) -> None:
        """
        Contract 2.7.
        """
        answer = self.request("POST", WIDGETS, self.widget("a", bogus=1, size=99))
        self.assertEqual((answer.code, len(answer.header_values(b"warning"))), (422, 1))
