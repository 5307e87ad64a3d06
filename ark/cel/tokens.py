"""
The words of an expression.

Follows the lexer rules of cel-go's C{parser/gen/CEL.g4}, and ANTLR in what is said of text
that no rule fits.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from ark.cel.errors import Fault

EOF = "EOF"
INT, UINT, FLOAT, STRING, BYTES = "NUM_INT", "NUM_UINT", "NUM_FLOAT", "STRING", "BYTES"
IDENTIFIER, ESCAPED = "IDENTIFIER", "ESC_IDENTIFIER"

_KEYWORDS = frozenset(("in", "true", "false", "null"))

_ESCAPE = r"\\(?:[abfnrtv\"'\\?`]|[0-3][0-7][0-7]|[xX][0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8})"
_QUOTED = "|".join(
    (
        rf'"""(?:{_ESCAPE}|[^\\])*?"""',
        rf"'''(?:{_ESCAPE}|[^\\])*?'''",
        r'[rR]"""[\s\S]*?"""',
        r"[rR]'''[\s\S]*?'''",
        rf'"(?:{_ESCAPE}|[^\\"\n\r])*"',
        rf"'(?:{_ESCAPE}|[^\\'\n\r])*'",
        r'[rR]"[^"\n\r]*"',
        r"[rR]'[^'\n\r]*'",
    )
)
_TOKEN = re.compile(
    r"(?P<space>[\t \r\n\f]+|//[^\n]*)"
    rf"|(?P<BYTES>[bB](?:{_QUOTED}))"
    rf"|(?P<STRING>{_QUOTED})"
    r"|(?P<NUM_FLOAT>[0-9]+\.[0-9]+(?:[eE][+-]?[0-9]+)?|[0-9]+[eE][+-]?[0-9]+|\.[0-9]+(?:[eE][+-]?[0-9]+)?)"
    r"|(?P<NUM_UINT>0x[0-9a-fA-F]+[uU]|[0-9]+[uU])"
    r"|(?P<NUM_INT>0x[0-9a-fA-F]+|[0-9]+)"
    r"|(?P<IDENTIFIER>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<ESC_IDENTIFIER>`[A-Za-z0-9_.\-/ ]+`)"
    r"|(?P<operator>==|!=|<=|>=|&&|\|\||[<>\[\]{}().,\-!?:+*/%])"
)
# How far a lexer gets into text that turns out to be no token.
_ATTEMPT = re.compile(
    rf'"""(?:{_ESCAPE}|[^\\])*'
    rf"|'''(?:{_ESCAPE}|[^\\])*"
    rf'|"(?:{_ESCAPE}|[^\\"\n\r])*'
    rf"|'(?:{_ESCAPE}|[^\\'\n\r])*"
    r"|`[A-Za-z0-9_.\-/ ]*|&|\||="
)
# How a backslash sequence starts, to find the letter at which it went wrong.
_PARTIAL_ESCAPE = re.compile(r"\\(?:[0-3][0-7]?|[xX][0-9a-fA-F]{0,2}|u[0-9a-fA-F]{0,4}|U[0-9a-fA-F]{0,8})?")


class Tokens(NamedTuple):
    """
    The words of a text, with an L{EOF} at the end.

    @ivar faults: what was in it that is no word.
    @ivar text: the text without that; its places are the same.
    """

    words: list[Token]
    faults: list[Fault]
    text: str


class Token(NamedTuple):
    """
    One word: its kind (an operator is its own kind), its text and where it starts.
    """

    kind: str
    text: str
    offset: int


def tokenize(text: str) -> Tokens:
    """
    The words of a text.
    """
    tokens: list[Token] = []
    faults: list[Fault] = []
    position, clean = 0, text
    while position < len(text):
        found = _TOKEN.match(text, position)
        if found is None:
            end = _failed_at(text, position)
            shown = text[position:end].replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t")
            faults.append(Fault(position, f"Syntax error: token recognition error at: '{shown}'"))
            clean = clean[:position] + "\0" * (end - position) + clean[end:]
            position = end
            continue
        kind, word = found.lastgroup or "", found.group()
        if kind == "operator" or word in _KEYWORDS:
            kind = word
        if kind != "space":
            tokens.append(Token(kind, word, position))
        position = found.end()
    tokens.append(Token(EOF, "<EOF>", len(text)))
    return Tokens(tokens, faults, clean)


def _failed_at(text: str, position: int) -> int:
    """
    The place after the letter at which the lexer gave up.
    """
    attempt = _ATTEMPT.match(text, position)
    end = attempt.end() if attempt is not None else position
    escape = _PARTIAL_ESCAPE.match(text, end) if attempt is not None else None
    if escape is not None:
        end = escape.end()
    return min(end + 1, len(text))
