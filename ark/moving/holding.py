"""
Keeping everybody from writing a group's objects while they are moved.

A ValidatingAdmissionPolicy refuses the writes, so that kube-apiserver itself sees to it, and so do servers
of ours, which follow the same policies.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
from twisted.internet.task import deferLater

from ark.interfaces import ICluster
from ark.meta.status import APIStatus
from ark.moving.objects import GROUP, Collection, list_page
from ark.storage.copying import CopyError

REFUSAL = "the objects of this group are being moved: nothing can be written until that is done"
SETTLE = 2.0
"""
How long every kube-apiserver of a cluster has to learn of a policy after one of them has.
"""

_ADMISSION = "/apis/admissionregistration.k8s.io/v1"
_POLICIES = f"{_ADMISSION}/validatingadmissionpolicies"
_BINDINGS = f"{_ADMISSION}/validatingadmissionpolicybindings"
_MERGE = "application/merge-patch+json"
_ATTEMPTS = 100
_POLL = 0.2
_MISSING, _THERE = 404, 409


class Hold:
    """
    Refuses all writes to the objects of the group.

    @param except_for: the name of a user who may write all the same; nobody when it is empty.
    """

    def __init__(self, cluster: ICluster, reactor: Any, except_for: str = "") -> None:
        self._cluster = cluster
        self._reactor = reactor
        self._except_for = except_for
        self._name = f"moving.{GROUP}"

    async def is_placed(self) -> bool:
        """
        Whether writes are refused now.
        """
        try:
            await self._cluster.request("GET", f"{_BINDINGS}/{self._name}")
        except APIStatus as status:
            if status.code == _MISSING:
                return False
            raise
        return True

    async def place(self, collections: Sequence[Collection]) -> None:
        """
        Refuse writes from now on; when this returns, they are refused.

        @raise CopyError: they are not.
        """
        await self._make(_POLICIES, self._policy())
        await self._make(_BINDINGS, self._binding())
        await self._wait(collections)
        await deferLater(self._reactor, SETTLE)

    async def lift(self) -> None:
        """
        Let everybody write again.
        """
        for collection in (_BINDINGS, _POLICIES):
            try:
                await self._cluster.request("DELETE", f"{collection}/{self._name}")
            except APIStatus as status:
                if status.code != _MISSING:
                    raise

    async def _make(self, collection: str, body: dict[str, Any]) -> None:
        try:
            await self._cluster.request("POST", collection, body)
        except APIStatus as status:
            if status.code != _THERE:
                raise
            # What another command left there may let others write.
            path = f"{collection}/{self._name}"
            await self._cluster.request("PATCH", path, {"spec": body["spec"]}, content_type=_MERGE)

    def _metadata(self) -> dict[str, Any]:
        return {"name": self._name, "labels": {"app.kubernetes.io/managed-by": "ark-server"}}

    def _policy(self) -> dict[str, Any]:
        spec: dict[str, Any] = {
            "failurePolicy": "Fail",
            "matchConstraints": {
                "resourceRules": [
                    {
                        "apiGroups": [GROUP],
                        "apiVersions": ["*"],
                        "operations": ["CREATE", "UPDATE", "DELETE"],
                        "resources": ["*/*"],
                    }
                ]
            },
            "matchConditions": [],
            "validations": [{"expression": "false", "message": REFUSAL}],
        }
        if self._except_for:
            name = orjson.dumps(self._except_for).decode()
            spec["matchConditions"] = [
                {"name": "others", "expression": f"request.userInfo.username != {name}"}
            ]
        return {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingAdmissionPolicy",
            "metadata": self._metadata(),
            "spec": spec,
        }

    def _binding(self) -> dict[str, Any]:
        return {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": self._metadata(),
            "spec": {"policyName": self._name, "validationActions": ["Deny"]},
        }

    async def _wait(self, collections: Sequence[Collection]) -> None:
        """
        Return when a write that would change nothing is refused; where there is nothing to
        write, nothing can be told.
        """
        path = "" if self._except_for else await self._some_object(collections)
        for _ in range(_ATTEMPTS if path else 0):
            try:
                await self._cluster.request("PATCH", path, {}, query={"dryRun": "All"}, content_type=_MERGE)
            except APIStatus as status:
                if REFUSAL in status.message:
                    return
                if status.code != _MISSING:
                    raise
                path = await self._some_object(collections)
                if not path:
                    return
            await deferLater(self._reactor, _POLL)
        if path:
            raise CopyError(
                "The cluster does not refuse writes, although it was told to.",
                "See whether it has ValidatingAdmissionPolicies (Kubernetes 1.30 or newer), then try again.",
            )

    async def _some_object(self, collections: Sequence[Collection]) -> str:
        for collection in collections:
            page = await list_page(self._cluster, collection, limit=1)
            if page.items:
                return collection.path_of(collection.key_of(page.items[0]))
        return ""
