"""
Expressions to trees.

Follows the rules of cel-go's C{parser/gen/CEL.g4} and C{parser/parser.go}.
"""

from __future__ import annotations

from collections.abc import Callable

from ark.cel.errors import NOWHERE, CompileError, Fault
from ark.cel.operands import DEEPEST, Operands
from ark.cel.syntax import Broken, Call, Node
from ark.cel.tokens import EOF, FLOAT, INT, Token
from ark.cel.words import OPERAND, OPERATORS, Mismatch, Stop, expected

_LONGEST = 100_000

_RELATIONS = {
    "<": "_<_",
    "<=": "_<=_",
    ">=": "_>=_",
    ">": "_>_",
    "==": "_==_",
    "!=": "_!=_",
    "in": "@in",
}
_SUMS = {"+": "_+_", "-": "_-_"}
_PRODUCTS = {"*": "_*_", "/": "_/_", "%": "_%_"}


def parse(text: str) -> Node:
    """
    The tree of an expression, with its macros expanded.

    @raise CompileError: if it is not one.
    """
    if len(text) > _LONGEST:
        message = f"expression code point size exceeds limit: size: {len(text)}, limit {_LONGEST}"
        raise CompileError(text, [Fault(NOWHERE, message)])
    parser = _Parser(text)
    try:
        tree = parser.start()
    except Stop:
        tree = Broken(0)
    if parser.faults:
        raise CompileError(text, parser.faults)
    return tree


class _Parser(Operands):
    """
    One descent through the words of a text.
    """

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.depth = 0

    def start(self) -> Node:
        """
        The whole text.
        """
        tree = self.whole()
        if self.kind() != EOF:
            if self.kind(1) == EOF:
                self.syntax(f"extraneous input '{self.token.text}' expecting <EOF>")
            else:
                self.mismatch("<EOF>")
        return tree

    def _deeper(self) -> None:
        self.depth += 1
        if self.depth > DEEPEST:
            self.fault(NOWHERE, f"expression recursion limit exceeded: {DEEPEST}")
            raise Stop

    def whole(self, others: frozenset[str] = frozenset()) -> Node:
        """
        The rule C{expr}.
        """
        self._deeper()
        try:
            self.operand_ahead(others)
            first = self._disjunction()
            if self.kind() == "?":
                operator = self.next()
                then = self.within(":", self._disjunction)
                self.match(":", may_follow=OPERAND)
                parts = [first, then, self.whole()]
                first = self.levelled(Call(operator.offset, "_?_:_", parts), parts)
        except Mismatch:
            first = self.recover()
            # An operator is left to the rule that it belongs to.
            if self.kind() in OPERATORS:
                first = self._continued(first)
        self.depth -= 1
        return first

    def _continued(self, left: Node) -> Node:
        """
        Go on after an operand that could not be read.
        """
        while self.kind() in OPERATORS and self.kind() != "?":
            operator = self.next()
            left = Call(operator.offset, operator.text, [left, self._unary()])
        return left

    def _disjunction(self) -> Node:
        return self._logical("||", "_||_", lambda: self._logical("&&", "_&&_", self._relation))

    def _logical(self, word: str, function: str, term: Callable[[], Node]) -> Node:
        terms = [term()]
        offsets: list[int] = []
        while self.kind() == word:
            offsets.append(self.next().offset)
            terms.append(term())
        return _balanced(function, terms, offsets, 0, len(offsets) - 1) if offsets else terms[0]

    def _relation(self) -> Node:
        return self._binary(_RELATIONS, self._sum)

    def _sum(self) -> Node:
        return self._binary(_SUMS, lambda: self._binary(_PRODUCTS, self._unary))

    def _binary(self, operators: dict[str, str], operand: Callable[[], Node]) -> Node:
        left = operand()
        while self.kind() in operators:
            operator = self.next()
            right = operand()
            made = Call(operator.offset, operators[operator.kind], [left, right])
            left = self.levelled(made, (left, right))
        return left

    def _unary(self) -> Node:
        try:
            self.operand_ahead()
            return self._signed()
        except Mismatch:
            return self.recover()

    def _signed(self) -> Node:
        kind = self.kind()
        if kind not in ("!", "-") or (kind == "-" and self.kind(1) in (INT, FLOAT)):
            return self.member()
        operator, count = self.token, 0
        while self.kind() == kind:
            self.next()
            count += 1
        if self.kind() not in OPERAND:
            raise self._no_operand(operator)
        operand = self.member()
        if count % 2 == 0:
            return operand
        return self.levelled(Call(operator.offset, "!_" if kind == "!" else "-_", [operand]), (operand,), 0)

    def _no_operand(self, operator: Token) -> Mismatch:
        if operator.kind == "-":
            self.no_alternative(operator)
            self.recovering = False
            return self.mismatch(expected(OPERAND))
        self.syntax(f"extraneous input '{self.token.text}' expecting {expected(OPERAND)}")
        return Mismatch()


def _balanced(function: str, terms: list[Node], offsets: list[int], low: int, high: int) -> Node:
    """
    A chain of one operator as a tree that is no deeper than it must be.
    """
    middle = (low + high + 1) // 2
    left = terms[middle] if middle == low else _balanced(function, terms, offsets, low, middle - 1)
    right = terms[middle + 1] if middle == high else _balanced(function, terms, offsets, middle + 1, high)
    made = Call(offsets[middle], function, [left, right])
    made.level = max(left.level, right.level)
    return made
