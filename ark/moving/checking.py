"""
Whether a group's objects can be moved, found without changing anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from ark.interfaces import ICluster
from ark.meta.status import APIStatus
from ark.moving.objects import Collection, definition_path, pages
from ark.registry.schema import Processor, compile_schema
from ark.storage.copying import CopyError, Progress

_DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_MISSING = 404
_SHOWN = 10


class Judged(NamedTuple):
    """
    What was found of the objects of one resource.

    @ivar wrong: those that do not fit the definition here, each with its first cause; only the first
        few, and C{unfit} tells how many there are.
    """

    resource: str
    objects: int
    unfit: int
    wrong: tuple[str, ...]


async def check_definitions(cluster: ICluster, collections: Sequence[Collection]) -> None:
    """
    See that the cluster keeps the objects as they are kept here.

    @raise CopyError: it does not.
    """
    problems = []
    for collection in collections:
        try:
            definition = await cluster.request("GET", definition_path(collection))
        except APIStatus as status:
            if status.code != _MISSING:
                raise
            problems.append(f"the cluster has no definition {collection.resource}")
        else:
            problems += _problems(collection, definition["spec"])
    problems += await _unknown(cluster, collections)
    if problems:
        raise CopyError(
            f"The objects cannot be moved: {'; '.join(problems)}.",
            "Bring the cluster's definitions and those of the server (--resource-definitions) to the same state.",
        )


def _problems(collection: Collection, spec: Mapping[str, Any]) -> Iterable[str]:
    kind = collection.kind
    (stored,) = (version["name"] for version in spec["versions"] if version.get("storage"))
    if stored != kind.version:
        yield f"{collection.resource} is kept in version {stored} there, in {kind.version} here"
    if (spec["scope"] == "Namespaced") != kind.namespaced:
        yield f"{collection.resource} is {spec['scope'].lower()} there only"
    if (spec.get("conversion") or {}).get("strategy") == "Webhook" and not kind.conversion:
        yield f"{collection.resource} is converted by a webhook there"


async def _unknown(cluster: ICluster, collections: Sequence[Collection]) -> list[str]:
    answer = await cluster.request("GET", _DEFINITIONS)
    groups = {collection.kind.group for collection in collections}
    known = {collection.resource for collection in collections}
    return [
        f"nothing is known here of {definition['metadata']['name']}"
        for definition in answer["items"]
        if definition["spec"]["group"] in groups and definition["metadata"]["name"] not in known
    ]


async def judge_objects(
    cluster: ICluster, collections: Sequence[Collection], progress: Progress
) -> list[Judged]:
    """
    Hold every object of the cluster against the definitions here.

    Objects that do not fit are moved all the same: as in the cluster, whoever changes one has to mend what they
    change.
    """
    return [await _judge(cluster, each, compile_schema(each.kind), progress) for each in collections]


async def _judge(
    cluster: ICluster, collection: Collection, processor: Processor, progress: Progress
) -> Judged:
    objects = unfit = 0
    wrong: list[str] = []
    async for page in pages(cluster, collection):
        if not objects:
            progress.begin(collection.resource, len(page.items) + page.left)
        for obj in page.items:
            causes = processor.validate(obj)
            unfit += bool(causes)
            if causes and len(wrong) < _SHOWN:
                key = collection.key_of(obj)
                place = f"{key.namespace}/{key.name}" if key.namespace else key.name
                wrong.append(f"{place}: {causes[0].field}: {causes[0].message}")
        objects += len(page.items)
        progress.advance(len(page.items))
    return Judged(collection.resource, objects, unfit, tuple(wrong))
