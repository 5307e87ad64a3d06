"""
Tests of L{ark.logs} and L{ark.files}.
"""

from __future__ import annotations

import json
import stat
from contextvars import copy_context
from io import StringIO
from pathlib import Path
from typing import Any

from twisted.logger import LogLevel
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from ark.files import write_private
from ark.logs import observer
from ark.meta.requestid import REQUEST_ID

TIME = 1_800_000_000.25


def event(level: Any = LogLevel.info, namespace: str = "ark.server", **members: Any) -> dict[str, Any]:
    """
    A log event.
    """
    return {"log_level": level, "log_namespace": namespace, "log_time": TIME, **members}


class ObserverTests(SynchronousTestCase):
    """
    What a log looks like.
    """

    def written(self, form: str, verbosity: int, *events: dict[str, Any]) -> str:
        """
        The text of some events.
        """
        file = StringIO()
        observe, _ = observer(form, verbosity, file)
        for one in events:
            observe(one)
        return file.getvalue()

    def test_text_lines_look_like_klog(self) -> None:
        """
        Level, date, process, source, text.
        """
        line = self.written("text", 0, event(LogLevel.warn, log_format="disk {state}", state="full"))
        self.assertRegex(line, r"^W0115 08:00:00\.250000 +\d+ ark\.server\] disk full\n$")

    def test_what_is_logged_of_a_request_names_it(self) -> None:
        """
        By the audit id of its answer, once, and nothing that is logged outside of any request.
        """

        def during() -> tuple[str, str, str]:
            REQUEST_ID.set("4f-\n\ud800")
            own = event(log_format="auditID={audit_id}", audit_id="own")
            return (
                self.written("text", 0, event(log_format="x")),
                self.written("json", 0, event(log_format="x")),
                self.written("text", 0, own),
            )

        text, line, own = copy_context().run(during)
        self.assertTrue(text.endswith('] x auditID="4f-\\n?"\n'), text)
        self.assertEqual(json.loads(line)["audit_id"], "4f-\n?")
        self.assertEqual(own.count("auditID"), 1)
        self.assertNotIn("auditID", self.written("text", 0, event(log_format="x")))

    def test_json_lines_are_objects(self) -> None:
        """
        With the values of the event beside its text.
        """
        line = self.written("json", 0, event(log_format="took {ms}", ms=1.5, user="a\nb", other=object()))
        members = json.loads(line)
        self.assertEqual((members["msg"], members["ms"], members["user"]), ("took 1.5", 1.5, "a\nb"))
        self.assertEqual((members["level"], members["ts"]), ("info", "2027-01-15T08:00:00.250000Z"))
        self.assertNotIn("other", members)
        self.assertEqual(line.count("\n"), 1)

    def test_nothing_in_a_text_line_can_forge_another(self) -> None:
        """
        Control characters, as a client may send, are written as escapes.
        """
        line = self.written("text", 0, event(log_format="{uri}", uri="/x\nE0101 \x1b[2J"))
        self.assertEqual(line.count("\n"), 1)
        self.assertIn("/x\\nE0101 \\x1b[2J", line)

    def test_failures_bring_their_traceback(self) -> None:
        """
        In both forms.
        """
        try:
            raise ValueError("why")
        except ValueError:
            failure = Failure()
        failed = event(LogLevel.critical, log_format="failed", log_failure=failure)
        self.assertIn("ValueError: why", self.written("text", 0, failed))
        self.assertIn("ValueError: why", json.loads(self.written("json", 0, failed))["stacktrace"])

    def test_news_of_the_library_are_for_level_4(self) -> None:
        """
        Warnings of it are for everybody, and so is what the server says itself.
        """
        chatter = event(namespace="twisted.web", log_format="Starting factory")
        warning = event(LogLevel.warn, "twisted.web", log_format="bad")
        debug = event(LogLevel.debug, log_format="detail")
        ours = event(log_format="ready")
        self.assertEqual(self.written("text", 3, chatter, warning, debug, ours).count("\n"), 2)
        self.assertEqual(self.written("text", 4, chatter, warning, debug, ours).count("\n"), 4)

    def test_broken_file_is_remembered(self) -> None:
        """
        The server goes on, and its health check tells.
        """
        file = StringIO()
        observe, writer = observer("text", 0, file)
        file.close()
        observe(event(log_format="x"))
        self.assertIsInstance(writer.broken, ValueError)


class PrivateFileTests(SynchronousTestCase):
    """
    Files that nobody else may read.
    """

    def setUp(self) -> None:
        """
        A directory.
        """
        self.directory = Path(self.mktemp()).resolve()
        self.directory.mkdir()
        self.path = self.directory / "secret"

    def test_mode_does_not_depend_on_what_was_there(self) -> None:
        """
        A file that others could read is replaced by one that they cannot.
        """
        self.path.write_text("old")
        self.path.chmod(0o644)
        write_private(self.path, b"new")
        self.assertEqual(self.path.read_bytes(), b"new")
        self.assertEqual(stat.S_IMODE(self.path.stat().st_mode), 0o600)

    def test_link_is_followed(self) -> None:
        """
        A kubeconfig that links elsewhere still does afterwards.
        """
        link = self.directory / "link"
        link.symlink_to(self.path)
        write_private(link, b"new")
        self.assertTrue(link.is_symlink())
        self.assertEqual(self.path.read_bytes(), b"new")

    def test_failure_leaves_nothing_behind(self) -> None:
        """
        Neither half a file nor a temporary one.
        """
        self.path.mkdir()
        self.assertRaises(OSError, write_private, self.path, b"x")
        self.assertEqual(list(self.directory.iterdir()), [self.path])
