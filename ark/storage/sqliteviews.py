"""
The views of a SQLite database.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ark.storage.views import Columns, Elements, StandardQuotes, Steps, history_columns, view_texts

#: Tells our views from those that an operator made.
_MARK = "-- kept by ark-apiserver"

_TIME = "strftime('%Y-%m-%dT%H:%M:%SZ', log.created_at, 'unixepoch')"


class SQLiteViews(StandardQuotes):
    """
    L{ark.storage.views.ViewDialect} of SQLite: JSON is text.
    """

    document = "log.body"
    kind = "json_extract(log.body, '$.kind')"
    live = "FROM ark_object AS object JOIN ark_log AS log ON log.revision = object.revision"
    log = "FROM ark_log AS log"
    longest = 1000
    common: Columns = (
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
        ("updated_at", _TIME),
        ("deleted_at", "json_extract(log.body, '$.metadata.deletionTimestamp')"),
    )
    history = history_columns(kind, _TIME, "log.body")

    def _way(self, steps: Steps) -> str:
        return self.quote_text("$" + "".join(_step(step) for step in steps))

    def value(self, document: str, steps: Steps, _type: str) -> str:
        """
        One C{json_extract}.
        """
        return f"json_extract({document}, {self._way(steps)})" if steps else document

    def elements(self, document: str, steps: Steps, which: Elements, rest: Steps, type: str) -> str:
        """
        A query of C{json_each}.
        """
        value = self.value("element.value", rest, type)
        source = f"json_each({document}, {self._way(steps)}) AS element"
        if not which.left:
            return f"(SELECT json_group_array({value}) FROM {source})"  # noqa: S608 - constants only
        test = f"json_extract(element.value, {self._way(which.left)}) = {self.quote_text(which.right)}"
        return f"(SELECT {value} FROM {source} WHERE {test} LIMIT 1)"  # noqa: S608 - constants only


def _step(step: str | int) -> str:
    return f"[{step}]" if isinstance(step, int) else '."{}"'.format(step.replace('"', '\\"'))


def create_views(connection: Any, kinds: Sequence[Any]) -> None:
    """
    Bring the database's views up to date in one transaction.

    Those that fit are left alone, and so are an operator's own, even when one of ours
    would have its name.
    """
    dialect = SQLiteViews()
    wanted = {
        name: f"CREATE VIEW {dialect.quote_name(name)} AS {_MARK}\n{text}"
        for name, text in view_texts(dialect, kinds).items()
    }
    connection.execute("BEGIN IMMEDIATE")
    try:
        present = dict(
            connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'view'").fetchall()
        )
        foreign = {name for name, text in present.items() if _MARK not in text}
        for name, text in present.items():
            if name not in foreign and wanted.get(name) != text:
                connection.execute(f"DROP VIEW {dialect.quote_name(name)}")
        for name, text in wanted.items():
            if name not in foreign and present.get(name) != text:
                connection.execute(text)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
