"""
Whether the rules of a schema may be written.

Follows the part of C{ValidateCustomResourceDefinitionOpenAPISchema} that compiles rules, in
C{k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/validation/validation.go}, and
C{cel_validation.go} beside it; contract 19.6.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ark.meta.fielderrors import forbidden, internal, invalid
from ark.meta.status import Cause
from ark.registry.codec import same_json
from ark.registry.definitions.schemas import invalid_struct
from ark.registry.definitions.types import RULE
from ark.registry.rulecompiler import RULES, Rule, compile_rules, declared_at, largest_count
from ark.registry.rules import has_rules

Schema = Mapping[str, Any]

PER_RULE, PER_DEFINITION = 10_000_000, 100_000_000
_MOST = 2**64 - 1
_LISTED = 4
_NO_TYPE = (
    "internal error: failed to construct type information for x-kubernetes-validations rules: "
    "unable to convert structural schema to CEL declarations"
)


def check_rules(schema: Schema, path: str, before: Schema | None = None) -> list[Cause]:
    """
    The faults of the rules in a structural schema that has no other faults: expressions that
    do not compile, that can cost too much, that look for an old value where none can be
    found, as field, reason and text of kube-apiserver.

    @param path: where the schema is in the definition.
    @param before: the schema of the same version before an update; when it is the same, what
        single rules can cost is not held against it.
    """
    if not has_rules(schema):
        return []
    checking = _Checking(before is not None and same_json(schema, before))
    return [*checking.node(schema, path, _Level(True)), *checking.total(path)]


@dataclass(frozen=True)
class _Level:
    """
    What holds at one place of a schema.

    @ivar count: how often a value can be there; L{None} when nothing limits it.
    @ivar uncorrelated: the node above whose parts cannot be found in an old object.
    """

    root: bool = False
    count: int | None = 1
    uncorrelated: str = ""

    def within(self, schema: Schema) -> _Level:
        """
        What holds for the parts of a node.
        """
        limit = _most_elements(schema)
        if self.count is None or limit is None:
            return replace(self, root=False, count=None)
        return replace(self, root=False, count=min(self.count * limit, _MOST))


@dataclass
class _Checking:
    """
    One walk over a schema.
    """

    unchanged: bool
    spent: int = 0
    expensive: list[tuple[int, str]] = field(default_factory=list)

    def node(self, schema: Schema, path: str, level: _Level) -> Iterator[Cause]:
        """
        The faults of the rules below a node, and then of its own.
        """
        below = level.within(schema)
        additional, items = schema.get("additionalProperties"), schema.get("items")
        if isinstance(additional, Mapping):
            yield from self.node(additional, f"{path}.additionalProperties", below)
        for name, node in (schema.get("properties") or {}).items():
            yield from self.node(node, f"{path}.properties[{name}]", below)
        if isinstance(items, Mapping):
            lost = schema.get("x-kubernetes-list-type") != "map"
            below = replace(below, uncorrelated=below.uncorrelated or path) if lost else below
            yield from self.node(items, f"{path}.items", below)
        if schema.get(RULES):
            yield from self._own(schema, path, level)

    def _own(self, schema: Schema, path: str, level: _Level) -> Iterator[Cause]:
        declared = declared_at(schema, level.root)
        if declared.type is None:
            yield internal(f"{path}.{RULES}", _NO_TYPE)
            return
        count = largest_count(declared) if level.count is None else level.count
        for index, rule in enumerate(compile_rules(schema, declared)):
            yield from self._rule(rule, f"{path}.{RULES}[{index}]", level, min(rule.most * count, _MOST))

    def _rule(self, rule: Rule, path: str, level: _Level, cost: int) -> Iterator[Cause]:
        if not self.unchanged and cost > PER_RULE:
            yield forbidden(f"{path}.rule", _too_expensive("estimated rule cost", cost, PER_RULE))
        self._spend(cost, f"{path}.rule")
        if rule.fault:
            yield invalid_struct(f"{path}.rule", rule.source, RULE, rule.fault)
        if rule.message_fault:
            yield invalid_struct(f"{path}.messageExpression", rule.source, RULE, rule.message_fault)
        elif rule.message_program is not None:
            cost = rule.message_most
            if not self.unchanged and cost > PER_RULE:
                detail = _too_expensive("estimated messageExpression cost", cost, PER_RULE)
                yield forbidden(f"{path}.messageExpression", detail)
            self._spend(cost, f"{path}.messageExpression")
        if rule.uses_old:
            if level.uncorrelated:
                detail = f"oldSelf cannot be used on the uncorrelatable portion of the schema within {level.uncorrelated}"
                yield invalid(f"{path}.rule", rule.source["rule"], detail)
        elif rule.source.get("optionalOldSelf") is not None:
            detail = "may not be set if oldSelf is not used in rule"
            yield invalid(f"{path}.optionalOldSelf", rule.source["optionalOldSelf"], detail)

    def _spend(self, cost: int, path: str) -> None:
        self.spent = min(self.spent + cost, _MOST)
        if cost >= PER_DEFINITION // 100:
            self.expensive.append((cost, path))
            self.expensive.sort(key=lambda each: -each[0])
            del self.expensive[_LISTED:]

    def total(self, path: str) -> Iterator[Cause]:
        """
        The faults of all rules together.
        """
        if self.spent <= PER_DEFINITION:
            return
        for _, where in self.expensive:
            yield forbidden(
                where,
                "contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema",
            )
        name = "x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema"
        yield forbidden(path, _too_expensive(name, self.spent, PER_DEFINITION))


def _most_elements(schema: Schema) -> int | None:
    """
    How many parts a value has at most; L{None} when nothing limits them.
    """
    kind = schema.get("type")
    if kind == "object" and schema.get("additionalProperties") is not None:
        limit = schema.get("maxProperties")
    elif kind == "array":
        limit = schema.get("maxItems")
    else:
        return 1
    return None if limit is None else max(limit, 0)


def _too_expensive(name: str, cost: int, limit: int) -> str:
    times = cost / limit
    if times > 100.0:
        factor = "more than 100x"
    elif times < 1.5:
        factor = f"{times:f}x"
    else:
        factor = f"{times:.1f}x"
    return (
        f"{name} exceeds budget by factor of {factor} (try simplifying the rule, or adding maxItems, "
        "maxProperties, and maxLength where arrays, maps, and strings are declared)"
    )
