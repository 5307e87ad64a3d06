"""
Random values for a structural schema, and ways to spoil them.
"""

from __future__ import annotations

import copy
import json
import random
import re
from collections.abc import Callable
from typing import Any

_WORDS = ("alpha", "b", "default", "gpt-4", "hello world", "v1", "naïve ☃", "1m", "5s", "True", "", "x" * 70)
_CANDIDATES = (
    "abc", "ab", "v1", "5m", "http://example.com/a", "https://example.com", "example.com", "Ready", "10%", "7",
    "default", "a.b/c",
)  # fmt: skip
_FORMATS = {
    "date-time": "2020-02-03T04:05:06Z",
    "email": "a@example.com",
    "ipv4": "10.1.2.3",
    "byte": "aGVsbG8=",
    "uri": "http://example.com/a",
}
_ODD: tuple[Any, ...] = (
    None, 5, -1, 0, 11, 1.0, 1.5, 2**31, 2**63 - 1, 2**63, 1e30, True, "", "7", "x", "Pink", "x" * 300, [], {},
    [None], ["a", "a"], [[1]], {"a": 1}, {"name": "a"}, "2020-99-99T00:00:00Z",
)  # fmt: skip


def value(schema: dict[str, Any], rng: random.Random, depth: int = 0) -> Any:
    """
    A value that most often satisfies the schema.
    """
    if "enum" in schema:
        return rng.choice(schema["enum"])
    if schema.get("x-kubernetes-int-or-string"):
        return rng.choice([3, "25%", "7"])
    if schema.get("x-kubernetes-embedded-resource"):
        inner = _object(schema, rng, depth)
        return {"apiVersion": "v1", "kind": "Thing", "metadata": {"name": "thing", "odd": 1}, **inner}
    make = _MAKERS.get(schema.get("type", ""))
    return make(schema, rng, depth) if make else rng.choice([1, "any", {"deep": [1, {"er": None}]}, [1, "2"]])


def _object(schema: dict[str, Any], rng: random.Random, depth: int) -> dict[str, Any]:
    required = set(schema.get("required", ()))
    chance = 0.75 if depth < 2 else 0.45 if depth < 5 else 0.1
    result = {
        name: value(inner, rng, depth + 1)
        for name, inner in schema.get("properties", {}).items()
        if name in required or rng.random() < chance
    }
    extra = schema.get("additionalProperties")
    if isinstance(extra, dict):
        result.update(
            {name: value(extra, rng, depth + 1) for name in rng.sample(["a", "b", "c.d"], rng.randint(0, 2))}
        )
    if schema.get("x-kubernetes-preserve-unknown-fields") and not result:
        result = {"any": {"thing": [1, 2.5, None, {"goes": True}]}}
    return result


def _array(schema: dict[str, Any], rng: random.Random, depth: int) -> list[Any]:
    count = max(schema.get("minItems", 0), rng.choice([0, 1, 1, 2]) if depth < 6 else 0)
    items = [value(schema.get("items", {}), rng, depth + 1) for _ in range(count)]
    if schema.get("x-kubernetes-list-type") in ("set", "map"):
        seen = {json.dumps(item, sort_keys=True): item for item in items}
        return list(seen.values())
    return items


def _string(schema: dict[str, Any], rng: random.Random, depth: int) -> str:
    if schema.get("format") in _FORMATS:
        return _FORMATS[schema["format"]]
    if "pattern" in schema:
        fitting = [one for one in _CANDIDATES if re.search(schema["pattern"], one)]
        return rng.choice(fitting or list(_CANDIDATES))
    least, most = schema.get("minLength", 0), schema.get("maxLength", 100)
    fitting = [word for word in _WORDS if least <= len(word) <= most]
    return rng.choice(fitting or ["abc"])


def _integer(schema: dict[str, Any], rng: random.Random, depth: int) -> int:
    return rng.randint(int(schema.get("minimum", 0)), int(schema.get("maximum", 100)))


def _number(schema: dict[str, Any], rng: random.Random, depth: int) -> float:
    # Whole ones written as 2.0 are read differently on purpose; what they lead to would hide the rest.
    return rng.choice([0.5, 1, 1.5, 2.5])


def _boolean(schema: dict[str, Any], rng: random.Random, depth: int) -> bool:
    return rng.random() < 0.5


_MAKERS: dict[str, Callable[[dict[str, Any], random.Random, int], Any]] = {
    "object": _object,
    "array": _array,
    "string": _string,
    "integer": _integer,
    "number": _number,
    "boolean": _boolean,
}


def spoiled(body: dict[str, Any], rng: random.Random, times: int = 1) -> dict[str, Any]:
    """
    A copy with something wrong, unknown, missing or odd at random places outside metadata.
    """
    result = copy.deepcopy(body)
    for _ in range(times):
        places = list(_places(result, top=True))
        if not places:
            break
        rng.choice(_SPOILERS)(*rng.choice(places), rng)
    return result


def _places(holder: Any, top: bool = False) -> list[tuple[Any, Any]]:
    """
    Every place where a value stands, as its holder and its key or index.
    """
    found: list[tuple[Any, Any]] = []
    items: Any = holder.items() if isinstance(holder, dict) else enumerate(holder)
    for key, inner in list(items):
        if top and key in ("apiVersion", "kind", "metadata"):
            continue
        found.append((holder, key))
        if isinstance(inner, (dict, list)):
            found.extend(_places(inner))
    return found


def _replace(holder: Any, key: Any, rng: random.Random) -> None:
    holder[key] = copy.deepcopy(rng.choice(_ODD))


def _remove(holder: Any, key: Any, rng: random.Random) -> None:
    del holder[key]


def _nullify(holder: Any, key: Any, rng: random.Random) -> None:
    holder[key] = None


def _add_unknown(holder: Any, key: Any, rng: random.Random) -> None:
    inner = holder[key] if isinstance(holder[key], dict) else holder
    if isinstance(inner, dict):
        inner[rng.choice(["bogus", "zork.dotted", "metadata", "apiVersion", "X"])] = rng.choice(
            [1, {"deep": 1}]
        )
    else:
        inner.append(rng.choice(_ODD))


def _double(holder: Any, key: Any, rng: random.Random) -> None:
    if isinstance(holder[key], list) and holder[key]:
        holder[key].append(copy.deepcopy(holder[key][0]))
    else:
        _replace(holder, key, rng)


_SPOILERS: tuple[Callable[[Any, Any, random.Random], None], ...] = (
    _replace, _replace, _replace, _remove, _nullify, _add_unknown, _add_unknown, _double,
)  # fmt: skip


def with_duplicates(body: bytes, rng: random.Random) -> bytes:
    """
    JSON in which one member stands twice, with another value the first time.
    """
    members = list(re.finditer(rb'"(\w+)": ("[^"]*"|-?\d+|true|false)', body))
    members = [one for one in members if one[1] not in (b"apiVersion", b"kind", b"name")]
    if not members:
        return body
    found = rng.choice(members)
    return body[: found.start()] + b'"' + found[1] + b'": "first", ' + body[found.start() :]
