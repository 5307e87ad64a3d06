"""
Rules of L{ark.registry.core} that no schema can say: leases and service accounts.
"""

from __future__ import annotations

from typing import Any

from tests.endpoints.support import ServerTestCase

LEASES = "/apis/coordination.k8s.io/v1/namespaces/default/leases"
CORE = "/api/v1/namespaces/default"
MERGE = "application/merge-patch+json"


class LeaseTests(ServerTestCase):
    """
    C{ValidateLeaseSpec} in C{k8s.io/kubernetes/pkg/apis/coordination/validation}.
    """

    def causes(self, **spec: Any) -> list[tuple[str, str]]:
        """
        What is wrong with a lease.
        """
        lease = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": "l"},
            "spec": spec,
        }
        answer = self.request("POST", f"{LEASES}?dryRun=All", lease)
        if answer.code == 201:
            return []
        return [(cause["field"], cause["message"]) for cause in answer.json()["details"]["causes"]]

    def test_times_and_counts(self) -> None:
        """
        A lease lasts, and has not changed hands less than never.
        """
        self.assertEqual(self.causes(leaseDurationSeconds=1, leaseTransitions=0), [])
        told = self.causes(leaseDurationSeconds=0, leaseTransitions=-1)
        self.assertEqual(
            told,
            [
                ("spec.leaseDurationSeconds", "Invalid value: 0: must be greater than 0"),
                ("spec.leaseTransitions", "Invalid value: -1: must be greater than or equal to 0"),
            ],
        )

    def test_strategies(self) -> None:
        """
        Kubernetes' own, or one with a domain; who is preferred is so by a strategy.
        """
        for strategy in ("OldestEmulationVersion", "example.com/own"):
            self.assertEqual(self.causes(strategy=strategy, preferredHolder="me"), [])
        ((field, message),) = self.causes(strategy="Nonsense")
        self.assertEqual(field, "spec.strategy.strategy")
        self.assertTrue(message.startswith('Unsupported value: "Nonsense"'))
        ((field, _),) = self.causes(preferredHolder="me")
        self.assertEqual(field, "spec.preferredHolder")

    def test_numbers_beyond_their_type_are_not_read(self) -> None:
        """
        Kubernetes has a Go type for them, so the request is a bad one.
        """
        lease = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": "l"},
            "spec": {"leaseDurationSeconds": 2**31},
        }
        answer = self.request("POST", LEASES, lease)
        self.assertEqual(answer.code, 400)
        self.assertIn("json: cannot unmarshal number into Go struct field", answer.json()["message"])

    def test_an_update_of_a_lease_that_is_gone_does_not_make_it_anew(self) -> None:
        """
        If it says which one it means.
        """
        lease = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": "l", "uid": "u"},
        }
        answer = self.request("PUT", f"{LEASES}/l", lease)
        self.assertEqual((answer.code, answer.json()["reason"]), (409, "Conflict"))
        self.assertEqual(self.request("GET", f"{LEASES}/l").code, 404)

    def test_revisions_of_leases_that_an_update_makes_are_numbers(self) -> None:
        """
        What they say does not matter.
        """
        lease: dict[str, Any] = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease"}
        for revision, code in (("x", 400), ("5", 201)):
            lease["metadata"] = {"name": "l", "resourceVersion": revision}
            self.assertEqual(self.request("PUT", f"{LEASES}/l", lease).code, code)


class ConfigMapTests(ServerTestCase):
    """
    What Go makes of a null in a map.
    """

    def test_a_null_is_an_empty_value(self) -> None:
        """
        Of text; no bytes at all are null.
        """
        config_map = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "c"},
            "data": {"c.d": None},
            "binaryData": {"x": None},
        }
        stored = self.request("POST", f"{CORE}/configmaps", config_map).json()
        self.assertEqual((stored["data"], stored["binaryData"]), ({"c.d": ""}, {"x": None}))
        fields = stored["metadata"]["managedFields"][0]["fieldsV1"]
        self.assertEqual(fields["f:data"], {".": {}, "f:c.d": {}})
        self.assertEqual(fields["f:binaryData"], {".": {}, "f:x": {}})
        secret = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "s"},
            "data": {"x": None},
            "stringData": {"y": None},
        }
        stored = self.request("POST", f"{CORE}/secrets", secret).json()
        self.assertEqual(stored["data"], {"x": None, "y": ""})

    def test_bytes_may_be_none_and_stand_on_lines(self) -> None:
        """
        As Go reads base64; anything else is refused.
        """
        secret: dict[str, Any] = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}}
        sent = {"none": "", "lines": "aGVs\nbG8=\r\n"}
        stored = self.request("POST", f"{CORE}/secrets", {**secret, "data": sent}).json()
        self.assertEqual(stored["data"], {"none": "", "lines": "aGVsbG8="})
        for bad in ("a", "aGVsbG8", "aGVs bG8=", "\u00e9"):
            answer = self.request("POST", f"{CORE}/secrets", {**secret, "data": {"x": bad}})
            self.assertIn("illegal base64 data", self.status(answer, 400, "BadRequest")["message"])

    def test_a_patch_may_take_the_type_away(self) -> None:
        """
        The path tells it.
        """
        config_map = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}}
        self.request("POST", f"{CORE}/configmaps", config_map)
        patch = [{"op": "remove", "path": "/kind"}, {"op": "remove", "path": "/apiVersion"}]
        answer = self.request(
            "PATCH", f"{CORE}/configmaps/c", patch, content_type="application/json-patch+json"
        )
        self.assertEqual((answer.code, answer.json()["kind"]), (200, "ConfigMap"), answer.body)

    def test_what_is_applied_has_to_fit_too(self) -> None:
        """
        Otherwise nobody could change the object any more.
        """
        config_map = {"apiVersion": "v1", "kind": "ConfigMap", "binaryData": {"x": "not base64"}}
        lease = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "spec": {"acquireTime": "2020-01-02T03:04:05.5+01:00"},
        }
        for path, applied in ((f"{CORE}/configmaps/c", config_map), (f"{LEASES}/c", lease)):
            body = {**applied, "metadata": {"name": "c"}}
            where = f"{path}?fieldManager=m"
            answer = self.request("PATCH", where, body, content_type="application/apply-patch+yaml")
            self.assertEqual(answer.code, 400, answer.body)
            self.assertIn("cannot be handled as a", answer.json()["message"])


class FinalizerTests(ServerTestCase):
    """
    Finalizers of core kinds (C{validateKubeFinalizerName}).
    """

    def test_they_are_qualified(self) -> None:
        """
        Kubernetes' own need no domain; leases and events are of no core kind in this.
        """
        bodies: dict[str, dict[str, Any]] = {
            f"{CORE}/configmaps": {"kind": "ConfigMap"},
            f"{CORE}/secrets": {"kind": "Secret"},
            f"{CORE}/serviceaccounts": {"kind": "ServiceAccount"},
            f"{CORE}/services": {"kind": "Service", "spec": {"type": "ExternalName", "externalName": "a.b"}},
            "/api/v1/namespaces": {"kind": "Namespace"},
        }
        for path, body in bodies.items():
            metadata = {"name": "held", "finalizers": ["orphan", "a.b/c"]}
            made = self.request("POST", path, {"apiVersion": "v1", "metadata": metadata, **body})
            self.assertEqual(made.code, 201, path)
            metadata = {"name": "new", "finalizers": ["a.b/c", "foo"]}
            wrong = self.request("POST", path, {"apiVersion": "v1", "metadata": metadata, **body})
            merge = {"metadata": {"finalizers": ["foo"]}}
            changed = self.request("PATCH", f"{path}/held", merge, content_type=MERGE)
            for answer, member in ((wrong, "metadata.finalizers[1]"), (changed, "metadata.finalizers[0]")):
                message = self.status(answer, 422, "Invalid")["message"]
                said = "name is neither a standard finalizer name nor is it fully qualified"
                self.assertTrue(
                    message.endswith(f'is invalid: {member}: Invalid value: "foo": {said}'), message
                )
        lease = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease"}
        metadata = {"name": "held", "finalizers": ["foo"]}
        self.assertEqual(self.request("POST", LEASES, {**lease, "metadata": metadata}).code, 201)


class ServiceAccountTests(ServerTestCase):
    """
    C{cleanSecretReferences} in C{k8s.io/kubernetes/pkg/registry/core/serviceaccount}.
    """

    def test_secrets_are_known_by_their_names(self) -> None:
        """
        Whatever else is said of them is dropped.
        """
        secrets = [{"name": "a", "namespace": "other"}, {"name": "b"}]
        account = {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"name": "x"},
            "secrets": secrets,
        }
        made = self.request("POST", f"{CORE}/serviceaccounts", account).json()
        self.assertEqual(made["secrets"], [{"name": "a"}, {"name": "b"}])
        made["secrets"].append({"name": "c", "uid": "u"})
        changed = self.request("PUT", f"{CORE}/serviceaccounts/x", made).json()
        self.assertEqual(changed["secrets"], [{"name": "a"}, {"name": "b"}, {"name": "c"}])
