"""
Schemas of what every kind shares: metadata, options, status.

The shapes are those of C{k8s.io/apimachinery/pkg/apis/meta/v1}; the words are ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Schema = dict[str, Any]

META = "io.k8s.apimachinery.pkg.apis.meta.v1."
_AUTOSCALING = "io.k8s.api.autoscaling.v1."

API_VERSION = "Group and version of the schema that this object is written in."
KIND = "Name of the schema that this object is written in, in CamelCase."
METADATA = "Name, labels, annotations and the other members that every object has."
LIST_METADATA = "Where the list stands: its resource version, and how to go on."


def _text(description: str, **more: Any) -> Schema:
    return {"description": description, "type": "string", **more}


def _integer(description: str, size: str = "int64") -> Schema:
    return {"description": description, "format": size, "type": "integer"}


def _flag(description: str) -> Schema:
    return {"description": description, "type": "boolean"}


def _texts(description: str, **more: Any) -> Schema:
    return {"description": description, "items": {"type": "string"}, "type": "array", **more}


def _map(description: str) -> Schema:
    return {"additionalProperties": {"type": "string"}, "description": description, "type": "object"}


def _object(description: str, properties: Mapping[str, Schema], *required: str) -> Schema:
    schema: Schema = {"description": description, "properties": dict(properties), "type": "object"}
    if required:
        schema["required"] = list(required)
    return schema


class MetaSchemas:
    """
    The shared schemas in one dialect of OpenAPI.

    @ivar prefix: what stands before the name of a schema in a C{$ref}.
    """

    def __init__(self, prefix: str, wrap_refs: bool) -> None:
        self.prefix = prefix
        self._wrap = wrap_refs

    def ref(self, name: str, description: str = "") -> Schema:
        """
        A reference; OpenAPI 3 has no words beside one, so it is wrapped there.
        """
        ref = {"$ref": self.prefix + name}
        if not description:
            return ref
        return (
            {"allOf": [ref], "description": description}
            if self._wrap
            else {**ref, "description": description}
        )

    def _meta(self, name: str, description: str = "") -> Schema:
        return self.ref(META + name, description)

    def _list_of(self, name: str, description: str, **more: Any) -> Schema:
        return {"description": description, "items": self._meta(name), "type": "array", **more}

    def type_members(self) -> dict[str, Schema]:
        """
        C{apiVersion} and C{kind}.
        """
        return {"apiVersion": _text(API_VERSION), "kind": _text(KIND)}

    def object_meta(self) -> Schema:
        """
        The reference to C{ObjectMeta}.
        """
        return self._meta("ObjectMeta", METADATA)

    def list_meta(self) -> Schema:
        """
        The reference to C{ListMeta}.
        """
        return self._meta("ListMeta", LIST_METADATA)

    def all(self) -> dict[str, Schema]:
        """
        The shared schemas by name.
        """
        schemas = {**self._metadata(), **self._status(), **self._options()}
        return {META + name: schema for name, schema in schemas.items()}

    def _metadata(self) -> dict[str, Schema]:
        owners = {
            "x-kubernetes-list-map-keys": ["uid"],
            "x-kubernetes-list-type": "map",
            "x-kubernetes-patch-merge-key": "uid",
            "x-kubernetes-patch-strategy": "merge",
        }
        finalizers = {"x-kubernetes-list-type": "set", "x-kubernetes-patch-strategy": "merge"}
        return {
            "Time": _text("A moment as RFC 3339 writes it, to the second.", format="date-time"),
            "FieldsV1": {"description": "A set of fields, as a tree of their names.", "type": "object"},
            "ObjectMeta": _object(
                "What every stored object has besides its own members.",
                {
                    "annotations": _map("Free texts by key, for programs; nothing selects by them."),
                    "creationTimestamp": self._meta(
                        "Time", "When the object was created; set by the server."
                    ),
                    "deletionGracePeriodSeconds": _integer("Seconds the object was given to end; read only."),
                    "deletionTimestamp": self._meta(
                        "Time", "When the object is to be gone; set on deletion."
                    ),
                    "finalizers": _texts("Who has to agree before the object may go.", **finalizers),
                    "generateName": _text("Start of the name that the server makes up when name is empty."),
                    "generation": _integer("Counts the changes of what is wanted; set by the server."),
                    "labels": _map("Texts by key that objects are selected by."),
                    "managedFields": self._list_of(
                        "ManagedFieldsEntry", "Who set which fields.", **{"x-kubernetes-list-type": "atomic"}
                    ),
                    "name": _text(
                        "Name of the object, unique among its kind in a namespace; it never changes."
                    ),
                    "namespace": _text("Scope of the name; empty for kinds that have none."),
                    "ownerReferences": self._list_of(
                        "OwnerReference", "Objects that this one belongs to.", **owners
                    ),
                    "resourceVersion": _text("Marks the version of the object; changes with every write."),
                    "selfLink": _text("No longer used."),
                    "uid": _text("Tells this object from all others of its name; set by the server."),
                },
            ),
            "OwnerReference": {
                **_object(
                    "Names the owner of an object.",
                    {
                        "apiVersion": _text("Group and version of the owner."),
                        "blockOwnerDeletion": _flag(
                            "Whether the owner waits for this object when it is deleted."
                        ),
                        "controller": _flag("Whether the owner is the one that manages this object."),
                        "kind": _text("Kind of the owner."),
                        "name": _text("Name of the owner."),
                        "uid": _text("The owner's uid."),
                    },
                    "apiVersion",
                    "kind",
                    "name",
                    "uid",
                ),
                "x-kubernetes-map-type": "atomic",
            },
            "ManagedFieldsEntry": _object(
                "The fields that one writer set.",
                {
                    "apiVersion": _text("Version that the fields are named in."),
                    "fieldsType": _text("Form of the set of fields; FieldsV1 is the only one."),
                    "fieldsV1": self._meta("FieldsV1", "The fields."),
                    "manager": _text("Name of the writer."),
                    "operation": _text("How they were set: Apply or Update."),
                    "subresource": _text("Subresource that they were written through."),
                    "time": self._meta("Time", "When the set last changed."),
                },
            ),
            "ListMeta": _object(
                "Where a list stands.",
                {
                    "continue": _text("Token that asks for the rest of the list; empty at its end."),
                    "remainingItemCount": _integer("About how many items are left."),
                    "resourceVersion": _text("Version that the list shows."),
                    "selfLink": _text("No longer used."),
                },
            ),
        }

    def _status(self) -> dict[str, Schema]:
        atomic = {"x-kubernetes-list-type": "atomic"}
        status = _object(
            "The outcome of a request that answers with no object.",
            {
                **self.type_members(),
                "code": _integer("Suggested HTTP code; 0 if not set.", "int32"),
                "details": self._meta("StatusDetails", "More about the reason."),
                "message": _text("What happened, for people."),
                "metadata": self.list_meta(),
                "reason": _text("Why, in one word for programs."),
                "status": _text("Success or Failure."),
            },
        )
        status["x-kubernetes-group-version-kind"] = [{"group": "", "kind": "Status", "version": "v1"}]
        return {
            "Status": status,
            "StatusDetails": _object(
                "More about why a request failed.",
                {
                    "causes": self._list_of("StatusCause", "Each single fault.", **atomic),
                    "group": _text("Group of what the request was about."),
                    "kind": _text("Kind of what the request was about."),
                    "name": _text("Name of what the request was about."),
                    "retryAfterSeconds": _integer("When to try again, in seconds.", "int32"),
                    "uid": _text("Its uid."),
                },
            ),
            "StatusCause": _object(
                "One fault.",
                {
                    "field": _text("Path of the member at fault."),
                    "message": _text("What is wrong, for people."),
                    "reason": _text("What is wrong, in one word for programs."),
                },
            ),
        }

    def _options(self) -> dict[str, Schema]:
        return {
            "Patch": {
                "description": "A change to an object; its media type says of which form.",
                "type": "object",
            },
            "Preconditions": _object(
                "What has to be so for a deletion to happen.",
                {
                    "resourceVersion": _text("The version it must have."),
                    "uid": _text("The uid it must have."),
                },
            ),
            "DeleteOptions": _object(
                "How to delete.",
                {
                    **self.type_members(),
                    "dryRun": _texts(
                        "All: do everything but keep it.", **{"x-kubernetes-list-type": "atomic"}
                    ),
                    "gracePeriodSeconds": _integer("Seconds to wait before the object goes."),
                    "ignoreStoreReadErrorWithClusterBreakingPotential": _flag(
                        "Delete even what cannot be read."
                    ),
                    "orphanDependents": _flag("Old form of propagationPolicy: Orphan."),
                    "preconditions": self._meta("Preconditions", "What has to be so."),
                    "propagationPolicy": _text(
                        "What becomes of dependents: Orphan, Background or Foreground."
                    ),
                },
            ),
        }

    def scale(self) -> dict[str, Schema]:
        """
        The schemas of C{/scale}.
        """
        replicas = _integer("Number of replicas.", "int32")
        selector = _text("Labels of the replicas, as text.")
        scale = _object(
            "How many replicas there are to be.",
            {
                **self.type_members(),
                "metadata": self.object_meta(),
                "spec": self.ref(f"{_AUTOSCALING}ScaleSpec", "What is wanted."),
                "status": self.ref(f"{_AUTOSCALING}ScaleStatus", "What is there."),
            },
        )
        scale["x-kubernetes-group-version-kind"] = [
            {"group": "autoscaling", "kind": "Scale", "version": "v1"}
        ]
        return {
            f"{_AUTOSCALING}Scale": scale,
            f"{_AUTOSCALING}ScaleSpec": _object("What is wanted.", {"replicas": replicas}),
            f"{_AUTOSCALING}ScaleStatus": _object(
                "What is there.", {"replicas": replicas, "selector": selector}, "replicas"
            ),
        }


SCALE = f"{_AUTOSCALING}Scale"
