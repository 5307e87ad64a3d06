"""
A server that comes to a cluster which has the group's definitions already.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.cluster.aggregated import NAMESPACE, AggregatedArk, put
from tests.cluster.ark import console_script


class Newcomer(AggregatedArk):
    """
    One server that the cluster has a service for, but no C{APIService}s.
    """

    def prepare(self) -> None:
        """
        Make what it needs in the cluster, but do not start it.
        """
        client = self.endpoint.connect()
        for target, body in self._needs:
            put(client, target, body)
        self._make_replicas()
        service, *_ = self._registration(self.replicas[0].port)
        put(client, *service)
        client.close()

    def serve(self) -> None:
        """
        Start it.
        """
        (replica,) = self.replicas
        self.wait_ready(replica, replica.start())

    @property
    def database(self) -> Path:
        """
        Its file.
        """
        return self.folder / "data-0" / "ark.db"

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """
        Run a command of C{ark-server} on its database, as the administrator of the cluster.
        """
        line = [
            *console_script(),
            *words,
            f"--kubeconfig={self.cluster.endpoint.kubeconfig}",
            f"--db-path={self.database}",
            *self._flags,
        ]
        return subprocess.run(line, capture_output=True, text=True, timeout=600, check=False)

    def switch(self) -> subprocess.CompletedProcess[str]:
        """
        Have the cluster forward to it.
        """
        place = f"{NAMESPACE}/ark-apiserver:{self.replicas[0].port}"
        return self.command(
            "import", "--from-cluster", f"--switch={place}", f"--switch-ca-file={self._authority.certificate}"
        )
