"""
What is done with definitions before they are written.

Follows C{k8s.io/apiextensions-apiserver/pkg/registry/customresourcedefinition/{strategy,
etcd}.go}.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ark.meta.fielderrors import invalid
from ark.meta.gotext import quote
from ark.meta.status import Cause
from ark.meta.time import rfc3339
from ark.registry.codec import Object, same_json
from ark.registry.definitions.conditions import with_condition
from ark.registry.definitions.processor import DefinitionProcessor
from ark.registry.definitions.schemas import all_nodes
from ark.registry.definitions.specs import definition_causes
from ark.registry.formats import effective_format
from ark.registry.schema import Processor
from ark.registry.strategy import Strategy, keep

RESOURCE = "customresourcedefinitions.apiextensions.k8s.io"
CLEANUP = "customresourcecleanup.apiextensions.k8s.io"


class DefinitionStrategy(Strategy):
    """
    The rules for CustomResourceDefinitions.

    A definition that is deleted stays until its objects are gone: a finalizer of its own
    holds it.
    """

    checks_preconditions_itself = True
    blank: Mapping[str, Any] = {"spec": {"names": {}}, "status": {"acceptedNames": {}}}

    def processor(self) -> Processor:
        """
        What reads definitions.
        """
        return DefinitionProcessor(self.kind)

    def reset_fields(self, subresource: str) -> tuple[str, ...]:
        """
        Writes to C{/status} may change the metadata too.
        """
        return ("spec",) if subresource == "status" else ("status",)

    def prepare_for_create(self, obj: Object) -> None:
        """
        The status begins with the version that objects will be stored in.
        """
        obj["status"] = {
            "conditions": None,
            "acceptedNames": {"plural": "", "kind": ""},
            "storedVersions": None,
        }
        obj["metadata"]["generation"] = 1
        _note_stored(obj)

    def prepare_for_update(self, new: Object, old: Object) -> None:
        """
        The status stays but for the version that objects will be stored in.
        """
        new["status"] = dict(old["status"])
        generation = old["metadata"].get("generation", 0)
        changed = not same_json(new["spec"], old["spec"])
        new["metadata"]["generation"] = generation + 1 if changed else generation
        _note_stored(new)

    def prepare_for_status_update(self, new: Object, old: Object) -> Object:
        """
        Everything but C{spec}: the metadata may be written here too.
        """
        keep(new, old, "spec")
        keep(new["metadata"], old["metadata"], "generation")
        return new

    def holds_back(self, obj: Object) -> bool:
        """
        Until somebody asked for its deletion; then its finalizer holds it.
        """
        return not obj["metadata"].get("deletionTimestamp")

    def mark_deleted(self, obj: Object, finalizers: list[str], now: float) -> bool:
        """
        The first time, only the own finalizer is added, whatever the options say.
        """
        metadata = obj["metadata"]
        if metadata.get("deletionTimestamp"):
            return super().mark_deleted(obj, finalizers, now)
        metadata["deletionTimestamp"] = rfc3339(now)
        kept = metadata.get("finalizers") or []
        metadata["finalizers"] = kept if CLEANUP in kept else [*kept, CLEANUP]
        message = "CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon"
        obj["status"] = with_condition(
            obj["status"], ("Terminating", "True", "InstanceDeletionPending", message), rfc3339(now)
        )
        return True

    def validate(self, obj: Object, old: Object | None) -> list[Cause]:
        """
        Every fault of a definition.
        """
        causes = []
        spec = obj["spec"]
        name = obj["metadata"].get("name", "")
        if old is None and name != f"{spec['names']['plural']}.{spec['group']}":
            causes.append(invalid("metadata.name", name, 'must be spec.names.plural+"."+spec.group'))
        return causes + definition_causes(obj, old)

    def warnings(self, obj: Object, old: Object | None) -> list[str]:
        """
        What the writer is warned of: formats that nothing checks.
        """
        known = set() if old is None else _unknown_formats(old)
        return [f"unrecognized format {quote(name)}" for name in _unknown_formats(obj) if name not in known]


def _note_stored(obj: Object) -> None:
    """
    Remember the version that objects are stored in from now on.
    """
    stored = [version["name"] for version in obj["spec"]["versions"] or () if version["storage"]][:1]
    noted: list[str] = obj["status"].get("storedVersions") or []
    if stored and stored[0] not in noted:
        obj["status"]["storedVersions"] = [*noted, *stored]


def _unknown_formats(obj: Object) -> dict[str, None]:
    schemas: list[Any] = [
        (version.get("schema") or {}).get("openAPIV3Schema") for version in obj["spec"]["versions"] or ()
    ]
    return {
        node["format"]: None
        for schema in schemas
        for node in all_nodes(schema)
        if node.get("format") and not effective_format(node["format"], node.get("type") or "")
    }
