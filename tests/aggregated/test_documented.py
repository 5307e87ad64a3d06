"""
The manifests that people are shown.
"""

from __future__ import annotations

import re
from typing import Any

import yaml
from twisted.trial.unittest import TestCase

from tests.aggregated.cases import ARK, Session, query
from tests.cluster.aggregated import Replica
from tests.cluster.build import REPOSITORY, require
from tests.cluster.client import kubectl
from tests.cluster.cluster import Cluster

_PAGE = REPOSITORY / "docs/how-to/run-in-a-cluster.md"


def manifests() -> list[dict[str, Any]]:
    """
    All objects in the page about running in a cluster.
    """
    blocks = re.findall(r"^```yaml\n(.*?)^```$", _PAGE.read_text(), re.DOTALL | re.MULTILINE)
    return [document for block in blocks for document in yaml.safe_load_all(block)]


class RunInAClusterTests(TestCase):
    """
    Whoever applies the manifests of the page, and runs the server as it says, has our kinds.
    """

    timeout = 300

    def setUp(self) -> None:
        """
        A bare cluster.
        """
        require("etcd", "kube", "kubectl")
        self.cluster = Cluster().start()
        self.addCleanup(self.cluster.remove)
        client = self.cluster.endpoint.connect()
        self.addCleanup(client.close)
        self.administrator = Session(client)

    def apply(self, objects: list[dict[str, Any]]) -> None:
        """
        Have kubectl apply objects, none of which it may complain of.
        """
        (program,) = require("kubectl")
        text = yaml.safe_dump_all(objects)
        arguments = ("apply", "--filename=-")
        done = kubectl(program, self.cluster.endpoint, *arguments, home=self.cluster.folder, text=text)
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_the_manifests_are_enough(self) -> None:
        """
        The server has the rights that it needs, and kube-apiserver comes to trust it; only the address
        is another one, because there are no pods here.
        """
        objects = manifests()
        rights = [one for one in objects if one["kind"] not in ("Service", "APIService")]
        self.apply(rights)
        options = {
            "kubeconfig": str(self.cluster.service_account("ark-system", "ark-apiserver")),
            "service": "ark-system/ark-apiserver",
            "storage": "memory",
            "cert-dir": str(self.cluster.folder / "pki"),
        }
        replica = Replica("ark-server", self.cluster.folder, options, [])
        for one in objects:
            if one["kind"] == "Service":
                one["spec"] = {"type": "ExternalName", "externalName": "localhost"}
            elif one["kind"] == "APIService":
                one["spec"]["service"]["port"] = replica.port
        self.apply([one for one in objects if one not in rights])
        process = replica.start()
        self.addCleanup(replica.stop)
        process.wait_until(lambda: self.administrator.code("GET", f"{ARK}/queries") == 200)
        self.administrator.create("default", query("one"))
        found = self.administrator.ask("GET", f"{ARK}/queries").json()["items"]
        self.assertEqual([one["metadata"]["name"] for one in found], ["one"])
        log = process.log.read_text()
        self.assertNotIn("forbidden", log)
