"""
Secrets that are known by sight: whatever a server shows can be searched for them.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import quote


class Canaries:
    """
    Secrets, each with the name of the place that it was given in.
    """

    def __init__(self) -> None:
        self._forms: dict[str, set[bytes]] = {}

    def __len__(self) -> int:
        return len(self._forms)

    def new(self, name: str) -> str:
        """
        A secret that nothing else holds.
        """
        value = f"Canary{secrets.token_hex(12)}"
        self.add(name, value)
        return value

    def add(self, name: str, value: str) -> None:
        """
        Know a secret that others have made.
        """
        data = value.encode()
        self._forms[name] = {data, quote(value).encode(), data.hex().encode(), *_in_base64(data)}

    def add_key(self, path: Path) -> None:
        """
        Know a private key, by its lines.
        """
        lines = path.read_bytes().splitlines()[1:-1]
        self._forms[path.name] = {line for line in lines if len(line) > 30}

    def shown(self, outputs: Iterable[tuple[str, bytes]]) -> list[str]:
        """
        Which secret stands in which output.
        """
        return [
            f"{name} in {where}"
            for where, data in outputs
            for name, forms in self._forms.items()
            if any(form in data for form in forms)
        ]


def model(metadata: dict[str, str], key: str, **config: Any) -> dict[str, Any]:
    """
    A model whose spec holds a key.

    @param config: more of how it is reached.
    """
    reached = {"baseUrl": {"value": "https://api.example.com"}, "apiKey": {"value": key}, **config}
    return {
        "apiVersion": "ark.mckinsey.com/v1alpha1",
        "kind": "Model",
        "metadata": metadata,
        "spec": {
            "type": "completions",
            "provider": "openai",
            "model": {"value": "gpt"},
            "config": {"openai": reached},
        },
    }


def _in_base64(data: bytes) -> set[bytes]:
    """
    What of a text's base64 is the same wherever in a longer text it begins.
    """
    found = set()
    for before in range(3):
        whole = base64.b64encode(b"\0" * before + data).rstrip(b"=")
        inner = whole[4 if before else 0 : -2]
        found |= {inner, inner.translate(bytes.maketrans(b"+/", b"-_"))}
    return found
