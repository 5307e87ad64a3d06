"""
Expressions to trees.

Follows the rules of cel-go's C{parser/gen/CEL.g4} and C{parser/parser.go}.  What is said of
text that fits no rule is ANTLR's, as far as one mistake goes: an unwanted word is skipped, a
missing bracket is supposed, anything else ends the parsing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

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
from ark.cel.tokens import BYTES, EOF, ESCAPED, FLOAT, IDENTIFIER, INT, STRING, UINT, Token, tokenize

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
# In the order of ANTLR's token types, which is the order in which it lists them.
_TOKEN_ORDER = [
    "==",
    "!=",
    "in",
    "<",
    "<=",
    ">=",
    ">",
    "&&",
    "||",
    "[",
    "]",
    "{",
    "}",
    "(",
    ")",
    ".",
    ",",
    "-",
    "!",
    "?",
    ":",
    "+",
    "*",
    "/",
    "%",
    "true",
    "false",
    "null",
    "NUM_FLOAT",
    "NUM_INT",
    "NUM_UINT",
    "STRING",
    "BYTES",
    "IDENTIFIER",
    "ESC_IDENTIFIER",
]
_OPERAND = frozenset(
    ("[", "{", "(", ".", "-", "!", "true", "false", "null", FLOAT, INT, UINT, STRING, BYTES, IDENTIFIER)
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
_OPERATORS = frozenset((*_RELATIONS, *_SUMS, *_PRODUCTS, "&&", "||", "?"))


class _Mismatch(Exception):
    """
    A word that no rule allows here; it has been told.
    """


class _Stop(Exception):
    """
    Nothing more can be made of the text.
    """


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
    except _Stop:
        tree = Broken(0)
    except RecursionError:
        tree = Broken(0)
        parser.faults.append(Fault(NOWHERE, f"expression recursion limit exceeded: {_DEEPEST}"))
    if parser.faults:
        raise CompileError(text, parser.faults)
    return tree


def _expected(kinds: frozenset[str]) -> str:
    names = [f"'{kind}'" if not kind[0].isupper() else kind for kind in _TOKEN_ORDER if kind in kinds]
    return names[0] if len(names) == 1 else "{" + ", ".join(names) + "}"


class _Parser:
    """
    One descent through the words of a text.

    @ivar recovering: whether a mistake was told and nothing has fitted since.
    @ivar awaited: the words that end what is being read, besides operators.
    """

    def __init__(self, text: str) -> None:
        self.tokens, self.faults = tokenize(text)
        self.position = 0
        self.depth = 0
        self.recovering = False
        self.awaited: list[str] = []

    @property
    def token(self) -> Token:
        return self.tokens[self.position]

    def _next(self) -> Token:
        token = self.tokens[self.position]
        self.position += token.kind != EOF
        self.recovering = False
        return token

    def _kind(self, ahead: int = 0) -> str:
        position = self.position + ahead
        return self.tokens[position].kind if position < len(self.tokens) else EOF

    def _fault(self, offset: int, message: str) -> Broken:
        self.faults.append(Fault(offset, message))
        return Broken(offset)

    def _syntax(self, message: str) -> None:
        if not self.recovering:
            self._fault(self.token.offset, f"Syntax error: {message}")
        self.recovering = True

    def _mismatch(self, expecting: str) -> _Mismatch:
        self._syntax(f"mismatched input '{self.token.text}' expecting {expecting}")
        return _Mismatch()

    def _recover(self) -> Broken:
        """
        Skip words until one may go on after what was wrong.
        """
        while self._kind() not in _OPERATORS and self._kind() != EOF and self._kind() not in self.awaited:
            self.position += 1
        return Broken(self.token.offset)

    def _unwanted(self, kinds: frozenset[str]) -> bool:
        """
        Skip a word if it is only one too many.
        """
        if self._kind() == EOF or self._kind(1) not in kinds:
            return False
        self._syntax(f"extraneous input '{self.token.text}' expecting {_expected(kinds)}")
        self._next()
        return True

    def _operand_ahead(self, others: frozenset[str] = frozenset()) -> None:
        """
        Make sure that an operand comes, or one of the other words.
        """
        kinds = _OPERAND | others
        if self._kind() not in kinds and not self._unwanted(kinds):
            raise self._mismatch(_expected(kinds))

    def _match(self, kind: str, expecting: str = "", may_follow: frozenset[str] | None = None) -> Token:
        """
        The word that must come; one too many is skipped, a missing one supposed if what is
        there may follow it.
        """
        if self._kind() == kind:
            return self._next()
        if self._kind() != EOF and self._kind(1) == kind:
            self._syntax(f"extraneous input '{self.token.text}' expecting {expecting or repr(kind)}")
            self._next()
            return self._next()
        follows = self._kind() in (
            _OPERATORS | {EOF, ".", "[", *self.awaited} if may_follow is None else may_follow
        )
        if follows and not expecting:
            self._syntax(f"missing '{kind}' at '{self.token.text}'")
            return Token(kind, kind, self.token.offset)
        raise self._mismatch(expecting or f"'{kind}'")

    def _within(self, ends: str, read: Callable[[], Any]) -> Any:
        """
        Read something that ends with one of these words.
        """
        self.awaited.extend(ends)
        try:
            return read()
        finally:
            del self.awaited[-len(ends) :]

    def start(self) -> Node:
        """
        The whole text.
        """
        tree = self._expr()
        if self._kind() != EOF:
            if self._kind(1) == EOF:
                self._syntax(f"extraneous input '{self.token.text}' expecting <EOF>")
            else:
                self._mismatch("<EOF>")
        return tree

    def _deeper(self) -> None:
        self.depth += 1
        if self.depth > _DEEPEST:
            self._fault(NOWHERE, f"expression recursion limit exceeded: {_DEEPEST}")
            raise _Stop

    def _expr(self, others: frozenset[str] = frozenset()) -> Node:
        self._deeper()
        try:
            self._operand_ahead(others)
            first = self._disjunction()
            if self._kind() == "?":
                operator = self._next()
                then = self._within(":", self._disjunction)
                self._match(":", may_follow=_OPERAND)
                first = Call(operator.offset, "_?_:_", [first, then, self._expr()])
        except _Mismatch:
            first = self._recover()
            # An operator is left to the rule that it belongs to.
            if self._kind() in _OPERATORS:
                first = self._continued(first)
        self.depth -= 1
        return first

    def _continued(self, left: Node) -> Node:
        """
        Go on after an operand that could not be read.
        """
        while self._kind() in _OPERATORS and self._kind() != "?":
            operator = self._next()
            left = Call(operator.offset, operator.text, [left, self._unary()])
        return left

    def _disjunction(self) -> Node:
        return self._logical("||", "_||_", lambda: self._logical("&&", "_&&_", self._relation))

    def _logical(self, word: str, function: str, term: Callable[[], Node]) -> Node:
        terms = [term()]
        offsets: list[int] = []
        while self._kind() == word:
            offsets.append(self._next().offset)
            terms.append(term())
        return _balanced(function, terms, offsets, 0, len(offsets) - 1) if offsets else terms[0]

    def _relation(self) -> Node:
        return self._binary(_RELATIONS, self._sum)

    def _sum(self) -> Node:
        return self._binary(_SUMS, lambda: self._binary(_PRODUCTS, self._unary))

    def _binary(self, operators: dict[str, str], operand: Callable[[], Node]) -> Node:
        left = operand()
        depth = self.depth
        while self._kind() in operators:
            operator = self._next()
            self._deeper()
            left = Call(operator.offset, operators[operator.kind], [left, operand()])
        self.depth = depth
        return left

    def _unary(self) -> Node:
        try:
            self._operand_ahead()
            return self._signed()
        except _Mismatch:
            return self._recover()

    def _signed(self) -> Node:
        kind = self._kind()
        if kind not in ("!", "-") or (kind == "-" and self._kind(1) in (INT, FLOAT)):
            return self._member()
        offset, count = self.token.offset, 0
        while self._kind() == kind:
            self._next()
            count += 1
        if self._kind() not in _OPERAND:
            self._no_operand(kind)
        operand = self._member()
        if count % 2 == 0:
            return operand
        return Call(offset, "!_" if kind == "!" else "-_", [operand])

    def _no_operand(self, kind: str) -> None:
        if kind == "-" and self._kind() == EOF:
            self._syntax("no viable alternative at input '-'")
            self.recovering = False
            raise self._mismatch(_expected(_OPERAND))
        self._syntax(f"extraneous input '{self.token.text}' expecting {_expected(_OPERAND)}")
        self.recovering = True
        raise _Mismatch

    def _member(self) -> Node:
        node = self._primary()
        while True:
            kind = self._kind()
            if kind == ".":
                node = self._selection(node)
            elif kind == "[":
                bracket = self._next()
                optional = self._skip("?")
                index = self._within("]", lambda: self._expr(frozenset("?")))
                self._match("]")
                node = Call(bracket.offset, "_[?_]" if optional else "_[_]", [node, index])
            else:
                return node

    def _skip(self, kind: str) -> bool:
        if self._kind() == kind:
            self._next()
            return True
        return False

    def _selection(self, operand: Node) -> Node:
        dot = self._next()
        optional = self._skip("?")
        if self._kind() not in (IDENTIFIER, ESCAPED):
            raise self._no_field(optional)
        name = self._next()
        if not optional and name.kind == IDENTIFIER and self._kind() == "(":
            bracket, args = self._arguments()
            return self._call(bracket.offset, name.text, args, operand)
        if name.kind == ESCAPED:
            self._fault(name.offset, "unsupported syntax: '`'")
        if optional:
            return Call(dot.offset, "_?._", [operand, Literal(name.offset, name.text)])
        return Select(dot.offset, operand, name.text)

    def _no_field(self, optional: bool) -> _Mismatch:
        word = "" if self._kind() == EOF else self.token.text
        if optional:
            return self._mismatch("{IDENTIFIER, ESC_IDENTIFIER}")
        if word in ("true", "false", "null"):
            return self._mismatch("IDENTIFIER")
        self._syntax(f"no viable alternative at input '.{word}'")
        return _Mismatch()

    def _arguments(self) -> tuple[Token, list[Node]]:
        bracket = self._next()
        args: list[Node] = []

        def read() -> None:
            if self._kind() not in _OPERAND and self._kind() != ")":
                self._unwanted(_OPERAND | {")"})
            if self._kind() == ")":
                return
            args.append(self._expr(frozenset(")")))
            while self._skip(","):
                args.append(self._expr())

        self._within("),", read)
        self._match(")")
        return bracket, args

    def _call(self, offset: int, function: str, args: list[Node], target: Node | None) -> Node:
        try:
            expanded = expand(offset, function, args, target)
        except MacroError as error:
            return self._fault(error.offset, str(error))
        return Call(offset, function, args, target) if expanded is None else expanded

    def _primary(self) -> Node:
        self._operand_ahead()
        kind = self._kind()
        if kind in (".", IDENTIFIER):
            return self._named()
        if kind == "(":
            self._next()
            inner: Node = self._within(")", self._expr)
            self._match(")")
            return inner
        if kind == "[":
            return self._list()
        if kind == "{":
            return MakeMap(self._next().offset, self._entries())
        return self._literal()

    def _named(self) -> Node:
        start = self.token
        leading = "." if self._skip(".") else ""
        if self._kind() != IDENTIFIER:
            raise self._mismatch("IDENTIFIER")
        if self._message_ahead():
            return self._message(leading)
        name = self._next()
        if self._kind() == "(":
            if name.text in _RESERVED:
                self._fault(start.offset, f"reserved identifier: {name.text}")
            bracket, args = self._arguments()
            return self._call(bracket.offset, leading + name.text, args, None)
        if name.text in _RESERVED:
            return self._fault(start.offset, f"reserved identifier: {name.text}")
        return Ident(name.offset, leading + name.text)

    def _message_ahead(self) -> bool:
        ahead = 1
        while self._kind(ahead) == "." and self._kind(ahead + 1) == IDENTIFIER:
            ahead += 2
        return self._kind(ahead) == "{"

    def _message(self, leading: str) -> Node:
        name = leading
        while self._kind() != "{":
            name += self._next().text
        brace = self._next()
        fields: list[tuple[int, str, Node, bool]] = []
        while self._kind() != "}":
            optional = self._skip("?")
            if self._kind() not in (IDENTIFIER, ESCAPED):
                raise self._mismatch("{IDENTIFIER, ESC_IDENTIFIER}")
            field = self._next().text
            colon = self._match(":", may_follow=_OPERAND)
            fields.append((colon.offset, field, self._within("},", self._expr), optional))
            if not self._skip(","):
                break
        self._close("}", False)
        return MakeStruct(brace.offset, name, fields)

    def _list(self) -> Node:
        bracket = self._next()
        elements: list[Node] = []
        optional: set[int] = set()
        comma = False
        while self._kind() not in ("]", ",") and not (comma and self._kind() == EOF):
            if self._skip("?"):
                optional.add(len(elements))
            others = frozenset() if elements else frozenset("],?")
            elements.append(self._within("],", lambda: self._expr(others)))  # noqa: B023
            comma = self._skip(",")
            if not comma:
                break
        self._close("]", comma)
        return MakeList(bracket.offset, elements, frozenset(optional))

    def _close(self, kind: str, comma: bool) -> None:
        """
        A closing bracket, before which a comma may stand.
        """
        comma = comma or self._skip(",")
        self._match(kind, "" if comma else _expected(frozenset((kind, ","))))

    def _entries(self) -> list[Entry]:
        entries: list[Entry] = []
        comma = False
        while self._kind() not in ("}", ",") and not (comma and self._kind() == EOF):
            optional = self._skip("?")
            others = frozenset() if entries else frozenset("},?")
            key = self._within(":", lambda: self._expr(others))  # noqa: B023
            colon = self._match(":", may_follow=_OPERAND)
            entries.append(Entry(colon.offset, key, self._within("},", self._expr), optional))
            comma = self._skip(",")
            if not comma:
                break
        self._close("}", comma)
        return entries

    def _literal(self) -> Node:
        start = self.token
        negative = self._skip("-")
        token = self._next()
        if token.kind in ("true", "false", "null"):
            return Literal(start.offset, {"true": True, "false": False, "null": None}[token.kind])
        try:
            return Literal(start.offset, _value(token, negative))
        except ValueError as error:
            return self._fault(start.offset, str(error))


def _value(token: Token, negative: bool) -> Any:
    if token.kind == INT:
        return literals.integer(token.text, negative)
    if token.kind == UINT:
        return literals.unsigned(token.text)
    if token.kind == FLOAT:
        return literals.double(token.text, negative)
    if token.kind == STRING:
        return literals.string(token.text)
    return literals.octets(token.text)


def _balanced(function: str, terms: list[Node], offsets: list[int], low: int, high: int) -> Node:
    """
    A chain of one operator as a tree that is no deeper than it must be.
    """
    middle = (low + high + 1) // 2
    left = terms[middle] if middle == low else _balanced(function, terms, offsets, low, middle - 1)
    right = terms[middle + 1] if middle == high else _balanced(function, terms, offsets, middle + 1, high)
    return Call(offsets[middle], function, [left, right])
