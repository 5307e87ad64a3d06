"""
What the rules have in common.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from lightkube import Client, KubeConfig
from lightkube.generic_resource import create_namespaced_resource
from lightkube.models.meta_v1 import ObjectMeta

from tests.clients.rules import (
    GROUP,
    KUBECONFIG,
    NAMESPACE,
    PROBE,
)

Query = create_namespaced_resource(GROUP, "v1alpha1", "Query", "queries")
Widget = create_namespaced_resource(PROBE, "v1", "Widget", "widgets")


@cache
def client() -> Client:
    """
    Whom most rules go through: over HTTP/1.1, with a field manager.
    """
    return Client(config=KubeConfig.from_file(KUBECONFIG), namespace=NAMESPACE, field_manager="light")


def made(body: dict[str, Any], kind: Any = Query) -> Any:
    """
    A new object.
    """
    return client().create(kind.from_dict(body))


def meta(name: str, **members: Any) -> ObjectMeta:
    """
    ObjectMeta.
    """
    return ObjectMeta(name=name, **members)


def names(found: Any) -> list[str]:
    """
    The names of a list.
    """
    return [one.metadata.name for one in found]
