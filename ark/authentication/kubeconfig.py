"""
Kubeconfig files: what kubectl needs to reach a server.

The form is C{k8s.io/client-go/tools/clientcmd/api/v1}.
"""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import yaml

CONTEXT = "ark"


class InvalidKubeconfig(Exception):
    """
    A file to merge into is not a kubeconfig.
    """


def make(
    server: str, authority_pem: bytes, client: tuple[bytes, bytes], context: str = CONTEXT
) -> dict[str, Any]:
    """
    A kubeconfig with everything embedded.

    @param server: the URL.
    @param authority_pem: what vouches for the server; empty for the system's authorities.
    @param client: certificate and key of the user, PEM.
    @param context: the name of the context, and of its cluster; the user is C{context-admin}.
    """
    cluster = {"server": server}
    if authority_pem:
        cluster["certificate-authority-data"] = b64encode(authority_pem).decode()
    user = {
        "client-certificate-data": b64encode(client[0]).decode(),
        "client-key-data": b64encode(client[1]).decode(),
    }
    return assemble(cluster, user, context)


def assemble(cluster: dict[str, Any], user: dict[str, Any], context: str) -> dict[str, Any]:
    """
    A kubeconfig of one cluster and one user.
    """
    name = f"{context}-admin"
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": context, "cluster": cluster}],
        "users": [{"name": name, "user": user}],
        "contexts": [{"name": context, "context": {"cluster": context, "user": name}}],
        "current-context": context,
    }


def merge(existing: str, ours: dict[str, Any]) -> dict[str, Any]:
    """
    The content of another kubeconfig with ours added.

    Entries of the same name are replaced, all others and the current context stay; ours
    becomes current only when there was none.

    @raise InvalidKubeconfig: C{existing} is not a kubeconfig.
    """
    try:
        document = yaml.safe_load(existing) or {}
    except yaml.YAMLError:
        raise InvalidKubeconfig("it is not YAML") from None
    if not isinstance(document, dict) or document.get("kind", "Config") != "Config":
        raise InvalidKubeconfig("it is not an object of kind Config")
    merged = {"apiVersion": "v1", "kind": "Config", **document}
    for section in ("clusters", "users", "contexts"):
        kept = merged.get(section) or []
        if not isinstance(kept, list) or not all(isinstance(entry, dict) for entry in kept):
            raise InvalidKubeconfig(f"its {section} are not a list of objects")
        names = {entry["name"] for entry in ours[section]}
        merged[section] = [entry for entry in kept if entry.get("name") not in names] + ours[section]
    merged["current-context"] = merged.get("current-context") or ours["current-context"]
    return merged


def dump(document: dict[str, Any]) -> bytes:
    """
    The text of a kubeconfig.
    """
    text: str = yaml.safe_dump(document, sort_keys=False, allow_unicode=True)
    return text.encode()
