"""
What is done to the objects of a kind by its schema.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

from ark.apis.kind import Kind
from ark.meta.status import Cause
from ark.registry.acceptance import compile_acceptance
from ark.registry.correlation import Correlated
from ark.registry.defaulting import compile_defaults, drop_nulls
from ark.registry.embedded import coerce_embedded, embedded_faults, has_embedded, wrong_embedded
from ark.registry.failures import NO_FIELD, causes_of
from ark.registry.pruning import compile_clean, prune
from ark.registry.rules import RuleTree, compile_tree
from ark.registry.scale import scale_faults
from ark.registry.settling import compile_settle
from ark.registry.uniqueness import duplicates_of, has_unique_lists
from ark.registry.validation import check_value

Object = dict[str, Any]
Rule = Callable[[Object, "Object | None"], "list[Cause]"]

# Faults after which Kubernetes does not evaluate expressions.
_BLOCKING = frozenset(
    (
        "FieldValueNotSupported",
        "FieldValueRequired",
        "FieldValueTooLong",
        "FieldValueTooMany",
        "FieldValueTypeInvalid",
    )
)
_NOT_CHECKED = Cause(
    "FieldValueInvalid",
    "Invalid value: null: some validation rules were not checked because the object was invalid; "
    "correct the existing errors to complete validation",
    NO_FIELD,
)


class Processor:
    """
    Prunes, defaults and validates objects of one kind.

    The functions are made when they are first needed.

    @ivar rules: checks beyond the schema and its own rules, run in order on objects that fit it.
    """

    def __init__(self, kind: Kind, rules: Sequence[Rule] = ()) -> None:
        self.kind = kind
        self.rules = tuple(rules)
        self._schema = kind.schema
        self._source = f"{kind.resource}/{kind.version}"

    @cached_property
    def _clean(self) -> Callable[[Any], bool]:
        return compile_clean(self._schema, f"clean {self._source}")

    @cached_property
    def default(self) -> Callable[[Object], None]:
        """
        Give an object its defaults, in place (contract 9.3).
        """
        return compile_defaults(self._schema, f"default {self._source}")

    @cached_property
    def default_applied(self) -> Callable[[Object], None]:
        """
        As L{default}, for what was applied: no null of a custom resource is dropped; in a Go type it
        sets nothing.
        """
        return compile_defaults(self._schema, f"default applied {self._source}", drops=self.kind.typed)

    @cached_property
    def _settle(self) -> Callable[[Any], bool]:
        return compile_settle(self._schema, f"settle {self._source}")

    @cached_property
    def _is_settled(self) -> Callable[[Any], bool]:
        return compile_settle(self._schema, f"settled {self._source}", fills=False)

    @cached_property
    def _fits(self) -> Callable[[Any], bool]:
        return compile_acceptance(self._schema, f"validate {self._source}")

    @cached_property
    def _status_fits(self) -> Callable[[Any], bool]:
        return compile_acceptance(self._status_schema, f"validate {self._source} status")

    @cached_property
    def _status_schema(self) -> dict[str, Any]:
        return dict((self._schema.get("properties") or {}).get("status") or {})

    @cached_property
    def _has_embedded(self) -> bool:
        return has_embedded(self._schema)

    @cached_property
    def _has_unique_lists(self) -> bool:
        return has_unique_lists(self._schema)

    @cached_property
    def _is_plain(self) -> bool:
        """
        Whether an object whose parts fit the schema has no faults.
        """
        more = self._has_unique_lists or self.rules or self.kind.scale is not None
        return not more and self._tree is None

    @cached_property
    def _tree(self) -> RuleTree | None:
        return compile_tree(self._schema, root=True)

    def prepare(self) -> None:
        """
        Make the functions now.
        """
        _ = (
            self._settle,
            self._is_settled,
            self._clean,
            self.default,
            self._fits,
            self._has_embedded,
            self._tree,
        )

    def settle(self, obj: Object) -> list[str]:
        """
        L{prune} and L{default} in one, which is quicker.

        @return: what L{prune} returns.
        """
        if not self._has_embedded and self._settle(obj):
            return []
        dropped = self.prune(obj)
        self.default(obj)
        return dropped

    def is_settled(self, obj: Object) -> bool:
        """
        Whether it is certain that L{settle} would change nothing and L{wrong_embedded} find nothing.
        """
        return not self._has_embedded and self._is_settled(obj)

    def wrong_embedded(self, obj: Object) -> Cause | None:
        """
        The first member of an embedded object's type or metadata that is of a wrong type.
        Kubernetes refuses it before it looks at anything else (C{Coerce} in
        C{pkg/apiserver/schema/objectmeta/algorithm.go} of apiextensions).
        """
        if not self._has_embedded:
            return None
        return next(wrong_embedded(obj, self._schema), None)

    def prune(self, obj: Object) -> list[str]:
        """
        Drop what the kind does not declare, in place.  The object's own type and metadata
        are left alone.

        @return: the paths of what was dropped, as Kubernetes names them (contract 9.2).
        """
        if self._clean(obj) and not self._has_embedded:
            return []
        coerced = coerce_embedded(obj, self._schema) if self._has_embedded else []
        return sorted(prune(obj, self._schema)) + sorted(coerced)

    def take(self, obj: Object) -> None:
        """
        Make of an object of another version what this one knows of it, in place
        (C{schemaCoercingConverter} in C{customresource_handler.go}).
        """
        self.prune(obj)
        drop_nulls(obj, self._schema)

    def coerce(self, obj: Object) -> None:
        """
        Bring the metadata of embedded objects into form, in place.
        """
        if self._has_embedded:
            coerce_embedded(obj, self._schema)

    def validate(
        self, obj: Object, old: Object | None = None, warnings: list[str] | None = None
    ) -> list[Cause]:
        """
        Every fault of an object, in Kubernetes' order and words (contract 2.5, 19).

        @param old: the object before an update; what did not change is not held against it.
        @param warnings: takes what would have been held against it by a rule.
        """
        if self._fits(obj) and not self._needs_more():
            return self._ruled(obj, old, warnings) if self._tree is not None or self.rules else []
        was = Correlated(obj, old, self._schema) if old is not None else None
        causes = causes_of(check_value(obj, self._schema, "", was).failures)
        causes += scale_faults(obj, self.kind.scale)
        causes += embedded_faults(obj, self._schema) if self._has_embedded else ()
        return self._finished(obj, old, causes, warnings)

    def validate_status(self, obj: Object, old: Object, warnings: list[str] | None = None) -> list[Cause]:
        """
        Every fault of a write to C{/status}: only the status is looked at, but all rules.
        """
        status = obj.get("status")
        fits = "status" not in obj or self._status_fits(status)
        if fits and self._is_plain:
            return []
        causes: list[Cause] = []
        if not fits:
            was = Correlated(status, old["status"], self._status_schema) if "status" in old else None
            causes += causes_of(check_value(status, self._status_schema, "", was).failures, "status")
        causes += scale_faults(obj, self.kind.scale, spec=False)
        return self._finished(obj, old, causes, warnings)

    def _needs_more(self) -> bool:
        return self._has_embedded or self.kind.scale is not None

    def _ruled(self, obj: Object, old: Object | None, warnings: list[str] | None) -> list[Cause]:
        causes = [cause for rule in self.rules for cause in rule(obj, old)]
        if self._tree is None:
            return causes
        verdict = self._tree.judge(obj, old)
        if warnings is not None:
            warnings += [f"{cause.field}: {cause.message}" for cause in verdict.forgiven]
        return causes + verdict.causes

    def _finished(
        self, obj: Object, old: Object | None, causes: list[Cause], warnings: list[str] | None
    ) -> list[Cause]:
        doubles = list(duplicates_of(obj, self._schema)) if self._has_unique_lists else []
        if doubles and (old is None or not any(duplicates_of(old, self._schema))):
            causes += doubles
        if self._tree is None and not self.rules:
            return causes
        if any(cause.reason in _BLOCKING for cause in causes):
            return [*causes, _NOT_CHECKED]
        return causes + self._ruled(obj, old, warnings)


def compile_schema(kind: Kind) -> Processor:
    """
    The processor for the objects of a kind.
    """
    return Processor(kind)
