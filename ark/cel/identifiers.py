"""
Names of fields in objects as expressions write them.

Follows C{k8s.io/apiserver/pkg/cel/escaping.go}.
"""

from __future__ import annotations

import re

RESERVED = frozenset(
    [
        "true",
        "false",
        "null",
        "in",
        "as",
        "break",
        "const",
        "continue",
        "else",
        "for",
        "function",
        "if",
        "import",
        "let",
        "loop",
        "package",
        "namespace",
        "return",
        "var",
        "void",
        "while",
    ]
)
_PARTS = {"__": "__underscores__", ".": "__dot__", "-": "__dash__", "/": "__slash__"}
_WORDS = {"underscores": "__", "dot": ".", "dash": "-", "slash": "/"}
_ESCAPED = re.compile(r"__|[-./]")
_USABLE = re.compile(r"[a-zA-Z_\-./][a-zA-Z0-9_\-./]*\Z", re.ASCII)
_UNESCAPED = re.compile(r"__([^_]+)__")


def escape(name: str) -> str | None:
    """
    How an expression writes the name of a field; L{None} if it cannot.
    """
    if name in RESERVED:
        return f"__{name}__"
    if _USABLE.match(name) is None:
        return None
    return _ESCAPED.sub(lambda found: _PARTS[found.group()], name)


def unescape(name: str) -> str | None:
    """
    The name of the field that an expression means; L{None} if it means none.
    """
    wrong = False

    def replaced(found: re.Match[str]) -> str:
        nonlocal wrong
        word = found[1]
        if word in _WORDS:
            return _WORDS[word]
        if word not in RESERVED or found.group() != name:
            wrong = True
        return word

    made = _UNESCAPED.sub(replaced, name)
    return None if wrong else made
