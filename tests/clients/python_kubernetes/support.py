"""
What the rules of custom objects have in common.
"""

from __future__ import annotations

import json
from typing import Any

from kubernetes import client, config
from kubernetes.client.exceptions import ApiException

from tests.clients.rules import GROUP, KUBECONFIG, NAMESPACE, PROBE, query

if KUBECONFIG:
    config.load_kube_config()
api = client.CustomObjectsApi()
QUERIES: tuple[Any, ...] = (GROUP, "v1alpha1", NAMESPACE, "queries")
WIDGETS: tuple[Any, ...] = (PROBE, "v1", NAMESPACE, "widgets")
PLATES: tuple[Any, ...] = (PROBE, "v1", "plates")
JSON = "application/json-patch+json"
MERGE = "application/merge-patch+json"
APPLY = "application/apply-patch+yaml"


def create(name: str, **metadata: Any) -> dict[str, Any]:
    """
    A new Query.
    """
    return api.create_namespaced_custom_object(*QUERIES, query(name, **metadata))


def status(error: ApiException) -> dict[str, Any]:
    """
    The Status object of a refusal.
    """
    return json.loads(error.body)
