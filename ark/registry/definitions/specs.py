"""
Whether a definition may be written.

Follows C{ValidateCustomResourceDefinition} and C{ValidateCustomResourceDefinitionUpdate} in
C{k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/validation/validation.go}.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ark.meta.fielderrors import forbidden, invalid, not_supported, required
from ark.meta.names import dns1035_label, dns1123_subdomain
from ark.meta.status import Cause
from ark.registry.definitions.approval import approval_causes
from ark.registry.definitions.conversions import conversion_causes
from ark.registry.definitions.defaults import default_causes
from ark.registry.definitions.gotypes import Items
from ark.registry.definitions.internal import internal_spec, schemas_of
from ark.registry.definitions.members import (
    column_causes,
    deprecation_causes,
    name_causes,
    selectable_causes,
    subresource_causes,
)
from ark.registry.definitions.ratcheting import Options, ratcheted
from ark.registry.definitions.rules import check_rules
from ark.registry.definitions.schemas import all_nodes, invalid_struct, schema_causes
from ark.registry.definitions.structural import not_structural, structural_causes
from ark.registry.definitions.types import SCHEMA, VERSION

Object = dict[str, Any]
Spec = Mapping[str, Any]

_SCOPES = ("Cluster", "Namespaced")
_AT_ROOT = "Description Type Format Title Maximum ExclusiveMaximum Minimum ExclusiveMinimum MaxLength MinLength Pattern MaxItems MinItems UniqueItems MultipleOf Required Items Properties ExternalDocs Example XPreserveUnknownFields XValidations"  # fmt: skip
_AT_ROOT_NAMES = frozenset(_AT_ROOT.split())
_IMMUTABLE = "field is immutable"


def definition_causes(obj: Object, old: Object | None) -> list[Cause]:
    """
    Every fault of a definition but those of its metadata.

    @param old: the definition before an update.
    """
    spec = internal_spec(obj["spec"])
    before = None if old is None else internal_spec(old["spec"])
    options = Options() if old is None or before is None else ratcheted(old, before, spec)
    causes = list(_Check(options).spec(spec, "spec"))
    if before is not None:
        causes += _changed(spec, before, options)
    causes += status_causes(obj)
    causes += _stored_causes(obj["status"].get("storedVersions"), obj["spec"]["versions"] or [])
    causes += approval_causes(obj, old)
    if obj["spec"].get("preserveUnknownFields") and not (old or {"spec": {}})["spec"].get(
        "preserveUnknownFields"
    ):
        detail = "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead"  # fmt: skip
        causes.append(invalid("spec.preserveUnknownFields", True, detail))
    return causes


def status_causes(obj: Object) -> list[Cause]:
    """
    Every fault of the status of a definition.
    """
    return list(name_causes(obj["status"]["acceptedNames"], "status.acceptedNames"))


def _changed(spec: Spec, before: Spec, options: Options) -> Iterator[Cause]:
    fixed = [("scope",), ("names", "kind")] if options.fixed_names else []
    for steps in (*fixed, ("group",), ("names", "plural")):
        new, old = (_at(one, steps) for one in (spec, before))
        if new != old:
            yield invalid(".".join(("spec", *steps)), new, _IMMUTABLE)


def _at(spec: Spec, steps: tuple[str, ...]) -> Any:
    value: Any = spec
    for step in steps:
        value = value[step]
    return value


def _stored_causes(stored: list[str] | None, versions: list[Spec]) -> Iterator[Cause]:
    path = "status.storedVersions"
    if not stored:
        yield invalid(path, stored, "must have at least one stored version")
        return
    left = {name: index for index, name in enumerate(stored)}
    for version in versions:
        if version["storage"] and version["name"] not in left:
            yield invalid(path, stored, f"must have the storage version {version['name']}")
        left.pop(version["name"], None)
    for name, index in left.items():
        detail = (
            f"missing from spec.versions; {name} was previously a storage version, and must remain in "
            f"spec.versions until a storage migration ensures no data remains persisted in {name} and "
            f"removes {name} from status.storedVersions"
        )
        yield invalid(f"{path}[{index}]", name, detail)


class _Check:
    def __init__(self, options: Options) -> None:
        self._options = options

    def spec(self, spec: Spec, path: str) -> Iterator[Cause]:
        yield from _group_causes(spec["group"], f"{path}.group")
        if not spec["scope"]:
            yield required(f"{path}.scope")
        elif spec["scope"] not in _SCOPES:
            yield not_supported(f"{path}.scope", spec["scope"], _SCOPES)
        versions = spec["versions"] or []
        yield from self._missing_schemas(spec, versions, path)
        if spec.get("preserveUnknownFields") and _has_defaults(spec):
            detail = "must be false in order to use defaults in the schema"
            yield invalid(f"{path}.preserveUnknownFields", True, detail)
        for index, version in enumerate(versions):
            where = f"{path}.versions[{index}]"
            problems = dns1035_label(version["name"])
            if problems:
                yield invalid(f"{where}.name", version["name"], ",".join(problems))
            status = _status_of(spec, version)
            yield from self._version(version, where, status)
        yield from _version_list_causes(spec, f"{path}.versions")
        for member in ("plural", "singular", "kind", "listKind"):
            if not spec["names"].get(member):
                yield required(f"{path}.names.{member}")
        yield from name_causes(spec["names"], f"{path}.names")
        status = any(_status_of(spec, version) for version in versions)
        first = versions[0]["name"] if versions else ""
        yield from self._shared(spec, path, status, first)
        conversion = spec.get("conversion")
        if conversion is not None:
            if conversion["strategy"] != "None" and spec.get("preserveUnknownFields"):
                detail = "must be None if spec.preserveUnknownFields is true"
                yield invalid(f"{path}.conversion.strategy", conversion["strategy"], detail)
            yield from conversion_causes(
                conversion,
                f"{path}.conversion",
                self._options.recognized_reviews,
                self._options.any_bundle,
            )

    def _missing_schemas(self, spec: Spec, versions: list[Spec], path: str) -> Iterator[Cause]:
        if (spec.get("validation") or {}).get("openAPIV3Schema") is not None:
            return
        for index, version in enumerate(versions):
            where = f"{path}.versions[{index}].schema.openAPIV3Schema"
            if (version.get("schema") or {}).get("openAPIV3Schema") is not None:
                continue
            if self._options.schemas:
                yield required(where)
            elif version["served"] and not spec.get("preserveUnknownFields"):
                yield required(where, "because otherwise all fields are pruned")

    def _version(self, version: Spec, path: str, status: bool) -> Iterator[Cause]:
        yield from deprecation_causes(version, path)
        yield from self._validation(version.get("schema"), status, f"{path}.schema", version["name"])
        yield from subresource_causes(version.get("subresources") or {}, f"{path}.subresources")
        for index, column in enumerate(version.get("additionalPrinterColumns") or ()):
            yield from column_causes(column, f"{path}.additionalPrinterColumns[{index}]")
        yield from self._selectable(version, "schema", path, version["name"])

    def _shared(self, spec: Spec, path: str, status: bool, version: str) -> Iterator[Cause]:
        """
        The faults of what is the same in all versions.
        """
        yield from self._validation(spec.get("validation"), status, f"{path}.validation", version)
        yield from subresource_causes(spec.get("subresources") or {}, f"{path}.subresources")
        for index, column in enumerate(spec.get("additionalPrinterColumns") or ()):
            yield from column_causes(column, f"{path}.additionalPrinterColumns[{index}]")
        yield from self._selectable(spec, "validation", path, "")

    def _selectable(self, holder: Spec, member: str, path: str, version: str) -> Iterator[Cause]:
        fields = holder.get("selectableFields")
        if not fields:
            return
        where = f"{path}.selectableFields"
        validation = holder.get(member)
        schema = (validation or {}).get("openAPIV3Schema")
        if member == "validation" and validation is None:
            yield invalid(where, "", "may only be set when validations.schema is included")
        elif member == "schema" and schema is None:
            detail = "may only be set when `version.schema.openAPIV3Schema` is not included"
            yield invalid(where, "", detail)
        else:
            why = not_structural(schema)
            if why:
                yield invalid(f"{path}.schema.openAPIV3Schema", "", why)
            yield from selectable_causes(fields, schema or {}, where, version in self._options.unbounded)

    def _validation(self, validation: Spec | None, status: bool, path: str, version: str) -> Iterator[Cause]:
        schema = (validation or {}).get("openAPIV3Schema")
        if schema is None:
            return
        where = f"{path}.openAPIV3Schema"
        causes = list(_root_causes(schema, where)) if status else []
        if schema.get("nullable"):
            causes.append(forbidden(f"{where}.nullable", "nullable cannot be true at the root"))
        unusual = not_structural(schema)
        faults: list[Cause] = []
        if not unusual:
            faults = structural_causes(schema, where)
            faults = faults or default_causes(schema, where, self._options.pruned_defaults)
        rules = schema_causes(schema, where, self._options.tolerance)
        causes += faults + rules
        if unusual and not causes:
            causes.append(invalid(where, "", unusual))
        if not faults and not unusual and not rules:
            causes += check_rules(schema, where, self._options.before.get(version))
        yield from causes


def _has_defaults(spec: Spec) -> bool:
    schemas = schemas_of(spec).values()
    return any("default" in node for schema in schemas for node in all_nodes(schema))


def _group_causes(group: str, path: str) -> Iterator[Cause]:
    if not group:
        yield required(path)
        return
    problems = dns1123_subdomain(group)
    if problems:
        yield invalid(path, group, ",".join(problems))
    elif "." not in group:
        yield invalid(path, group, "should be a domain with at least one dot")


def _status_of(spec: Spec, version: Spec) -> bool:
    apart = any(one.get("subresources") is not None for one in spec["versions"])
    subresources = version.get("subresources") if apart else spec.get("subresources")
    return (subresources or {}).get("status") is not None


def _version_list_causes(spec: Spec, path: str) -> Iterator[Cause]:
    versions = spec["versions"]

    def fault(detail: str) -> Cause:
        return invalid_struct(path, versions, Items(VERSION), detail)

    names = [version["name"] for version in versions or ()]
    if len(set(names)) < len(names):
        yield fault("must contain unique version names")
    if sum(version["storage"] for version in versions or ()) != 1:
        yield fault("must have exactly one version marked as storage version")
    problems = dns1035_label(names[0]) if names and names[0] else []
    if problems:
        # The internal version still says once more what the first version is called.
        yield invalid(f"{path.rpartition('.')[0]}.version", names[0], ",".join(problems))


def _root_causes(schema: Mapping[str, Any], path: str) -> Iterator[Cause]:
    """
    What the root of a schema may not say because C{status} is validated apart from it.
    """
    for member in SCHEMA.members().values():
        if member.name not in schema:
            continue
        if member.go_name == "Type":
            if schema["type"] != "object":
                detail = 'only "object" is allowed as the type at the root of the schema if the status subresource is enabled'  # fmt: skip
                yield invalid(f"{path}.type", schema["type"], detail)
                return
        elif member.go_name not in _AT_ROOT_NAMES:
            detail = f"only [{_AT_ROOT}] fields are allowed at the root of the schema if the status subresource is enabled"  # fmt: skip
            yield invalid_struct(path, schema, SCHEMA, detail)
            return
