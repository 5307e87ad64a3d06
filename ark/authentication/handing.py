"""
Handing out the administrator's kubeconfig that a server has written.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from ark.authentication import kubeconfig
from ark.config import CONFIG, ConfigError, ServerConfig
from ark.files import write_private


def handed_out(config: ServerConfig, context: str) -> dict[str, Any]:
    """
    The kubeconfig of C{--kubeconfig-out} with its context named C{context}.

    @raise ConfigError: the server has not written one that can be read.
    """
    path = Path(config.kubeconfig_out)
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        cluster, user = document["clusters"][0]["cluster"], document["users"][0]["user"]
    except FileNotFoundError:
        raise ConfigError(
            f"There is no kubeconfig at {path}.", "Start the server once with the same --db-path.", CONFIG
        ) from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError, LookupError, TypeError):
        raise ConfigError(
            f"{path} cannot be read, or is not a kubeconfig.", "Remove it and restart the server.", CONFIG
        ) from None
    return kubeconfig.assemble(cluster, user, context)


def merge_into(path: Path, document: dict[str, Any]) -> None:
    """
    Add a kubeconfig to another file, which is made when it is not there.

    @raise ConfigError: the file is not a kubeconfig, or cannot be written; it is left as it was.
    """
    try:
        existing = path.read_text(encoding="utf-8") if path.exists() else ""
        merged = kubeconfig.merge(existing, document)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(path, kubeconfig.dump(merged))
    except kubeconfig.InvalidKubeconfig as error:
        raise ConfigError(f"{path} is not a kubeconfig: {error}.", "Name another file.", CONFIG) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be changed: {error}.", "Make it writable.", CONFIG) from None
