"""
What the rules have in common.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable
from typing import Any

from kubernetes_asyncio import client, config
from kubernetes_asyncio.client.exceptions import ApiException

from tests.clients.rules import (
    GROUP,
    KUBECONFIG,
    NAMESPACE,
)

QUERIES: tuple[Any, ...] = (GROUP, "v1alpha1", NAMESPACE, "queries")
MERGE = "application/merge-patch+json"
_clients: dict[str, client.ApiClient] = {}


async def connection(kubeconfig: str = KUBECONFIG) -> client.ApiClient:
    """
    One session for all rules, as a service has it.
    """
    if kubeconfig not in _clients:
        settings = client.Configuration()
        await config.load_kube_config(kubeconfig, client_configuration=settings)
        _clients[kubeconfig] = client.ApiClient(settings)
    return _clients[kubeconfig]


async def custom() -> client.CustomObjectsApi:
    """
    Custom resources.
    """
    return client.CustomObjectsApi(await connection())


async def core() -> client.CoreV1Api:
    """
    Built-in kinds.
    """
    return client.CoreV1Api(await connection())


async def refused(call: Awaitable[Any]) -> tuple[ApiException, dict[str, Any]]:
    """
    The exception of a refused call, and its Status.
    """
    try:
        answer = await call
    except ApiException as error:
        return error, json.loads(error.body)
    raise AssertionError(f"not refused; the answer was {answer!r}")
