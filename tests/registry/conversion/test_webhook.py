"""
Tests for L{ark.registry.conversion.webhook} and what it asks with: the failures' words are
those that kube-apiserver 1.36.3 gave to the same answers.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import orjson
from treq.testing import RequestTraversalAgent
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET

from ark.cluster.webhook import Address, NoAddress, Webhook, WebhookClient
from ark.meta.status import APIStatus
from ark.registry.conversion.webhook import MOST_OBJECTS, WebhookConversion

URL = "https://hook.example.com/convert"
TARGET = "conv.example.com/v2"
WHO = "conversion webhook for conv.example.com/v1, Kind=Thing"

Spoil = Callable[[dict[str, Any]], Any]


def thing(name: str = "t", **metadata: Any) -> dict[str, Any]:
    """
    An object to convert.
    """
    own = {"name": name, "namespace": "default", "uid": f"uid-{name}", "labels": {"a": "b"}, **metadata}
    return {"apiVersion": "conv.example.com/v1", "kind": "Thing", "metadata": own, "spec": {"host": "h"}}


class Hook(Resource):
    """
    Converts things as it is told to.

    @ivar spoil: changes an answer before it is sent.
    """

    isLeaf = True

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[dict[str, Any]] = []
        self.headers: list[Any] = []
        self.uris: list[bytes] = []
        self.spoil: Spoil = lambda review: review
        self.code = 200

    def render_POST(self, request: Any) -> Any:
        """
        Answer a review.
        """
        review = orjson.loads(request.content.read())
        self.asked.append(review)
        self.headers.append(request.requestHeaders)
        self.uris.append(request.uri)
        request.setResponseCode(self.code)
        request.setHeader(b"content-type", b"application/json")
        asked = review["request"]
        made = [
            {**obj, "apiVersion": asked["desiredAPIVersion"], "spec": {"hostname": obj["spec"]["host"]}}
            for obj in asked["objects"]
        ]
        response = {"uid": asked["uid"], "convertedObjects": made, "result": {"status": "Success"}}
        answer = self.spoil({**review, "response": response})
        if answer is None:
            return NOT_DONE_YET
        return answer if isinstance(answer, bytes) else orjson.dumps(answer)


async def nowhere(namespace: str, name: str, port: int) -> Address:
    """
    There are no services.
    """
    raise NoAddress(f'service "{name}" not found')


class WebhookTestCase(SynchronousTestCase):
    """
    Has a webhook in memory.
    """

    def setUp(self) -> None:
        """
        Make it.
        """
        self.clock = Clock()
        self.hook = Hook()
        self.agent = RequestTraversalAgent(self.hook)
        client = WebhookClient(Webhook(URL, None, b""), self.clock, self.agent)
        self.conversion = WebhookConversion(client, ["v9", "v1", "v1beta1"])

    def convert(self, *objects: dict[str, Any]) -> Any:
        """
        The converted objects, or the failure.
        """
        results: list[Any] = []
        done = Deferred.fromCoroutine(self.conversion.convert(objects, TARGET))
        done.addBoth(results.append)
        self.agent.flush()
        self.assertEqual(len(results), 1)
        return results[0]

    def refused(self, spoil: Spoil, *objects: dict[str, Any]) -> str:
        """
        What is told of an answer that is spoiled.
        """
        self.hook.spoil = spoil
        failure = self.convert(*(objects or (thing(),)))
        failure.trap(APIStatus)
        self.assertEqual((failure.value.code, failure.value.reason), (500, ""))
        message: str = failure.value.message
        return message

    def first(self, change: Callable[[dict[str, Any]], Any]) -> Spoil:
        """
        Spoils the first object of an answer.
        """

        def spoil(review: dict[str, Any]) -> dict[str, Any]:
            change(review["response"]["convertedObjects"][0])
            return review

        return spoil


class ConversionTests(WebhookTestCase):
    """
    What is asked and believed.
    """

    def test_the_review_is_kubernetes_own(self) -> None:
        """
        All objects at once, under a uid, as JSON.
        """
        made = self.convert(thing("a"), thing("b"))
        self.assertEqual([one["spec"] for one in made], [{"hostname": "h"}, {"hostname": "h"}])
        (review,) = self.hook.asked
        self.assertEqual(review["kind"], "ConversionReview")
        self.assertEqual(review["apiVersion"], "apiextensions.k8s.io/v1")
        self.assertEqual(review["request"]["desiredAPIVersion"], TARGET)
        self.assertEqual(review["request"]["objects"], [thing("a"), thing("b")])
        self.assertEqual(self.hook.uris, [b"/convert?timeout=30s"])
        headers = self.hook.headers[0]
        self.assertEqual(headers.getRawHeaders(b"content-type"), [b"application/json"])
        self.assertEqual(headers.getRawHeaders(b"user-agent"), [b"kube-apiserver-admission"])

    def test_many_objects_are_sent_in_parts(self) -> None:
        """
        In their order.
        """
        names = [f"t{number}" for number in range(MOST_OBJECTS + 5)]
        made = self.convert(*map(thing, names))
        self.assertEqual([one["metadata"]["name"] for one in made], names)
        sizes = [len(review["request"]["objects"]) for review in self.hook.asked]
        self.assertEqual(sizes, [MOST_OBJECTS, 5])

    def test_metadata_stays_but_for_labels_and_annotations(self) -> None:
        """
        Whatever the webhook says of the rest.
        """

        def change(obj: dict[str, Any]) -> None:
            obj["metadata"] |= {"generation": 7, "finalizers": ["x"], "annotations": {"c": "d"}}
            del obj["metadata"]["labels"]

        self.hook.spoil = self.first(change)
        (made,) = self.convert(thing())
        wanted = {"name": "t", "namespace": "default", "uid": "uid-t", "annotations": {"c": "d"}}
        self.assertEqual(made["metadata"], wanted)

    def test_v1beta1_reviews_may_leave_out_what_they_are(self) -> None:
        """
        Neither type nor uid is looked at then.
        """
        self.conversion._review_versions = ("v1beta1",)
        self.hook.spoil = lambda review: {"response": {**review["response"], "uid": ""}}
        self.assertEqual(self.convert(thing())[0]["apiVersion"], TARGET)
        self.assertEqual(self.hook.asked[0]["apiVersion"], "apiextensions.k8s.io/v1beta1")


class RefusalTests(WebhookTestCase):
    """
    Answers that cannot be used.
    """

    def test_failures_that_the_webhook_tells(self) -> None:
        """
        In its words, if it has any.
        """

        def result(**members: Any) -> Spoil:
            return lambda review: {**review, "response": {**review["response"], "result": members}}

        told = self.refused(result(status="Failure", message="I will not"))
        self.assertEqual(told, f"{WHO} failed: I will not")
        told = self.refused(result(status="Failure"))
        self.assertEqual(told, f"{WHO} failed: response.result.status was 'Failure', not 'Success'")

    def test_answers_to_something_else(self) -> None:
        """
        No review, another one, or one of another uid.
        """
        told = self.refused(lambda review: {**review, "response": None})
        self.assertEqual(told, f"{WHO} failed: no response provided")
        told = self.refused(lambda review: {**review, "response": {"uid": "x"}})
        uid = self.hook.asked[-1]["request"]["uid"]
        self.assertEqual(told, f'{WHO} failed: expected response.uid="{uid}", got "x"')
        told = self.refused(lambda review: {**review, "kind": "Other"})
        wanted = "expected webhook response of apiextensions.k8s.io/v1, Kind=ConversionReview, got "
        self.assertEqual(told, f"{WHO} failed: {wanted}apiextensions.k8s.io/v1, Kind=Other")
        self.assertIn(f"{WHO} failed: couldn't get version/kind; ", self.refused(lambda review: b"{"))

    def test_other_numbers_of_objects(self) -> None:
        """
        One answer belongs to each.
        """

        def none(review: dict[str, Any]) -> dict[str, Any]:
            return {**review, "response": {**review["response"], "convertedObjects": []}}

        self.assertEqual(self.refused(none), f"{WHO} returned 0 objects, expected 1")

    def test_other_objects(self) -> None:
        """
        Of another version or kind, or another one altogether.
        """
        for change, told in (
            (
                {"apiVersion": "a/b"},
                f"object at index 0: invalid groupVersion (expected {TARGET}, received a/b)",
            ),
            ({"kind": "Other"}, "object at index 0: invalid kind (expected Thing, received Other)"),
            ({"metadata": {"name": "other"}}, "object: must have the same name: t != other"),
            ({"metadata": thing(uid="x")["metadata"]}, "object: must have the same UID: uid-t != x"),
            ({"metadata": None}, "object: must have the same name: t != "),
        ):
            found = self.refused(self.first(lambda obj, change=change: obj.update(change)))  # type: ignore[misc]
            self.assertEqual(found, f"{WHO} returned invalid {told}")

    def test_labels_and_annotations_that_cannot_be(self) -> None:
        """
        They are judged like a client's.
        """
        for change, told in (
            ({"labels": {"a": 1}}, "metadata.labels[a] must be a string, but is int64 in converted object"),
            ({"labels": []}, "invalid metadata.labels of type []interface {} in converted object"),
            ({"labels": {"a": "b c"}}, 'metadata.labels: Invalid value: "b c": a valid label must be'),
            ({"annotations": {"-": ""}}, 'metadata.annotation: Invalid value: "-": name part must'),
        ):
            found = self.refused(self.first(lambda obj, change=change: obj["metadata"].update(change)))  # type: ignore[misc]
            self.assertTrue(found.startswith(f"{WHO} returned invalid metadata: {told}"), found)

    def test_one_of_many_is_named_by_its_place(self) -> None:
        """
        As for lists.
        """
        spoil = self.first(lambda obj: obj["metadata"].update(name="x"))
        told = self.refused(spoil, thing("a"), thing("b"))
        wrong = "returned invalid converted object at index 0: must have the same name: a != x"
        self.assertEqual(told, f"{WHO} {wrong}")

    def test_codes_that_are_no_success(self) -> None:
        """
        Told in client-go's words.
        """
        for code, told in (
            (404, "the server could not find the requested resource"),
            (500, 'an error on the server ("unknown") has prevented the request from succeeding'),
            (418, "the server responded with the status code 418 but did not return more information"),
        ):
            self.hook.code = code
            self.assertEqual(self.refused(lambda review: review), f"{WHO} failed: {told}")

    def test_no_review_version_is_known(self) -> None:
        """
        There is nothing to ask then.
        """
        self.conversion._review_versions = ("v2",)
        told = self.refused(lambda review: review)
        self.assertEqual(told, f"{WHO} failed: no supported conversion review versions")

    def test_no_answer_in_time(self) -> None:
        """
        Thirty seconds are enough for everybody.
        """
        self.hook.spoil = lambda review: None
        results: list[Any] = []
        done = Deferred.fromCoroutine(self.conversion.convert([thing()], TARGET))
        done.addBoth(results.append)
        self.agent.flush()
        self.clock.advance(29)
        self.assertEqual(results, [])
        self.clock.advance(2)
        told = f'{WHO} failed: Post "{URL}?timeout=30s": context deadline exceeded'
        self.assertEqual(results[0].value.message, told)


class WebhookOfTests(SynchronousTestCase):
    """
    Where a definition says that its webhook is.
    """

    def test_a_url(self) -> None:
        """
        With the authorities that vouch for it.
        """
        bundle = base64.b64encode(b" \n").decode()
        self.assertEqual(Webhook.of({"url": URL, "caBundle": bundle}), Webhook(URL, None, b""))

    def test_a_service(self) -> None:
        """
        Its name is the one that its certificate must have.
        """
        service = {"namespace": "ns", "name": "hook", "port": 8443, "path": "/convert"}
        found = Webhook.of({"service": service})
        self.assertEqual(found, Webhook("https://hook.ns.svc:8443/convert", ("ns", "hook", 8443), b""))
        found = Webhook.of({"service": {"namespace": "ns", "name": "hook"}})
        self.assertEqual(found.url, "https://hook.ns.svc:443/")
