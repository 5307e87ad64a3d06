"""
Reads kubeconfig files.

The form and the rules are those of C{k8s.io/client-go/tools/clientcmd}: data in the file goes
before a file it names, paths are relative to the kubeconfig, unknown members mean nothing.
What would weaken the connection, or is not done here, is refused and not passed over.
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import yaml

from ark.cluster.access import Access, ExecPlugin, Source, read_file, read_token
from ark.cluster.errors import InvalidAccess

_PLUGIN_VERSIONS = ("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1")
_PLUGIN_CONFIG = "client.authentication.k8s.io/exec"
_MODES = ("Never", "IfAvailable", "Always")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def read_kubeconfig(path: str, context: str = "") -> Access:
    """
    Access as a context of a kubeconfig describes it.

    @param context: its name; empty for the current one.
    @raise InvalidAccess: it is not a kubeconfig, is incomplete, or asks for what is not done here:
        C{insecure-skip-tls-verify}, C{proxy-url}, C{auth-provider}.
    """
    document = _parse(path, read_file(path))
    try:
        name = context or _text(document, "current-context")
        if not name:
            raise InvalidAccess("there is no current context")
        chosen = _named(document, "contexts", name, "context")
        cluster = _named(document, "clusters", _text(chosen, "cluster"), "cluster")
        user_name = _text(chosen, "user")
        user = _named(document, "users", user_name, "user") if user_name else {}
        return _access(cluster, user, _text(chosen, "namespace"), Path(path).resolve().parent)
    except InvalidAccess as error:
        raise InvalidAccess(f"{path}: {error}") from None


def _parse(path: str, data: bytes) -> dict[str, Any]:
    try:
        document = yaml.safe_load(data)
    except yaml.YAMLError:
        # Its message would show lines of the file, which holds secrets.
        raise InvalidAccess(f"{path} is not YAML") from None
    if not isinstance(document, dict) or document.get("kind", "Config") != "Config":
        raise InvalidAccess(f"{path} is not an object of kind Config")
    return document


def _access(cluster: dict[str, Any], user: dict[str, Any], namespace: str, folder: Path) -> Access:
    _refuse_unsupported(cluster, user)
    server = _text(cluster, "server")
    if not server:
        raise InvalidAccess("the cluster has no server")
    certificate, key = _source(user, "client-certificate", folder), _source(user, "client-key", folder)
    if (certificate is None) != (key is None):
        raise InvalidAccess("client-certificate and client-key must be given together")
    access = Access(
        server=(server if "://" in server else f"https://{server}").rstrip("/"),
        server_name=_text(cluster, "tls-server-name"),
        authorities=_source(cluster, "certificate-authority", folder),
        certificate=certificate,
        key=key,
        token=_text(user, "token"),
        token_file=_path(_text(user, "tokenFile"), folder),
        password=_password(user),
        plugin=_plugin(cluster, user, folder),
        impersonation=_impersonation(user),
        namespace=namespace or "default",
    )
    for source in (access.authorities, certificate, key):
        if source is not None:
            source.read()
    if access.token_file:
        read_token(access.token_file)
    return access


def _refuse_unsupported(cluster: dict[str, Any], user: dict[str, Any]) -> None:
    if cluster.get("insecure-skip-tls-verify"):
        raise InvalidAccess(
            "insecure-skip-tls-verify is set, but a server that anybody can pose as decides who may do what here; "
            "name its certificate-authority instead"
        )
    if cluster.get("proxy-url"):
        raise InvalidAccess("proxy-url is set, but proxies are not supported")
    if user.get("auth-provider"):
        raise InvalidAccess("auth-provider is set, which Kubernetes no longer has; use exec instead")
    methods = [name for name, given in (("token", user.get("token")), ("username", _password(user))) if given]
    if len(methods) > 1:
        raise InvalidAccess(f"more than one way to authenticate is given: {', '.join(methods)}")


def _password(user: dict[str, Any]) -> tuple[str, str] | None:
    name, password = _text(user, "username"), _text(user, "password")
    return (name, password) if name or password else None


def _impersonation(user: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    """
    The header fields of C{k8s.io/client-go/transport}'s impersonating round-tripper.
    """
    name, uid, groups = _text(user, "as"), _text(user, "as-uid"), _texts(user, "as-groups")
    extra = _mapping(user, "as-user-extra")
    if not name:
        if uid or groups or extra:
            raise InvalidAccess("as-uid, as-groups or as-user-extra is set, but not as")
        return ()
    fields = [("Impersonate-User", name)]
    if uid:
        fields.append(("Impersonate-Uid", uid))
    fields += [("Impersonate-Group", group) for group in groups]
    for key in extra:
        header = f"Impersonate-Extra-{quote(str(key), safe='')}"
        fields += [(header, value) for value in _texts(extra, key)]
    if any(_CONTROL.search(value) for _, value in fields):
        raise InvalidAccess("as, as-uid, as-groups or as-user-extra has a control character")
    return tuple(fields)


def _plugin(cluster: dict[str, Any], user: dict[str, Any], folder: Path) -> ExecPlugin | None:
    plugin = _mapping(user, "exec")
    if not plugin:
        return None
    command, version = _text(plugin, "command"), _text(plugin, "apiVersion")
    if not command:
        raise InvalidAccess("exec has no command")
    if version not in _PLUGIN_VERSIONS:
        raise InvalidAccess(f"exec has apiVersion {version!r}; known are {' and '.join(_PLUGIN_VERSIONS)}")
    # Only the beta had a default.
    mode = _text(plugin, "interactiveMode") or ("IfAvailable" if version.endswith("beta1") else "")
    if mode not in _MODES:
        raise InvalidAccess(f"exec has interactiveMode {mode!r}; known are {', '.join(_MODES)}")
    if mode == "Always":
        raise InvalidAccess("exec wants to ask somebody at a terminal, and here is none")
    return ExecPlugin(
        version,
        _path(command, folder) if "/" in command else command,
        tuple(_texts(plugin, "args")),
        tuple(_variables(plugin)),
        _told(cluster, folder) if plugin.get("provideClusterInfo") else None,
        _text(plugin, "installHint"),
    )


def _variables(plugin: dict[str, Any]) -> list[tuple[str, str]]:
    variables = _entries(plugin, "env")
    if not all(_text(variable, "name") for variable in variables):
        raise InvalidAccess("exec has an env without a name")
    return [(_text(variable, "name"), _text(variable, "value")) for variable in variables]


def _told(cluster: dict[str, Any], folder: Path) -> dict[str, Any]:
    """
    What a plug-in is told of the cluster, but for its authorities, which may change.
    """
    told = {name: cluster[name] for name in ("server", "tls-server-name") if cluster.get(name)}
    for extension in _entries(cluster, "extensions"):
        if extension.get("name") == _PLUGIN_CONFIG:
            told["config"] = extension.get("extension")
    return told


def _named(document: dict[str, Any], section: str, name: str, member: str) -> dict[str, Any]:
    for entry in _entries(document, section):
        if entry.get("name") == name:
            return _mapping(entry, member)
    raise InvalidAccess(f"there is no {member} {name!r}")


def _entries(section: Mapping[str, Any], member: str) -> list[dict[str, Any]]:
    entries = section.get(member) or []
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise InvalidAccess(f"{member} is not a list of objects")
    return entries


def _mapping(section: Mapping[str, Any], member: str) -> dict[str, Any]:
    value = section.get(member) or {}
    if not isinstance(value, dict):
        raise InvalidAccess(f"{member} is not an object")
    return value


def _text(section: Mapping[str, Any], member: str) -> str:
    value = section.get(member)
    if value is not None and not isinstance(value, str):
        raise InvalidAccess(f"{member} is not a string")
    return value or ""


def _texts(section: Mapping[str, Any], member: str) -> list[str]:
    values = section.get(member) or []
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise InvalidAccess(f"{member} is not a list of strings")
    return values


def _path(path: str, folder: Path) -> str:
    return str(folder / path) if path else ""


def _source(section: dict[str, Any], member: str, folder: Path) -> Source | None:
    text = _text(section, f"{member}-data")
    if text:
        try:
            return Source(b64decode("".join(text.split()), validate=True))
        except ValueError:
            raise InvalidAccess(f"{member}-data is not base64") from None
    path = _text(section, member)
    return Source(path=_path(path, folder)) if path else None
