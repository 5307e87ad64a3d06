"""
From the command line, the environment and a config file to a configuration.

The order is: flag, environment variable, config file, default.  The work is
ConfigArgParse's; the table of options is L{ark.options.OPTIONS}.
"""

from __future__ import annotations

import argparse
import os
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple, NoReturn

import configargparse
import yaml

from ark.config import COMMAND_LINE, CONFIG, USAGE, ConfigError, Given, ServerConfig, complete
from ark.options import OPTIONS

_BY_NAME = {option.name: option for option in OPTIONS}


class Resolved(NamedTuple):
    """
    A configuration, what was given for it, and the arguments of the command itself.
    """

    config: ServerConfig
    given: dict[str, Given]
    arguments: argparse.Namespace


class ConfigFile(configargparse.ConfigFileParser):  # type: ignore[misc]  # untyped library
    """
    A YAML mapping from the names of options to their values.
    """

    def get_syntax_description(self) -> str:
        """
        One sentence for C{--help}.
        """
        return "The config file is YAML: a mapping from option names, without dashes in front, to values."

    def parse(self, stream: IO[str]) -> OrderedDict[str, str | list[str]]:
        """
        Read it.

        @raise ConfigError: it is not such a mapping, or names an unknown option.
        """
        path = getattr(stream, "name", "the config file")
        try:
            document = yaml.safe_load(stream)
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            where = getattr(error, "problem_mark", None)
            place = f" (line {where.line + 1})" if where is not None else ""
            raise ConfigError(f"{path} is not YAML{place}.", "Correct it.", CONFIG) from None
        if document is None:
            return OrderedDict()
        if not isinstance(document, dict):
            raise ConfigError(f"{path} is not a mapping.", "Write lines of the form option: value.", CONFIG)
        return OrderedDict(_item(path, name, value) for name, value in document.items())


def _item(path: str, name: object, value: object) -> tuple[str, str | list[str]]:
    if name not in _BY_NAME:
        raise ConfigError(
            f"{path} names the option {name!r}, which does not exist.",
            "See ark-server --help for the list.",
            CONFIG,
        )
    if isinstance(value, list) and _BY_NAME[str(name)].repeatable:
        return str(name), [_scalar(path, name, entry) for entry in value]
    return str(name), _scalar(path, name, value)


def _scalar(path: str, name: object, value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, (str, int, float)):
        raise ConfigError(
            f"{path} gives {name} a value that is not a word or a number.", "Give it one value.", CONFIG
        )
    return str(value)


class Parser(configargparse.ArgumentParser):  # type: ignore[misc]  # untyped library
    """
    Raises L{ConfigError} where argparse would print and exit.
    """

    def error(self, message: str) -> NoReturn:
        """
        Refuse the command line.

        @raise ConfigError: always.
        """
        sentence = message[:1].upper() + message[1:].rstrip(".")
        if message.startswith("unrecognized arguments: "):
            words = message.partition(": ")[2]
            sentence = f"There is no option {words}"
            if not words.startswith("-"):
                raise ConfigError(f"{words} is out of place.", "A command comes first, before all options.")
        if message.startswith("Unable to open config file: "):
            path, _, why = message.partition(": ")[2].partition(". Error: ")
            raise ConfigError(
                f"The config file {path} cannot be read: {why}.", "Name another one with --config.", CONFIG
            )
        raise ConfigError(f"{sentence}.", f"See {self.prog} --help.", USAGE)


def make_parser(prog: str, description: str, environ: Mapping[str, str]) -> Parser:
    """
    A parser that knows every option of the server, to which a command may add its own.
    """
    parser = Parser(
        prog=prog,
        usage="%(prog)s [options]",
        description=description,
        allow_abbrev=False,
        config_file_parser_class=ConfigFile,
        default_config_files=_default_files(environ),
        formatter_class=argparse.HelpFormatter,
    )
    parser.add_argument(
        "--config",
        metavar="FILE",
        is_config_file_arg=True,
        env_var="ARK_CONFIG",
        help="The config file. Default: the first of ./ark-server.yaml, ark/ark-server.yaml in $XDG_CONFIG_HOME "
        "(~/.config), and /etc/ark/ark-server.yaml.",
    )
    sections: dict[str, Any] = {}
    for option in OPTIONS:
        group = sections.get(option.section) or sections.setdefault(
            option.section, parser.add_argument_group(option.section)
        )
        suffix = f" Default: {option.default}." if option.default else ""
        group.add_argument(
            *option.flags,
            dest=option.name,
            metavar=option.metavar,
            env_var=option.environment,
            help=(option.help + suffix).replace("%", "%%"),
            action="append" if option.repeatable else "store",
            **({"nargs": "?", "const": "true"} if option.metavar == "BOOL" else {}),
        )
    return parser


def _default_files(environ: Mapping[str, str]) -> list[str]:
    home = environ.get("XDG_CONFIG_HOME") or os.path.join(environ.get("HOME", "~"), ".config")
    places = (
        "ark-server.yaml",
        os.path.join(os.path.expanduser(home), "ark", "ark-server.yaml"),
        "/etc/ark/ark-server.yaml",
    )
    if environ.get("ARK_CONFIG"):
        return []
    # Not Path.is_file: it fails on a home that is another user's.
    return [place for place in places if os.path.isfile(place)][:1]


def resolve(parser: Parser, argv: Sequence[str], environ: Mapping[str, str]) -> Resolved:
    """
    Make a configuration of a command line.

    @raise ConfigError: a value is bad, or the whole does not fit together.
    """
    environ = with_secret_files(environ)
    if any(word == "--config" or word.startswith("--config=") for word in argv):
        parser._default_config_files = []
    arguments = parser.parse_args(list(argv), env_vars=dict(environ))
    given = _given(parser, arguments)
    return Resolved(complete(given, environ), given, arguments)


def _given(parser: Parser, arguments: argparse.Namespace) -> dict[str, Given]:
    origins: dict[str, str] = {}
    for source, settings in parser.get_source_to_settings_dict().items():
        kind, _, place = source.partition("|")
        for key, (action, _value) in settings.items():
            if kind == "environment_variables":
                origins[action.dest] = f"environment {key}"
            elif kind == "config_file" and action is not None:
                origins[action.dest] = place
    found = {}
    for option in OPTIONS:
        value = getattr(arguments, option.name)
        if value is not None:
            value = tuple(value) if option.repeatable else value
            found[option.name] = Given(value, origins.get(option.name, COMMAND_LINE))
    return found


def with_secret_files(environ: Mapping[str, str]) -> dict[str, str]:
    """
    The environment with C{ARK_X} read from the file that C{ARK_X_FILE} names, for secrets.

    @raise ConfigError: the file cannot be read, or both are set.
    """
    merged = dict(environ)
    for option in OPTIONS:
        variable = f"{option.environment}_FILE"
        path = environ.get(variable)
        if not option.secret or not path:
            continue
        if option.environment in environ:
            raise ConfigError(f"Both {option.environment} and {variable} are set.", "Set one of them.")
        try:
            merged[option.environment] = Path(path).read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(
                f"{variable} names {path}, which cannot be read: {error}.", "Make it readable.", CONFIG
            ) from None
    return merged
