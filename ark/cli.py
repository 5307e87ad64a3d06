"""
C{ark-server}: run a server, and look after one.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import orjson

from ark.arguments import Parser, Resolved, make_parser, resolve
from ark.clock import install_monotonic_clock
from ark.config import ConfigError, Given, ServerConfig, redacted
from ark.datacommands import copy, export, import_
from ark.options import OPTIONS, Option

Command = Callable[[Sequence[str], Mapping[str, str]], int]

_SERVE = """Serve the Kubernetes API for Ark's resources out of an SQL database.

commands:
  serve         run a server; what happens without a command
  kubeconfig    print the administrator's kubeconfig, or merge it into another
  check         look for what would keep a server from running
  healthz       ask the server on this machine how it is
  migrate       bring the database's schema up to date; --check only looks
  copy          move a database to another one with its revisions and history
  import        take the objects of a cluster's custom resources, and their serving, over
  export        give them back to the cluster
  config show   print every option with its value; --origin tells where it comes from
  version       print versions; -o json for machines

Each command has a --help of its own.  Exit codes: 1 failed, 2 bad value, 3 bad config
file or manifest, 4 storage, 5 port, 6 certificate."""


def main(argv: Sequence[str] | None = None) -> int:
    """
    Run a command.

    @return: the exit code.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        name, rest = _command(words)
        return COMMANDS[name](rest, os.environ)
    except ConfigError as error:
        print(f"ark-server: {error.cause}\n{error.remedy}", file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:
        # Whoever read our output has had enough.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _command(words: list[str]) -> tuple[str, list[str]]:
    if words[:1] == ["--version"]:
        return "version", words[1:]
    if words[:1] == ["help"]:
        words = [*words[1:], "--help"]
    if not words or words[0].startswith("-"):
        return "serve", words
    if words[0] == "config":
        if words[1:2] != ["show"]:
            raise ConfigError("The command config needs to know what to do.", "Write ark-server config show.")
        return "config show", words[2:]
    if words[0] not in COMMANDS:
        raise ConfigError(f"There is no command {words[0]}.", "See ark-server --help for the list.")
    return words[0], words[1:]


def _parser(command: str, description: str, environ: Mapping[str, str]) -> Parser:
    prog = "ark-server" if command == "serve" else f"ark-server {command}"
    return make_parser(prog, description, environ)


def serve(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """
    Run a server until it is told to stop.
    """
    parser = _parser("serve", _SERVE, environ)
    parser.usage = "%(prog)s [COMMAND] [options]"
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    config = resolve(parser, argv, environ).config
    install_monotonic_clock()
    from ark.running import run

    return run(config)


def kubeconfig(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """
    Print the administrator's kubeconfig, or merge it into another file.
    """
    parser = _parser("kubeconfig", "Print the administrator's kubeconfig, or merge it into another.", environ)
    parser.add_argument(
        "--merge", metavar="FILE", help="Add it to this kubeconfig, ~/.kube/config for example."
    )
    parser.add_argument(
        "--context", metavar="NAME", default="ark", help="The name of the context. Default: ark."
    )
    resolved = resolve(parser, argv, environ)
    from ark.authentication.handing import handed_out, merge_into

    document = handed_out(resolved.config, resolved.arguments.context)
    if resolved.arguments.merge:
        path = Path(resolved.arguments.merge).expanduser()
        merge_into(path, document)
        print(f"Added to {path}. Try: kubectl --context={resolved.arguments.context} api-resources")
    else:
        from ark.authentication.kubeconfig import dump

        sys.stdout.write(dump(document).decode())
    return 0


def check(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """
    Look for what would keep a server from running.
    """
    config = resolve(
        _parser("check", "Look for what would keep a server from running.", environ), argv, environ
    ).config
    from ark.checkup import check_up

    return 0 if check_up(config, print) else 1


def healthz(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """
    Ask the server on this machine how it is.
    """
    from ark.probe import ENDPOINTS, ask

    parser = _parser("healthz", "Ask the server on this machine how it is.", environ)
    parser.usage = "%(prog)s [options] [endpoint]"
    parser.add_argument(
        "endpoint", nargs="?", choices=ENDPOINTS, default=ENDPOINTS[0], help="What to ask. Default: healthz."
    )
    parser.add_argument(
        "--timeout", metavar="SECONDS", type=float, default=4, help="How long to wait. Default: 4."
    )
    resolved = resolve(parser, argv, environ)
    found = ask(resolved.config, resolved.arguments.endpoint, resolved.arguments.timeout)
    print(found.text, file=sys.stdout if found.good else sys.stderr)
    return 0 if found.good else 1


def migrate(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """
    Bring the schema of the database up to date, or see whether it is.
    """
    parser = _parser("migrate", "Bring the schema of the database up to date.", environ)
    parser.add_argument(
        "--check",
        action="store_true",
        help="Change nothing; the exit code is 1 when something is to be done.",
    )
    resolved = resolve(parser, argv, environ)
    from ark.migration import bring_up_to_date, look

    state = (look if resolved.arguments.check else bring_up_to_date)(resolved.config)
    if state is None:
        print("This storage has no schema: there is nothing to do.")
        return 0
    done = state.version >= state.newest
    rest = "" if done else ": run ark-server migrate"
    if state.version > state.newest:
        rest = ": a newer release made it, with which this one may work"
    print(f"The schema has version {state.version} of {state.newest}{rest}.")
    return 0 if done else 1


def config_show(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """
    Print every option with its value.
    """
    parser = _parser("config show", "Print every option with its value.", environ)
    parser.add_argument("--origin", action="store_true", help="Say where each value comes from.")
    resolved = resolve(parser, argv, environ)
    for option in OPTIONS:
        line = f"{option.name}: {_shown(option, resolved.config)}"
        print(f"{line}  # {_origin(option, resolved)}" if resolved.arguments.origin else line)
    return 0


def _shown(option: Option, config: ServerConfig) -> str:
    value = getattr(config, option.field)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:g}s"
    if isinstance(value, tuple):
        return orjson.dumps(value).decode()
    return redacted(option, value) or '""'


def _origin(option: Option, resolved: Resolved) -> str:
    given: Given | None = resolved.given.get(option.name)
    return given.origin if given is not None else "default"


def version(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """
    Print versions.
    """
    parser = Parser(prog="ark-server version", description="Print versions.", allow_abbrev=False)
    parser.add_argument(
        "-o", "--output", choices=("text", "json"), default="text", help="The form. Default: text."
    )
    output = parser.parse_args(list(argv)).output
    from ark.versions import versions

    found = versions()
    if output == "json":
        print(orjson.dumps(found, option=orjson.OPT_INDENT_2).decode())
    else:
        for name, text in found.items():
            print(f"{name} {text}")
    return 0


COMMANDS: dict[str, Command] = {
    "serve": serve,
    "kubeconfig": kubeconfig,
    "check": check,
    "healthz": healthz,
    "migrate": migrate,
    "copy": copy,
    "import": import_,
    "export": export,
    "config show": config_show,
    "version": version,
}
