"""
The schemas that kubeconform judges the chart's manifests by, offline.

One file a version of Kubernetes in C{tests/helm/schemas}, with what the kinds of the chart need and without
descriptions.  They are made again by
C{python -m tests.helm.schemas KUBERNETES_JSON_SCHEMA DEFINITION...}: the folder of that name in the package
kubernetes-validate, and CustomResourceDefinitions of the kinds that are not Kubernetes' own.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

from tests.helm.chart import KUBERNETES

FOLDER = Path(__file__).with_name("schemas")
LOCATION = "{{.ResourceKind}}{{.KindSuffix}}.json"
"""How kubeconform finds a schema in what L{unpack} writes."""

_KINDS = (
    "apiservice-apiregistration-v1",
    "clusterrole-rbac-v1",
    "clusterrolebinding-rbac-v1",
    "configmap-v1",
    "deployment-apps-v1",
    "horizontalpodautoscaler-autoscaling-v2",
    "networkpolicy-networking-v1",
    "persistentvolumeclaim-v1",
    "pod-v1",
    "poddisruptionbudget-policy-v1",
    "role-rbac-v1",
    "rolebinding-rbac-v1",
    "secret-v1",
    "service-v1",
    "serviceaccount-v1",
)
_POINTER = "#/definitions/"


def path(version: str) -> Path:
    """
    Where the schemas of a version are.
    """
    return FOLDER / f"v{version}.json"


def unpack(version: str, folder: Path) -> None:
    """
    Write a file for each kind, as kubeconform wants it.
    """
    found = json.loads(path(version).read_text())
    for kind, schema in found["kinds"].items():
        used = _needed(schema, found["definitions"])
        (folder / f"{kind}.json").write_text(json.dumps({**schema, "definitions": used}))


def made(version: str, source: Path, definitions: Sequence[Path]) -> str:
    """
    The text of the file of a version.
    """
    folder = source / f"v{version}-local-strict"
    kinds = {kind: _lean(json.loads((folder / f"{kind}.json").read_text())) for kind in _KINDS}
    kinds.update(entry for one in definitions for entry in _custom(yaml.safe_load(one.read_text())))
    known = json.loads((folder / "_definitions.json").read_text())["$defs"]
    lean = {name: _lean(schema) for name, schema in known.items()}
    used = _needed(kinds, lean)
    return json.dumps({"kinds": kinds, "definitions": used}, sort_keys=True, separators=(",", ":")) + "\n"


def _lean(schema: Any) -> Any:
    """
    A schema without what says nothing about validity, its references made relative.
    """
    if isinstance(schema, list):
        return [_lean(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {}
    for name, value in schema.items():
        if name == "$ref":
            kept[name] = _POINTER + str(value).rpartition("/")[2]
        elif name == "properties":
            kept[name] = {member: _lean(one) for member, one in value.items()}
        elif name not in ("description", "$schema", "$id") and not name.startswith("x-kubernetes-"):
            kept[name] = _lean(value)
    return kept


def _custom(definition: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    spec = definition["spec"]
    group = spec["group"].partition(".")[0]
    for version in spec["versions"]:
        schema = _closed(version["schema"]["openAPIV3Schema"])
        schema["properties"]["metadata"] = {"type": "object"}
        yield f"{spec['names']['kind'].lower()}-{group}-{version['name']}", _lean(schema)


def _closed(schema: Any) -> Any:
    """
    A schema of a definition that refuses what a server would prune.
    """
    if isinstance(schema, list):
        return [_closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {name: _closed(value) for name, value in schema.items()}
    loose = "additionalProperties" in schema or schema.get("x-kubernetes-preserve-unknown-fields")
    if isinstance(schema.get("properties"), dict) and schema.get("type") == "object" and not loose:
        closed["additionalProperties"] = False
    return closed


def _needed(schema: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    """
    The definitions that a schema refers to, and those that these refer to.
    """
    found: dict[str, Any] = {}
    waiting = list(_references(schema))
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = definitions[name]
            waiting.extend(_references(found[name]))
    return found


def _references(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        for name, value in schema.items():
            if name == "$ref" and isinstance(value, str):
                yield value.rpartition("/")[2]
            else:
                yield from _references(value)
    elif isinstance(schema, list):
        for one in schema:
            yield from _references(one)


def main() -> None:
    """
    Write the files.
    """
    source, *definitions = map(Path, sys.argv[1:])
    for version in KUBERNETES:
        path(version).write_text(made(version, source, definitions))


if __name__ == "__main__":
    main()
