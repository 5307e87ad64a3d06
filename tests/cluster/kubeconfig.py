"""
Kubeconfigs: written for the cluster of the tests, read back for servers that write their own.
"""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import yaml

from tests.cluster.certificates import Pair
from tests.cluster.client import Endpoint


def write_kubeconfig(path: Path, url: str, authority: Path, user: Pair) -> Path:
    """
    A kubeconfig with one context, which names its certificates by file.
    """
    credentials = {"client-certificate": str(user.certificate), "client-key": str(user.key)}
    return _write(path, url, authority, credentials)


def write_token_kubeconfig(path: Path, url: str, authority: Path, token: str) -> Path:
    """
    A kubeconfig with one context, whose user has a bearer token.
    """
    return _write(path, url, authority, {"token": token})


def _write(path: Path, url: str, authority: Path, credentials: dict[str, str]) -> Path:
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "test", "cluster": {"server": url, "certificate-authority": str(authority)}}],
        "users": [{"name": "admin", "user": credentials}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "admin"}}],
        "current-context": "test",
    }
    path.touch(mode=0o600)
    path.write_text(yaml.safe_dump(config))
    return path


def moved(path: Path, url: str, target: Path) -> Path:
    """
    A copy of a kubeconfig that leads to the same cluster by another way.
    """
    config = yaml.safe_load(path.read_text())
    for entry in config["clusters"]:
        entry["cluster"]["server"] = url
    target.touch(mode=0o600)
    target.write_text(yaml.safe_dump(config))
    return target


def read_kubeconfig(path: Path, folder: Path) -> Endpoint:
    """
    The endpoint of a kubeconfig's current context; embedded certificates are unpacked into C{folder}.
    """
    config = yaml.safe_load(path.read_text())
    context = _named(config["contexts"], config["current-context"])["context"]
    cluster = _named(config["clusters"], context["cluster"])["cluster"]
    user = _named(config["users"], context["user"])["user"]
    return Endpoint(
        cluster["server"].rstrip("/"),
        _file(cluster, "certificate-authority", folder),
        _file(user, "client-certificate", folder),
        _file(user, "client-key", folder),
        path,
    )


def _named(entries: list[dict[str, Any]], name: str) -> dict[str, Any]:
    return next(entry for entry in entries if entry["name"] == name)


def _file(entry: dict[str, str], member: str, folder: Path) -> Path:
    if member in entry:
        return Path(entry[member])
    target = folder / f"{member}.pem"
    target.touch(mode=0o600)
    data = base64.b64decode(entry[f"{member}-data"])
    if not target.exists() or target.read_bytes() != data:
        # In one step: while a server starts again, clients still read what they know.
        fresh = target.with_suffix(".new")
        fresh.write_bytes(data)
        fresh.replace(target)
    return target
