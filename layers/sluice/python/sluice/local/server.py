"""The HTTP server in front of the local API Gateway: uvicorn on a socket that is bound before anything else starts."""

from __future__ import annotations

import contextlib
import errno
import logging
import socket
from collections.abc import Iterator

import uvicorn

from sluice.local.gateway.application import Gateway
from sluice.local.options import Unusable

GRACE_SECONDS = 3


class Server(uvicorn.Server):
    """Leaves signals to the stack, which has children to stop."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take no signal over."""
        yield


def bind(port: int) -> socket.socket:
    """Return a socket bound to a port of 127.0.0.1; it listens once the server runs. Raises Unusable."""
    # asyncio sends small writes at once (TCP_NODELAY) only on sockets that name their protocol.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise Unusable(
                f"port {port} is in use. Stop what listens there, or choose another: PORT={port % 65535 + 1} make run"
            ) from None
        raise Unusable(f"cannot listen on port {port} ({error.strerror}). Choose another: PORT=8788 make run") from None
    return listener


def server(gateway: Gateway) -> Server:
    """Return the server; `serve(sockets=[...])` runs it until `should_exit` is set."""
    # It reports every answer that breaks off as an error of the application; the console has a better word for it.
    logging.getLogger("uvicorn").setLevel(logging.CRITICAL)
    logging.getLogger("uvicorn").addHandler(logging.NullHandler())
    config = uvicorn.Config(
        gateway,
        loop="asyncio",
        http="httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    return Server(config)
