"""
Our client and our informers against a real kube-apiserver.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Coroutine
from pathlib import Path
from time import time
from typing import Any

from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from ark.cluster.client import Cluster
from ark.cluster.errors import Unreachable
from ark.cluster.kubeconfig import read_kubeconfig
from ark.meta.status import APIStatus
from tests.cluster.build import require
from tests.cluster.cluster import Cluster as ControlPlane
from tests.cluster.process import Process

MAPS = "/api/v1/configmaps"
IN_DEFAULT = "/api/v1/namespaces/default/configmaps"
MERGE = "application/merge-patch+json"
SEED = 20261121
WRITES = 300
SECONDS = 60.0


class InformerTests(TestCase):
    """
    What an informer has is what the API has.
    """

    timeout = 180

    def setUp(self) -> None:
        from twisted.internet import reactor

        # Not the shared one: a test here stops it.
        require("etcd", "kube")
        self.reactor: Any = reactor
        self.plane = ControlPlane().start()
        self.addCleanup(self.plane.remove)
        access = read_kubeconfig(str(self.plane.endpoint.kubeconfig))
        self.cluster = Cluster(access, reactor, time, random=random.Random(SEED))
        self.informer = self.cluster.informer(MAPS)

    async def tearDown(self) -> None:
        """
        Leave no connection open.
        """
        self.informer.stop()
        await self.cluster.close()
        await deferLater(self.reactor, 0.2)

    async def until(self, met: Callable[[], Coroutine[Any, Any, bool]]) -> None:
        """
        Wait for something, but not for ever.
        """
        deadline = self.reactor.seconds() + SECONDS
        while not await met():
            if self.reactor.seconds() > deadline:
                raise self.failureException("it has not come to that")
            await deferLater(self.reactor, 0.1)

    async def same(self) -> bool:
        """
        Whether the informer has what the API has, by name and version.
        """
        try:
            listed = await self.cluster.request("GET", MAPS)
        except Unreachable:
            return False
        wanted = sorted(json.dumps(obj["metadata"], sort_keys=True) for obj in listed["items"])
        found = sorted(json.dumps(obj["metadata"], sort_keys=True) for obj in self.informer.items())
        return wanted == found

    async def restart(self) -> None:
        """
        End kube-apiserver at once, and start it again on the same store.
        """
        process = self.plane.process("kube-apiserver")
        command = Path(f"/proc/{process.pid}/cmdline").read_text().split("\0")[:-1]
        process.kill()
        self.plane.processes.remove(process)
        self.plane.processes.append(Process("kube-apiserver", command, self.plane.folder))

    async def write(self, chance: random.Random) -> None:
        """
        One write of some kind, of one of few objects; those that do not fit are refused.
        """
        name = f"m{chance.randrange(20)}"
        body = {"metadata": {"name": name}, "data": {"x": str(chance.random())}}
        verb = chance.choice(("POST", "PATCH", "PATCH", "DELETE"))
        path = IN_DEFAULT if verb == "POST" else f"{IN_DEFAULT}/{name}"
        try:
            await self.cluster.request(
                verb,
                path,
                None if verb == "DELETE" else body,
                content_type=MERGE if verb == "PATCH" else "application/json",
            )
        except APIStatus as error:
            if error.code not in (404, 409):
                raise
        except Unreachable:
            # A connection may have been closed in this moment; what became of the write, a list says.
            pass

    async def test_follows_random_writes_and_survives_a_restart(self) -> None:
        """
        After many writes, and after kube-apiserver was gone while there were none and others
        followed, the informer equals a list; what it has stays while nobody answers.
        """
        chance = random.Random(SEED)
        self.informer.start()
        await self.informer.wait()
        for _ in range(WRITES):
            await self.write(chance)
        await self.until(self.same)
        before = len(self.informer.items())
        await self.restart()
        self.assertEqual(len(self.informer.items()), before)
        await self.until(self.same)
        for _ in range(WRITES):
            await self.write(chance)
        await self.until(self.same)
        self.assertTrue(self.informer.items())

    async def test_reviews_and_refusals(self) -> None:
        """
        Reviews are answered; what is not there is told as kube-apiserver tells it.
        """
        spec = {"user": "jane", "resourceAttributes": {"verb": "get", "resource": "pods"}}
        review = await self.cluster.request(
            "POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", {"spec": spec}
        )
        self.assertIs(review["status"]["allowed"], False)
        try:
            await self.cluster.request("GET", f"{IN_DEFAULT}/none")
        except APIStatus as error:
            self.assertEqual((error.code, error.reason), (404, "NotFound"))
        else:
            raise self.failureException("there is such an object")
