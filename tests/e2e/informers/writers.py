"""
Random writes to several kinds, from several threads, whether somebody answers or not.
"""

from __future__ import annotations

import http.client
import json
import random
import threading
import time
from typing import Any

from tests.cluster.client import Answer, Endpoint

NAMESPACES = ("chaos-0", "chaos-1", "chaos-2")
ARK = "/apis/ark.mckinsey.com/v1alpha1"
_BROKEN = (OSError, http.client.HTTPException)
_PAUSE = 0.05
_NAMES = 40
_SELDOM = 15.0
"""Seconds between writes of the kind that hardly ever changes: its watches get old."""

_MERGE = "application/merge-patch+json"
_JSON = "application/json"


class Writer(threading.Thread):
    """
    Creates, changes and deletes objects until it is told to stop.

    @ivar writes: how many were acknowledged.
    """

    def __init__(self, endpoint: Endpoint, seed: str, seldom: bool) -> None:
        super().__init__(daemon=True)
        self.writes = 0
        self._client = endpoint.connect()
        self._random = random.Random(seed)
        self._seldom = seldom
        self._next = time.monotonic()
        self._going = threading.Event()
        self._idle = threading.Event()
        self._ended = False

    def run(self) -> None:
        """
        Write while going.
        """
        while not self._ended:
            if not self._going.is_set():
                self._idle.set()
                self._going.wait(0.1)
                continue
            self._idle.clear()
            try:
                self._write()
            except _BROKEN:
                self._client.close()
                time.sleep(_PAUSE)
        self._client.close()

    def go(self) -> None:
        """
        Begin to write.
        """
        self._going.set()

    def rest(self) -> None:
        """
        Write no more for now; return when nothing is under way.
        """
        self._going.clear()
        self._idle.clear()
        self._idle.wait()

    def end(self) -> None:
        """
        Stop for good.
        """
        self._ended = True
        self.join()

    def _write(self) -> None:
        if self._seldom and time.monotonic() >= self._next:
            self._next = time.monotonic() + _SELDOM
            self._count(self._call("PATCH", f"{ARK}/arkconfigs/default", _MERGE, _note(self._random)))
            return
        kind = self._random.choices(("queries", "agents", "configmaps", "secrets"), (6, 2, 2, 1))[0]
        namespace = self._random.choice(NAMESPACES)
        base = f"{'/api/v1' if kind in ('configmaps', 'secrets') else ARK}/namespaces/{namespace}/{kind}"
        name = f"{kind[0]}-{self._random.randrange(_NAMES)}"
        verb = self._random.choices(
            ("create", "patch", "label", "status", "hold", "free", "delete", "clear"),
            (20, 35, 10, 20, 3, 6, 12, 0.05),
        )[0]
        self._count(getattr(self, f"_write_{verb}")(kind, base, name))

    def _count(self, answer: Answer | None) -> None:
        if answer is not None and answer.code < 300:
            self.writes += 1

    def _write_create(self, kind: str, base: str, name: str) -> Answer:
        return self._call("POST", base, _JSON, _body(kind, name, self._random))

    def _write_patch(self, kind: str, base: str, name: str) -> Answer:
        return self._call("PATCH", f"{base}/{name}", _MERGE, _change(kind, self._random))

    def _write_label(self, kind: str, base: str, name: str) -> Answer:
        labels = {"tier": self._random.choice(("a", "b", None))}
        return self._call("PATCH", f"{base}/{name}", _MERGE, {"metadata": {"labels": labels}})

    def _write_status(self, kind: str, base: str, name: str) -> Answer:
        if kind != "queries":
            return self._write_patch(kind, base, name)
        patch = {"status": {"phase": self._random.choice(("pending", "running", "done", "error"))}}
        return self._call("PATCH", f"{base}/{name}/status", _MERGE, patch)

    def _write_hold(self, kind: str, base: str, name: str) -> Answer:
        return self._call(
            "PATCH", f"{base}/{name}", _MERGE, {"metadata": {"finalizers": ["chaos.example.com/hold"]}}
        )

    def _write_free(self, kind: str, base: str, name: str) -> Answer:
        return self._call("PATCH", f"{base}/{name}", _MERGE, {"metadata": {"finalizers": None}})

    def _write_delete(self, kind: str, base: str, name: str) -> Answer:
        return self._call("DELETE", f"{base}/{name}", "", None)

    def _write_clear(self, kind: str, base: str, name: str) -> Answer:
        return self._call("DELETE", f"{base}?labelSelector=tier%3Db", "", None)

    def _call(self, method: str, target: str, content: str, value: Any) -> Answer:
        body = None if value is None else json.dumps(value).encode()
        headers = {"Content-Type": content} if content else {}
        return self._client.request(method, target, headers, body, retry=False)


def prepare(endpoint: Endpoint) -> None:
    """
    Make what the writers write into.
    """
    client = endpoint.connect()
    headers = {"Content-Type": _JSON}
    for name in NAMESPACES:
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        client.request("POST", "/api/v1/namespaces", headers, json.dumps(body).encode())
    body = {
        "apiVersion": "ark.mckinsey.com/v1alpha1",
        "kind": "ArkConfig",
        "metadata": {"name": "default"},
        "spec": {},
    }
    client.request("POST", f"{ARK}/arkconfigs", headers, json.dumps(body).encode())
    client.close()


def _note(rng: random.Random) -> dict[str, Any]:
    return {"metadata": {"annotations": {"example.com/note": f"{rng.random()}"}}}


def _body(kind: str, name: str, rng: random.Random) -> dict[str, Any]:
    ark = {"queries": "Query", "agents": "Agent"}
    body: dict[str, Any] = {
        "apiVersion": "ark.mckinsey.com/v1alpha1" if kind in ark else "v1",
        "kind": ark.get(kind) or {"configmaps": "ConfigMap", "secrets": "Secret"}[kind],
        "metadata": {"name": name, "labels": {"tier": rng.choice("ab")}},
    }
    return {**body, **_change(kind, rng)}


def _change(kind: str, rng: random.Random) -> dict[str, Any]:
    text = f"{rng.random()} " * rng.randrange(1, 60)
    if kind == "queries":
        return {"spec": {"input": text, "targets": [{"type": "agent", "name": "writer"}]}}
    if kind == "agents":
        return {"spec": {"prompt": text}}
    if kind == "configmaps":
        return {"data": {"text": text}}
    return {"stringData": {"text": text}}
