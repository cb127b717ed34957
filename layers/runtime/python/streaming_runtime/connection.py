"""HTTP/1.1 to the runtime API over raw sockets.

The stdlib client cannot send trailers and takes 40 ms to import. Nothing here has a time-out: Lambda freezes the
process for any length of time while it waits.
"""

from __future__ import annotations

import socket

RECEIVE_BYTES = 65_536

Reply = tuple[int, dict[str, str], bytes | bytearray]  # status, headers with lower-case names, body


def connect(address: tuple[str, int]) -> socket.socket:
    """A connection that sends every write at once, as a chunk that waits for an acknowledgement is a late token."""
    connection = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.connect(address)
    except BaseException:
        connection.close()
        raise
    return connection


class KeptConnection:
    """The one kept-alive connection for everything but streamed answers; opened when needed, again if it was closed."""

    def __init__(self, address: tuple[str, int]) -> None:
        self.address = address
        self._socket: socket.socket | None = None

    def request(self, message: bytes) -> Reply:
        """Send a whole request and read the reply.

        A request is sent a second time when a connection that was used before turns out to be closed. Raises
        OSError when a fresh connection fails or breaks, ValueError when the reply is not HTTP.
        """
        used = self._socket
        received = _exchange(used, message) if used else b""
        if not used or not received:
            self.close()
            used = self._socket = connect(self.address)
            used.sendall(message)
            received = _receive(used)
        try:
            reply = read_reply(used, received)
        except BaseException:
            self.close()
            raise
        if reply[1].get("connection", "").lower() == "close":
            self.close()
        return reply

    def close(self) -> None:
        """Close the connection; the next request opens another."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def _exchange(connection: socket.socket, message: bytes) -> bytes:
    """The first bytes of the reply; none when the other side had closed the connection."""
    try:
        connection.sendall(message)
        return connection.recv(RECEIVE_BYTES)
    except OSError:
        return b""


def read_reply(connection: socket.socket, received: bytes = b"") -> Reply:
    """Read one reply, of which `received` has arrived already."""
    while (end := received.find(b"\r\n\r\n")) < 0:
        received += _receive(connection)
    first, *lines = received[:end].decode("utf-8", "surrogateescape").split("\r\n")
    headers = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    status = int(first.split(" ", 2)[1])
    rest = received[end + 4 :]
    if (length := headers.get("content-length")) is not None:
        return status, headers, _read_exactly(connection, rest, int(length))
    if headers.get("transfer-encoding", "").lower() == "chunked":
        return status, headers, _read_chunked(connection, bytearray(rest))
    headers["connection"] = "close"  # without a length only the end of the connection ends the body
    return status, headers, _read_to_end(connection, bytearray(rest))


def _receive(connection: socket.socket) -> bytes:
    received = connection.recv(RECEIVE_BYTES)
    if not received:
        raise ConnectionError("The runtime API closed the connection before the end of a reply.")
    return received


def _read_exactly(connection: socket.socket, start: bytes, length: int) -> bytes | bytearray:
    if len(start) >= length:
        return start[:length]
    body = bytearray(length)
    body[: len(start)] = start
    missing = memoryview(body)[len(start) :]
    while missing:
        count = connection.recv_into(missing)
        if not count:
            raise ConnectionError(
                f"The runtime API closed the connection {len(missing)} bytes before the end of a reply."
            )
        missing = missing[count:]
    return body


def _read_chunked(connection: socket.socket, buffer: bytearray) -> bytearray:
    body = bytearray()
    while size := int(_take_line(connection, buffer).partition(b";")[0], 16):
        while len(buffer) < size + 2:
            buffer += _receive(connection)
        body += buffer[:size]
        del buffer[: size + 2]
    while _take_line(connection, buffer):
        pass
    return body


def _take_line(connection: socket.socket, buffer: bytearray) -> bytes:
    while (end := buffer.find(b"\r\n")) < 0:
        buffer += _receive(connection)
    line = bytes(buffer[:end])
    del buffer[: end + 2]
    return line


def _read_to_end(connection: socket.socket, body: bytearray) -> bytearray:
    while received := connection.recv(RECEIVE_BYTES):
        body += received
    return body
