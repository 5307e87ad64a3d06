"""
The rules of C{kopf}: each looks at what an operator does that runs all the while.
"""

from __future__ import annotations

from tests.clients.kopf import living, recovering
from tests.clients.rules import main

__all__ = ["living", "recovering"]

if __name__ == "__main__":
    main()
