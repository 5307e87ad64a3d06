"""
The drop-in that makes C{twistd ark-apiserver} known.
"""

from __future__ import annotations

from twisted.application.service import ServiceMaker

apiserver = ServiceMaker(  # type: ignore[no-untyped-call]  # Twisted's, without types
    "Ark API server",
    "ark.tap",
    "A Kubernetes API server for Ark's resources that keeps its data in SQL",
    "ark-apiserver",
)
