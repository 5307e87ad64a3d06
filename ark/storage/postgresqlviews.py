"""
The views of a PostgreSQL database.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

from twisted.logger import Logger
from zope.interface import implementer

from ark.interfaces import IReportsKinds
from ark.storage.errors import StorageError
from ark.storage.postgresqlsession import Sessions
from ark.storage.views import Columns, Elements, StandardQuotes, Steps, history_columns, view_texts

_NUMBERS = ("integer", "number")
_TEXTS = ("string", "date")


class PostgreSQLViews(StandardQuotes):
    """
    L{ark.storage.views.ViewDialect} of PostgreSQL.

    The text of an object becomes C{jsonb} once a row, and only where a column needs it.
    """

    document = "document.body"
    kind = "document.body ->> 'kind'"
    live = (
        "FROM ark_object AS object JOIN ark_log AS log ON log.revision = object.revision "
        "CROSS JOIN LATERAL (SELECT log.body::jsonb AS body OFFSET 0) AS document"
    )
    log = "FROM ark_log AS log"
    longest = 63
    common: Columns = (
        ("namespace", "nullif(object.namespace, '')"),
        ("name", "object.name"),
        ("resource_version", "object.revision"),
        ("generation", "(document.body #>> ARRAY['metadata', 'generation'])::bigint"),
        ("uid", "log.uid"),
        ("spec", "document.body -> 'spec'"),
        ("status", "document.body -> 'status'"),
        ("labels", "document.body #> ARRAY['metadata', 'labels']"),
        ("annotations", "document.body #> ARRAY['metadata', 'annotations']"),
        ("created_at", "(document.body #>> ARRAY['metadata', 'creationTimestamp'])::timestamptz"),
        ("updated_at", "date_trunc('second', to_timestamp(log.created_at))"),
        ("deleted_at", "(document.body #>> ARRAY['metadata', 'deletionTimestamp'])::timestamptz"),
    )
    history = history_columns(
        "log.body::jsonb ->> 'kind'", "date_trunc('second', to_timestamp(log.created_at))", "log.body::jsonb"
    )

    def quote_text(self, text: str) -> str:
        """
        A string, whatever C{standard_conforming_strings} says of backslashes.
        """
        quoted = super().quote_text(text)
        return "E{}".format(quoted.replace("\\", "\\\\")) if "\\" in text else quoted

    def _way(self, steps: Steps) -> str:
        return f"ARRAY[{', '.join(self.quote_text(str(step)) for step in steps)}]::text[]"

    def value(self, document: str, steps: Steps, type: str) -> str:
        """
        A value of the type that fits; null where an object does not keep to its type.
        """
        way = self._way(steps)
        text = f"{document} #>> {way}"
        if type in _TEXTS:
            return text
        if type in _NUMBERS:
            return f"CASE WHEN jsonb_typeof({document} #> {way}) = 'number' THEN ({text})::numeric END"
        if type == "boolean":
            return f"CASE WHEN jsonb_typeof({document} #> {way}) = 'boolean' THEN ({text})::boolean END"
        return f"nullif({document} #> {way}, 'null'::jsonb)"

    def elements(self, document: str, steps: Steps, which: Elements, rest: Steps, type: str) -> str:
        """
        A query of C{jsonb_array_elements}.
        """
        value = self.value("element.value", rest, type if which.left else "")
        array = f"{document} #> {self._way(steps)}"
        source = (
            f"jsonb_array_elements(CASE WHEN jsonb_typeof({array}) = 'array' THEN {array} END) "
            "WITH ORDINALITY AS element (value, place)"
        )
        if not which.left:
            found = f"SELECT jsonb_agg({value} ORDER BY element.place) FROM {source}"  # noqa: S608 - constants only
            return f"coalesce(({found}), '[]'::jsonb)"
        test = f"element.value #>> {self._way(which.left)} = {self.quote_text(which.right)}"
        return f"(SELECT {value} FROM {source} WHERE {test} ORDER BY element.place LIMIT 1)"  # noqa: S608 - constants only


#: Of C{pg_advisory_xact_lock}: "Ark1" and what for.
_LOCK = "SELECT pg_advisory_xact_lock(1097992497, 3)"
_KNOWN = "SELECT name, CASE WHEN to_regclass(quote_ident(name)) IS NULL THEN '' ELSE digest END FROM ark_view"
_STRANGE = (
    "SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace "
    "AND NOT EXISTS (SELECT 1 FROM ark_view WHERE ark_view.name = relname)"
)
# A view that somebody reads for long is not waited for: everything that comes after would wait too.
_PATIENCE = "SELECT set_config('lock_timeout', '2s', true)"
# Replaced if its columns are only more than before, which keeps what was granted on it.  Of the texts
# within somebody else chooses parts: none holds its own digest, which ends them.
_MAKE = """
DO $ark_{digest}$ BEGIN
    EXECUTE {create};
EXCEPTION WHEN invalid_table_definition THEN
    EXECUTE {drop};
    EXECUTE {create};
END $ark_{digest}$"""
_NOTE = (
    "INSERT INTO ark_view VALUES ({name}, {digest}) ON CONFLICT (name) DO UPDATE SET digest = excluded.digest"
)
_FORGET = "DELETE FROM ark_view WHERE name = {name}"


@implementer(IReportsKinds)
class ViewKeeper:
    """
    Brings the views of a database up to date, if the role may.

    A role that does not own them leaves them as they are; C{ark-server migrate} makes them as
    the role that does.
    """

    _log = Logger()

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._dialect = PostgreSQLViews()

    async def describe(self, kinds: Sequence[Any]) -> None:
        """
        See L{ark.interfaces.IReportsKinds.describe}.
        """
        try:
            await self._describe(view_texts(self._dialect, kinds))
        except StorageError as error:
            self._log.warn("The views of the database stay as they are: {error}", error=error)

    async def _describe(self, texts: Mapping[str, str]) -> None:
        digests = {name: sha256(text.encode()).hexdigest() for name, text in texts.items()}
        known = {name.decode(): digest.decode() for name, digest in await self._sessions.query(_KNOWN)}
        if known == digests:
            return
        strange = {name.decode() for (name,) in await self._sessions.query(_STRANGE)}
        steps = [self._drop(name) for name in known if name not in texts]
        steps += [
            self._make(name, text, digests[name])
            for name, text in texts.items()
            if known.get(name) != digests[name] and name not in strange
        ]
        if steps:
            # In one text, and so in one transaction.
            text = ";\n".join([_PATIENCE, _LOCK, *steps, "SELECT 1"])
            await self._sessions.query(text, None)

    def _drop(self, name: str) -> str:
        forget = _FORGET.format(name=self._dialect.quote_text(name))
        return f"DROP VIEW IF EXISTS {self._dialect.quote_name(name)};\n{forget}"

    def _make(self, name: str, text: str, digest: str) -> str:
        quote = self._dialect.quote_text
        view = self._dialect.quote_name(name)
        create = quote(f"CREATE OR REPLACE VIEW {view} AS {text}")
        note = _NOTE.format(name=quote(name), digest=quote(digest))
        made = _MAKE.format(create=create, drop=quote(f"DROP VIEW {view}"), digest=digest)
        return f"{made};\n{note}"
