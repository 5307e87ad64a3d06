"""
A server that stands alone: it says itself who may do what, and keeps the namespaces.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

from ark.apis.loader import KindRegistry
from ark.authentication.anonymous import AnonymousAuthenticator
from ark.authentication.credentials import read_tokens
from ark.authentication.tokenfile import TokenFileAuthenticator
from ark.authentication.trust import Trust
from ark.authentication.union import UnionAuthenticator
from ark.authentication.x509 import X509Authenticator
from ark.authorization.standalone import StandaloneAuthorizer
from ark.bootstrap import ensure_namespaces
from ark.config import ServerConfig
from ark.controllers.leadership import Leadership
from ark.controllers.running import Controllers
from ark.http.application import Access, Application
from ark.http.flowcontrol.control import FlowControl
from ark.http.health import Health
from ark.http.metrics import Metrics
from ark.interfaces import IAuthenticator, IConnects, IStorageBackend
from ark.registry.stores import Stores
from ark.serving import SecureServing


class Standalone:
    """
    What a server does that has no cluster around it.

    @ivar follows_definitions: whether clients can make definitions, so that every answer about
        kinds waits for what other processes were told.
    @ivar refused: nothing: no files are read but those of the server's own certificates.
    """

    follows_definitions = True
    refused = ""

    def __init__(self, config: ServerConfig, reactor: Any, now: Callable[[], float]) -> None:
        self._config = config
        self._reactor = reactor
        self._now = now
        self._serving: SecureServing | None = None
        self._ends: list[Callable[[], Any]] = []

    def kinds(self, built_in: KindRegistry) -> KindRegistry:
        """
        The kinds there are before any definition: all of those built into Kubernetes.
        """
        return built_in

    def serve(self, stores: Stores) -> None:
        """
        Nobody else asks for the kinds.
        """

    def access(self) -> Access:
        """
        Who may do what.

        @raise ark.config.ConfigError: a file that tells cannot be read.
        """
        return Access(self._authenticator(), StandaloneAuthorizer())

    def _authenticator(self) -> IAuthenticator:
        authenticators: list[Any] = [
            X509Authenticator(self._now, self._clients),
            TokenFileAuthenticator(read_tokens(self._config)),
        ]
        anonymous = AnonymousAuthenticator() if self._config.anonymous_auth else None
        return UnionAuthenticator(authenticators, anonymous)

    def _clients(self) -> Trust | None:
        return None if self._serving is None else self._serving.clients

    def begin(self, health: Health, serving: SecureServing) -> None:
        """
        There is nobody to follow.

        @param serving: tells who vouches for clients.
        """
        self._serving = serving

    def show(self, metrics: Metrics) -> None:
        """
        There is nobody to ask.
        """

    def share(self, flow_control: FlowControl) -> None:
        """
        There is nobody who says how.
        """

    def reload(self) -> None:
        """
        All authorities are read with the server's own certificates.
        """

    async def make_ready(self, application: Application) -> None:
        """
        Write what is always there.
        """
        await ensure_namespaces(application.stores)

    async def control(self, application: Application, backend: IStorageBackend) -> None:
        """
        Run the controllers, when no other server of the same database does.
        """
        config, stores, clock = self._config, application.stores, (self._reactor, self._now)
        controllers = Controllers(config.controllers, config.event_ttl, stores, application.cacher, clock)
        leases = stores.of_resource("leases.coordination.k8s.io")
        if IConnects.providedBy(backend) and leases is not None:
            leadership = Leadership(leases, str(uuid4()), clock, controllers.begin, controllers.end)
            self._ends.append(leadership.stop)
            leadership.start()
        else:
            self._ends.append(controllers.end)
            await controllers.begin()

    def end_control(self) -> Any:
        """
        Stop the controllers.

        @return: what to wait for, if anything.
        """
        return self._ends.pop()() if self._ends else None

    def end(self) -> None:
        """
        There is nobody to leave.
        """
