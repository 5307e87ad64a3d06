"""
Tests for L{ark.admission.webhooks.validating} and for how webhooks fail.
"""

from __future__ import annotations

from typing import Any

from twisted.logger import formatEvent, globalLogPublisher

from tests.admission.webhooks.support import AdmissionTestCase, Reply, allowed
from tests.endpoints.support import WIDGETS

CALLING = 'Internal error occurred: failed calling webhook "a.example.com": '
MERGE = "application/merge-patch+json"


def denying(**status: Any) -> Reply:
    """
    Refuses, and says why.
    """
    return lambda review: allowed(review, allowed=False, status=status)


class ValidatingTests(AdmissionTestCase):
    """
    Contract 16.3, 16.4, 16.6 and 16.7.
    """

    def test_a_new_object_is_seen_as_it_will_be(self) -> None:
        """
        With all that the server gives it, the generated name too.
        """
        self.hook("validating", "a")
        body = self.widget()
        body["metadata"] = {"generateName": "w-"}
        created = self.request("POST", WIDGETS, body).json()
        (request,) = self.hooks.reviews("a")
        seen = request["object"]["metadata"]
        self.assertEqual(seen["uid"], created["metadata"]["uid"])
        self.assertEqual(seen["generation"], 1)
        self.assertEqual(request["name"], created["metadata"]["name"])

    def test_updates_show_both_objects(self) -> None:
        """
        A patch is an update, and told of so.

        Contract 16.3.
        """
        self.create(color="red")
        self.hook("validating", "a")
        patch = {"spec": {"color": "blue"}}
        query = "?fieldManager=m&fieldValidation=Strict"
        self.request("PATCH", f"{WIDGETS}/w{query}", patch, content_type=MERGE)
        (request,) = self.hooks.reviews("a")
        self.assertEqual(request["operation"], "UPDATE")
        colors = [request[which]["spec"]["color"] for which in ("oldObject", "object")]
        self.assertEqual(colors, ["red", "blue"])
        self.assertIn("managedFields", request["oldObject"]["metadata"])
        options = {"fieldManager": "m", "fieldValidation": "Strict"}
        wanted = {"kind": "UpdateOptions", "apiVersion": "meta.k8s.io/v1", **options}
        self.assertEqual(request["options"], wanted)

    def test_the_status_is_a_subresource(self) -> None:
        """
        Of which only the status is written.
        """
        created = self.create(color="red").json()
        self.hook("validating", "a")
        body = {**created, "spec": {"color": "blue"}, "status": {"phase": "x"}}
        self.assertEqual(self.request("PUT", f"{WIDGETS}/w/status", body).code, 200)
        (request,) = self.hooks.reviews("a")
        self.assertEqual((request["subResource"], request["requestSubResource"]), ("status", "status"))
        self.assertEqual(request["object"]["spec"]["color"], "red")
        self.assertEqual(request["object"]["status"], {"phase": "x"})

    def test_a_denial_is_told_in_the_webhooks_words(self) -> None:
        """
        With its code and reason, unless that would be a success.
        """
        denied = 'admission webhook "a.example.com" denied the request'
        self.hook("validating", "a", denying(message="no", reason="Forbidden", code=403))
        status = self.refused(self.create(), 403, f"{denied}: no")
        self.assertEqual(status["reason"], "Forbidden")
        self.hook("validating", "a", denying(reason="Because", code=200))
        self.refused(self.create(), 400, f"{denied}: Because")
        self.hook("validating", "a", lambda review: allowed(review, allowed=False))
        self.refused(self.create(), 400, f"{denied} without explanation")

    def test_denials_keep_their_details(self) -> None:
        """
        Causes and the time to wait.
        """
        causes = [{"reason": "FieldValueInvalid", "message": "bad", "field": "spec"}]
        details = {"name": "w", "kind": "widgets", "causes": causes, "retryAfterSeconds": 3}
        self.hook("validating", "a", denying(code=429, details=details))
        self.assertEqual(self.create().json()["details"], details)

    def test_all_are_asked_and_all_warn(self) -> None:
        """
        The first refusal counts.
        """
        self.hook("validating", "a", lambda review: allowed(review, warnings=["from a"]))
        self.hook("validating", "b", lambda review: allowed(review, allowed=False, warnings=["from b"]))
        self.hook("validating", "c", denying(message="too late"))
        answer = self.create()
        self.refused(answer, 400, 'admission webhook "b.example.com" denied the request without explanation')
        warnings = [value for name, value in answer.headers if name == b"warning"]
        self.assertEqual(warnings, [b'299 - "from a"', b'299 - "from b"'])
        self.assertEqual([name for name, _ in self.hooks.asked], ["a", "b", "c"])

    def test_a_collection_is_judged_one_by_one(self) -> None:
        """
        Each without a name.
        """
        for name in ("a", "b"):
            self.create(name)
        self.hook("validating", "a")
        self.request("DELETE", WIDGETS)
        requests = self.hooks.reviews("a")
        self.assertEqual([one["oldObject"]["metadata"]["name"] for one in requests], ["a", "b"])
        self.assertEqual([one.get("name") for one in requests], [None, None])

    def test_deletions_tell_their_options(self) -> None:
        """
        As they were asked for.

        Contract 16.3.
        """
        uid = self.create().json()["metadata"]["uid"]
        self.hook("validating", "a")
        body = {"propagationPolicy": "Background", "preconditions": {"uid": uid}, "gracePeriodSeconds": 0}
        self.request("DELETE", f"{WIDGETS}/w", body)
        (request,) = self.hooks.reviews("a")
        named = {"kind": "DeleteOptions", "apiVersion": "meta.k8s.io/v1"}
        self.assertEqual(request["options"], {**named, **body})

    def test_dry_run_needs_webhooks_without_side_effects(self) -> None:
        """
        Contract 16.8: the others are not asked.

        Contract 16.8.
        """
        self.hook("validating", "a", sideEffects="Some", failurePolicy="Ignore")
        told = 'admission webhook "a.example.com" does not support dry run'
        self.refused(self.create(query="?dryRun=All"), 400, told)
        self.hook("validating", "a", sideEffects="NoneOnDryRun")
        self.assertEqual(self.create(query="?dryRun=All").code, 201)
        (request,) = self.hooks.reviews("a")
        self.assertIs(request["dryRun"], True)
        self.assertEqual(request["options"]["dryRun"], ["All"])


class FailureTests(AdmissionTestCase):
    """
    Webhooks that fail.
    """

    def test_a_failure_fails_the_write_or_not(self) -> None:
        """
        As the policy says; the audit log is told.
        """
        self.hooks.code = 500
        self.hook("validating", "a", lambda review: b"{}")
        told = 'failed to call webhook: an error on the server ("unknown") has prevented the request from succeeding'
        self.refused(self.create(), 500, CALLING + told)
        self.hook("validating", "a", failurePolicy="Ignore")
        self.assertEqual(self.create().code, 201)
        key = "failed-open.validating.webhook.admission.k8s.io/round_0_index_0"
        self.assertEqual(self.witness.seen[-1].annotations, {key: "a.example.com"})

    def test_what_a_webhook_says_is_not_logged(self) -> None:
        """
        Who it is, and why there was no answer, is (CVE-2020-8561).
        """
        events: list[Any] = []
        globalLogPublisher.addObserver(events.append)
        self.addCleanup(globalLogPublisher.removeObserver, events.append)
        secret = {"kind": "Status", "status": "Failure", "message": "secret"}
        self.hooks.code = 500
        self.hook("validating", "a", lambda review: secret, failurePolicy="Ignore")
        self.assertEqual(self.create(secret="word").code, 201)
        texts = [formatEvent(event) for event in events]
        self.assertIn('passed over: webhook "a.example.com" answered with 0', texts)
        self.assertNotIn("secret", " ".join(texts))

    def test_no_answer_in_time(self) -> None:
        """
        Each webhook has its own time.
        """
        self.hook("validating", "a", lambda review: None, timeoutSeconds=2)
        answer = self.create()
        self.server.advance(3)
        told = (
            'failed to call webhook: Post "https://hook.example.com/a?timeout=2s": context deadline exceeded'
        )
        self.refused(answer, 500, CALLING + told)

    def test_what_is_not_judged_is_not_written(self) -> None:
        """
        Who goes away, or has no more time, before all webhooks have answered has written nothing.
        """
        for count, name in enumerate("abc", 1):
            self.hook("validating", name, lambda review: None, failurePolicy="Ignore")
            answer = self.create()
            self.assertEqual(len(self.hooks.reviews(name)), 1)
            answer.request.disconnected()
            self.server.settle()
            self.assertEqual(self.request("GET", f"{WIDGETS}/w").code, 404, f"{count} webhooks")

    def test_answers_to_something_else(self) -> None:
        """
        They are not believed.
        """
        start = f"{CALLING}received invalid webhook response: "
        for change, told in (
            ({"response": None}, "webhook response was absent"),
            (
                {"kind": ""},
                "expected webhook response of admission.k8s.io/v1, Kind=AdmissionReview, "
                "got admission.k8s.io/v1, Kind=",
            ),
        ):
            self.hook("validating", "a", lambda review, change=change: {**allowed(review), **change})  # type: ignore[misc]
            self.refused(self.create(), 500, start + told)
        self.hook("validating", "a", lambda review: allowed(review, uid="x"))
        answer = self.create()
        uid = self.hooks.reviews("a")[-1]["uid"]
        self.refused(answer, 500, f'{start}expected response.uid="{uid}", got "x"')
        self.hook("validating", "a", lambda review: allowed(review, patch="e30="))
        self.refused(self.create(), 500, f"{start}validating webhook may not return response.patch")

    def test_answers_that_cannot_be_read(self) -> None:
        """
        They fail the call.
        """
        self.hook("validating", "a", lambda review: b"")
        told = "failed to call webhook: 0-length response with status code: 200 and content type: application/json"
        self.refused(self.create(), 500, CALLING + told)
        self.hook("validating", "a", lambda review: allowed(review, allowed="yes"))
        message = self.create().json()["message"]
        self.assertIn("json: cannot unmarshal string into Go struct field", message)

    def test_metrics_tell_how_it_went(self) -> None:
        """
        Under Kubernetes' names.
        """
        self.hook("validating", "a", lambda review: allowed(review, allowed=False))
        self.create()
        samples = {
            (sample.name, *sample.labels.values()): sample.value
            for metric in self.metrics.collect()
            for sample in metric.samples
        }
        call = ("a.example.com", "validating", "CREATE")
        self.assertEqual(
            samples[("apiserver_admission_webhook_rejection_count", *call, "no_error", "400")], 1
        )
        self.assertEqual(samples[("apiserver_admission_webhook_request_total", *call, "400", "true")], 1)
        seconds = "apiserver_admission_webhook_admission_duration_seconds_count"
        self.assertEqual(samples[(seconds, *call, "true")], 1)
