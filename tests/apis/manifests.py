"""
Reading the definitions in L{ark.apis} for tests.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

import ark.apis

DEFINITIONS = Path(ark.apis.__file__).parent

Node = dict[str, Any]


@lru_cache(None)
def load(path: Path) -> Node:
    """
    The manifest in a file; to be read only.
    """
    manifest: Node = yaml.safe_load(path.read_text(encoding="utf-8"))
    return manifest


def manifests() -> dict[str, Node]:
    """
    All manifests of the package, by their path below C{ark/apis}.
    """
    found = {str(path.relative_to(DEFINITIONS)): load(path) for path in sorted(DEFINITIONS.glob("*/*.yaml"))}
    assert found, "no definitions found"
    return found


def version_of(manifest: Node) -> Node:
    """
    The one version that a manifest of the package has.
    """
    (version,) = manifest["spec"]["versions"]
    return dict(version)


def schema_of(manifest: Node) -> Node:
    """
    The schema of that version.
    """
    schema: Node = version_of(manifest)["schema"]["openAPIV3Schema"]
    return schema


def nodes(node: Node, path: str = "") -> Iterator[tuple[str, Node]]:
    """
    A schema node and all below it, with their paths; C{[]} is an item, C{{}} a map's value.
    """
    yield path, node
    for name, below in node.get("properties", {}).items():
        yield from nodes(below, f"{path}.{name}")
    for keyword, mark in (("items", "[]"), ("additionalProperties", "{}")):
        if isinstance(node.get(keyword), dict):
            yield from nodes(node[keyword], path + mark)


def facts(manifest: Node) -> dict[str, str]:
    """
    All that a manifest says but its descriptions, as flat text: equal for equal kinds.
    """
    spec, version = manifest["spec"], version_of(manifest)
    said = {"metadata.name": manifest["metadata"]["name"]}
    for name, value in spec.items():
        if name != "versions":
            said[f"spec.{name}"] = json.dumps(value, sort_keys=True)
    for name, value in version.items():
        if name not in ("schema", "additionalPrinterColumns"):
            said[f"version.{name}"] = json.dumps(value, sort_keys=True)
    for index, column in enumerate(version.get("additionalPrinterColumns", [])):
        said[f"column {index}"] = json.dumps(without_description(column), sort_keys=True)
    for path, node in nodes(schema_of(manifest)):
        said[path] = json.dumps(own_facts(node), sort_keys=True)
    return said


def without_description(value: Node) -> Node:
    """
    A copy that lacks C{description}.
    """
    return {name: member for name, member in value.items() if name != "description"}


def own_facts(node: Node) -> Node:
    """
    What a schema node says about itself; of the nodes below, only that they exist.
    """
    own = without_description(node)
    for keyword in ("items", "additionalProperties"):
        if isinstance(own.get(keyword), dict):
            own[keyword] = "below"
    if "properties" in own:
        own["properties"] = sorted(own["properties"])
    return own


def repeated_keys(path: Path) -> list[str]:
    """
    Keys that stand twice in a mapping of a file, which L{yaml.safe_load} overlooks.
    """
    found = []
    waiting = [yaml.compose(path.read_text(encoding="utf-8"), yaml.SafeLoader)]
    while waiting:
        node = waiting.pop()
        if isinstance(node, yaml.MappingNode):
            counted = Counter(key.value for key, _ in node.value)
            found += [f"{node.start_mark}: {key}" for key, count in counted.items() if count > 1]
            waiting += [value for _, value in node.value]
        elif isinstance(node, yaml.SequenceNode):
            waiting += node.value
    return found
