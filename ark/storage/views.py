"""
Views for people who read the database with SQL (L{ark.interfaces.IReportsKinds}).

The tables may change with any release; these views stay.  C{docs/reference/sql-views.md}
describes them.  What they are is the same everywhere; how an expression is written is the
business of a L{ViewDialect}.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, Union

_SEGMENT = re.compile(
    r"""\.(?P<name>[A-Za-z_][\w-]*)
      | \['(?P<quoted>[^']+)'\]
      | \[(?P<index>\d+)\]
      | (?P<all>\[\*\])
      | \[\?\(@(?P<left>(?:\.[A-Za-z_][\w-]*)+)\s*==\s*(?P<quote>["'])(?P<right>[^"']*)(?P=quote)\)\]""",
    re.VERBOSE,
)

# PostgreSQL has 1,664 at most, and a view that cannot be made keeps all from being made.
_MOST_COLUMNS = 1000

Steps = Sequence[Union[str, int]]
Columns = Sequence[tuple[str, str]]


class Elements(NamedTuple):
    """
    Elements of an array: all, or the first whose member C{left} is C{right}.
    """

    left: tuple[str, ...] = ()
    right: str = ""


def history_columns(kind: str, written_at: str, document: str) -> Columns:
    """
    The columns of C{resource_history}, of which only some are written otherwise elsewhere.
    """
    return (
        ("kind", kind),
        ("resource", "log.resource"),
        ("namespace", "nullif(log.namespace, '')"),
        ("name", "log.name"),
        ("resource_version", "log.revision"),
        ("previous_version", "nullif(log.previous, 0)"),
        ("event", "log.event"),
        ("uid", "log.uid"),
        ("written_at", written_at),
        ("object", document),
    )


class StandardQuotes:
    """
    Names and strings as SQL has them (ISO 9075-2, 5.2 and 5.3).
    """

    def quote_name(self, name: str) -> str:
        """
        An identifier.
        """
        return '"{}"'.format(name.replace('"', '""'))

    def quote_text(self, text: str) -> str:
        """
        A string.
        """
        return "'{}'".format(text.replace("'", "''"))


class ViewDialect(Protocol):
    """
    How a database writes what the views need.

    @ivar common: the columns of C{resources} and of every kind, without C{kind} and C{resource}.
    @ivar kind: the expression for the kind of the object.
    @ivar history: the columns of C{resource_history}.
    @ivar document: the expression for an object.
    @ivar live: where C{common} and C{document} are taken from.
    @ivar log: where C{history} is taken from.
    @ivar longest: how many characters a name may have.
    """

    common: Columns
    kind: str
    history: Columns
    document: str
    live: str
    log: str
    longest: int

    def quote_name(self, name: str) -> str:
        """
        An identifier.
        """

    def quote_text(self, text: str) -> str:
        """
        A string.
        """

    def value(self, document: str, steps: Steps, type: str) -> str:
        """
        What stands in a document behind some steps.

        @param type: what the schema or the printer column says that it is; may be empty.
        """

    def elements(self, document: str, steps: Steps, which: Elements, rest: Steps, type: str) -> str:
        """
        What stands behind further steps in the first element that fits, or in all as a JSON
        array.
        """


def path_segments(path: str) -> list[str | int | Elements] | None:
    """
    The parts of a printer column's JSONPath; L{None} when it has some that no view can follow.
    """
    segments = list(_SEGMENT.finditer(path))
    if not segments or "".join(match.group() for match in segments) != path:
        return None
    found: list[str | int | Elements] = []
    for match in segments:
        if match["name"] or match["quoted"]:
            found.append(match["name"] or match["quoted"])
        elif match["index"]:
            found.append(int(match["index"]))
        elif not found or isinstance(found[-1], Elements):
            return None
        else:
            found.append(
                Elements() if match["all"] else Elements(tuple(match["left"][1:].split(".")), match["right"])
            )
    return found


def expression_of(
    dialect: ViewDialect, segments: Sequence[str | int | Elements] | None, document: str, type: str
) -> str | None:
    """
    The SQL for what stands behind L{path_segments}; L{None} when that has no simple translation.

    @param type: see L{ViewDialect.value}.
    """
    if segments is None:
        return None
    cuts = [number for number, segment in enumerate(segments) if isinstance(segment, Elements)]
    steps = [segment for segment in segments if not isinstance(segment, Elements)]
    if not cuts:
        return dialect.value(document, steps, type)
    which = segments[cuts[0]]
    if len(cuts) > 1 or not isinstance(which, Elements):
        return None
    return dialect.elements(document, steps[: cuts[0]], which, steps[cuts[0] :], type)


def column_name(title: str) -> str:
    """
    C{Last Seen}, C{last-seen} and C{lastSeen} are all C{last_seen}.
    """
    words = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", title)
    return re.sub(r"\W+", "_", words).strip("_").lower()


def _select(dialect: ViewDialect, columns: Columns, source: str) -> str:
    texts = ",\n    ".join(f"{expression} AS {dialect.quote_name(name)}" for name, expression in columns)
    return f"SELECT\n    {texts}\n{source}"


def _kind_columns(dialect: ViewDialect, kind: Any) -> Iterator[tuple[str, str]]:
    """
    The common columns, the printer columns, then the plain members of the spec.
    """
    names = {name for name, _ in dialect.common}
    yield from dialect.common
    wanted = [(column.name, path_segments(column.json_path), column.type) for column in kind.columns]
    properties = (kind.schema or {}).get("properties", {}).get("spec", {}).get("properties", {})
    for name, schema in properties.items():
        prefix = "" if column_name(name) not in names else "spec_"
        wanted.append((prefix + name, ["spec", name], schema.get("type", "")))
    for title, segments, type in wanted:
        if len(names) == _MOST_COLUMNS:
            return
        name = column_name(title)
        if not name or name in names or len(name) > dialect.longest:
            continue
        expression = expression_of(dialect, segments, dialect.document, type)
        if expression is not None:
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


def view_texts(dialect: ViewDialect, kinds: Sequence[Any]) -> dict[str, str]:
    """
    The text after C{CREATE VIEW name AS} of every view, by name.

    Of a kind that is served in several versions, the first one given counts.
    """
    which = (("kind", dialect.kind), ("resource", "log.resource"))
    views = {
        "resources": _select(dialect, (*which, *dialect.common), dialect.live),
        "resource_history": _select(dialect, dialect.history, dialect.log),
    }
    seen = set()
    for kind in kinds:
        if kind.resource in seen:
            continue
        seen.add(kind.resource)
        where = f"{dialect.live} WHERE object.resource = {dialect.quote_text(kind.resource)}"
        name = view_name(kind.plural, kind.group, views)
        if len(name) <= dialect.longest:
            views[name] = _select(dialect, tuple(_kind_columns(dialect, kind)), where)
    return views
