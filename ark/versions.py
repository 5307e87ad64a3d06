"""
Which versions of what make up a server.
"""

from __future__ import annotations

import platform

from pysqlite3 import dbapi2

import ark
import twisted
from ark.http.version import KUBERNETES_VERSION


def versions() -> dict[str, str]:
    """
    Of everything that matters when something goes wrong.
    """
    return {
        "ark-server": ark.__version__,
        "kubernetes": KUBERNETES_VERSION.lstrip("v"),
        "python": platform.python_version(),
        "twisted": twisted.__version__,
        "sqlite": dbapi2.sqlite_version,
    }
