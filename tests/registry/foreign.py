"""
Kinds for tests: the built-in ones, and one whose schema uses what those of Ark do not.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from ark.apis.kind import Kind
from ark.apis.loader import KindRegistry

MANIFEST = Path(__file__).with_name("foreign.yaml")


@lru_cache(maxsize=1)
def built_in() -> KindRegistry:
    """
    The built-in kinds, read once.
    """
    return KindRegistry.load()


def foreign_registry() -> KindRegistry:
    """
    Only the foreign kind, in its two served versions.
    """
    return KindRegistry.load([MANIFEST], built_in=False)


def foreign_kind(version: str = "v1") -> Kind:
    """
    The foreign kind in one version.
    """
    kind = foreign_registry().get("x.io", version, "foos")
    assert kind is not None
    return kind
