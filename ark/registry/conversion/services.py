"""
Where the services are that a server keeps itself.

One that stands alone gives no addresses; those that somebody has written into a service are
believed.
"""

from __future__ import annotations

import orjson

from ark.cluster.services import address_of, no_service
from ark.cluster.webhook import Address, NoAddress
from ark.meta.records import Key
from ark.watch.cacher import Cacher


class Services:
    """
    Looks services up.
    """

    def __init__(self, cacher: Cacher) -> None:
        self._cacher = cacher

    async def address(self, namespace: str, name: str, port: int) -> Address:
        """
        The address of a port.

        @raise NoAddress: the service is not there, or has no such port or no address.
        """
        version = await self._cacher.get(Key("services", namespace, name), None)
        if version is None:
            raise NoAddress(no_service(name))
        return address_of(orjson.loads(version.body).get("spec") or {}, name, port)
