"""
Tests for L{ark.admission.webhooks.mutating}.
"""

from __future__ import annotations

import base64

import orjson

from ark.tracing.context import TraceContext
from ark.tracing.span import SPAN, Span
from tests.admission.webhooks.support import AdmissionTestCase, allowed, patching
from tests.endpoints.support import GROUP, WIDGETS


class MutatingTests(AdmissionTestCase):
    """
    Contract 16.3, 16.4, 16.5 and 16.7.
    """

    def test_a_new_object_is_seen_before_it_is_one(self) -> None:
        """
        With defaults and managedFields, but without uid, times and generation.
        """
        self.hook("mutating", "a")
        answer = self.create(color="red")
        self.assertEqual(answer.code, 201, answer.body)
        (request,) = self.hooks.reviews("a")
        self.assertEqual(request["object"]["spec"], {"color": "red", "size": 3})
        self.assertEqual(list(request["object"]["metadata"]), ["name", "namespace", "managedFields"])
        self.assertIsNone(request["oldObject"])
        self.assertEqual((request["operation"], request["name"]), ("CREATE", "w"))
        self.assertEqual(request["options"], {"kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1"})
        self.assertEqual(self.hooks.targets, [b"/a?timeout=10s"])

    def test_a_call_is_a_span_that_the_webhook_is_told_of(self) -> None:
        """
        With the attributes that kube-apiserver gives it; nothing is told where nobody traces.
        """
        ended: list[Span] = []

        class Kept:
            seconds = staticmethod(lambda: 0.0)
            add = staticmethod(ended.append)

        for sort in ("mutating", "validating"):
            self.hook(sort, sort[0], configuration=f"{sort}-one")
        self.create("first")
        self.addCleanup(SPAN.set, None)
        SPAN.set(Span(Kept(), TraceContext(7, 8, True)))
        self.create("second")
        calls = {span.name: span for span in ended}
        self.assertEqual(list(calls), ["Call mutating webhook", "Call validating webhook"])
        contexts = [span.context.headers()[b"traceparent"][0] for span in ended]
        self.assertEqual(self.hooks.parents, [None, None, *contexts])
        told = dict(calls["Call validating webhook"].attributes)
        self.assertEqual(told.pop("UID"), self.hooks.reviews("v")[1]["uid"])
        self.assertEqual(
            told,
            {
                "configuration": "validating-one",
                "webhook": "v.example.com",
                "resource": f"widgets.{GROUP}",
                "subresource": "",
                "operation": "CREATE",
            },
        )

    def test_a_patch_changes_what_is_stored(self) -> None:
        """
        What the kind does not know is dropped, and what is missing then is filled in.
        """
        self.hook(
            "mutating",
            "a",
            patching(
                {"op": "add", "path": "/spec/color", "value": "blue"},
                {"op": "add", "path": "/spec/unknown", "value": 1},
                {"op": "remove", "path": "/spec/size"},
            ),
        )
        self.assertEqual(self.create(color="red").json()["spec"], {"color": "blue", "size": 3})

    def test_webhooks_go_in_the_order_of_their_configurations(self) -> None:
        """
        Each sees what those before it made.
        """
        for name in ("c", "a", "b"):
            self.hook(
                "mutating", name, patching({"op": "add", "path": f"/metadata/labels/{name}", "value": ""})
            )
        self.hook(
            "mutating",
            "first",
            patching({"op": "add", "path": "/metadata/labels", "value": {}}),
            configuration="0",
        )
        self.create()
        asked = [
            (name, list(review["request"]["object"]["metadata"].get("labels", {})))
            for name, review in self.hooks.asked
        ]
        self.assertEqual(asked, [("first", []), ("a", []), ("b", ["a"]), ("c", ["a", "b"])])

    def test_a_webhook_may_be_asked_again(self) -> None:
        """
        Once more, if others changed the object after it.
        """
        self.hook("mutating", "a", reinvocationPolicy="IfNeeded")
        self.hook("mutating", "b", patching({"op": "add", "path": "/spec/size", "value": 5}))
        self.hook("mutating", "c", reinvocationPolicy="IfNeeded")
        self.assertEqual(self.create().json()["spec"]["size"], 5)
        self.assertEqual([name for name, _ in self.hooks.asked], ["a", "b", "c", "a"])

    def test_a_generated_name_is_not_there_yet(self) -> None:
        """
        The request has no name then.
        """
        self.hook("mutating", "a")
        body = self.widget()
        body["metadata"] = {"generateName": "w-"}
        self.assertEqual(self.request("POST", WIDGETS, body).code, 201)
        (request,) = self.hooks.reviews("a")
        self.assertNotIn("name", request)
        self.assertNotIn("name", request["object"]["metadata"])

    def test_a_deletion_cannot_be_changed(self) -> None:
        """
        There is nothing to change, whatever the failure policy.
        """
        self.create()
        reply = patching({"op": "add", "path": "/metadata/labels", "value": {}})
        self.hook("mutating", "a", reply, failurePolicy="Ignore")
        told = 'admission webhook "a.example.com" attempted to modify the object, which is not supported for this operation'
        self.refused(self.request("DELETE", f"{WIDGETS}/w"), 500, f"Internal error occurred: {told}")
        (request,) = self.hooks.reviews("a")
        self.assertEqual(request["oldObject"]["metadata"]["name"], "w")
        self.assertIsNone(request["object"])

    def test_patches_that_cannot_be_used(self) -> None:
        """
        What is wrong with the answer is a failed call; what is wrong with the object is not.
        """

        def patch(data: bytes, **members: str) -> None:
            text = base64.b64encode(data).decode()
            self.hook("mutating", "a", lambda review: allowed(review, patch=text, **members))

        start = 'Internal error occurred: failed calling webhook "a.example.com": '
        patch(b"[]")
        told = "webhook returned response.patch but not response.patchType"
        self.refused(self.create(), 500, f"{start}received invalid webhook response: {told}")
        patch(b"{}", patchType="JSONPatch")
        told = "json: cannot unmarshal object into Go value of type jsonpatch.Patch"
        self.refused(self.create(), 500, f"{start}received undecodable patch in webhook response: {told}")
        patch(b'[{"op":"add","path":"/a","value":1}]', patchType="Other")
        self.refused(self.create(), 500, f'{start}unsupported patch type "Other"')
        patch(orjson.dumps([{"op": "replace", "path": "/kind", "value": ""}]), patchType="JSONPatch")
        message = self.create().json()["message"]
        self.assertTrue(message.startswith("Internal error occurred: Object 'Kind' is missing in"), message)

    def test_audit_annotations_tell_who_changed_what(self) -> None:
        """
        The patch itself only where the object is logged too.
        """
        self.hook("mutating", "a", patching({"op": "add", "path": "/spec/size", "value": 5}))
        self.hook("mutating", "b", lambda review: allowed(review, auditAnnotations={"k": "v"}))
        self.create()
        attributes = self.witness.seen[-1]
        prefix = "mutation.webhook.admission.k8s.io/round_0_index_"
        self.assertEqual(
            attributes.annotations,
            {
                f"{prefix}0": '{"configuration":"a","webhook":"a.example.com","mutated":true}',
                f"{prefix}1": '{"configuration":"b","webhook":"b.example.com","mutated":false}',
                "b.example.com/k": "v",
            },
        )
        self.assertEqual(
            attributes.request_annotations,
            {
                "patch.webhook.admission.k8s.io/round_0_index_0": '{"configuration":"a","webhook":"a.example.com",'
                '"patch":[{"op":"add","path":"/spec/size","value":5}],"patchType":"JSONPatch"}'
            },
        )
