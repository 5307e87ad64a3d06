"""
What a server may have to do in its cluster, and whether it may.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from ark.interfaces import ICluster

_REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
_ADMISSION = "admissionregistration.k8s.io"
_FOLLOW = ("get", "list", "watch")
CONFIGURATIONS = (
    "mutatingadmissionpolicies",
    "mutatingadmissionpolicybindings",
    "mutatingwebhookconfigurations",
    "validatingadmissionpolicies",
    "validatingadmissionpolicybindings",
    "validatingwebhookconfigurations",
)
FAIRNESS = ("flowschemas", "prioritylevelconfigurations")


class Right(NamedTuple):
    """
    Something that has to be allowed.

    @ivar purpose: what does not work without it.
    """

    verb: str
    group: str
    resource: str
    purpose: str
    namespace: str = ""
    name: str = ""

    def __str__(self) -> str:
        what = f"{self.resource}.{self.group}" if self.group else self.resource
        name = f" {self.name}" if self.name else ""
        place = f" in {self.namespace}" if self.namespace else ""
        return f"{self.verb} {what}{name}{place}"


def rights_of(secret: str, api_services: list[str], by_address: bool) -> Iterator[Right]:
    """
    What a server needs.

    @param secret: namespace and name of the Secret with its authority; empty when it keeps none.
    @param api_services: the names of its APIServices.
    @param by_address: whether it asks for the addresses of the services of webhooks.
    """
    yield Right("create", "authentication.k8s.io", "tokenreviews", "bearer tokens")
    yield Right("create", "authorization.k8s.io", "subjectaccessreviews", "all but administrators")
    settings = ("kube-system", "extension-apiserver-authentication")
    for verb in _FOLLOW:
        yield Right(verb, "", "configmaps", "requests through kube-apiserver", *settings)
        yield Right(verb, "", "namespaces", "creating objects")
    for resource in CONFIGURATIONS:
        for verb in _FOLLOW[1:]:
            yield Right(verb, _ADMISSION, resource, "admission")
    for resource in FAIRNESS:
        for verb in _FOLLOW[1:]:
            yield Right(verb, "flowcontrol.apiserver.k8s.io", resource, "the cluster's own flow schemas")
    if by_address:
        yield Right("get", "", "services", "webhooks behind services")
    if not secret:
        return
    namespace, _, name = secret.partition("/")
    yield Right("create", "", "secrets", "a certificate that kube-apiserver trusts", namespace)
    for verb in ("get", "patch"):
        yield Right(verb, "", "secrets", "a certificate that kube-apiserver trusts", namespace, name)
    for service in api_services:
        for verb in ("get", "patch"):
            yield Right(
                verb, "apiregistration.k8s.io", "apiservices", "trust in the certificate", "", service
            )


async def has(cluster: ICluster, right: Right) -> bool:
    """
    Whether the cluster allows it to whoever asks.

    @raise ark.meta.status.APIStatus: it does not say.
    @raise ark.cluster.errors.Unreachable: it does not answer.
    """
    attributes: dict[str, Any] = {"verb": right.verb, "group": right.group, "resource": right.resource}
    if right.namespace:
        attributes["namespace"] = right.namespace
    if right.name:
        attributes["name"] = right.name
    answer = await cluster.request(
        "POST",
        _REVIEWS,
        {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": attributes},
        },
    )
    return bool(answer["status"].get("allowed"))
