"""
An operator that shows what it does in the status of its objects, and in a journal.
"""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import kopf
from kubernetes import client, config

KIND = "examples.operator.example.com"
_JOURNAL = Path(os.environ["JOURNAL"])


def note(what: str, name: str, **more: Any) -> None:
    """
    A line of the journal.
    """
    with _JOURNAL.open("a") as journal:
        journal.write(json.dumps({"what": what, "name": name, **more}) + "\n")


@kopf.on.startup()
def configure(settings: kopf.OperatorSettings, **_: Any) -> None:
    """
    Progress in both places; every log line of a handler as an event.
    """
    settings.posting.loggers = True
    settings.posting.level = 20
    settings.persistence.progress_storage = kopf.MultiProgressStorage(
        [kopf.AnnotationsProgressStorage(prefix="kopf.dev"), kopf.StatusProgressStorage()]
    )
    settings.networking.error_backoffs = [0.2] * 20
    settings.watching.server_timeout = 20
    config.load_kube_config(os.environ["KUBECONFIG"])


@kopf.on.create(KIND)
def greet(name: str, body: kopf.Body, logger: Any, **_: Any) -> dict[str, str]:
    """
    The plain case, with a child and an event.
    """
    child = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": f"{name}-child"}}
    kopf.adopt(child)
    client.CoreV1Api().create_namespaced_config_map(child["metadata"]["namespace"], child)
    kopf.event(body, type="Normal", reason="Greeting", message=f"Hello, {name}!")
    logger.info("said hello")
    return {"message": f"hello {name}"}


@kopf.on.create(KIND, backoff=1, when=lambda spec, **_: spec.get("flaky"))
def stumble(retry: int, **_: Any) -> dict[str, int]:
    """
    Succeeds the third time.
    """
    if retry < 2:
        raise kopf.TemporaryError("not yet", delay=1)
    return {"retries": retry}


@kopf.on.create(KIND, when=lambda spec, **_: spec.get("hopeless"))
def give_up(name: str, **_: Any) -> None:
    """
    Is called once.
    """
    note("hopeless", name)
    raise kopf.PermanentError("no way")


@kopf.on.update(KIND)
def update(name: str, diff: kopf.Diff, patch: kopf.Patch, **_: Any) -> None:
    """
    Tells what differs.
    """
    patch.status["diff"] = [[one[0], list(one[1]), one[2], one[3]] for one in diff]
    note("updated", name)


@kopf.on.field(KIND, field="spec.color")
def recolor(name: str, old: Any, new: Any, **_: Any) -> None:
    """
    Is called for one field.
    """
    note("color", name, old=old, new=new)


@kopf.on.resume(KIND)
def resume(name: str, **_: Any) -> None:
    """
    Is called for what there is when the operator starts.
    """
    note("resumed", name)


@kopf.on.delete(KIND)
def farewell(name: str, **_: Any) -> None:
    """
    Is called before the object goes.
    """
    note("deleted", name)


@kopf.timer(KIND, interval=0.5, when=lambda spec, **_: spec.get("ticking"))
def tick(status: kopf.Status, patch: kopf.Patch, **_: Any) -> None:
    """
    Counts.
    """
    patch.status["ticks"] = status.get("ticks", 0) + 1


@kopf.daemon(KIND, cancellation_timeout=2, when=lambda spec, **_: spec.get("haunted"))
async def haunt(name: str, stopped: kopf.DaemonStopped, **_: Any) -> None:
    """
    Lives as long as its object.
    """
    note("daemon began", name)
    try:
        await stopped.wait(60)
    except asyncio.CancelledError:
        pass
    note("daemon ended", name)


@kopf.index(KIND)
def by_color(name: str, spec: kopf.Spec, **_: Any) -> dict[str, str]:
    """
    Names by their colour.
    """
    return {spec.get("color", "none"): name}


@kopf.on.event(KIND, when=lambda spec, **_: spec.get("indexed"))
def look_up(name: str, by_color: kopf.Index, **_: Any) -> None:
    """
    What the index holds now.
    """
    note("index", name, found={color: sorted(names) for color, names in by_color.items()})


@kopf.on.event("", "v1", "configmaps", labels={"watched": "yes"})
def seen(name: str, type: str | None, **_: Any) -> None:
    """
    A built-in kind.
    """
    note(f"map {type or 'listed'}", name)
