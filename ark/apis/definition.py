"""
One definition to the kinds that it makes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256
from typing import Any

import orjson

from ark.apis.kind import Column, Kind, NameValidator, Read, Scale, SelectableField
from ark.apis.manifest import InvalidDefinition, Manifest
from ark.apis.structural import check_structural
from ark.meta.gotext import format_float
from ark.meta.jsonpath import MISSING, InvalidPath, compile_first
from ark.meta.names import (
    dns1035_label,
    dns1123_subdomain,
    name_is_dns_label,
    name_is_dns_subdomain,
    path_segment_name,
)

_COLUMN_TYPES = ("integer", "number", "string", "boolean", "date")
_COLUMN_FORMATS = ("", "int32", "int64", "float", "double", "byte", "date", "date-time", "password", "name")
_VERSION = re.compile(r"v([1-9][0-9]*)(?:(alpha|beta)([1-9][0-9]*))?")
_STABILITY = {None: 2, "beta": 1, "alpha": 0}
_SELECTABLE_TYPES = ("string", "boolean", "integer")
_MOST_SELECTABLE = 8
_NAME_VALIDATORS: dict[str, NameValidator] = {
    "events": path_segment_name,
    "namespaces": name_is_dns_label,
    "services": name_is_dns_label,
}


class _Fault(Exception):
    """
    A member of a manifest is wrong.
    """

    def __init__(self, path: str, detail: str) -> None:
        super().__init__(f"{path}: {detail}")


def version_order(version: str) -> tuple[int, int, int, int, str]:
    """
    A key that puts versions from most to least preferred, as C{version.CompareKubeAwareVersionStrings}
    of apimachinery does: GA, beta, alpha, then anything else by name.
    """
    match = _VERSION.fullmatch(version)
    if match is None:
        return (1, 0, 0, 0, version)
    return (0, -_STABILITY[match[2]], -int(match[1]), -int(match[3] or 0), "")


def kinds_of(manifest: Manifest) -> list[Kind]:
    """
    One kind for each version of a definition, also for those that are not served.

    @raise InvalidDefinition: it is wrong; the cause says what and where.
    """
    try:
        spec = _object(manifest.body, "spec", "")
        return _Definition(spec).kinds(manifest.body)
    except _Fault as fault:
        raise InvalidDefinition(str(fault), manifest.file) from fault


def kinds_of_definition(definition: dict[str, Any], since: int = 0) -> list[Kind]:
    """
    One kind for each version of a definition that was accepted: it is a
    CustomResourceDefinition as the server keeps it, judged already.  The names are those
    in its status.

    @param since: see L{Kind.since}.
    @return: none while it has no names.
    """
    spec, status = definition["spec"], definition["status"]
    names = status.get("acceptedNames") or {}
    if not all(names.get(member) for member in ("plural", "singular", "kind", "listKind")):
        return []
    said = {"uid": definition["metadata"].get("uid", ""), "spec": spec, "names": names}
    fingerprint = sha256(orjson.dumps(said, option=orjson.OPT_SORT_KEYS)).hexdigest()
    conditions = {one["type"]: one["status"] for one in status.get("conditions") or ()}
    common = {
        "since": since,
        "fingerprint": fingerprint,
        "terminating": conditions.get("Terminating") == "True",
    }
    return _Definition({**spec, "names": names}, judged=True).kinds(definition, common)


def _object(parent: dict[str, Any], name: str, path: str) -> dict[str, Any]:
    value = parent.get(name)
    where = f"{path}.{name}" if path else name
    if value is None:
        raise _Fault(where, "is required")
    if not isinstance(value, dict):
        raise _Fault(where, "must be an object")
    return value


def _text(parent: dict[str, Any], name: str, path: str, default: str | None = None) -> str:
    value = parent.get(name)
    if value is None:
        if default is None:
            raise _Fault(f"{path}.{name}", "is required")
        return default
    if not isinstance(value, str):
        raise _Fault(f"{path}.{name}", "must be a string")
    return value


def _list(parent: dict[str, Any], name: str, path: str, of: type = dict) -> list[Any]:
    value = parent.get(name)
    if value is None:
        return []
    if not isinstance(value, list) or any(not isinstance(item, of) for item in value):
        raise _Fault(f"{path}.{name}", f"must be a list of {'objects' if of is dict else 'strings'}")
    return value


def _flag(parent: dict[str, Any], name: str, path: str) -> bool:
    value = parent.get(name, False)
    if not isinstance(value, bool):
        raise _Fault(f"{path}.{name}", "must be a boolean")
    return value


class _Definition:
    """
    Reads the C{spec} of one definition.
    """

    def __init__(self, spec: dict[str, Any], judged: bool = False) -> None:
        self._spec = spec
        self._judged = judged
        self._group = _text(spec, "group", "spec")
        self._typed = _flag(spec, "x-ark-typed", "spec")
        if self._group and dns1123_subdomain(self._group):
            raise _Fault("spec.group", f"must be a domain name: {self._group}")
        if "." not in self._group and not self._typed:
            raise _Fault("spec.group", "should be a domain with at least one dot")

    def kinds(self, manifest: dict[str, Any], more: Mapping[str, Any] | None = None) -> list[Kind]:
        """
        Its versions.

        @param more: further members of each.
        """
        common = {**self._common(), **(more or {})}
        name = _text(_object(manifest, "metadata", ""), "name", "metadata")
        plural = common["plural"]
        expected = f"{plural}.{self._group}" if self._group else plural
        if name != expected:
            raise _Fault("metadata.name", f'must be spec.names.plural+"."+spec.group, which is {expected}')
        versions = _list(self._spec, "versions", "spec")
        stored = [version.get("name") for version in versions if version.get("storage") is True]
        if len(stored) != 1:
            raise _Fault("spec.versions", "must have exactly one version marked as storage version")
        names = [_text(version, "name", f"spec.versions[{i}]") for i, version in enumerate(versions)]
        for index, text in enumerate(names):
            if dns1035_label(text):
                raise _Fault(f"spec.versions[{index}].name", f"must be a DNS-1035 label: {text}")
            if text in names[:index]:
                raise _Fault(f"spec.versions[{index}].name", f"is there twice: {text}")
        return [
            self._kind(version, f"spec.versions[{index}]", str(stored[0]), {**common, "place": index})
            for index, version in enumerate(versions)
        ]

    def _common(self) -> dict[str, Any]:
        spec = self._spec
        names = _object(spec, "names", "spec")
        kind, plural = _text(names, "kind", "spec.names"), _text(names, "plural", "spec.names")
        for member, text in (("plural", plural), ("kind", kind.lower())):
            if dns1035_label(text):
                raise _Fault(f"spec.names.{member}", f"must be a DNS-1035 label: {text}")
        scope = _text(spec, "scope", "spec")
        if scope not in ("Namespaced", "Cluster"):
            raise _Fault("spec.scope", f"must be Namespaced or Cluster, not {scope}")
        verbs = tuple(_list(spec, "x-ark-verbs", "spec", str))
        return {
            "group": self._group,
            "kind": kind,
            "plural": plural,
            "singular": _text(names, "singular", "spec.names", kind.lower()),
            "list_kind": _text(names, "listKind", "spec.names", f"{kind}List"),
            "short_names": tuple(_list(names, "shortNames", "spec.names", str)),
            "categories": tuple(_list(names, "categories", "spec.names", str)),
            "namespaced": scope == "Namespaced",
            "typed": self._typed,
            "kept_as": _text(spec, "x-ark-kept-as", "spec", ""),
            "kept_names": _object(spec, "x-ark-kept-names", "spec") if "x-ark-kept-names" in spec else {},
            "allow_unconditional_update": _flag(spec, "x-ark-allow-unconditional-update", "spec"),
            "allow_create_on_update": _flag(spec, "x-ark-allow-create-on-update", "spec"),
            "name_validator": self._name_validator(plural),
            "conversion": self._conversion(),
            **({"verbs": verbs} if verbs else {}),
        }

    def _conversion(self) -> dict[str, Any]:
        if self._spec.get("conversion") is None:
            return {}
        conversion = _object(self._spec, "conversion", "spec")
        strategy = _text(conversion, "strategy", "spec.conversion", "None")
        if strategy not in ("None", "Webhook"):
            raise _Fault("spec.conversion.strategy", f"must be None or Webhook, not {strategy}")
        if strategy == "Webhook":
            webhook = _object(conversion, "webhook", "spec.conversion")
            client = _object(webhook, "clientConfig", "spec.conversion.webhook")
            where = "spec.conversion.webhook.clientConfig"
            if client.get("service") is None:
                _text(client, "url", where)
            else:
                service = _object(client, "service", where)
                for member in ("namespace", "name"):
                    _text(service, member, f"{where}.service")
        return conversion

    def _name_validator(self, plural: str) -> NameValidator:
        return name_is_dns_subdomain if self._group else _NAME_VALIDATORS.get(plural, name_is_dns_subdomain)

    def _kind(self, version: dict[str, Any], path: str, stored: str, common: dict[str, Any]) -> Kind:
        schema = _object(_object(version, "schema", path), "openAPIV3Schema", f"{path}.schema")
        if not self._judged:
            for fault in check_structural(schema, f"{path}.schema.openAPIV3Schema"):
                raise _Fault(*fault)
        subresources = version.get("subresources") or {}
        if not isinstance(subresources, dict):
            raise _Fault(f"{path}.subresources", "must be an object")
        selectable = tuple(self._selectable(version, schema, path))
        return Kind(
            version=version["name"],
            served=_flag(version, "served", path),
            subresources=tuple(subresources),
            scale=_scale(subresources, f"{path}.subresources"),
            columns=self._columns(version, path),
            schema=schema,
            selectable_fields=selectable,
            field_readers=tuple((field.name, _reader(field)) for field in selectable),
            is_storage=version["name"] == stored
            and not common["kept_as"]
            and "get" in common.get("verbs", ("get",)),
            storage_version=stored,
            deprecated=_flag(version, "deprecated", path),
            deprecation_warning=_text(version, "deprecationWarning", path, "") or self._deprecation(version),
            **common,
        )

    def _columns(self, version: dict[str, Any], path: str) -> tuple[Column, ...]:
        try:
            return tuple(_columns(version, path))
        except _Fault:
            if not self._judged:
                raise
            # Kubernetes looks at a path only when it makes tables, and has the usual ones then.
            return ()

    def _deprecation(self, version: dict[str, Any]) -> str:
        """
        What C{defaultDeprecationWarning} in C{customresource_handler.go} tells.
        """
        if not version.get("deprecated"):
            return ""
        kind = self._spec["names"]["kind"]
        better = sorted(
            (
                one["name"]
                for one in self._spec["versions"]
                if one.get("served")
                and not one.get("deprecated")
                and version_order(one["name"]) < version_order(version["name"])
            ),
            key=version_order,
        )
        advice = f"; use {self._group}/{better[0]} {kind}" if better else ""
        return f"{self._group}/{version['name']} {kind} is deprecated{advice}"

    def _selectable(
        self, version: dict[str, Any], schema: dict[str, Any], path: str
    ) -> Iterator[SelectableField]:
        declared = _list(version, "selectableFields", path)
        if len(declared) > _MOST_SELECTABLE and not self._judged:
            raise _Fault(f"{path}.selectableFields", f"must have at most {_MOST_SELECTABLE} items")
        for index, entry in enumerate(declared):
            where = f"{path}.selectableFields[{index}]"
            json_path = _text(entry, "jsonPath", where)
            if not self._judged:
                _check_selectable(json_path, schema, f"{where}.jsonPath")
            yield SelectableField(json_path.lstrip("."), (json_path,))
        for index, entry in enumerate(_list(self._spec, "x-ark-selectable-fields", "spec")):
            where = f"spec.x-ark-selectable-fields[{index}]"
            paths = _list(entry, "x-ark-paths", where, str) or [_text(entry, "jsonPath", where)]
            yield SelectableField(_text(entry, "name", where), tuple(paths))


def _check_selectable(json_path: str, schema: dict[str, Any], path: str) -> None:
    node: Any = schema
    if not json_path.startswith(".") or json_path.startswith(".metadata"):
        raise _Fault(path, "must be a simple path outside of metadata")
    for name in json_path[1:].split("."):
        node = (node.get("properties") or {}).get(name)
        if node is None:
            raise _Fault(path, f"leads to nothing the schema declares: {json_path}")
    if node.get("type") not in _SELECTABLE_TYPES:
        raise _Fault(path, "must lead to a string, boolean or integer")


def _scale(subresources: dict[str, Any], path: str) -> Scale | None:
    if subresources.get("scale") is None:
        return None
    scale, where = _object(subresources, "scale", path), f"{path}.scale"
    return Scale(
        _text(scale, "specReplicasPath", where),
        _text(scale, "statusReplicasPath", where),
        _text(scale, "labelSelectorPath", where, ""),
    )


def _columns(version: dict[str, Any], path: str) -> Iterator[Column]:
    for index, entry in enumerate(_list(version, "additionalPrinterColumns", path)):
        where = f"{path}.additionalPrinterColumns[{index}]"
        kind, form = _text(entry, "type", where), _text(entry, "format", where, "")
        if kind not in _COLUMN_TYPES:
            raise _Fault(f"{where}.type", f"must be one of {', '.join(_COLUMN_TYPES)}")
        if form not in _COLUMN_FORMATS:
            raise _Fault(f"{where}.format", f"must be one of {', '.join(filter(None, _COLUMN_FORMATS))}")
        json_path, priority = _text(entry, "jsonPath", where), entry.get("priority", 0)
        if type(priority) is not int:
            raise _Fault(f"{where}.priority", "must be an integer")
        paths = _list(entry, "x-ark-paths", where, str)
        for text in (json_path, *paths):
            _compiled(text, f"{where}.jsonPath")
        yield Column(
            _text(entry, "name", where),
            kind,
            json_path,
            form,
            _text(entry, "description", where, ""),
            priority,
            _text(entry, "x-ark-format", where, ""),
            tuple(paths),
        )


def _compiled(text: str, path: str) -> Callable[[Any], Any]:
    try:
        return compile_first(text)
    except InvalidPath as error:
        raise _Fault(path, f"is not a JSONPath: {error}") from error


def _reader(field: SelectableField) -> Read:
    finders = [_compiled(path, field.name) for path in field.paths]

    def read(obj: Any) -> str:
        for find in finders:
            value = find(obj)
            if value is not MISSING and value is not None and value != "":
                return _as_text(value)
        return ""

    return read


def _as_text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return format_float(value) if isinstance(value, float) else str(value)
