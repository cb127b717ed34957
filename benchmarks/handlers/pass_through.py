"""Passes bytes to the upstream and back through the streaming runtime, and does nothing else."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from typing import Any

UPSTREAM = ("127.0.0.1", int(os.environ.get("UPSTREAM_PORT", "0")))
_kept: list[socket.socket] = []


class Answer:
    """What the runtime loop streams."""

    after = None

    def __init__(self, prelude: dict[str, Any], body: Iterator[bytes]) -> None:
        self.prelude = prelude
        self.body = body


def handler(event: dict[str, Any], context: object) -> Answer:  # noqa: ARG001
    """Forward one POST."""
    body = event["body"].encode()
    head = f"POST {event['path']} HTTP/1.1\r\nHost: upstream\r\nContent-Type: application/json\r\n"
    connection = _kept.pop() if _kept else _connected()
    connection.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
    raw = connection.recv(65536)
    answered, _, rest = raw.partition(b"\r\n\r\n")
    length = answered.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
    prelude = {"statusCode": 200, "headers": {"content-type": "application/json"}}
    return Answer(prelude, _pieces(connection, rest, int(length) if length else None))


def _connected() -> socket.socket:
    connection = socket.create_connection(UPSTREAM)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def _pieces(connection: socket.socket, piece: bytes, length: int | None) -> Iterator[bytes]:
    seen = 0
    while True:
        if piece:
            seen += len(piece)
            yield piece
        if seen == length or (length is None and piece.endswith(b"0\r\n\r\n")):
            _kept.append(connection)
            return
        piece = connection.recv(65536)
