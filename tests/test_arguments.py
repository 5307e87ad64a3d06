"""
Tests of L{ark.arguments}, L{ark.config} and L{ark.options}.
"""

from __future__ import annotations

import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from ark.arguments import Resolved, make_parser, resolve
from ark.config import FIELDS, ConfigError, ServerConfig, redacted
from ark.options import OPTIONS


class ResolutionTests(SynchronousTestCase):
    """
    Where the value of an option comes from.
    """

    def setUp(self) -> None:
        """
        An empty home.
        """
        self.directory = Path(self.mktemp()).resolve()
        self.directory.mkdir()
        self.environ = {"HOME": str(self.directory), "XDG_CONFIG_HOME": str(self.directory)}

    def resolve(self, *argv: str, **environ: str) -> Resolved:
        """
        Resolve a command line.
        """
        environment = {**self.environ, **environ}
        return resolve(make_parser("ark-server", "", environment), argv, environment)

    def refused(self, *argv: str, **environ: str) -> ConfigError:
        """
        Resolve a command line that is wrong.
        """
        return self.assertRaises(ConfigError, self.resolve, *argv, **environ)

    def file(self, text: str, name: str = "config.yaml") -> str:
        """
        A config file.
        """
        path = self.directory / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return str(path)

    def test_every_option_is_a_field_and_every_field_an_option(self) -> None:
        """
        The table and the configuration name the same things.
        """
        self.assertEqual(sorted(option.field for option in OPTIONS), sorted(FIELDS))

    def test_a_cluster_is_reached_in_one_way(self) -> None:
        """
        A server that has neither stands alone; one that has both is told to choose.
        """
        self.assertFalse(self.resolve().config.aggregated)
        self.assertTrue(self.resolve("--in-cluster").config.aggregated)
        self.assertTrue(self.resolve("--kubeconfig=cluster").config.aggregated)
        error = self.refused("--in-cluster", "--kubeconfig=cluster")
        self.assertEqual(error.cause, "Both --kubeconfig and --in-cluster are given.")

    def test_what_a_cluster_decides_cannot_be_given_besides(self) -> None:
        """
        Tokens are the cluster's; and admission is only asked for more behind a cluster.
        """
        error = self.refused("--in-cluster", "--token-auth-file=tokens")
        self.assertIn("--token-auth-file", error.cause)
        error = self.refused("--enable-admission-plugins=OwnerReferencesPermissionEnforcement")
        self.assertIn("stands alone", error.cause)
        error = self.refused("--in-cluster", "--enable-admission-plugins=AlwaysDeny")
        self.assertIn('names "AlwaysDeny", which is not known', error.cause)

    def test_who_may_do_what_in_a_cluster(self) -> None:
        """
        Lists have commas between; front proxies are the cluster's unless a file says who vouches for them.
        """
        config = self.resolve("--in-cluster").config
        self.assertEqual(config.requestheader_username_headers, ("x-remote-user",))
        self.assertEqual((config.requestheader_uid_headers, config.api_audiences), ((), ()))
        self.assertEqual(config.authorization_always_allow_paths, ("/healthz", "/livez", "/readyz"))
        self.assertEqual(config.authorization_webhook_cache_authorized_ttl, 10.0)
        ours = ("--in-cluster", "--requestheader-client-ca-file=ca", "--requestheader-allowed-names=a, b")
        config = self.resolve(*ours).config
        self.assertEqual(config.requestheader_allowed_names, ("a", "b"))
        self.assertTrue(Path(config.requestheader_client_ca_file).is_absolute())
        for cause, *argv in (
            ("the cluster says who is a front proxy", "--in-cluster", "--requestheader-allowed-names=a"),
            ("stands alone", "--requestheader-client-ca-file=ca"),
            ("stands alone", "--api-audiences=ark"),
            ("an empty name", "--in-cluster", "--api-audiences=a,,b"),
            ('has the path "/a*b"', "--in-cluster", "--authorization-always-allow-paths=/a*b"),
            ("not a duration", "--in-cluster", "--authentication-token-webhook-cache-ttl=10"),
        ):
            self.assertIn(cause, self.refused(*argv).cause)

    def test_the_authority_of_a_service(self) -> None:
        """
        A Service has its authority in a Secret named after it, unless another is named; who brings
        a certificate needs none.
        """
        config = self.resolve("--in-cluster", "--service=ark/api").config
        self.assertEqual(config.tls_secret, "ark/api-ca")
        self.assertTrue(config.shares_authority)
        config = self.resolve("--in-cluster", "--service=ark/api", "--tls-secret=other/ca").config
        self.assertEqual(config.tls_secret, "other/ca")
        files = ("--in-cluster", "--service=ark/api", "--tls-cert-file=c", "--tls-private-key-file=k")
        config = self.resolve(*files).config
        self.assertEqual((config.tls_secret, config.shares_authority), ("", False))
        self.assertIn("no certificate is made", self.refused(*files, "--tls-secret=ark/x").cause)
        self.assertIn("the Service", self.refused("--in-cluster", "--tls-secret=ark/x").cause)
        self.assertIn("stands alone", self.refused("--service=ark/api").cause)
        for wrong in ("api", "/api", "ark/", "ark/api/x", "Ark/api"):
            self.assertIn("a namespace and a name", self.refused("--in-cluster", f"--service={wrong}").cause)

    def test_defaults_stand_when_nothing_is_given(self) -> None:
        """
        A server without options keeps its data in the user's data directory.
        """
        config = self.resolve().config
        self.assertEqual(config.storage, "sqlite")
        self.assertEqual(config.secure_port, 6443)
        self.assertEqual(config.bind_address, "127.0.0.1")
        self.assertEqual(config.history_retention, 600)
        self.assertIs(config.anonymous_auth, True)
        self.assertEqual(config.db_path, str(self.directory / ".local/share/ark/ark.db"))

    def test_what_the_server_writes_stands_beside_the_database(self) -> None:
        """
        The kubeconfig and the certificates follow C{--db-path}.
        """
        config = self.resolve("--db-path", str(self.directory / "d" / "x.db")).config
        self.assertEqual(config.kubeconfig_out, str(self.directory / "d" / "admin.kubeconfig"))
        self.assertEqual(config.cert_dir, str(self.directory / "d" / "x.db.d" / "pki"))

    def test_relative_paths_become_absolute(self) -> None:
        """
        A daemon that leaves its directory still finds its files.
        """
        self.assertEqual(self.resolve("--db-path=./ark.db").config.db_path, os.path.abspath("ark.db"))

    def test_flag_beats_environment_beats_file_beats_default(self) -> None:
        """
        The order of precedence, with the origin of each value.
        """
        path = self.file("secure-port: 1\nworkers: 2\nv: 3\n")
        resolved = self.resolve("--config", path, "--secure-port=9", ARK_SECURE_PORT="8", ARK_WORKERS="7")
        self.assertEqual(
            (resolved.config.secure_port, resolved.config.workers, resolved.config.verbosity), (9, 7, 3)
        )
        origins = {name: given.origin for name, given in resolved.given.items()}
        self.assertEqual(
            origins, {"secure-port": "command line", "workers": "environment ARK_WORKERS", "v": path}
        )

    def test_config_file_is_found_in_the_config_home(self) -> None:
        """
        C{$XDG_CONFIG_HOME/ark/ark-server.yaml} is read when no other is named.
        """
        self.file("secure-port: 77\n", "ark/ark-server.yaml")
        self.assertEqual(self.resolve().config.secure_port, 77)

    def test_config_home_that_cannot_be_looked_into(self) -> None:
        """
        A home that is another user's, or no path at all, has no config file.
        """
        self.environ = {"HOME": "/" + "x" * 300}
        self.assertEqual(self.resolve().config.workers, 1)

    def test_named_config_file_is_the_only_one(self) -> None:
        """
        C{--config} and C{ARK_CONFIG} put the usual places out of use.
        """
        self.file("workers: 5\n", "ark/ark-server.yaml")
        other = self.file("secure-port: 78\n")
        for resolved in (self.resolve(f"--config={other}"), self.resolve(ARK_CONFIG=other)):
            self.assertEqual((resolved.config.secure_port, resolved.config.workers), (78, 1))

    def test_repeatable_options_collect(self) -> None:
        """
        Flags, and lists in a file, become a tuple in order.
        """
        one, two = str(self.directory), "/"
        given = self.resolve("--resource-definitions", one, "--resource-definitions", two)
        self.assertEqual(given.config.resource_definitions, (one, two))
        path = self.file(f"resource-definitions: [{two}, {one}]\n")
        self.assertEqual(self.resolve("--config", path).config.resource_definitions, (two, one))

    def test_secrets_may_stand_in_files(self) -> None:
        """
        C{ARK_STORAGE_FILE} gives C{--storage} without showing it in the process list.
        """
        path = self.file("postgresql://ark:hidden@db/ark\n", "dsn")
        config = self.resolve(ARK_STORAGE_FILE=path).config
        self.assertEqual(config.storage, "postgresql://ark:hidden@db/ark")
        self.assertEqual(config.storage_scheme, "postgresql")
        self.refused(ARK_STORAGE_FILE=path, ARK_STORAGE="sqlite")

    def test_databases_may_go_by_another_name(self) -> None:
        """
        As the URLs begin that some of their providers hand out.
        """
        for url, scheme in (("postgres://ark@db/ark", "postgresql"), ("mariadb://ark@db/ark", "mysql")):
            config = self.resolve(f"--storage={url}").config
            self.assertEqual((config.storage_scheme, config.db_url), (scheme, url))

    def test_one_database_is_named(self) -> None:
        """
        A variable does not lead to another one than the command line; nor does its URL go unused unnoticed.
        """
        url = "postgresql://ark@db/ark"
        refused = self.refused("--storage=postgresql://owner@db/ark", ARK_DB_URL=url)
        self.assertIn("(from environment ARK_DB_URL) name two databases", refused.cause)
        self.assertIn("--storage=postgresql,", self.refused(ARK_DB_URL=url).remedy)
        for arguments in ((f"--storage={url}",), ("--storage=postgresql",)):
            self.assertEqual(self.resolve(*arguments, ARK_DB_URL=url).config.db_url, url)

    def test_booleans_are_written_as_kubernetes_writes_them(self) -> None:
        """
        C{--anonymous-auth}, and C{=false}; YAML booleans in a file.
        """
        self.assertIs(self.resolve("--anonymous-auth=false").config.anonymous_auth, False)
        self.assertIs(self.resolve("--anonymous-auth").config.anonymous_auth, True)
        path = self.file("anonymous-auth: false\n")
        self.assertIs(self.resolve("--config", path).config.anonymous_auth, False)

    def test_controllers_are_chosen_as_kubernetes_chooses_them(self) -> None:
        """
        By name, all but some, or none.
        """
        for value, wanted in (
            ("*", ("garbage-collector-controller", "namespace-controller")),
            ("*,-namespace-controller", ("garbage-collector-controller",)),
            ("namespace-controller", ("namespace-controller",)),
            ("-namespace-controller", ()),
        ):
            self.assertEqual(self.resolve(f"--controllers={value}").config.controllers, wanted)
        with self.assertRaises(ConfigError):
            self.resolve("--controllers=*,-tokencleaner")

    def test_verbosity_is_written_as_klog_writes_it(self) -> None:
        """
        C{-v2}, C{-v=2}, C{-v 2} and C{--v=2} are one.
        """
        for words in (("-v2",), ("-v=2",), ("-v", "2"), ("--v=2",)):
            self.assertEqual(self.resolve(*words).config.verbosity, 2)

    def test_bad_values_name_the_option_and_a_remedy(self) -> None:
        """
        One sentence of cause, one of remedy, exit code 2.
        """
        for argv, cause in (
            (["--secure-port=x"], '--secure-port is "x", which is not a whole number.'),
            (["--secure-port=65536"], "--secure-port is 65536, which is out of range."),
            (["--bind-address=here"], '--bind-address is "here", which is not an IP address.'),
            (["--request-timeout=5"], '--request-timeout is "5", which is not a duration.'),
            (["--log-format=xml"], '--log-format is "xml", which is not known.'),
            (
                ["--audit-webhook-batch-throttle-qps=0"],
                '--audit-webhook-batch-throttle-qps is "0", which is not a rate.',
            ),
            (["--anonymous-auth=maybe"], '--anonymous-auth is "maybe", which is neither true nor false.'),
            (["--db-path="], "--db-path is empty."),
            (["--no-such"], "There is no option --no-such."),
        ):
            error = self.refused(*argv)
            self.assertEqual((error.cause, error.exit_code), (cause, 2))
            self.assertTrue(error.remedy.endswith("."))

    def test_bad_value_names_its_origin(self) -> None:
        """
        Who set a variable, or wrote a file, is told which.
        """
        self.assertIn("(from environment ARK_WORKERS)", self.refused(ARK_WORKERS="none").cause)
        path = self.file("workers: 0\n")
        self.assertIn(f"(from {path})", self.refused("--config", path).cause)

    def test_bad_config_files_are_refused_with_code_3(self) -> None:
        """
        Missing, not YAML, not a mapping, an unknown name, a value that is no scalar.
        """
        for text in ("{", "- a", "secure-prot: 1", "secure-port: {a: b}", "secure-port: [1]"):
            error = self.refused("--config", self.file(text))
            self.assertEqual(error.exit_code, 3, text)
        error = self.refused("--config", "/nonexistent/x")
        self.assertEqual(error.exit_code, 3)
        self.assertTrue(
            error.cause.startswith("The config file /nonexistent/x cannot be read: "), error.cause
        )

    def test_what_does_not_fit_together_is_refused(self) -> None:
        """
        Half a key pair, workers without a shared store, a directory that is none.
        """
        for argv in (
            ["--tls-cert-file=a"],
            ["--tls-private-key-file=a"],
            ["--workers=2", "--storage=memory"],
            ["--resource-definitions=/nonexistent"],
        ):
            self.assertEqual(self.refused(*argv).exit_code, 2)

    def test_configuration_travels_as_json(self) -> None:
        """
        A worker process gets exactly what its parent has.
        """
        config = self.resolve("--resource-definitions=/", "-v2").config
        self.assertEqual(ServerConfig.from_json(config.to_json()), config)

    def test_help_names_every_option_with_its_variable(self) -> None:
        """
        C{--help} is complete.
        """
        text = make_parser("ark-server", "", self.environ).format_help()
        for option in OPTIONS:
            self.assertIn(option.flags[-1], text)
            self.assertIn(f"[env var: {option.environment}]", " ".join(text.split()))

    def test_passwords_are_not_shown(self) -> None:
        """
        C{config show} leaves passwords out, alone or in a URL.
        """
        password = next(option for option in OPTIONS if option.name == "mysql-password")
        self.assertEqual(redacted(password, "hidden"), "***")
        self.assertEqual(redacted(password, ""), "")
        storage = next(option for option in OPTIONS if option.name == "storage")
        for word in ("p", "p#1", "p/1", "p?1", "p[1", "p@1", "p:1"):
            self.assertEqual(redacted(storage, f"postgresql://u:{word}@h/d"), "postgresql://u:***@h/d")
        for text in ("postgresql://u@h:1/d", "mysql://h:1/d?ssl-ca=/a.pem"):
            self.assertEqual(redacted(storage, text), text)
        self.assertEqual(
            redacted(storage, "postgresql:///d?password=p&host=h&sslpassword=p"),
            "postgresql:///d?password=***&host=h&sslpassword=***",
        )
        self.assertEqual(redacted(storage, "sqlite"), "sqlite")
