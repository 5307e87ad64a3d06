"""
The rules of C{kubernetes_asyncio}.
"""

from __future__ import annotations

from tests.clients.kubernetes_asyncio import custom, following, others
from tests.clients.rules import main

__all__ = ["custom", "following", "others"]

if __name__ == "__main__":
    main()
