"""
C{/version} (contract 3.7).
"""

from __future__ import annotations

import platform

import ark
from ark.meta.serializer import encode_json

KUBERNETES_VERSION = "v1.36.3"
"""
The release whose API is followed; clients compare their own with it.
"""


def version_document() -> bytes:
    """
    The answer to C{GET /version}, always indented.
    """
    major, minor, _ = KUBERNETES_VERSION[1:].split(".")
    return encode_json(
        {
            "major": major,
            "minor": minor,
            "gitVersion": f"{KUBERNETES_VERSION}+ark-{ark.__version__}",
            "gitCommit": "",
            "gitTreeState": "clean",
            "buildDate": "1970-01-01T00:00:00Z",
            "goVersion": "",
            "compiler": platform.python_implementation().lower(),
            "platform": f"{platform.system().lower()}/{_architecture()}",
        },
        pretty=True,
    )


def _architecture() -> str:
    machine = platform.machine().lower()
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(machine, machine)
