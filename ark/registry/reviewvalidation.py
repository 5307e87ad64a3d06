"""
What a review must say before it is answered.

Follows C{k8s.io/kubernetes/pkg/apis/authorization/validation} and, for requirements,
C{k8s.io/apimachinery/pkg/apis/meta/v1/validation}.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from ark.meta.fielderrors import forbidden, invalid, required
from ark.meta.gotext import json_marshal
from ark.meta.names import label_value, qualified_name
from ark.meta.status import Cause
from ark.registry.codec import Object

_RESOURCE, _PATH = "spec.resourceAttributes", "spec.nonResourceAttributes"
_ANY_OF = ("In", "NotIn")
_MEMBERS = (
    *("name", "generateName", "namespace", "selfLink", "uid", "resourceVersion", "generation"),
    *("creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "labels", "annotations"),
    *("ownerReferences", "finalizers", "managedFields"),
)
_ABSENCE = ("Exists", "DoesNotExist")


def validate_self_review(obj: Object) -> list[Cause]:
    """
    What is wrong with a C{SelfSubjectAccessReview}.
    """
    return [*_attributes(obj), *_selectors(obj), *_metadata(obj, "must be empty")]


def validate_review(obj: Object) -> list[Cause]:
    """
    What is wrong with a C{SubjectAccessReview}.
    """
    return [*_attributes(obj), *_subject(obj), *_selectors(obj), *_metadata(obj, "must be empty")]


def validate_local_review(obj: Object) -> list[Cause]:
    """
    What is wrong with a C{LocalSubjectAccessReview}.
    """
    causes = [*_attributes(obj), *_subject(obj), *_selectors(obj)]
    causes += _metadata(obj, "must be empty except for namespace", "namespace")
    spec = obj["spec"]
    resource, path = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    if resource is not None:
        place = resource.get("namespace") or ""
        if place != obj["metadata"].get("namespace"):
            causes.append(invalid(f"{_RESOURCE}.namespace", place, "must match metadata.namespace"))
    if path is not None:
        causes.append(invalid(_PATH, _shown(path), "disallowed on this kind of request"))
    return causes


def _shown(path: dict[str, Any]) -> dict[str, Any]:
    # As Go shows a struct without names for JSON.
    return {"Path": path.get("path") or "", "Verb": path.get("verb") or ""}


def _attributes(obj: Object) -> Iterator[Cause]:
    spec = obj["spec"]
    resource, path = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    if resource is not None and path is not None:
        yield invalid(_PATH, _shown(path), "cannot be specified in combination with resourceAttributes")
    if resource is None and path is None:
        detail = "exactly one of nonResourceAttributes or resourceAttributes must be specified"
        yield invalid(_RESOURCE, None, detail)


def _subject(obj: Object) -> Iterator[Cause]:
    spec = obj["spec"]
    if not spec.get("user") and not spec.get("groups"):
        yield invalid("spec.user", "", "at least one of user or group must be specified")


def _metadata(obj: Object, detail: str, *allowed: str) -> Iterator[Cause]:
    metadata = obj["metadata"]
    if metadata.keys() - {"managedFields", *allowed}:
        # As Go shows a struct: in the order of its members.
        shown = {name: metadata[name] for name in _MEMBERS if name in metadata}
        message = f"Invalid value: {json_marshal(shown, ordered=True)}: {detail}"
        yield Cause("FieldValueInvalid", message, "metadata")


def _selectors(obj: Object) -> Iterator[Cause]:
    resource = obj["spec"].get("resourceAttributes") or {}
    yield from _selector(resource, "fieldSelector", _field_key)
    yield from _selector(resource, "labelSelector", _label_key)


def _selector(
    resource: dict[str, Any], member: str, check: Callable[[dict[str, Any], str], Iterator[Cause]]
) -> Iterator[Cause]:
    selector, path = resource.get(member), f"{_RESOURCE}.{member}"
    if selector is None:
        return
    raw, requirements = selector.get("rawSelector") or "", selector.get("requirements") or []
    if raw and requirements:
        yield invalid(f"{path}.rawSelector", raw, "may not specified at the same time as requirements")
    if not raw and not requirements:
        detail = f"when {path} is specified, requirements or rawSelector is required"
        yield required(f"{path}.requirements", detail)
    for index, requirement in enumerate(requirements):
        yield from check(requirement, f"{path}.requirements[{index}]")


def _values(requirement: dict[str, Any], path: str) -> Iterator[Cause]:
    operator, values = requirement.get("operator"), requirement.get("values")
    if operator in _ANY_OF and not values:
        yield required(f"{path}.values", "must be specified when `operator` is 'In' or 'NotIn'")
    if operator in _ABSENCE and values:
        detail = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
        yield forbidden(f"{path}.values", detail)


def _field_key(requirement: dict[str, Any], path: str) -> Iterator[Cause]:
    if not requirement.get("key"):
        yield required(f"{path}.key", "must be specified")
    yield from _values(requirement, path)


def _label_key(requirement: dict[str, Any], path: str) -> Iterator[Cause]:
    yield from _values(requirement, path)
    key = requirement.get("key") or ""
    for problem in qualified_name(key):
        yield invalid(f"{path}.key", key, problem)
    for index, value in enumerate(requirement.get("values") or ()):
        for problem in label_value(value):
            yield invalid(f"{path}.values[{index}]", value, problem)
