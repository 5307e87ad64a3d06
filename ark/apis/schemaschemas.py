"""
Schemas of schemas: what C{openAPIV3Schema} of a definition may hold, for documents.

The shapes are those of C{k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1}; the words
are ours.  Nothing is judged by them.
"""

from __future__ import annotations

from ark.apis.metaschemas import MetaSchemas, Schema

PREFIX = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1."

_TEXTS = {
    "$ref": "Not supported.",
    "$schema": "Not supported.",
    "description": "What the value is for.",
    "format": "How a text or number is written, such as date-time or int32.",
    "id": "Not supported.",
    "pattern": "Regular expression in RE2 syntax that a text matches.",
    "title": "Short name of the value.",
    "type": "One of object, array, string, integer, number and boolean.",
    "x-kubernetes-list-type": "How lists are merged: atomic, set or map.",
    "x-kubernetes-map-type": "How objects are merged: granular or atomic.",
}
_FLAGS = {
    "exclusiveMaximum": "Whether the maximum itself is too much.",
    "exclusiveMinimum": "Whether the minimum itself is too little.",
    "nullable": "Whether the value may be null.",
    "uniqueItems": "Must not be true.",
    "x-kubernetes-embedded-resource": "Whether the value is a whole object with metadata.",
    "x-kubernetes-int-or-string": "Whether the value is an integer or a string.",
    "x-kubernetes-preserve-unknown-fields": "Whether members that nothing declares are kept.",
}
_COUNTS = {
    "maxItems": "Most items of a list.",
    "maxLength": "Most characters of a text.",
    "maxProperties": "Most members of an object.",
    "minItems": "Least items of a list.",
    "minLength": "Least characters of a text.",
    "minProperties": "Least members of an object.",
}
_NUMBERS = {
    "maximum": "Greatest number.",
    "minimum": "Least number.",
    "multipleOf": "Number that the value is a multiple of.",
}
_SCHEMAS = {
    "allOf": "Rules that all hold.",
    "anyOf": "Rules of which one or more hold.",
    "oneOf": "Rules of which exactly one holds.",
}
_NAMED_SCHEMAS = {
    "definitions": "Not supported.",
    "patternProperties": "Not supported.",
    "properties": "Schemas of the members of an object.",
}
_RULE = {
    "fieldPath": "Path to the member that is at fault.",
    "message": "What is told when the rule does not hold.",
    "messageExpression": "CEL expression that makes the message.",
    "reason": "Reason that programs are told, FieldValueInvalid by default.",
    "rule": "CEL expression that has to be true; self is the value, oldSelf the one before an update.",
}


def schema_schemas(meta: MetaSchemas) -> dict[str, Schema]:
    """
    The schemas by name, in one dialect.
    """
    loose: Schema = {"description": "A schema, or what else may stand there."}
    made = {
        "ExternalDocumentation": _object(
            "Where more is written.", _plain({"description": "What it is.", "url": "Where it is."}, "string")
        ),
        "JSON": {"description": "Any value."},
        "JSONSchemaProps": _object("How a value looks.", _members(meta)),
        "JSONSchemaPropsOrArray": loose,
        "JSONSchemaPropsOrBool": loose,
        "JSONSchemaPropsOrStringArray": loose,
        "ValidationRule": {
            **_object(
                "A rule that the value has to fulfil.",
                {
                    **_plain(_RULE, "string"),
                    "optionalOldSelf": {
                        "description": "Whether the rule is asked when there was no value before.",
                        "type": "boolean",
                    },
                },
            ),
            "required": ["rule"],
        },
    }
    return {PREFIX + name: schema for name, schema in made.items()}


def _object(description: str, properties: dict[str, Schema]) -> Schema:
    return {"description": description, "type": "object", "properties": properties}


def _plain(words: dict[str, str], type_: str, **more: str) -> dict[str, Schema]:
    return {name: {"description": text, "type": type_, **more} for name, text in words.items()}


def _members(meta: MetaSchemas) -> dict[str, Schema]:
    def ref(name: str, description: str = "") -> Schema:
        return meta.ref(PREFIX + name, description)

    def items(description: str, of: Schema) -> Schema:
        atomic = {"x-kubernetes-list-type": "atomic"}
        return {"description": description, "items": of, "type": "array", **atomic}

    def entries(description: str, name: str) -> Schema:
        return {"description": description, "additionalProperties": ref(name), "type": "object"}

    text: Schema = {"type": "string"}
    return {
        **_plain(_TEXTS, "string"),
        **_plain(_FLAGS, "boolean"),
        **_plain(_COUNTS, "integer", format="int64"),
        **_plain(_NUMBERS, "number", format="double"),
        **{name: items(words, ref("JSONSchemaProps")) for name, words in _SCHEMAS.items()},
        **{name: entries(words, "JSONSchemaProps") for name, words in _NAMED_SCHEMAS.items()},
        "additionalItems": ref("JSONSchemaPropsOrBool", "Not supported."),
        "additionalProperties": ref("JSONSchemaPropsOrBool", "Schema of all members of a map."),
        "default": ref("JSON", "Value that is filled in where there is none."),
        "dependencies": entries("Not supported.", "JSONSchemaPropsOrStringArray"),
        "enum": items("Values that are allowed.", ref("JSON")),
        "example": ref("JSON", "A value, to show."),
        "externalDocs": ref("ExternalDocumentation", "Where more is written."),
        "items": ref("JSONSchemaPropsOrArray", "Schema of the items of a list."),
        "not": ref("JSONSchemaProps", "Rules that do not hold."),
        "required": items("Members that an object must have.", text),
        "x-kubernetes-list-map-keys": items("Members that tell the items of a list apart.", text),
        "x-kubernetes-validations": {
            "description": "Rules in CEL.",
            "items": ref("ValidationRule"),
            "type": "array",
            "x-kubernetes-list-map-keys": ["rule"],
            "x-kubernetes-list-type": "map",
            "x-kubernetes-patch-merge-key": "rule",
            "x-kubernetes-patch-strategy": "merge",
        },
    }
