"""
The bases for Kustomize, which say what the chart says.

C{python -m tests.helm.kustomize} writes them, and C{make docs} where Go is.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from tests.cluster.build import Unavailable
from tests.helm.chart import HELMS, NAMESPACE, REPOSITORY, objects, template

FOLDER = REPOSITORY / "helm" / "kustomize"
BASES = {
    "sqlite": ("storage.sqlite.persistence.keep=false",),
    "postgresql": (
        "storage.driver=postgresql",
        "storage.postgresql.existingSecret=ark-database",
        "storage.postgresql.existingSecretKeys.uri=uri",
    ),
    "mysql": (
        "storage.driver=mysql",
        "storage.mysql.existingSecret=ark-database",
        "storage.mysql.existingSecretKeys.uri=uri",
    ),
}
"""The bases, and the values of the chart that they are made with."""

_NOTE = "# Made of the chart by python -m tests.helm.kustomize: change that, or patch this in an overlay.\n"
_HELM = ("helm.sh/chart", "app.kubernetes.io/managed-by")


def manifests(base: str) -> list[dict[str, Any]]:
    """
    The objects of a base: those of the chart without its test and without Helm's own labels.
    """
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
    made = objects(template(HELMS[-1], sets=BASES[base]))
    return [space, *(_plain(body) for body in made if not body["metadata"]["name"].endswith("-test"))]


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(member) for name, member in value.items() if name not in _HELM}
    return [_plain(one) for one in value] if isinstance(value, list) else value


def files() -> Iterator[tuple[Path, str]]:
    """
    The files, and what should stand in them.
    """
    for base in BASES:
        kinds = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"}
        kustomization = {**kinds, "resources": ["resources.yaml"]}
        yield FOLDER / base / "kustomization.yaml", _NOTE + yaml.safe_dump(kustomization, sort_keys=False)
        yield FOLDER / base / "resources.yaml", _NOTE + yaml.safe_dump_all(manifests(base), sort_keys=False)


def main() -> int:
    """
    Write the files, if Helm can be had.
    """
    try:
        for path, text in files():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    except Unavailable as error:
        print(f"helm/kustomize is left as it is: {error}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
