"""
The types that a CustomResourceDefinition is made of.

Follows C{k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1/{types,types_jsonschema,
marshal,defaults}.go}; the order of the members is that of the internal version.
"""

from __future__ import annotations

from typing import Any

from ark.meta.metatypes import WrongType
from ark.registry.definitions.gotypes import (
    BOOL,
    FLOAT64,
    INT32,
    INT64,
    STRING,
    Anything,
    Entries,
    Items,
    Member,
    Moment,
    Octets,
    Optional,
    Place,
    Structure,
    named,
)

SERVICE_PORT = 443


class SchemaOr:
    """
    A schema, or something else: what C{items}, C{additionalProperties} and the like hold.

    @param word: what else may stand there: C{array}, C{bool} or C{strings}.
    """

    zero = None

    def __init__(self, name: str, word: str) -> None:
        self.name = f"v1.{name}"
        self._word = word

    def read(self, value: Any, place: Place) -> Any:
        """
        A schema read, or what else it is; nothing is told of unknown members here.
        """
        quiet = place._replace(unknown=None)
        if isinstance(value, dict):
            return SCHEMA.read(value, quiet)
        if self._word == "bool":
            if not isinstance(value, bool):
                raise WrongType("boolean or JSON schema expected")
            return value
        if isinstance(value, list) and len(value) > 0:
            return (Items(SCHEMA) if self._word == "array" else Items(STRING)).read(value, quiet)
        return None

    def show(self, value: Any) -> Any:
        """
        The structure that Go has for it.
        """
        schema = SCHEMA.show(value) if isinstance(value, dict) else None
        if value is None and self._word != "array":
            return None
        if self._word == "bool":
            return {"Allows": bool(value) or schema is not None, "Schema": schema}
        others = value if isinstance(value, list) else None
        if self._word == "strings":
            return {"Schema": schema, "Property": others}
        shown = None if others is None else [SCHEMA.show(one) for one in others]
        return {"Schema": schema, "JSONSchemas": shown}


def _rule() -> list[Member]:
    return [
        Member("rule", "Rule", STRING, True),
        Member("message", "Message", STRING),
        Member("messageExpression", "MessageExpression", STRING),
        Member("reason", "Reason", Optional(named("v1.FieldValueErrorReason"))),
        Member("fieldPath", "FieldPath", STRING),
        Member("optionalOldSelf", "OptionalOldSelf", Optional(BOOL)),
    ]


def _schema() -> list[Member]:
    schemas = Entries(SCHEMA)
    return [
        Member("id", "ID", STRING),
        Member("$schema", "Schema", named("v1.JSONSchemaURL")),
        Member("$ref", "Ref", Optional(STRING)),
        Member("description", "Description", STRING),
        Member("type", "Type", STRING),
        Member("nullable", "Nullable", BOOL),
        Member("format", "Format", STRING),
        Member("title", "Title", STRING),
        Member("default", "Default", Optional(Anything())),
        Member("maximum", "Maximum", Optional(FLOAT64)),
        Member("exclusiveMaximum", "ExclusiveMaximum", BOOL),
        Member("minimum", "Minimum", Optional(FLOAT64)),
        Member("exclusiveMinimum", "ExclusiveMinimum", BOOL),
        Member("maxLength", "MaxLength", Optional(INT64)),
        Member("minLength", "MinLength", Optional(INT64)),
        Member("pattern", "Pattern", STRING),
        Member("maxItems", "MaxItems", Optional(INT64)),
        Member("minItems", "MinItems", Optional(INT64)),
        Member("uniqueItems", "UniqueItems", BOOL),
        Member("multipleOf", "MultipleOf", Optional(FLOAT64)),
        Member("enum", "Enum", Items(Anything())),
        Member("maxProperties", "MaxProperties", Optional(INT64)),
        Member("minProperties", "MinProperties", Optional(INT64)),
        Member("required", "Required", Items(STRING)),
        Member("items", "Items", Optional(SchemaOr("JSONSchemaPropsOrArray", "array"))),
        Member("allOf", "AllOf", Items(SCHEMA)),
        Member("oneOf", "OneOf", Items(SCHEMA)),
        Member("anyOf", "AnyOf", Items(SCHEMA)),
        Member("not", "Not", Optional(SCHEMA)),
        Member("properties", "Properties", schemas),
        Member(
            "additionalProperties",
            "AdditionalProperties",
            Optional(SchemaOr("JSONSchemaPropsOrBool", "bool")),
        ),
        Member("patternProperties", "PatternProperties", schemas),
        Member("dependencies", "Dependencies", Entries(SchemaOr("JSONSchemaPropsOrStringArray", "strings"))),
        Member("additionalItems", "AdditionalItems", Optional(SchemaOr("JSONSchemaPropsOrBool", "bool"))),
        Member("definitions", "Definitions", schemas),
        Member("externalDocs", "ExternalDocs", Optional(EXTERNAL_DOCS)),
        Member("example", "Example", Optional(Anything())),
        Member("x-kubernetes-preserve-unknown-fields", "XPreserveUnknownFields", Optional(BOOL)),
        Member("x-kubernetes-embedded-resource", "XEmbeddedResource", BOOL),
        Member("x-kubernetes-int-or-string", "XIntOrString", BOOL),
        Member("x-kubernetes-list-map-keys", "XListMapKeys", Items(STRING)),
        Member("x-kubernetes-list-type", "XListType", Optional(STRING)),
        Member("x-kubernetes-map-type", "XMapType", Optional(STRING)),
        Member("x-kubernetes-validations", "XValidations", Items(RULE)),
    ]


def _texts(*names: tuple[str, str], always: tuple[str, ...] = ()) -> list[Member]:
    return [Member(name, go_name, STRING, name in always) for name, go_name in names]


EXTERNAL_DOCS = Structure(
    "ExternalDocumentation", lambda: _texts(("description", "Description"), ("url", "URL"))
)
RULE = Structure("ValidationRule", _rule)
SCHEMA = Structure("JSONSchemaProps", _schema)
VALIDATION = Structure(
    "CustomResourceValidation",
    lambda: [Member("openAPIV3Schema", "OpenAPIV3Schema", Optional(SCHEMA))],
)
SCALE = Structure(
    "CustomResourceSubresourceScale",
    lambda: [
        Member("specReplicasPath", "SpecReplicasPath", STRING, True),
        Member("statusReplicasPath", "StatusReplicasPath", STRING, True),
        Member("labelSelectorPath", "LabelSelectorPath", Optional(STRING)),
    ],
)
SUBRESOURCES = Structure(
    "CustomResourceSubresources",
    lambda: [
        Member("status", "Status", Optional(Structure("CustomResourceSubresourceStatus", list))),
        Member("scale", "Scale", Optional(SCALE)),
    ],
)
COLUMN = Structure(
    "CustomResourceColumnDefinition",
    lambda: [
        *_texts(
            ("name", "Name"),
            ("type", "Type"),
            ("format", "Format"),
            ("description", "Description"),
            always=("name", "type"),
        ),
        Member("priority", "Priority", INT32),
        Member("jsonPath", "JSONPath", STRING, True),
    ],
)
SELECTABLE = Structure("SelectableField", lambda: [Member("jsonPath", "JSONPath", STRING, True)])
VERSION = Structure(
    "CustomResourceDefinitionVersion",
    lambda: [
        Member("name", "Name", STRING, True),
        Member("served", "Served", BOOL, True),
        Member("storage", "Storage", BOOL, True),
        Member("deprecated", "Deprecated", BOOL),
        Member("deprecationWarning", "DeprecationWarning", Optional(STRING)),
        Member("schema", "Schema", Optional(VALIDATION)),
        Member("subresources", "Subresources", Optional(SUBRESOURCES)),
        Member("additionalPrinterColumns", "AdditionalPrinterColumns", Items(COLUMN)),
        Member("selectableFields", "SelectableFields", Items(SELECTABLE)),
    ],
)
NAMES = Structure(
    "CustomResourceDefinitionNames",
    lambda: [
        Member("plural", "Plural", STRING, True),
        Member("singular", "Singular", STRING),
        Member("shortNames", "ShortNames", Items(STRING)),
        Member("kind", "Kind", STRING, True),
        Member("listKind", "ListKind", STRING),
        Member("categories", "Categories", Items(STRING)),
    ],
)


def _default_port(service: dict[str, Any]) -> None:
    service.setdefault("port", SERVICE_PORT)


SERVICE = Structure(
    "ServiceReference",
    lambda: [
        Member("namespace", "Namespace", STRING, True),
        Member("name", "Name", STRING, True),
        Member("path", "Path", Optional(STRING)),
        Member("port", "Port", Optional(INT32)),
    ],
    _default_port,
)
CLIENT_CONFIG = Structure(
    "WebhookClientConfig",
    lambda: [
        Member("url", "URL", Optional(STRING)),
        Member("service", "Service", Optional(SERVICE)),
        Member("caBundle", "CABundle", Octets()),
    ],
)
WEBHOOK = Structure(
    "WebhookConversion",
    lambda: [
        Member("clientConfig", "ClientConfig", Optional(CLIENT_CONFIG)),
        Member("conversionReviewVersions", "ConversionReviewVersions", Items(STRING), True),
    ],
)
CONVERSION = Structure(
    "CustomResourceConversion",
    lambda: [
        Member("strategy", "Strategy", named("v1.ConversionStrategyType"), True),
        Member("webhook", "Webhook", Optional(WEBHOOK)),
    ],
)


def _default_spec(spec: dict[str, Any]) -> None:
    names = spec["names"]
    kind = names["kind"]
    if not names.get("singular") and kind:
        names["singular"] = kind.lower()
    if not names.get("listKind") and kind:
        names["listKind"] = f"{kind}List"
    spec.setdefault("conversion", {"strategy": "None"})


SPEC = Structure(
    "CustomResourceDefinitionSpec",
    lambda: [
        Member("group", "Group", STRING, True),
        Member("names", "Names", NAMES, True),
        Member("scope", "Scope", named("v1.ResourceScope"), True),
        Member("versions", "Versions", Items(VERSION), True),
        Member("conversion", "Conversion", Optional(CONVERSION)),
        Member("preserveUnknownFields", "PreserveUnknownFields", BOOL),
    ],
    _default_spec,
)
CONDITION = Structure(
    "CustomResourceDefinitionCondition",
    lambda: [
        Member("type", "Type", named("v1.CustomResourceDefinitionConditionType"), True),
        Member("status", "Status", named("v1.ConditionStatus"), True),
        # Written as null when it is not known.
        Member("lastTransitionTime", "LastTransitionTime", Moment(), True),
        Member("reason", "Reason", STRING),
        Member("message", "Message", STRING),
        Member("observedGeneration", "ObservedGeneration", INT64),
    ],
)
STATUS = Structure(
    "CustomResourceDefinitionStatus",
    lambda: [
        Member("conditions", "Conditions", Items(CONDITION), True),
        Member("acceptedNames", "AcceptedNames", NAMES, True),
        Member("storedVersions", "StoredVersions", Items(STRING), True),
        Member("observedGeneration", "ObservedGeneration", INT64),
    ],
)


def _default_definition(definition: dict[str, Any]) -> None:
    status = definition["status"]
    if not status["storedVersions"]:
        stored = [one["name"] for one in definition["spec"]["versions"] or () if one["storage"]]
        status["storedVersions"] = stored[:1] or status["storedVersions"]


_DEFINITION = Structure(
    "CustomResourceDefinition",
    lambda: [
        # These three are read elsewhere.
        *(Member(name, "", Anything()) for name in ("apiVersion", "kind", "metadata")),
        Member("spec", "Spec", SPEC, True),
        Member("status", "Status", STATUS, True),
    ],
    _default_definition,
)


def read_definition(obj: dict[str, Any]) -> list[str]:
    """
    Make an object the definition that Kubernetes reads into its structures, in place, with
    all defaults.

    @return: the paths of members that nothing declares.
    @raise WrongType: a member is of a wrong type.
    """
    unknown: list[str] = []
    made = _DEFINITION.read(obj, Place("", "", "", unknown))
    obj.clear()
    obj.update(made)
    return unknown
