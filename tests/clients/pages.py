"""
The page of the documentation that says which clients are tried, and what they must find.
"""

from __future__ import annotations

import inspect
from importlib import import_module

from tests.clients.support import FOLDER, ClientInfo, CommandLineTests, read_client

_NOTE = "<!-- Made by `make docs`. Change tests/clients, not this page. -->\n"
_REAL = "`CLIENTS_SERVER=kube-apiserver`"


def clients() -> list[ClientInfo]:
    """
    Every client, by its name.
    """
    found = [read_client(file.parent) for file in FOLDER.glob("*/client.yaml")]
    return sorted(found, key=lambda client: client.name.lower())


def rules_of(client: ClientInfo) -> dict[str, str]:
    """
    The sentence of each rule; those of a command-line client are its tests.
    """
    if client.groups:
        return client.rules
    module = import_module(f"tests.clients.{client.folder}.test_{client.folder}")
    rules = {}
    for case in vars(module).values():
        if (
            inspect.isclass(case)
            and issubclass(case, CommandLineTests)
            and case.__module__ == module.__name__
        ):
            for name, test in inspect.getmembers(case, inspect.isfunction):
                if name.startswith("test_"):
                    rules[name[len("test_") :]] = " ".join((test.__doc__ or "").split())
    return rules


def page() -> str:
    """
    C{docs/reference/clients.md}.
    """
    lines = [
        "# Clients",
        "",
        _NOTE,
        "These clients are tried against the server, unchanged and in these versions, over a real connection. Each",
        "rule below is a test of its own, written with the client's own library in its own language, in a folder of",
        f"`tests/clients`. With {_REAL} the same rules are tried on Kubernetes itself, to see that they are right.",
        "",
        "Run them with `make test SUITES=clients`.",
        "",
        "| client | version | language | rules | what is tried |",
        "| --- | --- | --- | --- | --- |",
    ]
    found = [(client, rules_of(client)) for client in clients()]
    lines += [
        f"| {client.name} | {client.version} | {client.language} | {len(rules)} | {client.about.strip()} |"
        for client, rules in found
    ]
    for client, rules in found:
        lines += ["", f"## {client.name}", ""]
        lines += [f"- **{_title(name)}.** {' '.join(text.split())}" for name, text in rules.items()]
    return "\n".join(lines) + "\n"


def _title(rule: str) -> str:
    return f"{rule[0].upper()}{rule[1:].replace('_', ' ')}"
