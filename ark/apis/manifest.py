"""
Manifests of CustomResourceDefinitions, as files hold them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml

_SUFFIXES = (".yaml", ".yml", ".json")

_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_Base):  # type: ignore[misc]  # the C loader has no types
    """
    Reads YAML as Kubernetes does: times stay texts.
    """


_Loader.yaml_implicit_resolvers = {
    first: [pair for pair in pairs if pair[0] != "tag:yaml.org,2002:timestamp"]
    for first, pairs in _Base.yaml_implicit_resolvers.items()
}


class InvalidDefinition(ValueError):
    """
    A manifest does not define a kind.

    @ivar cause: what is wrong, with the path of the member.
    @ivar file: where the manifest was read; may be empty.
    """

    def __init__(self, cause: str, file: str = "") -> None:
        super().__init__(f"{file}: {cause}" if file else cause)
        self.cause = cause
        self.file = file


class Manifest(NamedTuple):
    """
    A parsed manifest and its source.  Aliases in the text are shared objects here.
    """

    file: str
    body: dict[str, Any]


def read_manifests(path: Path) -> Iterator[Manifest]:
    """
    Every manifest in a file, or in the files of a folder in the order of their names.

    @raise InvalidDefinition: a file cannot be read or is no YAML.
    """
    if path.is_dir():
        for file in sorted(path.iterdir()):
            if file.suffix in _SUFFIXES:
                yield from read_manifests(file)
        return
    try:
        documents = _documents(path)
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidDefinition(f"cannot be read: {error}", str(path)) from error
    except (yaml.YAMLError, ValueError) as error:
        raise InvalidDefinition(f"is not YAML: {' '.join(str(error).split())}", str(path)) from error
    for document in documents:
        yield from _manifests(document, str(path))


def _documents(path: Path) -> list[Any]:
    data = path.read_bytes()
    if path.suffix == ".json":
        return [json.loads(data)]
    return list(yaml.load_all(data, Loader=_Loader))


def _manifests(document: Any, file: str) -> Iterator[Manifest]:
    if document is None:
        return
    if not isinstance(document, dict):
        raise InvalidDefinition("is not an object", file)
    kind = document.get("kind")
    if isinstance(kind, str) and kind.endswith("List") and isinstance(document.get("items"), list):
        for item in document["items"]:
            yield from _manifests(item, file)
        return
    if kind != "CustomResourceDefinition":
        raise InvalidDefinition(f"kind: must be CustomResourceDefinition, not {kind!r}", file)
    version = document.get("apiVersion")
    if version != "apiextensions.k8s.io/v1":
        raise InvalidDefinition(f"apiVersion: must be apiextensions.k8s.io/v1, not {version!r}", file)
    yield Manifest(file, document)
