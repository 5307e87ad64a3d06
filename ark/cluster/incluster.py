"""
How a pod reaches the cluster that it runs in.

As C{InClusterConfig} of C{k8s.io/client-go/rest}.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ark.cluster.access import Access, Source, read_file, read_token
from ark.cluster.errors import InvalidAccess

FOLDER = "/var/run/secrets/kubernetes.io/serviceaccount"


def in_cluster(environ: Mapping[str, str], folder: str = FOLDER) -> Access:
    """
    Access with the service account of this pod.  Its token and authorities are read again
    when their files change.

    @param folder: where the kubelet puts token, authorities and namespace.
    @raise InvalidAccess: this is no pod, or one without a service account.
    """
    host, port = environ.get("KUBERNETES_SERVICE_HOST"), environ.get("KUBERNETES_SERVICE_PORT")
    if not host or not port:
        raise InvalidAccess(
            "this is not a pod: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not both set"
        )
    files = Path(folder)
    token, authorities, namespace = (str(files / name) for name in ("token", "ca.crt", "namespace"))
    read_token(token)
    read_file(authorities)
    return Access(
        server=f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}",
        authorities=Source(path=authorities),
        token_file=token,
        namespace=_namespace(namespace),
    )


def _namespace(path: str) -> str:
    try:
        return read_file(path).decode()
    except InvalidAccess:
        return "default"
