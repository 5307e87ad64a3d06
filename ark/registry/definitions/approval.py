"""
Groups of Kubernetes' own, whose definitions need its approval.

Follows C{k8s.io/apiextensions-apiserver/pkg/apihelpers/helpers.go} and
C{pkg/controller/apiapproval}.
"""

from __future__ import annotations

from typing import Any, NamedTuple
from urllib.parse import urlsplit

from ark.meta.fielderrors import invalid, required
from ark.meta.gotext import quote
from ark.meta.status import Cause

ANNOTATION = "api-approved.kubernetes.io"
CONDITION = "KubernetesAPIApprovalPolicyConformant"
_PROPOSAL = "see https://github.com/kubernetes/enhancements/pull/1111"
_PROTECTED = ("k8s.io", "kubernetes.io")

Object = dict[str, Any]


class Approval(NamedTuple):
    """
    What the annotation of a definition says.

    @ivar reason: C{ApprovedAnnotation}, C{UnapprovedAnnotation}, C{MissingAnnotation} or
        C{InvalidAnnotation}.
    """

    reason: str
    message: str


def is_protected(group: str) -> bool:
    """
    Whether a group belongs to Kubernetes.
    """
    return group in _PROTECTED or group.endswith(tuple(f".{domain}" for domain in _PROTECTED))


def approval_of(obj: Object) -> Approval:
    """
    What the annotation of a definition says.
    """
    text = (obj["metadata"].get("annotations") or {}).get(ANNOTATION) or ""
    needed = f"protected groups must have approval annotation {quote(ANNOTATION)}"
    if not text:
        return Approval("MissingAnnotation", f"{needed}, {_PROPOSAL}")
    if text.startswith("unapproved"):
        return Approval("UnapprovedAnnotation", f"not approved: {quote(text)}")
    if _is_url(text):
        return Approval("ApprovedAnnotation", f"approved in {text}")
    choice = 'with either a URL or a reason starting with "unapproved"'
    return Approval("InvalidAnnotation", f"{needed} {choice}, {_PROPOSAL}")


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return bool(parts.scheme and parts.netloc)


def approval_causes(obj: Object, old: Object | None) -> list[Cause]:
    """
    What is wrong with a definition's approval, unless it was as wrong before.
    """
    if not is_protected(obj["spec"]["group"]):
        return []
    approval = approval_of(obj)
    if old is not None and approval_of(old).reason == approval.reason:
        return []
    path = f"metadata.annotations[{ANNOTATION}]"
    if approval.reason == "MissingAnnotation":
        return [required(path, approval.message)]
    if approval.reason == "InvalidAnnotation":
        return [invalid(path, obj["metadata"]["annotations"][ANNOTATION], approval.message)]
    return []
