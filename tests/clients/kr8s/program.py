"""
The rules of C{kr8s}.
"""

from __future__ import annotations

from tests.clients.kr8s import objects, relations
from tests.clients.rules import main

__all__ = ["objects", "relations"]

if __name__ == "__main__":
    main()
