"""
YAML as Kubernetes reads and writes it.

C{sigs.k8s.io/yaml} stands on go-yaml v2: YAML 1.1 booleans, 1.2 numbers, no times, keys
made into strings.  The parser of libyaml is used for its events only; values are built
here, without recursion and under limits, because a composer follows nesting and aliases
as far as the text says.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

from ark.meta.decoded import MAX_DEPTH, Decoded, DecodeError
from ark.meta.gotext import format_float, quote
from ark.meta.yamlscalars import is_date, key_text, resolve, storable

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_BaseDumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)

_TAG = "tag:yaml.org,2002:"
_STR, _BOOL, _INT, _FLOAT, _NULL = (f"{_TAG}{name}" for name in ("str", "bool", "int", "float", "null"))
_RESOLVABLE = frozenset((_STR, _BOOL, _INT, _FLOAT, _NULL, f"{_TAG}timestamp"))

_FREE_ALIASES = 100
_FREE_NODES = 1000
_MOST_NODES = 4_000_000


class _Node:
    """
    A collection under construction, and the key that waits for its value.
    """

    __slots__ = ("anchor", "key", "line", "merge", "start", "value", "waiting")

    def __init__(self, value: Any, anchor: str | None, line: int, start: int) -> None:
        self.value = value
        self.anchor = anchor
        self.line = line
        self.start = start
        self.key = ""
        self.waiting = False
        self.merge = False


class _Builder:
    """
    Puts one value together from events.
    """

    def __init__(self) -> None:
        self._stack: list[_Node] = []
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._count = 0
        self._aliased = 0
        self.value: Any = None
        self.duplicates: dict[str, None] = {}

    def take(self, event: Any) -> None:
        """
        Go on by one event.
        """
        line: int = event.start_mark.line
        if isinstance(event, yaml.ScalarEvent):
            self._count_nodes(1)
            value = _scalar(event)
            node = self._stack[-1] if self._stack else None
            if node and _is_merge(event) and isinstance(node.value, dict) and not node.waiting:
                node.merge = node.waiting = True
                return
            if event.anchor is not None:
                self._anchors[event.anchor] = (value, 1)
            self._add(value, line)
        elif isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            self._open(event)
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            node = self._stack.pop()
            if node.anchor is not None:
                self._anchors[node.anchor] = (node.value, self._count - node.start + 1)
            self._add(node.value, node.line)
        elif isinstance(event, yaml.AliasEvent):
            self._alias(event)

    def _count_nodes(self, number: int) -> None:
        self._count += number
        if self._count > _MOST_NODES:
            raise DecodeError("yaml: document has too many nodes")

    def _open(self, event: Any) -> None:
        self._count_nodes(1)
        if len(self._stack) >= MAX_DEPTH:
            raise DecodeError("yaml: exceeded max depth")
        parent = self._stack[-1] if self._stack else None
        if parent is not None and isinstance(parent.value, dict) and not parent.waiting:
            raise DecodeError("yaml: invalid map key: a collection")
        value: Any = {} if isinstance(event, yaml.MappingStartEvent) else []
        self._stack.append(_Node(value, event.anchor, event.start_mark.line, self._count))

    def _alias(self, event: Any) -> None:
        if event.anchor not in self._anchors:
            inside = any(node.anchor == event.anchor for node in self._stack)
            words = "value contains itself" if inside else "unknown anchor"
            text = f"anchor '{event.anchor}' {words}" if inside else f"{words} '{event.anchor}' referenced"
            raise DecodeError(f"yaml: {text}")
        value, size = self._anchors[event.anchor]
        self._aliased += size
        self._count_nodes(size)
        if (
            self._aliased > _FREE_ALIASES
            and self._count > _FREE_NODES
            and self._aliased / self._count > _allowed(self._count)
        ):
            raise DecodeError("yaml: document contains excessive aliasing")
        self._add(_copy(value, len(self._stack)), event.start_mark.line)

    def _add(self, value: Any, line: int) -> None:
        if not self._stack:
            self.value = storable(value)
            return
        node = self._stack[-1]
        if isinstance(node.value, list):
            node.value.append(storable(value))
        elif not node.waiting:
            node.key, node.waiting = key_text(value), True
        elif node.merge:
            _merge(node.value, value)
            node.merge = node.waiting = False
        else:
            self._set(node, storable(value), line)

    def _set(self, node: _Node, value: Any, line: int) -> None:
        node.waiting = False
        if node.key in node.value:
            self.duplicates[f"line {line + 1}: key {quote(node.key)} already set in map"] = None
        node.value[node.key] = value


def _allowed(count: int) -> float:
    low, high = 400_000, 4_000_000
    if count <= low:
        return 0.99
    return max(0.10, 0.99 - 0.89 * (count - low) / (high - low))


def _copy(value: Any, depth: int) -> Any:
    # Every place gets its own copy: what is read is changed in place later.
    if isinstance(value, dict):
        inner = depth + 1
        if inner > MAX_DEPTH:
            raise DecodeError("yaml: exceeded max depth")
        return {name: _copy(member, inner) for name, member in value.items()}
    if isinstance(value, list):
        inner = depth + 1
        if inner > MAX_DEPTH:
            raise DecodeError("yaml: exceeded max depth")
        return [_copy(item, inner) for item in value]
    return value


def _merge(target: dict[str, Any], value: Any) -> None:
    for mapping in reversed(value) if isinstance(value, list) else (value,):
        if not isinstance(mapping, dict):
            raise DecodeError("yaml: map merge requires map or sequence of maps as the value")
        target.update(mapping)


def _is_merge(event: Any) -> bool:
    return bool(event.value == "<<" and (event.implicit[0] or event.tag == f"{_TAG}merge"))


def _scalar(event: Any) -> Any:
    text: str = event.value
    if "\0" in text:
        raise DecodeError("yaml: control characters are not allowed")
    tag = event.tag
    if tag is None or tag == "!":
        if event.implicit[0] and tag is None:
            return resolve(text)
        return text
    if tag == _STR or tag not in _RESOLVABLE:
        return text
    value = resolve(text)
    wanted = {_BOOL: bool, _INT: int, _FLOAT: (int, float), _NULL: type(None)}.get(tag, str)
    if not isinstance(value, wanted) or (isinstance(value, bool) and tag != _BOOL):  # type: ignore[arg-type]
        raise DecodeError(f"yaml: cannot decode `{text}` as a !!{tag.removeprefix(_TAG)}")
    return value


def read_yaml(data: bytes) -> Decoded:
    """
    Read the first document of a text.

    @raise DecodeError: see L{ark.meta.serializer.decode_yaml}.
    """
    builder = _Builder()
    try:
        text = data.decode()
        for event in yaml.parse(text, Loader=_Loader):
            builder.take(event)
            if isinstance(event, yaml.DocumentEndEvent):
                break
    except UnicodeDecodeError:
        raise DecodeError("yaml: invalid leading UTF-8 octet") from None
    except yaml.MarkedYAMLError as error:
        raise DecodeError(f"yaml: {_described(error)}") from None
    except yaml.YAMLError:
        raise DecodeError("yaml: control characters are not allowed") from None
    return Decoded(builder.value, list(builder.duplicates))


def _described(error: yaml.MarkedYAMLError) -> str:
    mark = error.problem_mark or error.context_mark
    problem = error.problem or error.context or "could not read the text"
    # go-yaml counts from zero in scanner errors, and leaves line zero out.
    return f"line {mark.line}: {problem}" if mark and mark.line else problem


class _Dumper(_BaseDumper):  # type: ignore[misc,valid-type]
    """
    Writes what L{resolve} reads back the same.
    """

    def ignore_aliases(self, data: Any) -> bool:
        """
        Values that are shared are written in each place.
        """
        return True


def _represent_text(dumper: Any, text: str) -> Any:
    style = None
    if not isinstance(resolve(text), str) or _ambiguous(text):
        style = '"'
    elif "\n" in text:
        style = "|"
    return dumper.represent_scalar(_STR, text, style=style)


_SIXTIES = re.compile(r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?", re.ASCII)


def _ambiguous(text: str) -> bool:
    return bool(text in ("<<", "=") or is_date(text) or _SIXTIES.fullmatch(text))


def _represent_float(dumper: Any, value: float) -> Any:
    return dumper.represent_scalar(_FLOAT, format_float(value))


_Dumper.add_representer(str, _represent_text)
_Dumper.add_representer(float, _represent_float)


def write_yaml(value: Any) -> bytes:
    """
    The text of a value, see L{ark.meta.serializer.encode_yaml}.
    """
    text: bytes = yaml.dump(
        value, Dumper=_Dumper, encoding="utf-8", allow_unicode=True, default_flow_style=False, sort_keys=True
    )
    return text.removesuffix(b"...\n")
