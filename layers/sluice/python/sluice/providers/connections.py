"""Opens sockets to providers, never into a private network."""

from __future__ import annotations

import socket
import time

from sluice.errors import ProviderTimeout, ProviderUnreachable


def open_socket(host: str, port: int, limit: float, *, check: bool, allow_loopback: bool) -> socket.socket:
    """Return a connected socket; `limit` is a `time.monotonic()` second.

    With `check`, an address inside a private network is refused after the name was resolved, so that a name cannot
    lead there either. Raises ProviderUnreachable, ProviderTimeout (phase "connect").
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError:
        raise ProviderUnreachable(f"The name {host} does not resolve.") from None
    problem: OSError | None = None
    for family, kind, protocol, _, address in found:
        if check:
            from sluice.providers.addresses import check_resolved

            check_resolved(str(address[0]), allow_loopback)
        remaining = limit - time.monotonic()
        if remaining <= 0:
            raise ProviderTimeout(f"No connection to {host} within the connect time-out.", phase="connect")
        sock = socket.socket(family, kind, protocol)
        try:
            sock.settimeout(remaining)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.connect(address)
        except TimeoutError:
            sock.close()
            raise ProviderTimeout(f"No connection to {host} within the connect time-out.", phase="connect") from None
        except OSError as error:
            sock.close()
            problem = error
            continue
        return sock
    raise ProviderUnreachable(f"No connection to {host}:{port} ({reason_of(problem)}).")


def reason_of(error: OSError | None) -> str:
    """Return why a socket failed, without the address."""
    if error is None:
        return "no address"
    return (error.strerror or type(error).__name__) if error.errno else type(error).__name__
