"""
Tests of L{ark.doctor}: what C{ark-server check} finds on this machine.
"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import trustme
from pysqlite3 import dbapi2
from twisted.trial.unittest import SynchronousTestCase

from ark import doctor
from ark.config import COMMAND_LINE, Given, complete
from ark.doctor import examine
from ark.storage.migrate import check_version, migrate, schema_files


class DatabaseTests(SynchronousTestCase):
    """
    A file that is there.
    """

    def setUp(self) -> None:
        """
        A place whose name means something in a URI.
        """
        directory = Path(self.mktemp()).resolve()
        directory.mkdir()
        self.path = directory / "ark?mode=rw%20.db"
        self.environ = {"HOME": str(directory)}

    def execute(self, statement: str) -> None:
        """
        Make the file something else.
        """
        with closing(dbapi2.connect(str(self.path))) as connection:
            connection.executescript(statement)

    def found(self, subject: str = "database") -> list[tuple[bool, str]]:
        """
        What is said of it.
        """
        config = complete(
            {"db-path": Given(str(self.path), COMMAND_LINE), "secure-port": Given("0", COMMAND_LINE)},
            self.environ,
        )
        return [(one.good, one.text) for one in examine(config) if one.subject == subject]

    def test_one_of_ours(self) -> None:
        """
        Whatever its name.
        """
        files = schema_files()
        with closing(dbapi2.connect(str(self.path))) as connection:
            migrate(connection, check_version(connection, max(files)), files)
        self.assertEqual(self.found(), [(True, f"{self.path}: ok")])
        self.assertEqual([path.name for path in self.path.parent.iterdir()], [self.path.name])

    def test_one_of_a_newer_server(self) -> None:
        """
        This one would not start on it.
        """
        files = schema_files()
        with closing(dbapi2.connect(str(self.path))) as connection:
            migrate(connection, check_version(connection, max(files)), files)
        self.execute(f"PRAGMA user_version = {max(files) + 1}")
        ((good, text),) = self.found()
        self.assertFalse(good)
        self.assertIn("Start a server at least as new", text)

    def test_one_of_another_program(self) -> None:
        """
        A database it is, but not ours.
        """
        self.execute("CREATE TABLE recipes (name TEXT)")
        ((good, text),) = self.found()
        self.assertFalse(good)
        self.assertIn("another program", text)

    def test_a_place_that_cannot_be(self) -> None:
        """
        What a start would refuse is refused here, too, with what to do about it.
        """
        self.path = self.path.parent / "none" / "ark.db"
        ((good, text),) = self.found()
        self.assertFalse(good)
        self.assertIn("is not a directory. Create it", text)

    def test_the_room_that_is_left(self) -> None:
        """
        A full disk is told of before it keeps a server from writing.
        """
        ((good, text),) = self.found("disk")
        self.assertTrue(good)
        self.assertRegex(text, r"^\d+ MiB are free beside ")
        self.patch(doctor, "LEAST_ROOM", 1 << 60)
        ((good, text),) = self.found("disk")
        self.assertFalse(good)
        self.assertTrue(text.endswith("make room."))

    def test_something_else(self) -> None:
        """
        No database at all.
        """
        self.path.write_bytes(b"a letter" * 1000)
        ((good, text),) = self.found()
        self.assertFalse(good)
        self.assertIn("not a database", text)


class FileTests(SynchronousTestCase):
    """
    What the configuration names besides, each of which a start refuses where a check does.
    """

    def setUp(self) -> None:
        """
        A folder for them.
        """
        self.folder = Path(self.mktemp()).resolve()
        self.folder.mkdir()

    def file(self, name: str, text: str) -> str:
        """
        A file.
        """
        path = self.folder / name
        path.write_text(text)
        return str(path)

    def found(self, subject: str, **options: str) -> list[tuple[bool, str]]:
        """
        What is said of a subject.
        """
        given = {"db-path": str(self.folder / "ark.db"), "secure-port": "0"}
        given.update((name.replace("_", "-"), value) for name, value in options.items())
        config = complete(
            {name: Given(value, COMMAND_LINE) for name, value in given.items()}, {"HOME": str(self.folder)}
        )
        return [(one.good, one.text) for one in examine(config) if one.subject == subject]

    def refused(self, named: str, subject: str, **options: str) -> None:
        """
        There is one finding, it is bad, and it names what is wrong.
        """
        ((good, text),) = self.found(subject, **options)
        self.assertFalse(good)
        self.assertIn(named, text)

    def test_nothing_is_said_of_what_is_not_asked_for(self) -> None:
        """
        Neither good nor bad.
        """
        for subject in ("serving key", "tokens", "audit log", "traces"):
            self.assertEqual(self.found(subject), [])

    def test_the_key_of_the_serving_certificate(self) -> None:
        """
        It belongs to it, or the start fails.
        """
        authority = trustme.CA()
        pair, other = (authority.issue_cert("ark.example.com") for _ in range(2))
        certificate = self.file("tls.crt", b"".join(one.bytes() for one in pair.cert_chain_pems).decode())
        key = self.file("tls.key", pair.private_key_pem.bytes().decode())
        self.assertEqual(
            self.found("serving key", tls_cert_file=certificate, tls_private_key_file=key),
            [(True, f"{key} is that of the certificate")],
        )
        wrong = self.file("other.key", other.private_key_pem.bytes().decode())
        for path, named in ((wrong, "is not the key of"), (f"{wrong}.none", "cannot be read")):
            self.refused(named, "serving key", tls_cert_file=certificate, tls_private_key_file=path)

    def test_tokens(self) -> None:
        """
        How many there are, or which line is wrong.
        """
        path = self.file("tokens.csv", "secret,ann,1\n")
        self.assertEqual(self.found("tokens", token_auth_file=path), [(True, f"1 in {path}")])
        self.refused("tokens.csv", "tokens", token_auth_file=self.file("tokens.csv", "secret\n"))
        self.refused("cannot be read", "tokens", token_auth_file=str(self.folder / "none"))

    def test_the_audit_log(self) -> None:
        """
        Its policy, its webhook, and its place.
        """
        text = "{apiVersion: audit.k8s.io/v1, kind: Policy, rules: [{level: Metadata}]}"
        policy, log = self.file("policy.yaml", text), str(self.folder / "logs" / "audit.log")
        found = self.found("audit log", audit_policy_file=policy, audit_log_path=log)
        self.assertEqual(found, [(True, f"as {policy} says"), (True, f"{log} will be made")])
        found = self.found("audit log", audit_policy_file=policy, audit_log_path="-")
        self.assertEqual(found, [(True, f"as {policy} says")])
        bad = self.file("bad.yaml", text.replace("Metadata", "All"))
        self.refused("rules[0].level", "audit log", audit_policy_file=bad, audit_log_path="-")
        self.refused("none", "audit log", audit_policy_file=str(self.folder / "none"), audit_log_path="-")
        webhook = str(self.folder / "none")
        self.refused("webhook", "audit log", audit_policy_file=policy, audit_webhook_config_file=webhook)

    def test_traces(self) -> None:
        """
        Whether or not the collector is there.
        """
        text = (
            "{apiVersion: apiserver.config.k8s.io/v1, kind: TracingConfiguration, samplingRatePerMillion: 5}"
        )
        found = self.found("traces", tracing_config_file=self.file("tracing.yaml", text))
        self.assertEqual(found, [(True, "of 5 in a million requests, to localhost:4317")])
        self.refused("TracingConfiguration", "traces", tracing_config_file=self.file("bad.yaml", "{kind: A}"))
        self.refused("cannot be read", "traces", tracing_config_file=str(self.folder / "none"))
