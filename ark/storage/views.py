"""
Views for people who read the database with SQL (L{ark.interfaces.IReportsKinds}).

The tables may change with any release; these views stay.  C{docs/reference/sql-views.md}
describes them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_SEGMENT = re.compile(
    r"""\.(?P<name>[A-Za-z_][\w-]*)
      | \['(?P<quoted>[^']+)'\]
      | \[(?P<index>\d+)\]
      | (?P<all>\[\*\])
      | \[\?\(@(?P<left>(?:\.[A-Za-z_][\w-]*)+)\s*==\s*(?P<quote>["'])(?P<right>[^"']*)(?P=quote)\)\]""",
    re.VERBOSE,
)
#: Tells our views from those that an operator made.
_MARK = "-- kept by ark-apiserver"

_TIME = "strftime('%Y-%m-%dT%H:%M:%SZ', {}, 'unixepoch')"

_COMMON = (
    ("namespace", "nullif(object.namespace, '')"),
    ("name", "object.name"),
    ("resource_version", "object.revision"),
    ("generation", "json_extract(log.body, '$.metadata.generation')"),
    ("uid", "log.uid"),
    ("spec", "json_extract(log.body, '$.spec')"),
    ("status", "json_extract(log.body, '$.status')"),
    ("labels", "json_extract(log.body, '$.metadata.labels')"),
    ("annotations", "json_extract(log.body, '$.metadata.annotations')"),
    ("created_at", "json_extract(log.body, '$.metadata.creationTimestamp')"),
    ("updated_at", _TIME.format("log.created_at")),
    ("deleted_at", "json_extract(log.body, '$.metadata.deletionTimestamp')"),
)
_LIVE = "FROM ark_object AS object JOIN ark_log AS log ON log.revision = object.revision"
_KIND = ("kind", "json_extract(log.body, '$.kind')")
_RESOURCE = ("resource", "log.resource")
_HISTORY = (
    _KIND,
    _RESOURCE,
    ("namespace", "nullif(log.namespace, '')"),
    ("name", "log.name"),
    ("resource_version", "log.revision"),
    ("previous_version", "nullif(log.previous, 0)"),
    ("event", "log.event"),
    ("uid", "log.uid"),
    ("written_at", _TIME.format("log.created_at")),
    ("object", "log.body"),
)


def quote_name(name: str) -> str:
    """
    An SQL identifier.
    """
    return '"{}"'.format(name.replace('"', '""'))


def quote_text(text: str) -> str:
    """
    An SQL string.
    """
    return "'{}'".format(text.replace("'", "''"))


def _member(name: str) -> str:
    return '."{}"'.format(name.replace('"', '\\"'))


def json_path_sql(path: str, body: str = "log.body") -> str | None:
    """
    The SQL for a printer column's JSONPath; L{None} when it has no simple translation.

    Members and indices become one C{json_extract}.  A filter takes the first element
    that fits, C{[*]} all of them, as a JSON array.
    """
    segments = list(_SEGMENT.finditer(path))
    if not segments or "".join(match.group() for match in segments) != path:
        return None
    way = "$"
    for number, match in enumerate(segments):
        rest = path[match.end() :]
        if match["name"] or match["quoted"]:
            way += _member(match["name"] or match["quoted"])
        elif match["index"]:
            way += match.group()
        else:
            return _elements(f"json_each({body}, {quote_text(way)})", match, rest) if number else None
    return f"json_extract({body}, {quote_text(way)})"


def _elements(source: str, match: re.Match[str], rest: str) -> str | None:
    value = json_path_sql(rest, "element.value") if rest else "element.value"
    if value is None:
        return None
    if match["all"]:
        return f"(SELECT json_group_array({value}) FROM {source} AS element)"  # noqa: S608 - constants only
    left = "".join(_member(name) for name in match["left"][1:].split("."))
    test = f"json_extract(element.value, {quote_text('$' + left)}) = {quote_text(match['right'])}"
    return f"(SELECT {value} FROM {source} AS element WHERE {test} LIMIT 1)"  # noqa: S608 - constants only


def column_name(title: str) -> str:
    """
    C{Last Seen}, C{last-seen} and C{lastSeen} are all C{last_seen}.
    """
    words = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", title)
    return re.sub(r"\W+", "_", words).strip("_").lower()


def _select(columns: Sequence[tuple[str, str]], source: str) -> str:
    texts = ",\n    ".join(f"{expression} AS {quote_name(name)}" for name, expression in columns)
    return f"SELECT\n    {texts}\n{source}"


def _kind_columns(kind: Any) -> Iterator[tuple[str, str]]:
    """
    The common columns, the printer columns, then the plain members of the spec.
    """
    names = {name for name, _ in _COMMON}
    yield from _COMMON
    wanted = [(column.name, column.json_path) for column in kind.columns]
    properties = (kind.schema or {}).get("properties", {}).get("spec", {}).get("properties", {})
    for name in properties:
        prefix = "" if column_name(name) not in names else "spec_"
        wanted.append((prefix + name, f"['spec']['{name}']" if "'" not in name else ""))
    for title, path in wanted:
        name = column_name(title)
        expression = json_path_sql(path)
        if name and name not in names and expression is not None:
            names.add(name)
            yield name, expression


def view_name(plural: str, group: str, taken: Mapping[str, Any]) -> str:
    """
    The plural, with the group when another view or table has that name already.
    """
    name = plural.lower()
    reserved = name.startswith(("ark_", "sqlite_", "resource"))
    return (
        f"{name}_{group.replace('.', '_').replace('-', '_') or 'core'}" if reserved or name in taken else name
    )


def view_texts(kinds: Sequence[Any]) -> dict[str, str]:
    """
    The text after C{CREATE VIEW name AS} of every view, by name.

    Of a kind that is served in several versions, the first one given counts.
    """
    views = {
        "resources": _select((_KIND, _RESOURCE, *_COMMON), _LIVE),
        "resource_history": _select(_HISTORY, "FROM ark_log AS log"),
    }
    seen = set()
    for kind in kinds:
        if kind.resource in seen:
            continue
        seen.add(kind.resource)
        where = f"{_LIVE} WHERE object.resource = {quote_text(kind.resource)}"
        views[view_name(kind.plural, kind.group, views)] = _select(tuple(_kind_columns(kind)), where)
    return views


def create_views(connection: Any, kinds: Sequence[Any]) -> None:
    """
    Bring the database's views up to date in one transaction.

    Those that fit are left alone, and so are an operator's own, even when one of ours
    would have its name.
    """
    wanted = {
        name: f"CREATE VIEW {quote_name(name)} AS {_MARK}\n{text}" for name, text in view_texts(kinds).items()
    }
    connection.execute("BEGIN IMMEDIATE")
    try:
        present = dict(
            connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'view'").fetchall()
        )
        foreign = {name for name, text in present.items() if _MARK not in text}
        for name, text in present.items():
            if name not in foreign and wanted.get(name) != text:
                connection.execute(f"DROP VIEW {quote_name(name)}")
        for name, text in wanted.items():
            if name not in foreign and present.get(name) != text:
                connection.execute(text)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
