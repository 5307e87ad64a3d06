"""
What stands between the operators of an expression.
"""

from __future__ import annotations

from collections.abc import Iterable

from ark.cel import literals
from ark.cel.errors import NOWHERE
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
from ark.cel.tokens import ESCAPED, IDENTIFIER, Token
from ark.cel.words import OPERAND, Mismatch, Stop, Words, expected

DEEPEST = 250

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


class Operands(Words):
    """
    The rules C{member} and C{primary} of the grammar, with all that they consist of.
    """

    def whole(self, others: frozenset[str] = frozenset()) -> Node:
        """
        An expression within this one.

        @param others: the words that may stand here, beside those that begin an expression.
        """
        raise NotImplementedError

    def levelled(self, made: Node, parts: Iterable[Node], own: int = 1) -> Node:
        """
        A node that was read from these parts.
        """
        made.level = own + max((part.level for part in parts), default=0)
        if made.level > DEEPEST:
            self.fault(NOWHERE, "max recursion depth exceeded")
            raise Stop
        return made

    def member(self) -> Node:
        node = self._primary()
        while True:
            kind = self.kind()
            if kind == ".":
                node = self._selection(node)
            elif kind == "[":
                bracket = self.next()
                optional = self.skip("?")
                index = self.within("]", lambda: self.whole(frozenset("?")))
                self.match("]")
                made = Call(bracket.offset, "_[?_]" if optional else "_[_]", [node, index])
                node = self.levelled(made, (node, index))
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
            return self.levelled(Call(dot.offset, "_?._", [operand, field]), (operand,))
        return self.levelled(Select(dot.offset, operand, name.text), (operand,))

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
            args.append(self.whole(frozenset(")")))
            while self.skip(","):
                args.append(self.whole())

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
        return self.levelled(made, parts, int(target is not None))

    def _primary(self) -> Node:
        self.operand_ahead()
        kind = self.kind()
        if kind in (".", IDENTIFIER):
            return self._named()
        if kind == "(":
            self.next()
            inner: Node = self.within(")", self.whole)
            self.match(")")
            return inner
        if kind == "[":
            return self._list()
        if kind == "{":
            brace, entries = self.next(), self._entries()
            parts = [part for entry in entries for part in (entry.key, entry.value)]
            return self.levelled(MakeMap(brace.offset, entries), parts, 0)
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
            fields.append((colon.offset, field, self.within("},", self.whole), optional))
            if not self.skip(","):
                break
        self._close("}", False)
        parts = [value for _, _, value, _ in fields]
        return self.levelled(MakeStruct(brace.offset, name, fields), parts, 0)

    def _list(self) -> Node:
        bracket = self.next()
        elements: list[Node] = []
        optional: set[int] = set()
        comma = False
        while self.kind() not in ("]", ",") and (not comma or self._entry_ahead()):
            if self.skip("?"):
                optional.add(len(elements))
            others = frozenset() if elements else frozenset("],?")
            elements.append(self.within("],", lambda: self.whole(others)))  # noqa: B023
            comma = self.skip(",")
            if not comma:
                break
        self._close("]", comma)
        return self.levelled(MakeList(bracket.offset, elements, frozenset(optional)), elements, 0)

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
            key = self.within(":", lambda: self.whole(others))  # noqa: B023
            colon = self.match(":", may_follow=OPERAND)
            entries.append(Entry(colon.offset, key, self.within("},", self.whole), optional))
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
