"""
The chart as its tests and its reference page see it: values, schema, and what C{helm template} makes of them.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from ark.options import OPTIONS
from tests.cluster.build import binary

REPOSITORY = Path(__file__).resolve().parents[2]
CHART = REPOSITORY / "helm" / "ark-apiserver"
VALUES = CHART / "values.yaml"
SCHEMA = CHART / "values.schema.json"
CASES = CHART / "ci"
HELMS = ("clients-helm3", "clients-helm4")
KUBERNETES = ("1.29.0", "1.33.0", "1.37.0")
"""The oldest that the chart takes, one between, and the newest whose schemas are at hand."""

NAMESPACE = "ark-system"
_NOTE = "<!-- Made by `make docs`. Change values.yaml of the chart, not this page. -->\n"
_COMMENT = re.compile(r"\s*# ?(.*)")
# A pod has one kubeconfig, that of its account, and shows its data to nobody.
_NOT_IN_A_POD = frozenset(("kubeconfig", "kubeconfig-out"))


class Failed(Exception):
    """
    Helm refused; the message is what it said.
    """


class Value(NamedTuple):
    """
    One value that can be set.

    @ivar name: its path, with dots between.
    """

    name: str
    default: Any
    text: str


def template(
    helm: str,
    *values: Path,
    sets: tuple[str, ...] = (),
    version: str = KUBERNETES[-1],
    release: str = "ark-apiserver",
    chart: Path = CHART,
) -> str:
    """
    What Helm makes of the chart.

    @param helm: one of L{HELMS}.
    @param values: files, of which the last counts most.
    @param sets: values as C{--set} takes them.
    @param chart: its folder.
    @raise Failed: it refused.
    """
    flags = [f"--values={path}" for path in values] + [f"--set={one}" for one in sets]
    where = ("--namespace", NAMESPACE, "--kube-version", version)
    return run(helm, "template", release, str(chart), *where, *flags)


def run(program: str, *words: str, text: str | None = None) -> str:
    """
    What a program prints.

    @raise Failed: it ended badly.
    """
    command = [str(binary(program)), *words]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failed(done.stdout + done.stderr)
    return done.stdout


def objects(manifests: str) -> list[dict[str, Any]]:
    """
    The objects in a text of manifests.
    """
    return [one for one in yaml.safe_load_all(manifests) if one]


def cases() -> list[Path]:
    """
    The files of values that the chart is tried with.
    """
    return sorted(CASES.glob("*-values.yaml"))


@cache
def values() -> list[Value]:
    """
    Every value of the chart, in the order of the file.

    What has a comment above it is a value, whatever it looks like; of a mapping without one the members are.
    """
    text = VALUES.read_text()
    return list(_values(yaml.compose(text), text.splitlines(), ""))


def _values(node: Any, lines: list[str], prefix: str) -> Iterator[Value]:
    for key, value in node.value:
        name, text = f"{prefix}{key.value}", _comment_above(lines, key.start_mark.line)
        if isinstance(value, yaml.MappingNode) and not text:
            yield from _values(value, lines, f"{name}.")
        else:
            yield Value(name, yaml.safe_load(yaml.serialize(value)), text)


def _comment_above(lines: list[str], line: int) -> str:
    found: list[str] = []
    while line > 0 and (match := _COMMENT.fullmatch(lines[line - 1])):
        found.insert(0, match.group(1))
        line -= 1
    return " ".join(found)


def option_names() -> list[str]:
    """
    The options that C{options} may hold: those that the chart does not set by itself, and none
    that would have a password in a manifest.
    """
    pod = (CHART / "templates" / "_pod.tpl").read_text()
    taken = set(re.findall(r"--([a-z][a-z-]*)=", pod)) | _NOT_IN_A_POD
    return sorted(option.name for option in OPTIONS if option.name not in taken and not option.secret)


def schema_text() -> str:
    """
    The schema of the values, with the options that there are.
    """
    schema = json.loads(SCHEMA.read_text())
    schema["properties"]["options"]["propertyNames"]["enum"] = option_names()
    return json.dumps(schema, indent=2) + "\n"


def resources_text() -> str:
    """
    The resources that roles are made for, a line each.
    """
    folders = [REPOSITORY / "ark" / "apis" / version for version in ("v1alpha1", "v1prealpha1")]
    names = {path.stem for folder in folders for path in folder.glob("*.yaml")}
    return "".join(f"{name}\n" for name in sorted(names))


def defaults_text() -> str:
    """
    Every value with its default, for templates to fill in what the values of an older chart are without.
    """
    return json.dumps({value.name: value.default for value in values()}, indent=2) + "\n"


def values_page() -> str:
    """
    The reference of the values.
    """
    lines = [
        "# Values of the Helm chart",
        "",
        _NOTE,
        "What `helm install` takes with `--set` and in files of `--values`, and what it is when nobody says otherwise.",
        "`values.schema.json` refuses everything else. [Install with Helm](../how-to/install-with-helm.md) tells how the",
        "values are used together.",
    ]
    sections: dict[str, list[Value]] = {}
    for value in values():
        first, _, rest = value.name.partition(".")
        sections.setdefault(first if rest else "The rest", []).append(value)
    for section, found in sorted(sections.items(), key=lambda item: item[0] == "The rest"):
        lines += ["", f"## {section}", "", "| value | default | |", "| --- | --- | --- |"]
        lines += map(_row, found)
    return "\n".join(lines) + "\n"


def _row(value: Value) -> str:
    default = json.dumps(value.default)
    return f"| `{value.name}` | `{default}` | {value.text} |"
