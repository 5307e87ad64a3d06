"""
The rules for an object's metadata.

Follows C{k8s.io/apimachinery/pkg/api/validation/objectmeta.go}, C{pkg/apis/meta/v1}
and, for what an update keeps, C{k8s.io/apiserver/pkg/registry/rest}; contract 5.3, 5.7 to
5.9, 6.4, 6.7, 13.18.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ark.meta import fielderrors
from ark.meta.gotext import quote
from ark.meta.metatypes import WrongType, check_types, wrong_members
from ark.meta.names import NameValidator, label_value, name_is_dns_label, qualified_name
from ark.meta.options import field_manager_causes
from ark.meta.ownerreferences import deduplicate_owner_references, owner_causes
from ark.meta.status import Cause

__all__ = [
    "SYSTEM_FIELDS",
    "WrongType",
    "check_types",
    "deduplicate_owner_references",
    "finalizer_causes",
    "finalizer_warnings",
    "keep_system_fields",
    "manager_causes",
    "validate_metadata",
    "validate_metadata_update",
    "wrong_members",
]

Metadata = Mapping[str, Any]

SYSTEM_FIELDS = (
    "uid",
    "selfLink",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "generation",
)
"""
Members that a client cannot give to a new object; they are dropped without a word.
"""

_ANNOTATIONS_LENGTH = 256 * 1024
_SUBRESOURCE_LENGTH = 256
_MOST_KEPT = 4096
_LONGEST_KEPT = 512
_ORPHAN, _FOREGROUND = "orphan", "foregroundDeletion"
_STANDARD_FINALIZERS = frozenset((_ORPHAN, _FOREGROUND, "kubernetes"))
_IMMUTABLE = "field is immutable"
_FINALIZERS = "metadata.finalizers"


class _Right(set[str]):
    """
    Texts that were found to be right, and how to judge others.
    """

    def __init__(self, judge: Callable[[str], list[str]]) -> None:
        super().__init__()
        self._judge = judge

    def problems(self, text: str) -> list[str]:
        """
        What is wrong with a text; it is remembered if that is nothing.
        """
        found = self._judge(text)
        if not found and len(text) <= _LONGEST_KEPT:
            if len(self) >= _MOST_KEPT:
                self.clear()
            self.add(text)
        return found


_right_keys = _Right(qualified_name)
_right_values = _Right(label_value)
_right_namespaces = _Right(name_is_dns_label)


def validate_labels(labels: Mapping[str, str], path: str) -> list[Cause]:
    """
    Judge label keys and values (contract 5.8).
    """
    if _right_keys.issuperset(labels) and _right_values.issuperset(labels.values()):
        return []
    causes: list[Cause] = []
    for key, value in labels.items():
        causes += [fielderrors.invalid(path, key, problem) for problem in _right_keys.problems(key)]
        causes += [fielderrors.invalid(path, value, problem) for problem in _right_values.problems(value)]
    return causes


def annotation_causes(annotations: Mapping[str, str], path: str = "metadata.annotations") -> list[Cause]:
    """
    Judge annotation keys, and how much all of them take.
    """
    causes: list[Cause] = []
    # What is right stays right in small letters.
    if not _right_keys.issuperset(annotations):
        for key in annotations:
            problems = _right_keys.problems(key) and _right_keys.problems(key.lower())
            causes += [fielderrors.invalid(path, key, problem) for problem in problems]
    total = len("".join(annotations)) + len("".join(annotations.values()))
    # A character has at most four bytes.
    if total * 4 > _ANNOTATIONS_LENGTH:
        total = sum(len(key.encode()) + len(value.encode()) for key, value in annotations.items())
        if total > _ANNOTATIONS_LENGTH:
            causes.append(fielderrors.too_long(path, _ANNOTATIONS_LENGTH))
    return causes


def finalizer_causes(finalizers: Sequence[str]) -> list[Cause]:
    """
    Judge the names of finalizers, and whether they go together.
    """
    causes = [
        fielderrors.invalid(_FINALIZERS, finalizer, problem)
        for finalizer in (() if _right_keys.issuperset(finalizers) else finalizers)
        for problem in _right_keys.problems(finalizer)
    ]
    if _ORPHAN in finalizers and _FOREGROUND in finalizers:
        detail = f"finalizer {_ORPHAN} and {_FOREGROUND} cannot be both set"
        causes.append(fielderrors.invalid(_FINALIZERS, list(finalizers), detail))
    return causes


def _managed_fields_causes(entries: Sequence[Metadata]) -> list[Cause]:
    causes: list[Cause] = []
    for index, entry in enumerate(entries):
        path = f"metadata.managedFields[{index}]"
        operation = entry.get("operation") or ""
        if operation not in ("Apply", "Update"):
            causes.append(fielderrors.invalid(f"{path}.operation", operation, "must be `Apply` or `Update`"))
        fields_type = entry.get("fieldsType") or ""
        if fields_type not in ("", "FieldsV1"):
            causes.append(fielderrors.invalid(f"{path}.fieldsType", fields_type, "must be `FieldsV1`"))
        causes += manager_causes(entry.get("manager") or "", entry.get("subresource") or "", path)
    return causes


def manager_causes(manager: str, subresource: str, path: str = "") -> list[Cause]:
    """
    Judge whom an entry of C{managedFields} tells of.

    @param path: where the entry stands.
    """
    causes = field_manager_causes(manager, f"{path}.manager")
    if len(subresource.encode()) > _SUBRESOURCE_LENGTH:
        causes.append(fielderrors.too_long(f"{path}.subresource", _SUBRESOURCE_LENGTH))
    return causes


def _name_causes(metadata: Metadata, validate_name: NameValidator) -> list[Cause]:
    causes: list[Cause] = []
    prefix = metadata.get("generateName")
    if prefix:
        path = "metadata.generateName"
        causes += [fielderrors.invalid(path, prefix, problem) for problem in validate_name(prefix, True)]
    name = metadata.get("name")
    if not name:
        causes.append(fielderrors.required("metadata.name", "name or generateName is required"))
    else:
        causes += [
            fielderrors.invalid("metadata.name", name, problem) for problem in validate_name(name, False)
        ]
    return causes


def _namespace_causes(metadata: Metadata, namespaced: bool) -> list[Cause]:
    namespace = metadata.get("namespace")
    if namespaced and namespace in _right_namespaces:
        return []
    path = "metadata.namespace"
    if not namespaced:
        return [fielderrors.forbidden(path, "not allowed on this type")] if namespace else []
    if not namespace:
        return [fielderrors.required(path)]
    problems = _right_namespaces.problems(namespace)
    return [fielderrors.invalid(path, namespace, problem) for problem in problems]


def _shared_causes(metadata: Metadata) -> list[Cause]:
    """
    What creations and updates have in common.
    """
    causes: list[Cause] = []
    labels = metadata.get("labels")
    if labels:
        causes += validate_labels(labels, "metadata.labels")
    annotations = metadata.get("annotations")
    if annotations:
        causes += annotation_causes(annotations)
    owners = metadata.get("ownerReferences")
    if owners:
        causes += owner_causes(owners)
    return causes


def validate_metadata(metadata: Metadata, namespaced: bool, validate_name: NameValidator) -> list[Cause]:
    """
    Judge the metadata of a new object, whose name was generated before and whose types
    were checked (L{check_types}).
    """
    causes = _name_causes(metadata, validate_name) + _namespace_causes(metadata, namespaced)
    generation = metadata.get("generation")
    if generation is not None and generation < 0:
        detail = "must be greater than or equal to 0"
        causes.append(fielderrors.invalid("metadata.generation", generation, detail))
    causes += _shared_causes(metadata)
    finalizers = metadata.get("finalizers")
    if finalizers:
        causes += finalizer_causes(finalizers)
    managed = metadata.get("managedFields")
    if managed:
        causes += _managed_fields_causes(managed)
    return causes


_FIXED: dict[str, Any] = {
    "name": "",
    "namespace": "",
    "uid": "",
    "creationTimestamp": None,
    "deletionTimestamp": None,
    "deletionGracePeriodSeconds": None,
}


def validate_metadata_update(new: Metadata, old: Metadata, namespaced: bool) -> list[Cause]:
    """
    Judge changed metadata (contract 6.4, 6.7).  Whether C{resourceVersion} is given is
    for the store to judge, which knows if it must be.

    The list is that of C{validateCommonFields} in C{registry/rest/update.go}: what is wrong
    with any metadata comes before what is wrong with the change, so some is told twice.
    """
    causes = update_causes(new, old)
    finalizers = new.get("finalizers")
    if causes or (finalizers and finalizer_causes(finalizers)):
        return validate_metadata(new, namespaced, _any_path_segment) + causes
    return causes


def _any_path_segment(text: str, prefix: bool) -> list[str]:
    return []


def update_causes(new: Metadata, old: Metadata) -> list[Cause]:
    """
    What is wrong with a change, as C{ValidateObjectMetaAccessorUpdate} tells it.
    """
    causes = [] if new == old else _change_causes(new, old)
    causes += _shared_causes(new)
    managed = new.get("managedFields")
    if managed:
        causes += _managed_fields_causes(managed)
    return causes


def _change_causes(new: Metadata, old: Metadata) -> list[Cause]:
    causes: list[Cause] = []
    if old.get("deletionTimestamp") is not None:
        added = sorted(set(new.get("finalizers") or ()) - set(old.get("finalizers") or ()))
        if added:
            shown = f"[]string{{{', '.join(map(quote, added))}}}"
            detail = (
                f"no new finalizers can be added if the object is being deleted, found new finalizers {shown}"
            )
            causes.append(fielderrors.forbidden(_FINALIZERS, detail))
    generation = new.get("generation") or 0
    if generation < (old.get("generation") or 0):
        causes.append(fielderrors.invalid("metadata.generation", generation, "must not be decremented"))
    if [*map(new.get, _FIXED)] != [*map(old.get, _FIXED)]:
        for member, missing in _FIXED.items():
            value = new.get(member)
            if (value or missing) != (old.get(member) or missing):
                shown = missing if value is None else value
                causes.append(fielderrors.invalid(f"metadata.{member}", shown, _IMMUTABLE))
    return causes


def keep_system_fields(new: dict[str, Any], old: Metadata) -> None:
    """
    Give changed metadata what an update may not take from an object, in place (contract
    6.4).  The generation is for the strategy.
    """
    new.pop("selfLink", None)
    if new == old:
        return
    if not new.get("uid") and old.get("uid"):
        new["uid"] = old["uid"]
    if old.get("creationTimestamp") is not None:
        new["creationTimestamp"] = old["creationTimestamp"]
    if old.get("deletionTimestamp") is not None:
        new["deletionTimestamp"] = old["deletionTimestamp"]
    grace = old.get("deletionGracePeriodSeconds")
    if grace is not None and new.get("deletionGracePeriodSeconds") is None:
        new["deletionGracePeriodSeconds"] = grace


def finalizer_warnings(finalizers: Iterable[str], before: Iterable[str] = ()) -> list[str]:
    """
    Warnings about finalizers that an object newly gets and that name no domain.

    Follows C{k8s.io/apiextensions-apiserver/pkg/registry/customresource/validator.go}.
    """
    warnings: list[str] = []
    for finalizer in sorted(set(finalizers) - set(before)):
        start = f"{_FINALIZERS}: {quote(finalizer)}: "
        warnings += [start + problem for problem in _right_keys.problems(finalizer)]
        if "/" not in finalizer and finalizer not in _STANDARD_FINALIZERS:
            path = " including a path (/)" if "." in finalizer else ""
            warnings.append(
                f"{start}prefer a domain-qualified finalizer name{path} "
                "to avoid accidental conflicts with other finalizer writers"
            )
    return warnings
