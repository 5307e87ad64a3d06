"""
Where a PostgreSQL may be, of which there can be several.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.defer import TimeoutError as NameTimeoutError
from twisted.internet.interfaces import IResolutionReceiver
from zope.interface import implementer

from ark.storage.errors import Unavailable, UnusableDatabase

Settings = dict[str, str]


@implementer(IResolutionReceiver)
class _Addresses:
    """
    Collects the addresses of a host.
    """

    def __init__(self) -> None:
        self.found: list[str] = []
        self.complete: Deferred[list[str]] = Deferred()

    def resolutionBegan(self, resolutionInProgress: Any) -> None:
        """
        See L{IResolutionReceiver}.
        """

    def addressResolved(self, address: Any) -> None:
        """
        See L{IResolutionReceiver}.
        """
        if address.host not in self.found:
            self.found.append(address.host)

    def resolutionComplete(self) -> None:
        """
        See L{IResolutionReceiver}.
        """
        if not self.complete.called:
            self.complete.callback(self.found)


class Hosts:
    """
    The hosts that settings name, and which of them was right the last time.

    libpq would look names up while the reactor waits, and knows no limit of time for one of
    several hosts when it connects without waiting.  So each is looked up here and tried by itself.

    @param settings: as libpq takes them; C{host} and C{port} may hold several, with
        commas between, as libpq reads them.
    @raise UnusableDatabase: there are not as many ports as hosts.
    """

    def __init__(self, settings: Mapping[str, str], reactor: Any) -> None:
        self._settings = settings
        self._reactor = reactor
        self._hosts = _split(settings)
        self._last = 0

    def __len__(self) -> int:
        return len(self._hosts)

    def order(self) -> Sequence[int]:
        """
        The numbers of the hosts, that of the one first which was right the last time.
        """
        count = len(self._hosts)
        return [(self._last + step) % count for step in range(count)]

    def was_right(self, number: int) -> None:
        """
        This one takes writes.
        """
        self._last = number

    async def settings(self, number: int, timeout: float) -> Settings:
        """
        What to connect with: the host's addresses beside its name, by which its certificate is judged.

        @raise Unavailable: its name is not known.
        """
        host, port = self._hosts[number]
        settings = {**self._settings}
        if port:
            settings["port"] = port
        if not host:
            return settings
        settings["host"] = host
        if host.startswith(("/", "@")):
            return settings
        addresses = await self._look_up(host, timeout)
        settings["host"] = ",".join([host] * len(addresses))
        settings["hostaddr"] = ",".join(addresses)
        return settings

    async def _look_up(self, host: str, timeout: float) -> list[str]:
        receiver = _Addresses()
        self._reactor.nameResolver.resolveHostName(receiver, host)
        receiver.complete.addTimeout(timeout, self._reactor)
        try:
            addresses = await receiver.complete
        except NameTimeoutError as error:
            raise Unavailable(f"PostgreSQL: the host {host} could not be looked up in time") from error
        if not addresses:
            raise Unavailable(f"PostgreSQL: the host {host} is not known")
        return addresses


def _split(settings: Mapping[str, str]) -> list[tuple[str, str]]:
    """
    Hosts and ports in pairs.
    """
    if not settings.get("host") and os.environ.get("PGHOSTADDR"):
        return [("", settings.get("port", ""))]
    hosts = (settings.get("host") or os.environ.get("PGHOST", "")).split(",")
    ports = (settings.get("port") or os.environ.get("PGPORT", "")).split(",")
    if len(ports) == 1:
        ports *= len(hosts)
    if len(ports) != len(hosts):
        raise UnusableDatabase(
            f"there are {len(hosts)} hosts of PostgreSQL, but {len(ports)} ports",
            "Name one port, or one for each host.",
        )
    return list(zip(hosts, ports))
