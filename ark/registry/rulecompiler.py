"""
Validation rules of one schema node, compiled.

Follows C{k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel/compilation.go}.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from ark.cel import types
from ark.cel.environment import Environment, Program
from ark.cel.errors import CompileError, ProgramError
from ark.cel.schemas import REQUEST_SIZE, Declaration, declare
from ark.cel.types import optional_of
from ark.registry.definitions.fieldpaths import InvalidFieldPath, find_field

Schema = Mapping[str, Any]

RULES = "x-kubernetes-validations"
SELF, OLD_SELF = "self", "oldSelf"
# Kubernetes numbers the type anew with each compilation, so that nothing can rely on its name.
_TYPE_NAME = "selfType"


class Rule(NamedTuple):
    """
    One rule.

    @ivar program: what it became; L{None} if it is wrong or blank.
    @ivar fault: what is wrong with it.
    @ivar most: what it can cost.
    @ivar message_program: what makes its message.
    @ivar message_fault: what is wrong with that.
    @ivar message_most: what that can cost.
    @ivar uses_old: whether it looks at the value before an update.
    @ivar optional_old: whether it runs without one too.
    @ivar field_path: the field that it blames, from where it stands.
    """

    source: Mapping[str, Any]
    program: Program | None = None
    fault: str = ""
    most: int = 0
    message_program: Program | None = None
    message_fault: str = ""
    message_most: int = 0
    uses_old: bool = False
    optional_old: bool = False
    field_path: str = ""

    @property
    def text(self) -> str:
        """
        What errors call it: its message, or else the rule itself.
        """
        message: str = self.source.get("message") or ""
        return message.strip() if message else self.source["rule"].strip()

    @property
    def message(self) -> str:
        """
        What is said when it does not hold and nothing makes another message.
        """
        return self.text if self.source.get("message") else f"failed rule: {self.text}"


def declared_at(schema: Schema, root: bool) -> Declaration:
    """
    What the rules of a node see of it.
    """
    return declare(schema, root or bool(schema.get("x-kubernetes-embedded-resource")), _TYPE_NAME)


def largest_count(declared: Declaration) -> int:
    """
    How often a value can be in one request at most.
    """
    return REQUEST_SIZE // (declared.least_size + 1)


def compile_rules(schema: Schema, declared: Declaration) -> list[Rule]:
    """
    The rules of a node, without those below it, in their order.
    """
    rules = schema.get(RULES) or ()
    if not rules or declared.type is None:
        return []
    environments = {
        False: Environment({SELF: declared, OLD_SELF: declared}),
        True: Environment({SELF: declared, OLD_SELF: optional_of(declared.type)}),
    }
    return [
        _compiled(rule, schema, declared, environments[bool(rule.get("optionalOldSelf"))]) for rule in rules
    ]


def _compiled(
    source: Mapping[str, Any], schema: Schema, declared: Declaration, environment: Environment
) -> Rule:
    made = Rule(source, optional_old=bool(source.get("optionalOldSelf")))
    if not source.get("rule", "").strip():
        return made
    try:
        program = environment.compile(source["rule"])
    except CompileError as error:
        return made._replace(fault=f"compilation failed: {error}")
    except ProgramError as error:
        return made._replace(fault=f"program instantiation failed: {error}")
    if program.type != types.BOOL:
        return made._replace(fault="cel expression must evaluate to a bool")
    made = made._replace(
        program=program,
        most=program.estimate(declared).most,
        uses_old=OLD_SELF in program.names,
        field_path=_field_path(source, schema),
    )
    return _with_message(made, declared, environment) if source.get("messageExpression") else made


def _with_message(rule: Rule, declared: Declaration, environment: Environment) -> Rule:
    try:
        program = environment.compile(rule.source["messageExpression"])
    except CompileError as error:
        return rule._replace(message_fault=f"messageExpression compilation failed: {error}", field_path="")
    except ProgramError as error:
        return rule._replace(message_fault=f"messageExpression instantiation failed: {error}", field_path="")
    if program.type != types.STRING:
        return rule._replace(message_fault="messageExpression must evaluate to a string", field_path="")
    return rule._replace(message_program=program, message_most=program.estimate(declared).most)


def _field_path(source: Mapping[str, Any], schema: Schema) -> str:
    path = source.get("fieldPath")
    if not path:
        return ""
    try:
        return find_field(path, schema).path
    except InvalidFieldPath:
        return ""
