from __future__ import annotations

import socket

import pytest

from sluice.local.options import Unusable
from sluice.local.server import bind


def test_a_port_in_use_is_refused_with_the_next_one_as_advice() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(Unusable, match=f"port {port} is in use.*PORT={port % 65535 + 1} make run"):
            bind(port)


def test_connections_are_refused_until_the_server_listens() -> None:
    with bind(0) as listener, pytest.raises(ConnectionRefusedError):
        socket.create_connection(listener.getsockname())


def test_small_writes_are_sent_at_once() -> None:
    # asyncio sets TCP_NODELAY only where the socket names its protocol.
    with bind(0) as listener:
        assert listener.proto == socket.IPPROTO_TCP
