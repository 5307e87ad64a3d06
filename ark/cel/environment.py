"""
Where expressions are compiled: what they may name, and what they become.

The functions are those of C{k8s.io/apiserver/pkg/cel/environment/base.go}.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import Any, NamedTuple, Union

from ark.cel import (
    library_authz,
    library_lists,
    library_network,
    library_optionals,
    library_quantity,
    library_semver,
    library_strings,
    library_urls,
    operators,
    standard,
    types,
)
from ark.cel.checker import check
from ark.cel.code import Variable, absent
from ark.cel.compiler import Compiler
from ark.cel.constructed import patch_field_type, patch_type
from ark.cel.errors import NOWHERE, CompileError, CostExceeded, EvaluationError, Fault
from ark.cel.estimate import CostRange, estimate
from ark.cel.folds import LIMIT
from ark.cel.functions import Function, merged
from ark.cel.parser import parse
from ark.cel.schemas import Declaration
from ark.cel.syntax import Ident, Node, Select
from ark.cel.types import Type
from ark.cel.validators import validate, walk

FUNCTIONS: dict[str, Function] = merged(
    (
        *operators.FUNCTIONS,
        *standard.FUNCTIONS,
        *library_urls.FUNCTIONS[:8],
        *(each for each in library_strings.FUNCTIONS if each.name in ("find", "findAll")),
        *library_lists.LISTS[:6],
        *library_authz.FUNCTIONS[:-2],
        *library_optionals.OPTIONALS,
        *library_quantity.FUNCTIONS,
        *(each for each in library_strings.FUNCTIONS if each.name not in ("find", "findAll")),
        *library_lists.SETS,
        *library_network.FUNCTIONS,
        *library_urls.FUNCTIONS[8:],
        *library_authz.FUNCTIONS[-2:],
        *library_lists.COMPREHENSIONS,
        *library_semver.FUNCTIONS,
        *library_lists.LISTS[6:],
    )
)
_NAMED: dict[str, Type] = {
    each.name: each
    for each in (
        types.BOOL,
        types.BYTES,
        types.DOUBLE,
        types.INT,
        types.LIST,
        types.MAP,
        types.NULL,
        types.STRING,
        types.TYPE,
        types.UINT,
        types.TIMESTAMP,
        types.DURATION,
        types.opaque("optional_type"),
        types.IP,
        types.CIDR,
    )
}
# Types that expressions may name but that no program finds.
_NAMED_ONLY = {"timestamp": types.TIMESTAMP, "duration": types.DURATION}

_DEEPEST_STACK = 10_000
_TOO_DEEP = "expression recursion limit exceeded: 250"
_INTERNAL = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)

Declared = Union[Type, Declaration]


@contextmanager
def _deep_stack() -> Iterator[None]:
    """
    Room for expressions that are nested as deeply as cel-go allows.
    """
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, _DEEPEST_STACK))
    try:
        yield
    finally:
        sys.setrecursionlimit(before)


class Outcome(NamedTuple):
    """
    What an evaluation came to.

    @ivar value: the value, if there is no error.
    @ivar cost: what was spent, with an error too.
    """

    value: Any
    error: EvaluationError | CostExceeded | None
    cost: int


class Program:
    """
    A compiled expression.

    @ivar type: what it gives.
    @ivar names: the variables that it names.
    """

    def __init__(self, tree: Node, compiler: Compiler, limit: int) -> None:
        self.type = tree.type or types.DYN
        self.names = frozenset(
            node.reference or ""
            for node, _ in walk(tree, False)
            if isinstance(node, (Ident, Select)) and node.reference
        )
        self._tree = tree
        self._limit = limit
        self._run = compiler.value(tree)
        self._room = [None] * compiler.scope.room

    def holds(self, *variables: Any) -> int:
        """
        The cost of an evaluation that gives true; -1 for any other, which L{evaluate} tells
        more of.
        """
        frame = [0, *variables, *self._room]
        try:
            if self._run(frame) is True:
                spent: int = frame[0]
                return spent if spent <= self._limit else -1
        except (EvaluationError, CostExceeded, *_INTERNAL):
            pass
        return -1

    def evaluate(self, *variables: Any) -> Outcome:
        """
        Evaluate with these values, in the order in which the environment declares the
        variables.  A variable that is a L{Declaration} takes decoded JSON.
        """
        frame = [0, *variables, *self._room]
        try:
            value = self._run(frame)
        except EvaluationError as error:
            if frame[0] > self._limit:
                return Outcome(None, CostExceeded(), frame[0])
            return Outcome(None, error, frame[0])
        except CostExceeded as error:
            return Outcome(None, error, frame[0])
        except _INTERNAL as error:
            # cel-go makes an error of a program's panics too.
            return Outcome(None, EvaluationError(f"internal error: {error}"), frame[0])
        if frame[0] > self._limit:
            return Outcome(None, CostExceeded(), frame[0])
        return Outcome(value, None, frame[0])

    def estimate(self, root: Declaration | None = None) -> CostRange:
        """
        What an evaluation can cost at least and at most.

        @param root: what tells how large the parts of variables are.
        """
        return estimate(self._tree, root)


class Environment:
    """
    The variables, types and functions that expressions may name.
    """

    def __init__(
        self,
        variables: Mapping[str, Declared],
        functions: Mapping[str, Function] | None = None,
        structs: Mapping[str, Declaration] | None = None,
        patches: bool = False,
    ) -> None:
        """
        @param structs: the types of variables that are no declarations themselves; fields may
            be added to them between compilations.
        @param patches: whether values of L{ark.cel.constructed} may be made.
        """
        self._patches = patches
        self.variables: dict[str, Type] = {}
        self.functions = (
            FUNCTIONS if functions is None else merged((*FUNCTIONS.values(), *functions.values()))
        )
        self._slots: dict[str, Variable] = {}
        self._structs: dict[str, Declaration] = dict(structs or {})
        for slot, (name, declared) in enumerate(variables.items(), 1):
            self._declare(name, declared, slot)

    def _declare(self, name: str, declared: Declared, slot: int) -> None:
        if isinstance(declared, Declaration):
            self._slots[name] = Variable(slot, declared)
            self.variables[name] = declared.type or types.DYN
            self._add_structs(declared)
        else:
            self._slots[name] = Variable(slot, None, absent(name))
            self.variables[name] = declared

    def _add_structs(self, declared: Declaration) -> None:
        if declared.kind == "object" and declared.type is not None:
            if self._structs.get(declared.type.name) is declared:
                return
            self._structs[declared.type.name] = declared
            for part in declared.fields.values():
                self._add_structs(part)
        elif declared.has_element:
            self._add_structs(declared.element)

    @cached_property
    def _names(self) -> dict[str, Type]:
        own = {name: declared.type for name, declared in self._structs.items() if declared.type is not None}
        return {**_NAMED, **own}

    def named_type(self, name: str) -> Type | None:
        """
        The type of that name, for the checker.
        """
        if self._patches and (made := patch_type(name)) is not None:
            return made
        return self._names.get(name) or _NAMED_ONLY.get(name)

    def field_type(self, name: str, field: str) -> Type | None:
        """
        The type of a field of a declared object, for the checker.
        """
        if self._patches and patch_type(name) is not None:
            return patch_field_type(name, field)
        found = self._structs.get(name)
        part = found.field(field) if found is not None else None
        return None if part is None else part.type

    def compile(self, text: str, limit: int = LIMIT) -> Program:
        """
        Compile an expression.

        @param limit: what an evaluation may cost.
        @raise CompileError: if it is wrong; the text is cel-go's.
        @raise ProgramError: if it is right but can never be evaluated.
        """
        with _deep_stack():
            try:
                tree = parse(text)
                check(text, tree, self)
                validate(text, tree, self.functions)
                return Program(tree, Compiler(self.functions, self._slots, _NAMED.get), limit)
            except RecursionError:
                raise CompileError(text, [Fault(NOWHERE, _TOO_DEEP)]) from None
