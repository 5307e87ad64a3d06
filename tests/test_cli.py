"""
Tests of L{ark.cli}, L{ark.announcement} and L{ark.authentication.handing}.
"""

from __future__ import annotations

import stat
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import replace
from io import StringIO
from pathlib import Path

import orjson
import yaml
from twisted.trial.unittest import SynchronousTestCase

from ark import cli
from ark.announcement import Started, announcement
from ark.authentication import kubeconfig
from ark.config import ServerConfig, complete


class CommandTests(SynchronousTestCase):
    """
    What a person types.
    """

    def setUp(self) -> None:
        """
        An empty home.
        """
        self.directory = Path(self.mktemp()).resolve()
        self.directory.mkdir()
        self.patch(cli.os, "environ", {"HOME": str(self.directory), "ARK_WORKERS": "3"})
        self.database = f"--db-path={self.directory / 'ark.db'}"

    def run_command(self, *words: str) -> tuple[int, str, str]:
        """
        The exit code, and what was written where.
        """
        out, err = StringIO(), StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            code = cli.main(words)
        return code, out.getvalue(), err.getvalue()

    def write_kubeconfig(self) -> dict[str, object]:
        """
        The file that a server leaves.
        """
        document = kubeconfig.make("https://127.0.0.1:6443", b"ca", (b"cert", b"key"))
        (self.directory / "admin.kubeconfig").write_bytes(kubeconfig.dump(document))
        return document

    def test_unknown_commands_are_refused(self) -> None:
        """
        On standard error, with code 2.
        """
        for words in (("sevre",), ("config",), ("config", "edit"), (self.database, "migrate")):
            code, out, err = self.run_command(*words)
            self.assertEqual((code, out), (2, ""))
            self.assertEqual(len(err.splitlines()), 2)

    def test_help_begins_with_the_commands(self) -> None:
        """
        A line each, and before the options, of which there are many.
        """
        for words in (("--help",), ("help",)):
            out = StringIO()
            with redirect_stdout(out), self.assertRaises(SystemExit) as ended:
                cli.main(words)
            self.assertEqual(ended.exception.code, 0)
            lines = out.getvalue().splitlines()
            self.assertEqual(lines[0], "usage: ark-server [COMMAND] [options]")
            listed = [line.split("  ")[1] for line in lines[5 : 5 + len(cli.COMMANDS)]]
            self.assertEqual(listed, list(cli.COMMANDS))

    def test_help_of_a_command(self) -> None:
        """
        In both ways in which people ask for it.
        """
        for words in (("migrate", "--help"), ("help", "migrate")):
            out = StringIO()
            with redirect_stdout(out), self.assertRaises(SystemExit):
                cli.main(words)
            self.assertTrue(out.getvalue().startswith("usage: ark-server migrate [options]\n"))

    def test_bad_value_is_two_sentences(self) -> None:
        """
        The cause and the remedy, a line each.
        """
        code, _, err = self.run_command("serve", "--secure-port=none")
        self.assertEqual(code, 2)
        self.assertEqual(
            err,
            'ark-server: --secure-port is "none", which is not a whole number.\n'
            "Give a number from 0 to 65535.\n",
        )

    def test_options_without_a_command_are_those_of_serve(self) -> None:
        """
        So that C{ark-server --storage=sqlite --db-path=./ark.db} is all that one needs.
        """
        self.assertEqual(self.run_command("--secure-port=none")[0], 2)

    def test_config_show_tells_values_and_origins(self) -> None:
        """
        A line an option, YAML, so that it can be a config file itself.
        """
        code, out, _ = self.run_command(
            "config", "show", "--origin", self.database, "--tls-san=a", "--tls-san=b"
        )
        self.assertEqual(code, 0)
        self.assertIn("workers: 3  # environment ARK_WORKERS\n", out)
        self.assertIn("secure-port: 6443  # default\n", out)
        self.assertIn('tls-san: ["a","b"]  # command line\n', out)
        shown = yaml.safe_load(self.run_command("config", "show", self.database)[1])
        self.assertEqual(
            (shown["workers"], shown["anonymous-auth"], shown["request-timeout"]), (3, True, "60s")
        )

    def test_version_for_people_and_machines(self) -> None:
        """
        The same in two forms.
        """
        code, out, _ = self.run_command("version")
        self.assertEqual(code, 0)
        self.assertIn("\nkubernetes 1.", out)
        found = orjson.loads(self.run_command("version", "-o", "json")[1])
        self.assertEqual([f"{name} {value}" for name, value in found.items()], out.splitlines())
        self.assertEqual(self.run_command("--version"), (0, out, ""))

    def test_kubeconfig_is_printed(self) -> None:
        """
        With the name of the context that was asked for.
        """
        document = self.write_kubeconfig()
        code, out, _ = self.run_command("kubeconfig", self.database)
        self.assertEqual((code, yaml.safe_load(out)), (0, document))
        _, out, _ = self.run_command("kubeconfig", self.database, "--context=mine")
        self.assertEqual(yaml.safe_load(out)["current-context"], "mine")

    def test_kubeconfig_is_merged(self) -> None:
        """
        Into a file that others have made, or into a new one that is private.
        """
        self.write_kubeconfig()
        target = self.directory / ".kube" / "config"
        code, out, _ = self.run_command("kubeconfig", self.database, f"--merge={target}", "--context=mine")
        self.assertEqual(code, 0)
        self.assertIn("--context=mine", out)
        self.assertEqual(stat.S_IMODE(target.stat().st_mode), 0o600)
        self.run_command("kubeconfig", self.database, f"--merge={target}")
        contexts = yaml.safe_load(target.read_text())["contexts"]
        self.assertEqual([context["name"] for context in contexts], ["mine", "ark"])

    def test_nothing_is_merged_into_other_files(self) -> None:
        """
        They stay as they are.
        """
        self.write_kubeconfig()
        target = self.directory / "notes"
        target.write_text("- milk\n")
        code, _, err = self.run_command("kubeconfig", self.database, f"--merge={target}")
        self.assertEqual((code, target.read_text()), (3, "- milk\n"))
        self.assertIn("is not a kubeconfig", err)

    def test_missing_kubeconfig_has_a_remedy(self) -> None:
        """
        A server has to be started first.
        """
        code, _, err = self.run_command("kubeconfig", self.database)
        self.assertEqual(code, 3)
        self.assertIn("Start the server once", err)


class AnnouncementTests(SynchronousTestCase):
    """
    What a server says when it is ready.
    """

    def setUp(self) -> None:
        """
        A server that has come up.
        """
        self.config: ServerConfig = complete({}, {"HOME": "/home/ann"})
        self.started = Started("https://127.0.0.1:6443", True, 0, 24)

    def test_twelve_lines_say_where_everything_is(self) -> None:
        """
        Also with every warning.
        """
        config = replace(self.config, storage="memory", token_auth_file="/t")
        for one in (self.config, config):
            lines = announcement(one, self.started)
            self.assertLessEqual(len(lines), 12)
            text = "\n".join(lines)
            self.assertIn("https://127.0.0.1:6443", text)
            self.assertIn("export KUBECONFIG=/home/ann/.local/share/ark/admin.kubeconfig", text)

    def test_readiness_in_a_cluster_is_not_promised(self) -> None:
        """
        The cluster may not even be there; C{/readyz} knows.
        """
        lines = announcement(replace(self.config, in_cluster=True), self.started)
        self.assertIn(" has started (", lines[0])
        self.assertNotIn("ready", "\n".join(lines))

    def test_second_start_tells_what_was_found(self) -> None:
        """
        So that nobody wonders whether the data is there.
        """
        text = "\n".join(announcement(self.config, self.started._replace(created=False, objects=41)))
        self.assertIn("opened existing database /home/ann/.local/share/ark/ark.db, 41 objects", text)
        self.assertIn("created database", "\n".join(announcement(self.config, self.started)))
