"""
The rules of C{lightkube}.
"""

from __future__ import annotations

from tests.clients.lightkube import following, objects, ownership
from tests.clients.rules import main

__all__ = ["following", "objects", "ownership"]

if __name__ == "__main__":
    main()
