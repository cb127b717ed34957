"""A provider that answers with recorded bytes over real HTTP, its body cut at random places."""

from __future__ import annotations

import hashlib
import random
import socket
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType


@dataclass
class Replay:
    """What to answer, and what was asked."""

    status: int
    content_type: str
    body: bytes
    retry_after: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    asked: bytes | None = None


def trace_of(name: str) -> str:
    """Return the trace id that stands for a name."""
    return hashlib.sha256(name.encode()).hexdigest()[:32]


class ReplayServer:
    """Serves one `Replay` per name; `trace_of(name)` comes in the `traceparent` header, which a gateway passes on."""

    def __init__(self, seed: int = 7) -> None:
        self.replays: dict[str, Replay] = {}
        self._traces: dict[str, str] = {}
        self._random = random.Random(seed)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self._open: list[socket.socket] = []
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, daemon=True)

    def __enter__(self) -> ReplayServer:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for sock in (self._listener, *self._open):
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()
        self._thread.join(5)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._open.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        buffer = b""
        try:
            while True:
                while b"\r\n\r\n" not in buffer:
                    block = connection.recv(65536)
                    if not block:
                        return
                    buffer += block
                head, _, buffer = buffer.partition(b"\r\n\r\n")
                headers = _headers(head)
                length = int(headers.get("content-length", "0"))
                while len(buffer) < length:
                    buffer += connection.recv(65536)
                replay = self._asked(headers["traceparent"])
                replay.asked, buffer = buffer[:length], buffer[length:]
                self._answer(connection, replay)
        except (OSError, KeyError):  # such as a call that names no recording: it fails at once
            connection.close()

    def _asked(self, traceparent: str) -> Replay:
        if len(self._traces) != len(self.replays):
            self._traces = {trace_of(name): name for name in self.replays}
        return self.replays[self._traces[traceparent.split("-")[1]]]

    def _answer(self, connection: socket.socket, replay: Replay) -> None:
        extra = "" if replay.retry_after is None else f"retry-after: {replay.retry_after}\r\n"
        extra += "".join(f"{name}: {value}\r\n" for name, value in replay.headers.items())
        head = f"HTTP/1.1 {replay.status} X\r\ncontent-type: {replay.content_type}\r\n{extra}"
        if "eventstream" not in replay.content_type.replace("-", "") and "ndjson" not in replay.content_type:
            connection.sendall(f"{head}content-length: {len(replay.body)}\r\n\r\n".encode() + replay.body)
            return
        pieces = [f"{head}transfer-encoding: chunked\r\n\r\n".encode()]
        position = 0
        while position < len(replay.body):
            size = self._random.choice((1, 3, 17, 60, 200, 1000, 5000))
            piece = replay.body[position : position + size]
            pieces.append(b"%x\r\n%b\r\n" % (len(piece), piece))
            position += size
        pieces.append(b"0\r\n\r\n")
        connection.sendall(b"".join(pieces))


def _headers(head: bytes) -> Mapping[str, str]:
    lines = head.decode("latin-1").split("\r\n")[1:]
    return {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
