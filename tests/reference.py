"""
Makes the pages of C{docs/reference} that say what the code says already.

C{make docs} writes them; C{tests.test_docs} fails when they are not what would be written.
"""

from __future__ import annotations

import inspect
from pathlib import Path
from textwrap import dedent

from zope.interface import Interface
from zope.interface.interface import InterfaceClass, Method

from ark import interfaces
from ark.options import OPTIONS, Option
from tests.clients import pages as clients
from tests.conformance import clauses
from tests.helm import chart

REPOSITORY = Path(__file__).resolve().parents[1]
REFERENCE = REPOSITORY / "docs" / "reference"
EXAMPLES = REFERENCE.parent / "examples" / "config"
_FOLDERS = {
    "tutorials": "Tutorials",
    "how-to": "How to",
    "reference": "Reference",
    "explanation": "Explanation",
    "decisions": "Decisions",
}
_NOTE = "<!-- Made by `make docs`. Change the code it describes, not this page. -->\n"


def options_page() -> str:
    """
    Every option of the server.
    """
    lines = [
        "# Options",
        "",
        _NOTE,
        "`ark-server` and `twistd ark-apiserver` take the same options. Each can be given as a flag, as an",
        "environment variable, or in a config file; a flag counts before a variable, a variable before the file, and",
        "the file before the default. `ark-server config show --origin` tells which of them counted.",
        "",
        "The config file is YAML, a mapping from the names below without their dashes. It is the one that `--config`",
        "(`ARK_CONFIG`) names, else the first of `./ark-server.yaml`, `$XDG_CONFIG_HOME/ark/ark-server.yaml`",
        "(`~/.config` when the variable is not set) and `/etc/ark/ark-server.yaml`. Options that may hold a password",
        "can also be read from a file: `ARK_STORAGE_FILE` names one that holds the value of `--storage`.",
        "",
        "Durations are written as in Go: `30s`, `10m`, `1h30m`. In a variable, several values of a repeatable option",
        "are written `[one, two]`.",
        "",
        "A bad value ends the program with exit code 2, a bad config file or manifest with 3, storage that cannot be",
        "used with 4, a port that cannot be had with 5, and a certificate that cannot be used with 6.",
    ]
    section = ""
    for option in OPTIONS:
        if option.section != section:
            section = option.section
            lines += [
                "",
                f"## {section}",
                "",
                "| option | variable | default | |",
                "| --- | --- | --- | --- |",
            ]
        lines.append(_row(option))
    lines += ["", "## Examples", "", "Each option stands in one of these config files."]
    for path in sorted(EXAMPLES.glob("*.yaml")):
        lines += ["", f"`{path.name}`:", "", "```yaml", path.read_text().rstrip("\n"), "```"]
    return "\n".join(lines) + "\n"


def _row(option: Option) -> str:
    flag = f"{option.flags[-1]} {option.metavar}" if option.name != "v" else f"-v {option.metavar}"
    default = f"`{option.default}`" if option.default else ""
    text = option.help.replace("|", "\\|")
    return f"| `{flag.replace('|', chr(92) + '|')}` | `{option.environment}` | {default} | {text} |"


def interfaces_page() -> str:
    """
    Every interface, with every method.
    """
    lines = ["# Interfaces", "", _NOTE]
    lines.append("What plug-ins provide and meet. They are declared in `ark/interfaces.py`.")
    for name, interface in vars(interfaces).items():
        if not isinstance(interface, InterfaceClass) or interface.__module__ != "ark.interfaces":
            continue
        bases = ", ".join(f"`{base.__name__}`" for base in interface.__bases__ if base is not Interface)
        lines += ["", f"## {name}", "", _prose(interface.__doc__ or "")]
        if bases:
            lines += ["", f"Extends {bases}."]
        for member, attribute in interface.namesAndDescriptions():
            if isinstance(attribute, Method):
                lines += [
                    "",
                    f"### {member}{attribute.getSignatureString()}",
                    "",
                    _prose(attribute.__doc__ or ""),
                ]
            else:
                lines += ["", f"### {member}", "", _prose(attribute.__doc__ or "")]
    return "\n".join(lines) + "\n"


def _prose(text: str) -> str:
    """
    Epytext as Markdown, as far as the interfaces use it.
    """
    found = inspect.cleandoc(dedent(text))
    for letter, mark in (("C", "`"), ("L", "`"), ("I", "*")):
        while f"{letter}{{" in found:
            head, _, rest = found.partition(f"{letter}{{")
            inside, _, tail = rest.partition("}")
            found = f"{head}{mark}{inside}{mark}{tail}"
    out = []
    for line in found.splitlines():
        if line.startswith("@"):
            word, _, rest = line[1:].partition(":")
            kind, _, name = word.partition(" ")
            label = {"param": f"`{name}`:", "raise": f"Raises `{name}`:", "return": "Returns:"}.get(
                kind, f"`{name}`:"
            )
            out += ([""] if out and out[-1] and not out[-1].startswith(("- ", "  ")) else []) + [
                f"- {label}{rest}"
            ]
        else:
            out.append(line)
    return "\n".join(out)


def index_page() -> str:
    """
    Every page, by what it is for.
    """
    lines = ["# Documentation"]
    for folder, title in _FOLDERS.items():
        found = sorted((REFERENCE.parent / folder).glob("*.md"))
        if found:
            lines += ["", f"## {title}", ""]
        for page in found:
            heading = page.read_text().splitlines()[0].lstrip("# ").strip()
            lines.append(f"- [{heading}]({folder}/{page.name})")
    return "\n".join(lines) + "\n"


PAGES = {
    "../README.md": index_page,
    "options.md": options_page,
    "interfaces.md": interfaces_page,
    "clients.md": clients.page,
    "conformance.md": clauses.page,
    "storage-scenarios.md": clauses.scenarios_page,
    "helm-values.md": chart.values_page,
    "../../helm/ark-apiserver/values.schema.json": chart.schema_text,
    "../../helm/ark-apiserver/files/resources.txt": chart.resources_text,
    "../../helm/ark-apiserver/files/defaults.json": chart.defaults_text,
}


def main() -> None:
    """
    Write the pages.
    """
    for name, page in PAGES.items():
        (REFERENCE / name).write_text(page())


if __name__ == "__main__":
    main()
