"""
The words of an expression one after the other, and what is said when they do not fit.

What is said is ANTLR's, as far as one mistake goes: an unwanted word is skipped, a missing
bracket is supposed, and after anything else words are skipped until a rule may go on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ark.cel.errors import Fault
from ark.cel.syntax import Broken
from ark.cel.tokens import BYTES, EOF, FLOAT, IDENTIFIER, INT, STRING, UINT, Token, tokenize

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
OPERAND = frozenset(
    ("[", "{", "(", ".", "-", "!", "true", "false", "null", FLOAT, INT, UINT, STRING, BYTES, IDENTIFIER)
)
OPERATORS = frozenset(["<", "<=", ">=", ">", "==", "!=", "in", "+", "-", "*", "/", "%", "&&", "||", "?"])


class Mismatch(Exception):
    """
    A word that no rule allows here; it has been told.
    """


class Stop(Exception):
    """
    Nothing more can be made of the text.
    """


def expected(kinds: frozenset[str]) -> str:
    names = [f"'{kind}'" if not kind[0].isupper() else kind for kind in _TOKEN_ORDER if kind in kinds]
    return names[0] if len(names) == 1 else "{" + ", ".join(names) + "}"


class Words:
    """
    The words of a text, and a place among them.

    @ivar recovering: whether a mistake was told and nothing has fitted since.
    @ivar awaited: the words that end what is being read, besides operators; the innermost last.
    """

    def __init__(self, text: str) -> None:
        self.tokens, self.faults, self.text = tokenize(text)
        self.position = 0
        self.recovering = False
        self.awaited: list[str] = []

    @property
    def token(self) -> Token:
        return self.tokens[self.position]

    def next(self) -> Token:
        token = self.tokens[self.position]
        self.position += token.kind != EOF
        self.recovering = False
        return token

    def kind(self, ahead: int = 0) -> str:
        position = self.position + ahead
        return self.tokens[position].kind if position < len(self.tokens) else EOF

    def fault(self, offset: int, message: str) -> Broken:
        self.faults.append(Fault(offset, message))
        return Broken(offset)

    def syntax(self, message: str) -> None:
        if not self.recovering:
            self.fault(self.token.offset, f"Syntax error: {message}")
        self.recovering = True

    def mismatch(self, expecting: str) -> Mismatch:
        self.syntax(f"mismatched input '{self.token.text}' expecting {expecting}")
        return Mismatch()

    def recover(self) -> Broken:
        """
        Skip words until one may go on after what was wrong.
        """
        ends = OPERATORS.union({EOF}, *self.awaited)
        while self.kind() not in ends:
            self.position += 1
        return Broken(self.token.offset)

    def unwanted(self, kinds: frozenset[str]) -> bool:
        """
        Skip a word if it is only one too many.
        """
        if self.kind() == EOF or self.kind(1) not in kinds:
            return False
        self.syntax(f"extraneous input '{self.token.text}' expecting {expected(kinds)}")
        self.next()
        return True

    def operand_ahead(self, others: frozenset[str] = frozenset()) -> None:
        """
        Make sure that an operand comes, or one of the other words.
        """
        kinds = OPERAND | others
        if self.kind() not in kinds and not self.unwanted(kinds):
            raise self.mismatch(expected(kinds))

    def match(self, kind: str, expecting: str = "", may_follow: frozenset[str] | None = None) -> Token:
        """
        The word that must come; one too many is skipped, a missing one supposed if what is
        there may follow it.
        """
        if self.kind() == kind:
            return self.next()
        if self.kind() != EOF and self.kind(1) == kind:
            self.syntax(f"extraneous input '{self.token.text}' expecting {expecting or repr(kind)}")
            self.next()
            return self.next()
        if may_follow is None:
            may_follow = OPERATORS.union((".", "["), self.awaited[-1] if self.awaited else (EOF,))
        if self.kind() in may_follow and not expecting:
            self.syntax(f"missing '{kind}' at '{self.token.text}'")
            return Token(kind, kind, self.token.offset)
        raise self.mismatch(expecting or f"'{kind}'")

    def within(self, ends: str, read: Callable[[], Any]) -> Any:
        """
        Read something that ends with one of these words.
        """
        self.awaited.append(ends)
        try:
            return read()
        finally:
            self.awaited.pop()

    def skip(self, kind: str) -> bool:
        if self.kind() == kind:
            self.next()
            return True
        return False

    def no_alternative(self, start: Token) -> Mismatch:
        """
        No rule goes on from a word like this.
        """
        end = self.token.offset + (0 if self.kind() == EOF else len(self.token.text))
        seen = self.text[start.offset : end].replace("\0", "")
        if seen in (".true", ".false", ".null"):
            return self.mismatch("IDENTIFIER")
        self.syntax(f"no viable alternative at input '{seen}'")
        return Mismatch()
