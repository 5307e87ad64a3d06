"""
The sockets that a server listens on.
"""

from __future__ import annotations

import errno
import socket
from typing import Any

from ark.config import PORT, ConfigError

BACKLOG = 1024


def family_of(address: str) -> socket.AddressFamily:
    """
    The family of an IP address.
    """
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def bind(address: str, port: int, *, shared: bool = False) -> socket.socket:
    """
    A TCP socket that is bound and listens.

    @param shared: more sockets will be bound to the same address and port, and the
        kernel shares connections out among them.
    @raise ConfigError: with exit code 5, the port is taken or may not be had.
    """
    family = family_of(address)
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listener.bind((address, port))
        listener.listen(BACKLOG)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        raise _refused(error, address, port) from None
    return listener


def bind_many(address: str, port: int, count: int) -> list[socket.socket]:
    """
    C{count} listening sockets on one port, of which each gets its share of the connections.

    @raise ConfigError: with exit code 5, also when a server of another kind shares its port.
    """
    # Bound without sharing first: else a second server would quietly take half of the connections.
    probe = bind(address, port)
    port = probe.getsockname()[1]
    probe.close()
    listeners: list[socket.socket] = []
    try:
        while len(listeners) < count:
            listeners.append(bind(address, port, shared=True))
    except BaseException:
        for listener in listeners:
            listener.close()
        raise
    return listeners


def _refused(error: OSError, address: str, port: int) -> ConfigError:
    if error.errno == errno.EADDRINUSE:
        cause = f"Port {port} of {address} is in use by another program."
        return ConfigError(cause, "Stop it, or choose another port with --secure-port.", PORT)
    if error.errno == errno.EADDRNOTAVAIL:
        cause = f"{address} is not an address of this machine."
        return ConfigError(cause, "Choose one that is with --bind-address.", PORT)
    if error.errno in (errno.EACCES, errno.EPERM):
        cause = f"Port {port} may not be opened by this user."
        return ConfigError(cause, "Choose one above 1023 with --secure-port.", PORT)
    return ConfigError(f"Cannot listen on {address}, port {port}: {error}.", "Choose another address.", PORT)


def adopt(reactor: Any, listener: socket.socket, factory: Any) -> Any:
    """
    Let the reactor accept connections of a listening socket.

    @return: an C{IListeningPort}; C{listener} itself is closed.
    """
    port = reactor.adoptStreamPort(listener.fileno(), listener.family, factory)
    listener.close()
    return port
