"""
The views of a MySQL or MariaDB database.  Runs in the threads of L{ark.storage.mysqlpool}.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import Any

from twisted.logger import Logger

from ark.storage.errors import Unavailable
from ark.storage.mysqlerrors import DATABASE_ERRORS, translate
from ark.storage.mysqlsession import Session, quote
from ark.storage.views import Columns, Elements, Steps, view_texts


def _time(column: str) -> str:
    return f"date_format(timestampadd(SECOND, floor({column}), '1970-01-01'), '%Y-%m-%dT%H:%i:%sZ')"


def _text(column: str) -> str:
    """
    Names are bytes to the tables, and text to people.
    """
    return f"convert({column} USING utf8mb4)"


def _member(path: str) -> str:
    return f"json_unquote(nullif(json_extract(log.body, '{path}'), 'null'))"


class MySQLViews:
    """
    L{ark.storage.views.ViewDialect} of both: values are text, JSON too.
    """

    document = "log.body"
    kind = _member("$.kind")
    live = "FROM ark_object AS object JOIN ark_log AS log ON log.revision = object.revision"
    log = "FROM ark_log AS log"
    longest = 64
    common: Columns = (
        ("namespace", f"nullif({_text('object.namespace')}, '')"),
        ("name", _text("object.name")),
        ("resource_version", "object.revision"),
        ("generation", f"cast({_member('$.metadata.generation')} AS SIGNED)"),
        ("uid", _text("log.uid")),
        ("spec", _member("$.spec")),
        ("status", _member("$.status")),
        ("labels", _member("$.metadata.labels")),
        ("annotations", _member("$.metadata.annotations")),
        ("created_at", _member("$.metadata.creationTimestamp")),
        ("updated_at", _time("log.created_at")),
        ("deleted_at", _member("$.metadata.deletionTimestamp")),
    )
    history: Columns = (
        ("kind", kind),
        ("resource", _text("log.resource")),
        ("namespace", f"nullif({_text('log.namespace')}, '')"),
        ("name", _text("log.name")),
        ("resource_version", "log.revision"),
        ("previous_version", "nullif(log.previous, 0)"),
        ("event", _text("log.event")),
        ("uid", _text("log.uid")),
        ("written_at", _time("log.created_at")),
        ("object", "log.body"),
    )

    def quote_name(self, name: str) -> str:
        """
        An SQL identifier.
        """
        return "`{}`".format(name.replace("`", "``"))

    def quote_text(self, text: str) -> str:
        """
        An SQL string, of a session that takes backslashes as they are.
        """
        return quote(text.encode()).decode()

    def _way(self, steps: Steps) -> str:
        return self.quote_text("$" + "".join(_step(step) for step in steps))

    def value(self, document: str, steps: Steps, _type: str) -> str:
        """
        One C{json_extract}.
        """
        return f"json_unquote(nullif(json_extract({document}, {self._way(steps)}), 'null'))"

    def elements(self, document: str, steps: Steps, which: Elements, rest: Steps, type: str) -> str:
        """
        A path with an asterisk, or a query of C{json_table}.
        """
        array = self._way(steps)[:-1] + "[*]"
        if not which.left:
            return f"coalesce(json_extract({document}, {array}{self._way(rest)[2:]}), '[]')"
        source = (
            f"json_table({document}, {array}' COLUMNS (place FOR ORDINALITY, value JSON PATH '$')) AS element"
        )
        test = f"{self.value('element.value', which.left, '')} = {self.quote_text(which.right)}"
        value = self.value("element.value", rest, type)
        return f"(SELECT {value} FROM {source} WHERE {test} ORDER BY element.place LIMIT 1)"  # noqa: S608 - constants only


def _step(step: str | int) -> str:
    return f"[{step}]" if isinstance(step, int) else '."{}"'.format(step.replace('"', '\\"'))


_KNOWN = (
    b"SELECT known.name, if(present.table_name IS NULL, '', known.digest) FROM ark_view AS known "
    b"LEFT JOIN information_schema.tables AS present "
    b"ON present.table_schema = database() AND convert(known.name USING utf8mb4) = present.table_name"
)
_PRESENT = b"SELECT table_name FROM information_schema.tables WHERE table_schema = database()"
_NOTE = b"INSERT INTO ark_view VALUES (%b, %b) ON DUPLICATE KEY UPDATE digest = %b"
_LOCK = b"SELECT get_lock(concat('ark-views-', md5(database())), 10)"
_UNLOCK = b"DO release_lock(concat('ark-views-', md5(database())))"

_log = Logger()


def create_views(session: Session, kinds: Sequence[Any]) -> None:
    """
    Bring the database's views up to date, if the user may.

    Those that fit are left alone, and so are an operator's own, even when one of ours would
    have its name.
    """
    try:
        _create_views(session, kinds)
    except (Unavailable, *DATABASE_ERRORS) as error:
        why = error if isinstance(error, Unavailable) else translate(error)
        _log.warn("The views of the database stay as they are: {error}", error=why)


def _create_views(session: Session, kinds: Sequence[Any]) -> None:
    dialect = MySQLViews()
    texts = {name: text.encode() for name, text in view_texts(dialect, kinds).items()}
    digests = {name: sha256(text).hexdigest() for name, text in texts.items()}
    if _known(session) == digests:
        return
    (((locked,),),) = session.run(_LOCK)
    if locked != 1:
        return
    try:
        known = _known(session)
        strange = {name.decode() for (name,) in session.run(_PRESENT)[0]} - set(known)
        for name in known:
            if name not in texts:
                session.run(b"DROP VIEW IF EXISTS " + dialect.quote_name(name).encode())
                session.run(b"DELETE FROM ark_view WHERE name = " + quote(name.encode()))
        for name, text in texts.items():
            if known.get(name) != digests[name] and name not in strange:
                _make(session, name, dialect.quote_name(name).encode() + b" AS " + text, digests[name])
    finally:
        session.run(_UNLOCK)


def _make(session: Session, name: str, definition: bytes, digest: str) -> None:
    """
    Make a view.  A definition commits by itself: that the view is ours is written down before,
    what it is made of after.
    """
    for known in ("", digest):
        if known:
            session.run(b"CREATE OR REPLACE VIEW " + definition)
        digest_text = quote(known.encode())
        session.run(_NOTE % (quote(name.encode()), digest_text, digest_text))


def _known(session: Session) -> dict[str, str]:
    (rows,) = session.run(_KNOWN)
    return {name.decode(): digest.decode() for name, digest in rows}
