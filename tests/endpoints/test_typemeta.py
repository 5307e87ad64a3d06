"""
What kind a body says it is of: contract 5.1, for kinds that Kubernetes has Go types for.
"""

from __future__ import annotations

from typing import Any

from tests.endpoints.support import ServerTestCase

CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"
LEASES = "/apis/coordination.k8s.io/v1/namespaces/default/leases"


class TypedTests(ServerTestCase):
    """
    The typed clients of Python, JavaScript and Java leave out what the path says already.
    """

    def refused(self, target: str, body: Any) -> str:
        """
        The message of the 400 that creating must give.
        """
        message: str = self.status(self.request("POST", target, body), 400, "BadRequest")["message"]
        return message

    def test_what_a_body_leaves_out_comes_from_the_request(self) -> None:
        """
        The kind, the version, both, and a group without its version; null stands for nothing.
        """
        for number, told in enumerate(
            ({}, {"kind": "ConfigMap"}, {"apiVersion": "v1"}, {"apiVersion": "", "kind": None})
        ):
            body = {**told, "metadata": {"name": f"c{number}"}, "data": {"a": "b"}}
            answer = self.request("POST", CONFIG_MAPS, body)
            self.assertEqual(answer.code, 201, answer.body)
            self.assertEqual((answer.json()["kind"], answer.json()["apiVersion"]), ("ConfigMap", "v1"))
        half = {"kind": "Lease", "apiVersion": "coordination.k8s.io/", "metadata": {"name": "l"}}
        self.assertEqual(self.request("POST", LEASES, half).code, 201)

    def test_an_object_that_says_nothing_is_validated(self) -> None:
        """
        Nothing at all lacks only its name.
        """
        for body in (b"null", b"{}"):
            self.status(self.request("POST", CONFIG_MAPS, body), 422, "Invalid")

    def test_an_update_may_leave_the_kind_out(self) -> None:
        """
        As may a create.
        """
        made = self.request("POST", CONFIG_MAPS, {"metadata": {"name": "c"}}).json()
        body = {"metadata": made["metadata"], "data": {"x": "y"}}
        self.assertEqual(self.request("PUT", f"{CONFIG_MAPS}/c", body).json()["data"], {"x": "y"})

    def test_another_kind_cannot_be_converted(self) -> None:
        """
        A kind of the same version is told apart from one that there is not.
        """
        told = self.refused(CONFIG_MAPS, {"kind": "Secret", "metadata": {"name": "c"}})
        self.assertIn("converting (v1.Secret) to (core.ConfigMap): unknown conversion", told)
        told = self.refused(LEASES, {"kind": "Nothing", "metadata": {"name": "l"}})
        self.assertIn('no kind "Nothing" is registered for version "coordination.k8s.io/v1"', told)

    def test_another_version_has_no_such_kind(self) -> None:
        """
        Nor has another group; a version of three parts is none.
        """
        for told, version in (("v2", "v2"), ("/v2", "v2"), ("apps/v1", "apps/v1")):
            said = self.refused(CONFIG_MAPS, {"apiVersion": told, "metadata": {"name": "c"}})
            self.assertIn(f'no kind "ConfigMap" is registered for version "{version}"', said)
        said = self.refused(LEASES, {"apiVersion": "a/b/c", "metadata": {"name": "l"}})
        self.assertIn("unexpected GroupVersion string: a/b/c", said)

    def test_a_member_of_another_type_is_refused(self) -> None:
        """
        As for any kind.
        """
        self.assertIn("Go struct field .kind of type string", self.refused(CONFIG_MAPS, {"kind": 5}))
