"""
What the rules have in common.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from kr8s.asyncio.objects import (
    new_class,
)

from tests.clients.rules import GROUP, NAMESPACE, PROBE

Query = new_class(kind="Query", version=f"{GROUP}/v1alpha1", namespaced=True, plural="queries")
Widget = new_class(
    kind="Widget", version=f"{PROBE}/v1", namespaced=True, scalable=True, scalable_spec="replicas"
)


async def made(body: dict[str, Any], kind: Any = Query) -> Any:
    """
    A new object.
    """
    one = await kind(body, namespace=NAMESPACE)
    await one.create()
    return one


async def names(objects: AsyncIterator[Any]) -> list[str]:
    """
    Their names as they come.
    """
    return [one.name async for one in objects]
