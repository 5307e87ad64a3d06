"""
Validation rules of a schema on objects.

Follows C{k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel/validation.go}; contract
19.3 to 19.6.  Only the nodes that have rules at or below them are looked at.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from ark.cel.environment import Outcome
from ark.cel.errors import CostExceeded
from ark.cel.schemas import Declaration
from ark.cel.values import NONE, Optional
from ark.meta import fielderrors
from ark.meta.fielderrors import OMITTED
from ark.meta.gotext import quote
from ark.meta.status import Cause
from ark.registry.correlation import Correlated
from ark.registry.failures import NO_FIELD
from ark.registry.rulecompiler import OLD_SELF, Rule, Schema, compile_rules, declared_at

BUDGET = 10_000_000
_LONGEST_MESSAGE = 5 * 1024
_SPENT = "validation failed due to running out of cost budget, no further validation rules will be run"


class Verdict(NamedTuple):
    """
    What rules say of an object.

    @ivar causes: what is held against it.
    @ivar forgiven: what would be, had the value not been as it is before (contract 19.3).
    @ivar left: what is left of the budget; negative when it ran out.
    """

    causes: list[Cause]
    forgiven: list[Cause]
    left: int


class RuleTree:
    """
    The nodes of a schema that have rules at or below them.
    """

    __slots__ = ("_additional", "_declared", "_items", "_properties", "_rules", "_schema", "_type")

    def __init__(self, schema: Schema, root: bool) -> None:
        self._schema = schema
        self._type: str = schema.get("type") or ""
        self._declared = declared_at(schema, root)
        self._rules = compile_rules(schema, self._declared)
        items, additional = schema.get("items"), schema.get("additionalProperties")
        self._items = compile_tree(items) if isinstance(items, Mapping) else None
        self._additional = compile_tree(additional) if isinstance(additional, Mapping) else None
        self._properties: dict[str, RuleTree] = {}
        for name, node in (schema.get("properties") or {}).items():
            # Rules below a field that expressions do not see never run.
            seen = self._declared.members[name].type is not None
            below = compile_tree(node) if seen else None
            if below is not None:
                self._properties[name] = below

    def judge(self, obj: Any, old: Any = None, budget: int = BUDGET) -> Verdict:
        """
        What the rules say of a whole object.

        @param old: the object before an update.
        """
        run = _Run(budget)
        correlated = None if old is None else Correlated(obj, old, self._schema)
        run.node(self, _Place("", obj, old, correlated, None))
        return Verdict(run.causes, run.forgiven, run.left)

    @property
    def rules(self) -> list[Rule]:
        """
        The rules of this node.
        """
        return self._rules

    @property
    def uses_old(self) -> bool:
        """
        Whether any rule of this node looks at the value before an update; only then can
        messages.
        """
        return any(rule.uses_old for rule in self._rules)

    @property
    def type(self) -> str:
        """
        The type that the schema tells of this node.
        """
        return self._type

    @property
    def declared(self) -> Declaration:
        """
        What the rules of this node see.
        """
        return self._declared

    def below(self, place: _Place) -> Iterator[tuple[RuleTree, _Place]]:
        """
        The nodes below this one, with the parts of a value that they are about.
        """
        value = place.value
        if type(value) is list:
            if self._items is not None:
                yield from self._item_places(self._items, place)
        elif type(value) is dict:
            if self._additional is not None:
                for name in value:
                    yield self._additional, place.member(name, f"{place.path}[{name}]")
            for name, tree in self._properties.items():
                if name in value:
                    yield tree, place.member(name, f"{place.path}.{name}" if place.path else name)

    def _item_places(self, tree: RuleTree, place: _Place) -> Iterator[tuple[RuleTree, _Place]]:
        before = Correlated(place.value, place.old, self._schema) if type(place.old) is list else None
        for index in range(len(place.value)):
            found = None if before is None else before.item(index)
            yield tree, place.item(index, None if found is None else found.old)


def compile_tree(schema: Schema, root: bool = False) -> RuleTree | None:
    """
    The rules of a schema; L{None} if it has none.

    @param root: whether it is of a whole object.
    """
    return RuleTree(schema, root) if has_rules(schema) else None


def has_rules(schema: Any) -> bool:
    """
    Whether there are rules at or below a node.
    """
    if not isinstance(schema, Mapping):
        return False
    if schema.get("x-kubernetes-validations"):
        return True
    nodes = (
        *(schema.get("properties") or {}).values(),
        schema.get("items"),
        schema.get("additionalProperties"),
    )
    return any(map(has_rules, nodes))


class _Place(NamedTuple):
    """
    A part of an object, the part before that it stems from, and what it is correlated with.

    @ivar parent: the nearest part above that could be correlated.
    """

    path: str
    value: Any
    old: Any
    correlated: Correlated | None
    parent: Correlated | None

    def member(self, name: str, path: str) -> _Place:
        """
        A member of an object.
        """
        value = self.value[name]
        old = self.old.get(name) if type(self.old) is dict else None
        if self.correlated is None:
            return _Place(path, value, old, None, self.parent)
        if self.parent is None and name in ("apiVersion", "kind"):
            return _Place(path, value, old, None, None)
        return _Place(path, value, old, self.correlated.member(name), self.correlated)

    def item(self, index: int, old: Any) -> _Place:
        """
        An item of a list.
        """
        path, value = f"{self.path}[{index}]", self.value[index]
        if self.correlated is None:
            return _Place(path, value, old, None, self.parent)
        return _Place(path, value, old, self.correlated.item(index), self.correlated)

    def forgiven(self) -> bool:
        """
        Whether the part is as it was, so that nothing is held against it.
        """
        nearest = self.correlated if self.correlated is not None else self.parent
        return nearest is not None and nearest.unchanged()


class _Run:
    """
    One judgement.
    """

    def __init__(self, budget: int) -> None:
        self.causes: list[Cause] = []
        self.forgiven: list[Cause] = []
        self.left = budget

    def node(self, tree: RuleTree, place: _Place) -> None:
        """
        Judge a part and what is below it, as long as there is something left.
        """
        if place.value is None:
            return
        if tree.rules:
            self._rules(tree, place)
        if self.left < 0:
            return
        for below, part in tree.below(place):
            self.node(below, part)
            if self.left < 0:
                return

    def _add(self, cause: Cause) -> None:
        self.causes.append(cause)

    def _rules(self, tree: RuleTree, place: _Place) -> None:
        field = place.path or NO_FIELD
        if self.left <= 0:
            self._stop(field, tree, _SPENT)
            return
        for rule in tree.rules:
            program = rule.program
            if program is None:
                if rule.fault:
                    self._add(fielderrors.invalid(field, tree.type, f"rule compile error: {rule.fault}"))
                continue
            if rule.uses_old and place.old is None and not rule.optional_old:
                continue
            old = place.old if not rule.optional_old else _optional(tree, place)
            cost = program.holds(place.value, old)
            if 0 <= cost <= self.left:
                self.left -= cost
                continue
            outcome = program.evaluate(place.value, old)
            if outcome.cost > self.left:
                self._stop(field, tree, _SPENT)
                return
            self.left -= outcome.cost
            if outcome.error is None:
                if outcome.value is not True:
                    self._broken(tree, rule, place)
            else:
                self._failed(tree, rule, field, outcome)
            if self.left < 0:
                return

    def _stop(self, field: str, tree: RuleTree, detail: str) -> None:
        self._add(fielderrors.invalid(field, tree.type, detail))
        self.left = -1

    def _failed(self, tree: RuleTree, rule: Rule, field: str, outcome: Outcome) -> None:
        """
        A rule that could not be evaluated.
        """
        error = str(outcome.error)
        if isinstance(outcome.error, CostExceeded):
            detail = f"'{error}': no further validation rules will be run due to call cost exceeds limit for rule: "
            self._stop(field, tree, detail + rule.text)
        elif error.startswith("no such overload"):
            detail = (
                "call arguments did not match a supported operator, function or macro signature for rule: "
            )
            self._add(fielderrors.invalid(field, tree.type, f"'{error}': {detail}{rule.text}"))
        else:
            self._add(fielderrors.invalid(field, tree.type, f"{error} evaluating rule: {rule.text}"))

    def _broken(self, tree: RuleTree, rule: Rule, place: _Place) -> None:
        """
        A rule that does not hold.
        """
        path = place.path
        if rule.field_path:
            path = f"{path}.{rule.field_path}" if path else rule.field_path
        field = path or NO_FIELD
        detail: str | None = None
        if rule.message_program is not None:
            fault, detail = self._message(rule, tree, place)
            if fault:
                self._blame(rule, place, fielderrors.invalid(field, tree.type, fault))
                self.left = -1
                return
        value = OMITTED if tree.type in ("object", "array") else place.value
        self._blame(rule, place, _cause(rule, field, value, detail or rule.message))

    def _blame(self, rule: Rule, place: _Place, cause: Cause) -> None:
        if not rule.uses_old and place.forgiven():
            self.forgiven.append(cause)
        else:
            self._add(cause)

    def _message(self, rule: Rule, tree: RuleTree, place: _Place) -> tuple[str, str | None]:
        """
        What ends the judgement, and the message if there is one.
        """
        assert rule.message_program is not None
        if OLD_SELF in rule.message_program.names and (place.old is None or not tree.uses_old):
            self.left -= 1
            return "", None
        old = tree.declared.value(place.old) if rule.optional_old and place.old is not None else place.old
        outcome = rule.message_program.evaluate(place.value, old)
        if outcome.cost > self.left:
            return (
                "messageExpression evaluation failed due to running out of cost budget, "
                "no further validation rules will be run",
                None,
            )
        if isinstance(outcome.error, CostExceeded):
            source = quote(rule.source["messageExpression"])
            head = "no further validation rules will be run due to call cost exceeds limit for messageExpression: "
            return head + source, None
        self.left -= outcome.cost
        return "", _usable(outcome.value) if outcome.error is None else None


def _usable(value: Any) -> str | None:
    if not isinstance(value, str):
        return None
    text = value.strip()
    if not text or "\n" in text or len(text.encode()) > _LONGEST_MESSAGE:
        return None
    return text


def _optional(tree: RuleTree, place: _Place) -> Optional:
    """
    C{oldSelf} of a rule that runs without one too.
    """
    return NONE if place.old is None else Optional(True, tree.declared.value(place.old))


def _cause(rule: Rule, field: str, value: Any, detail: str) -> Cause:
    reason = rule.source.get("reason")
    if reason == "FieldValueForbidden":
        return fielderrors.forbidden(field, detail)
    if reason == "FieldValueRequired":
        return fielderrors.required(field, detail)
    if reason == "FieldValueDuplicate":
        return fielderrors.duplicate(field, value)
    return fielderrors.invalid(field, value, detail)
