"""
Tests of L{ark.audit.log} and L{ark.audit.rotation}.
"""

from __future__ import annotations

import gzip
import os
import resource
import stat
import threading
from pathlib import Path
from tempfile import TemporaryDirectory

import orjson
from twisted.trial.unittest import SynchronousTestCase

from ark.audit.batching import Batching
from ark.audit.event import Asked, Noted
from ark.audit.log import AuditLog, AuditMetrics, open_log
from ark.audit.policy import Told
from ark.audit.rotation import MEBIBYTE, Limits, RotatedFile
from ark.authentication.userinfo import UserInfo
from ark.authorization.attributes import Attributes

EPOCH = 1_700_000_000.0


def noted(number: int = 0) -> Noted:
    """
    That a request has come.
    """
    attributes = Attributes(UserInfo("ann"), "get", "/version")
    asked = Asked(f"id-{number}", "/version", attributes, b"test", EPOCH, "192.0.2.1")
    return Noted(Told("Metadata"), asked, "RequestReceived", EPOCH)


class Gate:
    """
    Holds up whoever writes.
    """

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.open = threading.Event()
        self.reached = threading.Event()
        self.error: OSError | None = None

    def write(self, data: bytes) -> None:
        """
        Wait, and keep the lines.
        """
        self.reached.set()
        self.open.wait(30)
        if self.error is not None:
            raise self.error
        self.lines += data.splitlines()

    def leave(self) -> None:
        """
        Only the test opens it.
        """

    def close(self) -> None:
        """
        Nothing is open.
        """


class AuditLogTests(SynchronousTestCase):
    """
    The thread that writes.
    """

    def test_what_was_noted_is_written_in_order(self) -> None:
        """
        All of it, also what came just before the end.
        """
        folder = TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        path = Path(folder.name) / "logs" / "audit.log"
        log = open_log(str(path), Limits(), lambda: EPOCH)
        log.start()
        for number in range(1000):
            log.note(noted(number))
        log.stop()
        ids = [orjson.loads(line)["auditID"] for line in path.read_bytes().splitlines()]
        self.assertEqual(ids, [f"id-{number}" for number in range(1000)])
        self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)

    def test_who_notes_never_waits(self) -> None:
        """
        What does not fit is dropped and counted.
        """
        gate = Gate()
        log = AuditLog(gate, lambda: EPOCH, batching=Batching(buffer=10))
        log.start()
        log.note(noted())
        gate.reached.wait(30)
        for number in range(15):
            log.note(noted(number))
        self.assertEqual(log.errors, {"buffered": 5})
        gate.open.set()
        log.stop()
        self.assertEqual(len(gate.lines), 11)
        shown = AuditMetrics([log]).collect()
        counted = {sample.name: sample.value for metric in shown for sample in metric.samples}
        self.assertEqual(counted["apiserver_audit_event_total"], 16)

    def test_bytes_are_bounded_too(self) -> None:
        """
        Large bodies do not fill the memory.
        """
        log = AuditLog(Gate(), lambda: EPOCH, batching=Batching(buffer_bytes=2000))
        for number in range(5):
            log.note(noted(number))
        self.assertEqual(log.errors, {"buffered": 2})

    def test_what_cannot_be_written_is_counted(self) -> None:
        """
        And the next is tried again.
        """
        gate = Gate()
        gate.error = OSError("disk full")
        gate.open.set()
        log = AuditLog(gate, lambda: EPOCH)
        log.start()
        log.note(noted())
        log.stop()
        self.assertEqual(log.errors, {"log": 1})


class RotatedFileTests(SynchronousTestCase):
    """
    Files that are put aside.
    """

    def setUp(self) -> None:
        """
        A folder, and a clock.
        """
        folder = TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.now = EPOCH

    def file(self, **limits: int) -> RotatedFile:
        """
        A file that is put aside at a MiB.
        """
        file = RotatedFile(self.folder / "audit.log", Limits(1, **limits), lambda: self.now)
        self.addCleanup(file.close)
        return file

    def names(self) -> list[str]:
        """
        What is in the folder.
        """
        return sorted(path.name for path in self.folder.iterdir())

    def test_a_large_file_is_put_aside(self) -> None:
        """
        Under a name that has the time, as lumberjack does.
        """
        file = self.file()
        file.write(b"a" * MEBIBYTE)
        file.write(b"b\n")
        self.assertEqual(self.names(), ["audit-2023-11-14T22-13-20.000.log", "audit.log"])
        self.assertEqual((self.folder / "audit.log").read_bytes(), b"b\n")

    def test_what_is_there_is_continued(self) -> None:
        """
        After a new start.
        """
        first = self.file()
        first.write(b"a\n")
        first.close()
        self.file().write(b"b\n")
        self.assertEqual((self.folder / "audit.log").read_bytes(), b"a\nb\n")

    def test_a_full_disk_tears_one_line_only(self) -> None:
        """
        What was not written as a whole is told of as lost; what comes next stands on lines of its own.
        """
        file = self.file()
        file.write(b"first\n")
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (9, hard))
        try:
            self.assertRaises(OSError, file.write, b"second\n")
            self.assertRaises(OSError, file.write, b"third\n")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        file.write(b"fourth\n")
        file.write(b"fifth\n")
        self.assertEqual((self.folder / "audit.log").read_bytes(), b"first\nsec\nfourth\nfifth\n")

    def test_what_cannot_be_tidied_keeps_nothing_from_being_written(self) -> None:
        """
        Nobody may remove what was put aside.
        """
        (self.folder / "audit-2020-01-01T00-00-00.000.log").mkdir()
        file = self.file(backups=1)
        file.write(b"a" * MEBIBYTE)
        file.write(b"b\n")
        self.assertEqual((self.folder / "audit.log").read_bytes(), b"b\n")

    def test_only_so_many_are_kept(self) -> None:
        """
        The newest ones, and files of others stay.
        """
        (self.folder / "audit-of-others.log").write_text("x")
        file = self.file(backups=2)
        for _ in range(5):
            self.now += 60
            file.write(b"a" * MEBIBYTE)
        aside = [name for name in self.names() if "T" in name]
        self.assertEqual(len(aside), 2)
        self.assertEqual(aside[-1], "audit-2023-11-14T22-18-20.000.log")
        self.assertIn("audit-of-others.log", self.names())

    def test_only_so_old_ones_are_kept(self) -> None:
        """
        By when they were written last.
        """
        old = self.folder / "audit-2023-11-01T00-00-00.000.log.gz"
        old.write_bytes(b"")
        os.utime(old, (EPOCH - 3 * 86400, EPOCH - 3 * 86400))
        file = self.file(days=2)
        file.write(b"a" * MEBIBYTE)
        file.write(b"b")
        self.assertNotIn(old.name, self.names())
        self.assertEqual(len(self.names()), 2)

    def test_compressed(self) -> None:
        """
        With gzip, and only its owner may read it.
        """
        file = self.file(compress=True)
        file.write(b"a" * MEBIBYTE)
        file.write(b"b")
        packed = self.folder / "audit-2023-11-14T22-13-20.000.log.gz"
        self.assertEqual(gzip.decompress(packed.read_bytes()), b"a" * MEBIBYTE)
        self.assertEqual(stat.S_IMODE(packed.stat().st_mode), 0o600)
