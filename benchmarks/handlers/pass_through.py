"""Passes bytes to the upstream and back through the streaming runtime, and does nothing else."""

import os
import socket

UPSTREAM = ("127.0.0.1", int(os.environ.get("UPSTREAM_PORT", "0")))
_kept = []


class Answer:
    """What the runtime loop streams."""

    after = None

    def __init__(self, prelude, body):
        self.prelude = prelude
        self.body = body


def handler(event, context):  # noqa: ARG001
    """Forward one POST."""
    body = event["body"].encode()
    head = f"POST {event['path']} HTTP/1.1\r\nHost: upstream\r\nContent-Type: application/json\r\n"
    connection = _kept.pop() if _kept else _connected()
    connection.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
    raw = connection.recv(65536)
    head, _, rest = raw.partition(b"\r\n\r\n")
    length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
    prelude = {"statusCode": 200, "headers": {"content-type": "application/json"}}
    return Answer(prelude, _pieces(connection, rest, int(length) if length else None))


def _connected():
    connection = socket.create_connection(UPSTREAM)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def _pieces(connection, piece, length):
    seen = 0
    while True:
        if piece:
            seen += len(piece)
            yield piece
        if seen == length or (length is None and piece.endswith(b"0\r\n\r\n")):
            _kept.append(connection)
            return
        piece = connection.recv(65536)
