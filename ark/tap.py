"""
C{twistd ark-apiserver}: the options, and the service they make.

The options are those of C{ark-server}, made of the same table; environment variables
and the config file count here too.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from twisted.application.service import IService
from twisted.logger import Logger
from twisted.python import usage
from twisted.python.failure import Failure

from ark.arguments import make_parser, resolve
from ark.clock import install_monotonic_clock
from ark.config import ConfigError, ServerConfig
from ark.options import OPTIONS

_log = Logger()

# twistd imports this module before its reactor has a timer.
install_monotonic_clock()


def _collector(flag: str, help_text: str) -> Callable[[Any, str], None]:
    def collect(self: Any, value: str) -> None:
        self.words.append(f"{flag}={value}")

    collect.__doc__ = help_text
    return collect


def _add_options(cls: type[usage.Options]) -> None:
    """
    Give C{cls} an C{opt_} method for each option of the table, which is what C{usage} looks for.
    """
    texts = {"config": ("--config", "The config file (YAML).")}
    for option in OPTIONS:
        suffix = f" Default: {option.default}." if option.default else ""
        texts[option.name.replace("-", "_")] = (option.flags[-1], option.help + suffix)
    for name, (flag, text) in texts.items():
        setattr(cls, f"opt_{name}", _collector(flag, text))


class Options(usage.Options):
    """
    Collects what was given, and resolves it when all is known.

    @ivar config: the configuration, once the options were parsed.
    """

    synopsis = "[options]"
    longdesc = "Each option can also be given as an environment variable ARK_* or in a config file."
    config: ServerConfig

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Twisted's usage has no types
        self.words: list[str] = []

    def postOptions(self) -> None:
        """
        Complete the configuration.

        @raise usage.UsageError: a value is bad, or the whole does not fit together.
        """
        environ = dict(os.environ)
        try:
            parser = make_parser("twistd ark-apiserver", "", environ)
            self.config = resolve(parser, self.words, environ).config
        except ConfigError as error:
            raise usage.UsageError(f"{error.cause} {error.remedy}") from None


_add_options(Options)


def makeService(options: Options) -> IService:
    """
    The server as a service of an application.  When it cannot start, the process ends
    with the exit code that C{ark-server} would have.
    """
    # The reactor is not ours to choose before this point.
    from twisted.internet import reactor

    from ark.prefork import make_service

    service = make_service(options.config, reactor)
    service.ready.addCallbacks(
        lambda started: _log.info("serving {url}", url=started.url),
        lambda failure: _give_up(failure, reactor),
    )
    return service


def _give_up(failure: Failure, reactor: Any) -> None:
    from ark.bootstrap import obstacle

    error = obstacle(failure.value)
    if error is not None:
        code = error.exit_code
        _log.critical("{cause} {remedy}", cause=error.cause, remedy=error.remedy)
    else:
        code = 1
        _log.failure("the server could not start", failure)
    # twistd knows no exit codes; by now everything has been shut down in good order.
    reactor.addSystemEventTrigger("after", "shutdown", os._exit, code)
    reactor.stop()
