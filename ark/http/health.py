"""
C{/healthz}, C{/livez} and C{/readyz} with their named checks.

Follows C{k8s.io/apiserver/pkg/server/healthz/healthz.go}; contract 18.1.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from typing import NamedTuple
from urllib.parse import parse_qs

from twisted.internet.defer import CancelledError
from twisted.logger import Logger

Check = Callable[[], Awaitable[None]]

EVERYWHERE = ("healthz", "livez", "readyz")
READINESS = ("readyz",)

_log = Logger()


class _Named(NamedTuple):
    name: str
    check: Check
    endpoints: Collection[str]


class Answer(NamedTuple):
    """
    A status code and a text.
    """

    code: int
    text: str


class Health:
    """
    The named checks of the server, in the order they were added.
    """

    def __init__(self) -> None:
        self._checks: list[_Named] = []
        self.add("ping", _ping)

    def add(self, name: str, check: Check, endpoints: Collection[str] = EVERYWHERE) -> None:
        """
        Add a check that passes by returning and fails by raising.

        @param endpoints: which of L{EVERYWHERE} it counts for.
        """
        self._checks.append(_Named(name, check, endpoints))

    async def respond(self, path: str, query: str) -> Answer:
        """
        Answer a request.

        @param path: C{/readyz} or C{/readyz/name}, and so on.
        @param query: as sent; C{verbose} and C{exclude} are known.
        """
        endpoint, _, name = path.strip("/").partition("/")
        checks = [check for check in self._checks if endpoint in check.endpoints]
        if name:
            return await _single(checks, name)
        if not checks:
            return Answer(404, "404 page not found\n")
        parameters = parse_qs(query, keep_blank_values=True) if query else {}
        return await _all(endpoint, checks, parameters)


async def _single(checks: list[_Named], name: str) -> Answer:
    for check in checks:
        if check.name == name:
            reason = await _failure(check)
            return Answer(200, "ok") if reason is None else Answer(500, f"internal server error: {reason}\n")
    return Answer(404, "404 page not found\n")


async def _all(endpoint: str, checks: list[_Named], parameters: dict[str, list[str]]) -> Answer:
    excluded = parameters.get("exclude", [])
    lines, failed = [], []
    for check in checks:
        if check.name in excluded:
            lines.append(f"[+]{check.name} excluded: ok")
            continue
        reason = await _failure(check)
        if reason is None:
            lines.append(f"[+]{check.name} ok")
        else:
            # The endpoint is public: what went wrong is for the log.
            lines.append(f"[-]{check.name} failed: reason withheld")
            failed.append(check.name)
            _log.warn(
                "{endpoint} check {name} failed: {reason}", endpoint=endpoint, name=check.name, reason=reason
            )
    unknown = sorted(set(excluded) - {check.name for check in checks})
    if unknown:
        quoted = ",".join(f'"{name}"' for name in unknown)
        lines.append(f"warn: some health checks cannot be excluded: no matches for {quoted}")
    if failed:
        return Answer(500, "\n".join([*lines, f"{endpoint} check failed", ""]))
    if "verbose" not in parameters:
        return Answer(200, "ok")
    return Answer(200, "\n".join([*lines, f"{endpoint} check passed", ""]))


async def _failure(check: _Named) -> str | None:
    try:
        await check.check()
    except CancelledError:
        raise
    except Exception as error:
        return str(error) or type(error).__name__
    return None


async def _ping() -> None:
    return None
