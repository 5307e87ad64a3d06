"""
The rules of the C{kubernetes} package.
"""

from __future__ import annotations

from tests.clients.python_kubernetes import (
    core,
    custom_apply,
    custom_collections,
    custom_objects,
    dynamic,
    informers,
)
from tests.clients.rules import main

__all__ = ["core", "custom_apply", "custom_collections", "custom_objects", "dynamic", "informers"]

if __name__ == "__main__":
    main()
