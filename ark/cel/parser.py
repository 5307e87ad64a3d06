"""
Expressions to trees.

Follows the rules of cel-go's C{parser/gen/CEL.g4} and C{parser/parser.go}.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ark.cel import literals
from ark.cel.errors import NOWHERE, CompileError, Fault
from ark.cel.macros import MacroError, expand
from ark.cel.syntax import (
    Broken,
    Call,
    Entry,
    Ident,
    Literal,
    MakeList,
    MakeMap,
    MakeStruct,
    Node,
    Select,
)
from ark.cel.tokens import EOF, ESCAPED, FLOAT, IDENTIFIER, INT, Token
from ark.cel.words import OPERAND, OPERATORS, Mismatch, Stop, Words, expected

_LONGEST = 100_000
_DEEPEST = 250

_RESERVED = frozenset(
    [
        "as",
        "break",
        "const",
        "continue",
        "else",
        "false",
        "for",
        "function",
        "if",
        "import",
        "in",
        "let",
        "loop",
        "package",
        "namespace",
        "null",
        "return",
        "true",
        "var",
        "void",
        "while",
    ]
)
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


class _Parser(Words):
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
        tree = self._expr()
        if self.kind() != EOF:
            if self.kind(1) == EOF:
                self.syntax(f"extraneous input '{self.token.text}' expecting <EOF>")
            else:
                self.mismatch("<EOF>")
        return tree

    def _deeper(self) -> None:
        self.depth += 1
        if self.depth > _DEEPEST:
            self.fault(NOWHERE, f"expression recursion limit exceeded: {_DEEPEST}")
            raise Stop

    def _levelled(self, made: Node, parts: Iterable[Node], own: int = 1) -> Node:
        """
        A node that was read from these parts.
        """
        made.level = own + max((part.level for part in parts), default=0)
        if made.level > _DEEPEST:
            self.fault(NOWHERE, "max recursion depth exceeded")
            raise Stop
        return made

    def _expr(self, others: frozenset[str] = frozenset()) -> Node:
        self._deeper()
        try:
            self.operand_ahead(others)
            first = self._disjunction()
            if self.kind() == "?":
                operator = self.next()
                then = self.within(":", self._disjunction)
                self.match(":", may_follow=OPERAND)
                parts = [first, then, self._expr()]
                first = self._levelled(Call(operator.offset, "_?_:_", parts), parts)
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
            left = self._levelled(made, (left, right))
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
            return self._member()
        operator, count = self.token, 0
        while self.kind() == kind:
            self.next()
            count += 1
        if self.kind() not in OPERAND:
            raise self._no_operand(operator)
        operand = self._member()
        if count % 2 == 0:
            return operand
        return self._levelled(Call(operator.offset, "!_" if kind == "!" else "-_", [operand]), (operand,), 0)

    def _no_operand(self, operator: Token) -> Mismatch:
        if operator.kind == "-":
            self.no_alternative(operator)
            self.recovering = False
            return self.mismatch(expected(OPERAND))
        self.syntax(f"extraneous input '{self.token.text}' expecting {expected(OPERAND)}")
        return Mismatch()

    def _member(self) -> Node:
        node = self._primary()
        while True:
            kind = self.kind()
            if kind == ".":
                node = self._selection(node)
            elif kind == "[":
                bracket = self.next()
                optional = self.skip("?")
                index = self.within("]", lambda: self._expr(frozenset("?")))
                self.match("]")
                made = Call(bracket.offset, "_[?_]" if optional else "_[_]", [node, index])
                node = self._levelled(made, (node, index))
            else:
                return node

    def _selection(self, operand: Node) -> Node:
        dot = self.next()
        optional = self.skip("?")
        names = frozenset((IDENTIFIER, ESCAPED))
        if self.kind() not in names and not (optional and self.unwanted(names)):
            raise self._no_field(dot, optional)
        name = self.next()
        if not optional and name.kind == IDENTIFIER and self.kind() == "(":
            bracket, args = self._arguments()
            return self._call(bracket.offset, name.text, args, operand)
        if name.kind == ESCAPED:
            self.fault(name.offset, "unsupported syntax: '`'")
        if optional:
            field = Literal(name.offset, name.text)
            return self._levelled(Call(dot.offset, "_?._", [operand, field]), (operand,))
        return self._levelled(Select(dot.offset, operand, name.text), (operand,))

    def _no_field(self, dot: Token, optional: bool) -> Mismatch:
        if not optional:
            return self.no_alternative(dot)
        wrong = self.mismatch("{IDENTIFIER, ESC_IDENTIFIER}")
        self.fault(self.token.offset, "unsupported ident kind")
        return wrong

    def _arguments(self) -> tuple[Token, list[Node]]:
        bracket = self.next()
        args: list[Node] = []

        def read() -> None:
            if self.kind() not in OPERAND and self.kind() != ")":
                self.unwanted(OPERAND | {")"})
            if self.kind() == ")":
                return
            args.append(self._expr(frozenset(")")))
            while self.skip(","):
                args.append(self._expr())

        self.within("),", read)
        self.match(")")
        return bracket, args

    def _call(self, offset: int, function: str, args: list[Node], target: Node | None) -> Node:
        parts = args if target is None else [target, *args]
        if any(isinstance(each, Broken) for each in args):
            return Call(offset, function, args, target)
        try:
            expanded = expand(offset, function, args, target)
        except MacroError as error:
            return self.fault(error.offset, str(error))
        made = Call(offset, function, args, target) if expanded is None else expanded
        return self._levelled(made, parts, int(target is not None))

    def _primary(self) -> Node:
        self.operand_ahead()
        kind = self.kind()
        if kind in (".", IDENTIFIER):
            return self._named()
        if kind == "(":
            self.next()
            inner: Node = self.within(")", self._expr)
            self.match(")")
            return inner
        if kind == "[":
            return self._list()
        if kind == "{":
            brace, entries = self.next(), self._entries()
            parts = [part for entry in entries for part in (entry.key, entry.value)]
            return self._levelled(MakeMap(brace.offset, entries), parts, 0)
        return self._literal()

    def _named(self) -> Node:
        start = self.token
        leading = "." if self.skip(".") else ""
        if self.kind() != IDENTIFIER:
            raise self.no_alternative(start)
        if self._message_ahead():
            return self._message(leading)
        name = self.next()
        if self.kind() == "(":
            if name.text in _RESERVED:
                self.fault(start.offset, f"reserved identifier: {name.text}")
            bracket, args = self._arguments()
            return self._call(bracket.offset, leading + name.text, args, None)
        if name.text in _RESERVED:
            return self.fault(start.offset, f"reserved identifier: {name.text}")
        return Ident(name.offset, leading + name.text)

    def _message_ahead(self) -> bool:
        ahead = 1
        while self.kind(ahead) == "." and self.kind(ahead + 1) == IDENTIFIER:
            ahead += 2
        return self.kind(ahead) == "{"

    def _message(self, leading: str) -> Node:
        name = leading
        while self.kind() != "{":
            name += self.next().text
        brace = self.next()
        fields: list[tuple[int, str, Node, bool]] = []
        while self.kind() != "}":
            optional = self.skip("?")
            if self.kind() not in (IDENTIFIER, ESCAPED):
                raise self.mismatch("{IDENTIFIER, ESC_IDENTIFIER}")
            field = self.next().text
            colon = self.match(":", may_follow=OPERAND)
            fields.append((colon.offset, field, self.within("},", self._expr), optional))
            if not self.skip(","):
                break
        self._close("}", False)
        parts = [value for _, _, value, _ in fields]
        return self._levelled(MakeStruct(brace.offset, name, fields), parts, 0)

    def _list(self) -> Node:
        bracket = self.next()
        elements: list[Node] = []
        optional: set[int] = set()
        comma = False
        while self.kind() not in ("]", ",") and (not comma or self._entry_ahead()):
            if self.skip("?"):
                optional.add(len(elements))
            others = frozenset() if elements else frozenset("],?")
            elements.append(self.within("],", lambda: self._expr(others)))  # noqa: B023
            comma = self.skip(",")
            if not comma:
                break
        self._close("]", comma)
        return self._levelled(MakeList(bracket.offset, elements, frozenset(optional)), elements, 0)

    def _entry_ahead(self) -> bool:
        return self.kind() in OPERAND or self.kind() == "?"

    def _close(self, kind: str, comma: bool) -> None:
        """
        A closing bracket, before which a comma may stand.
        """
        comma = comma or self.skip(",")
        self.match(kind, "" if comma else expected(frozenset((kind, ","))))

    def _entries(self) -> list[Entry]:
        entries: list[Entry] = []
        comma = False
        while self.kind() not in ("}", ",") and (not comma or self._entry_ahead()):
            optional = self.skip("?")
            others = frozenset() if entries else frozenset("},?")
            key = self.within(":", lambda: self._expr(others))  # noqa: B023
            colon = self.match(":", may_follow=OPERAND)
            entries.append(Entry(colon.offset, key, self.within("},", self._expr), optional))
            comma = self.skip(",")
            if not comma:
                break
        self._close("}", comma)
        return entries

    def _literal(self) -> Node:
        start = self.token
        negative = self.skip("-")
        token = self.next()
        if token.kind in ("true", "false", "null"):
            return Literal(start.offset, {"true": True, "false": False, "null": None}[token.kind])
        try:
            return Literal(start.offset, literals.value_of(token, negative))
        except ValueError as error:
            return self.fault(start.offset, str(error))


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
