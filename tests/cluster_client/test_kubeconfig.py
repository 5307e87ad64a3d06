"""
Tests for L{ark.cluster.kubeconfig} and L{ark.cluster.incluster}.
"""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path
from typing import Any

import yaml
from twisted.trial.unittest import TestCase

from ark.cluster.access import Access, Source
from ark.cluster.errors import InvalidAccess
from ark.cluster.incluster import in_cluster
from ark.cluster.kubeconfig import read_kubeconfig

V1 = "client.authentication.k8s.io/v1"


class _Files(TestCase):
    def setUp(self) -> None:
        self.folder = Path(self.mktemp())
        self.folder.mkdir()

    def write(self, name: str, text: str) -> str:
        """
        A file in the folder of this test.
        """
        path = self.folder / name
        path.write_text(text)
        return str(path)

    def kubeconfig(self, cluster: Any = None, user: Any = None, **members: Any) -> str:
        """
        A kubeconfig with one context.
        """
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "c", "cluster": {"server": "https://kube:6443", **(cluster or {})}}],
            "users": [{"name": "u", "user": user or {}}],
            "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
            "current-context": "x",
            **members,
        }
        return self.write("config", yaml.safe_dump(document))

    def refusal(self, *arguments: Any, **options: Any) -> str:
        """
        What is said against a kubeconfig.
        """
        path = self.kubeconfig(*arguments, **options)
        return str(self.assertRaises(InvalidAccess, read_kubeconfig, path))


class KubeconfigTests(_Files):
    """
    Kubeconfigs say what they say to client-go.
    """

    def test_everything_embedded(self) -> None:
        """
        Data in the file is taken, and goes before a file.
        """
        data = b64encode(b"PEM").decode()
        path = self.kubeconfig(
            {"certificate-authority-data": data, "certificate-authority": "missing", "tls-server-name": "n"},
            {"client-certificate-data": data, "client-key-data": data, "token": "t"},
        )
        access = read_kubeconfig(path)
        pem = Source(b"PEM")
        self.assertEqual(
            (access.authorities, access.certificate, access.key, access.token, access.server_name),
            (pem, pem, pem, "t", "n"),
        )

    def test_paths_are_relative_to_the_file(self) -> None:
        """
        Files, and programs with a slash, are looked for beside the kubeconfig.
        """
        for name in ("ca", "cert", "key", "token"):
            self.write(name, name)
        plugin = {"apiVersion": V1, "command": "./run", "interactiveMode": "Never"}
        user = {"client-certificate": "cert", "client-key": "key", "tokenFile": "token", "exec": plugin}
        access = read_kubeconfig(self.kubeconfig({"certificate-authority": "ca"}, user))
        folder = self.folder.resolve()
        self.assertEqual(access.authorities, Source(path=str(folder / "ca")))
        self.assertEqual(access.key, Source(path=str(folder / "key")))
        self.assertEqual(access.token_file, str(folder / "token"))
        assert access.plugin is not None
        self.assertEqual(access.plugin.command, str(folder / "run"))

    def test_the_context_that_is_named(self) -> None:
        """
        Another context than the current one can be chosen; its namespace comes with it.
        """
        contexts = [{"name": "y", "context": {"cluster": "c", "namespace": "n"}}]
        access = read_kubeconfig(self.kubeconfig(contexts=contexts), "y")
        self.assertEqual((access.server, access.namespace), ("https://kube:6443", "n"))

    def test_server_forms(self) -> None:
        """
        A server may have a path, and no scheme; the slash at its end does not count.
        """
        for server, expected in (("kube:1/", "https://kube:1"), ("https://r/k8s/c/", "https://r/k8s/c")):
            self.assertEqual(read_kubeconfig(self.kubeconfig({"server": server})).server, expected)

    def test_impersonation(self) -> None:
        """
        C{as} and what goes with it become header fields.
        """
        user = {"as": "jane", "as-uid": "7", "as-groups": ["g", "h"], "as-user-extra": {"a/b": ["v"]}}
        self.assertEqual(
            read_kubeconfig(self.kubeconfig(user=user)).impersonation,
            (
                ("Impersonate-User", "jane"),
                ("Impersonate-Uid", "7"),
                ("Impersonate-Group", "g"),
                ("Impersonate-Group", "h"),
                ("Impersonate-Extra-a%2Fb", "v"),
            ),
        )

    def test_plugin(self) -> None:
        """
        A plug-in gets arguments, environment and, when it wants to, what is known of the cluster.
        """
        extension = {"name": "client.authentication.k8s.io/exec", "extension": {"audience": "a"}}
        plugin = {
            "apiVersion": f"{V1}beta1",
            "command": "login",
            "args": ["-x"],
            "env": [{"name": "A", "value": "b"}],
            "provideClusterInfo": True,
            "installHint": "get it",
        }
        found = read_kubeconfig(self.kubeconfig({"extensions": [extension]}, {"exec": plugin})).plugin
        assert found is not None
        self.assertEqual(found.command, "login")
        self.assertEqual(found.arguments, ("-x",))
        self.assertEqual(found.environment, (("A", "b"),))
        self.assertEqual(found.cluster, {"server": "https://kube:6443", "config": {"audience": "a"}})

    def test_what_is_refused(self) -> None:
        """
        What cannot be used is named, with the file that it stands in.
        """
        never = {"apiVersion": V1, "command": "x", "interactiveMode": "Never"}
        for words, cluster, user in (
            ("insecure-skip-tls-verify", {"insecure-skip-tls-verify": True}, {}),
            ("proxy-url", {"proxy-url": "http://p"}, {}),
            ("auth-provider", {}, {"auth-provider": {"name": "gcp"}}),
            ("not the https URL", {"server": "http://kube"}, {}),
            ("not the https URL", {"server": "https://"}, {}),
            ("not the https URL", {"server": "https://kube:99999"}, {}),
            ("no server", {"server": ""}, {}),
            ("must be given together", {}, {"client-certificate": "x"}),
            ("token, username", {}, {"token": "t", "username": "u"}),
            ("not base64", {"certificate-authority-data": "%"}, {}),
            ("cannot be read: No such file", {"certificate-authority": "missing"}, {}),
            ("cannot be read: No such file", {}, {"tokenFile": "missing"}),
            ("not a string", {}, {"token": 5}),
            ("but not as", {}, {"as-groups": ["g"]}),
            ("control character", {}, {"as": "a\nb"}),
            ("no command", {}, {"exec": {"apiVersion": V1}}),
            ("apiVersion", {}, {"exec": {**never, "apiVersion": "v9"}}),
            ("interactiveMode", {}, {"exec": {**never, "interactiveMode": ""}}),
            ("terminal", {}, {"exec": {**never, "interactiveMode": "Always"}}),
            ("env without a name", {}, {"exec": {**never, "env": [{}]}}),
        ):
            said = self.refusal(cluster, user)
            self.assertIn(words, said)
            self.assertTrue(said.startswith(str(self.folder)), said)

    def test_incomplete_files(self) -> None:
        """
        Something that is named must be there.
        """
        context = {"name": "x", "context": {"cluster": "other"}}
        for words, members in (
            ("no current context", {"current-context": None}),
            ("no context 'z'", {"current-context": "z"}),
            ("no cluster 'other'", {"contexts": [context]}),
            ("not an object of kind Config", {"kind": "Pod"}),
            ("users is not a list of objects", {"users": {"a": 1}}),
        ):
            self.assertIn(words, self.refusal(**members))
        for text in ("[", "- a", ""):
            path = self.write("config", text)
            self.assertRaises(InvalidAccess, read_kubeconfig, path)

    def test_secrets_are_not_shown(self) -> None:
        """
        Neither the text form of an access nor what is said of a broken file holds a token.
        """
        self.assertNotIn("hidden", repr(Access("https://kube", token="hidden")))
        path = self.write("config", "token: hidden\n  x: [")
        self.assertNotIn("hidden", str(self.assertRaises(InvalidAccess, read_kubeconfig, path)))


class InClusterTests(_Files):
    """
    A pod finds its cluster by its environment and the files of its service account.
    """

    environ = {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBERNETES_SERVICE_PORT": "443"}

    def test_service_account(self) -> None:
        """
        The files are named, so that they are read again when they change.
        """
        for name, text in (("token", "t\n"), ("ca.crt", "PEM"), ("namespace", "ark")):
            self.write(name, text)
        access = in_cluster(self.environ, str(self.folder))
        self.assertEqual(access.server, "https://10.0.0.1:443")
        self.assertEqual(access.token_file, str(self.folder / "token"))
        self.assertEqual(access.authorities, Source(path=str(self.folder / "ca.crt")))
        self.assertEqual(access.namespace, "ark")
        six = {**self.environ, "KUBERNETES_SERVICE_HOST": "fd00::1"}
        self.assertEqual(in_cluster(six, str(self.folder)).server, "https://[fd00::1]:443")

    def test_elsewhere(self) -> None:
        """
        Outside of a pod, or without a token, it says what is missing.
        """
        self.assertIn("not a pod", str(self.assertRaises(InvalidAccess, in_cluster, {})))
        said = self.assertRaises(InvalidAccess, in_cluster, self.environ, str(self.folder))
        self.assertIn("token", str(said))
        self.write("token", "")
        said = self.assertRaises(InvalidAccess, in_cluster, self.environ, str(self.folder))
        self.assertIn("is empty", str(said))
