"""
What names, label keys and label values may look like.

Each function returns what is wrong with a text, in Kubernetes' words; an empty list
means that it is right.  Follows C{k8s.io/apimachinery/pkg/util/validation} and
C{pkg/api/validate/content}; contract 5.5, 5.7, 5.8.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from random import Random

_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(\.{_LABEL})*"
_LABEL_1035 = "[a-z]([-a-z0-9]*[a-z0-9])?"
_KEY = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_VALUE = f"({_KEY})?"

_is_label = re.compile(_LABEL).fullmatch
_is_subdomain = re.compile(_SUBDOMAIN).fullmatch
_is_label_1035 = re.compile(_LABEL_1035).fullmatch
_is_key = re.compile(_KEY).fullmatch
_is_value = re.compile(_VALUE).fullmatch

LABEL_LENGTH = 63
SUBDOMAIN_LENGTH = 253

_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
_SUFFIX_LENGTH = 5
_LONGEST_BASE = 63 - _SUFFIX_LENGTH

NameValidator = Callable[[str, bool], list[str]]
"""
Judges a name; the flag tells that it is a prefix to which more will be added.
"""


def _too_long(limit: int, unit: str = "bytes") -> str:
    return f"must be no more than {limit} {unit}"


def _unmatched(words: str, pattern: str, *examples: str) -> str:
    shown = " or ".join(f"'{example}', " for example in examples)
    return f"{words} (e.g. {shown}regex used for validation is '{pattern}')"


def _longer(text: str, limit: int) -> bool:
    # No text has fewer bytes than characters; only a near one must be measured.
    return len(text) > limit or (not text.isascii() and len(text.encode("utf-8", "replace")) > limit)


_NOT_A_SUBDOMAIN = _unmatched(
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', "
    "and must start and end with an alphanumeric character",
    _SUBDOMAIN,
    "example.com",
)
_NOT_A_LABEL = _unmatched(
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', "
    "and must start and end with an alphanumeric character",
    _LABEL,
    "my-name",
    "123-abc",
)
_NOT_A_1035_LABEL = _unmatched(
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', "
    "start with an alphabetic character, and end with an alphanumeric character",
    _LABEL_1035,
    "my-name",
    "abc-123",
)
_NOT_A_KEY = _unmatched(
    "must consist of alphanumeric characters, '-', '_' or '.', "
    "and must start and end with an alphanumeric character",
    _KEY,
    "MyName",
    "my.name",
    "123-abc",
)
_NOT_A_VALUE = _unmatched(
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', "
    "and must start and end with an alphanumeric character",
    _VALUE,
    "MyValue",
    "my_value",
    "12345",
)


def dns1123_subdomain(text: str) -> list[str]:
    """
    Lower case labels joined by dots, at most 253 bytes.
    """
    return _subdomain(text, "characters")


def _subdomain(text: str, unit: str) -> list[str]:
    if len(text) <= SUBDOMAIN_LENGTH and _is_subdomain(text):
        return []
    # Kubernetes has two copies of this rule that differ in what they call a byte.
    problems = [_too_long(SUBDOMAIN_LENGTH, unit)] if _longer(text, SUBDOMAIN_LENGTH) else []
    if not _is_subdomain(text):
        problems.append(_NOT_A_SUBDOMAIN)
    return problems


def dns1123_label(text: str) -> list[str]:
    """
    Lower case letters, digits and dashes, at most 63 bytes.
    """
    if len(text) <= LABEL_LENGTH and _is_label(text):
        return []
    problems = [_too_long(LABEL_LENGTH, "characters")] if _longer(text, LABEL_LENGTH) else []
    if not _is_label(text):
        problems.append("must not contain dots" if _is_subdomain(text) else _NOT_A_LABEL)
    return problems


def dns1035_label(text: str) -> list[str]:
    """
    A DNS label that starts with a letter, at most 63 bytes; services are named so.
    """
    problems = [_too_long(LABEL_LENGTH, "characters")] if _longer(text, LABEL_LENGTH) else []
    if not _is_label_1035(text):
        problems.append(_NOT_A_1035_LABEL)
    return problems


def qualified_name(text: str) -> list[str]:
    """
    A label key: an optional DNS subdomain and slash, then a name of at most 63 bytes.
    """
    if text.count("/") > 1:
        return [
            f"a valid label key {_NOT_A_KEY} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
        ]
    problems: list[str] = []
    prefix, slash, name = text.rpartition("/")
    if slash:
        wrong = _subdomain(prefix, "bytes") if prefix else ["must be non-empty"]
        problems.extend(f"prefix part {problem}" for problem in wrong)
    if not name:
        problems.append("name part must be non-empty")
    elif _longer(name, LABEL_LENGTH):
        problems.append(f"name part {_too_long(LABEL_LENGTH)}")
    if not _is_key(name):
        problems.append(f"name part {_NOT_A_KEY}")
    return problems


def label_value(text: str) -> list[str]:
    """
    Empty, or letters, digits, C{-}, C{_} and C{.} between letters or digits; at most 63 bytes.
    """
    problems = [_too_long(LABEL_LENGTH)] if _longer(text, LABEL_LENGTH) else []
    if not _is_value(text):
        problems.append(_NOT_A_VALUE)
    return problems


def _masked(text: str) -> str:
    # Kubernetes drops the character before the dash too; so does this.
    return f"{text[:-2]}a" if len(text) > 1 and text.endswith("-") else text


def name_is_dns_subdomain(text: str, prefix: bool = False) -> list[str]:
    """
    Judge the name of a custom resource, and of most others.
    """
    return dns1123_subdomain(_masked(text) if prefix else text)


def name_is_dns_label(text: str, prefix: bool = False) -> list[str]:
    """
    Judge the name of a namespace.
    """
    return dns1123_label(_masked(text) if prefix else text)


def name_is_dns1035_label(text: str, prefix: bool = False) -> list[str]:
    """
    Judge the name of a service.
    """
    return dns1035_label(_masked(text) if prefix else text)


def path_segment_name(text: str, prefix: bool = False) -> list[str]:
    """
    Judge a name that only has to fit into a path.
    """
    if not prefix and text in (".", ".."):
        return [f"may not be '{text}'"]
    return [f"may not contain '{illegal}'" for illegal in ("/", "%") if illegal in text]


def generate_name(prefix: str, rng: Random) -> str:
    """
    A name from the first 58 characters of C{prefix} and five random ones.

    No vowels and no digits that look like letters are among them.
    """
    return prefix[:_LONGEST_BASE] + "".join(rng.choices(_ALPHABET, k=_SUFFIX_LENGTH))
