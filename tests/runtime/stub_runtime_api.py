"""A Lambda runtime API to run loops against: hands out events and keeps every byte that comes back, with its time.

    with StubRuntimeApi() as api:                      # or start() and stop()
        start_a_process(AWS_LAMBDA_RUNTIME_API=api.address)
        received = api.invoke({"httpMethod": "GET"})   # blocks until the answer is complete
        received.prelude, received.body, received.trailers, [chunk.at for chunk in received.chunks]

`submit` is `invoke` without the wait. Times are `time.perf_counter()` seconds, which processes of one machine share.
Standard library only, a thread per connection; one environment at a time.
"""

from __future__ import annotations

import json
import queue
import socket
import threading
import time
import uuid
from dataclasses import dataclass, field
from typing import Any, BinaryIO, NamedTuple

ROOT = "/2018-06-01/runtime"
NULS = b"\0" * 8


class Chunk(NamedTuple):
    """One HTTP chunk and when it was complete."""

    data: bytes
    at: float


@dataclass
class Received:
    """One request of the loop. `connection` numbers connections from 1, `turn` the requests on one of them."""

    method: str
    path: str
    headers: dict[str, str]
    connection: int
    turn: int
    started: float
    chunks: list[Chunk] = field(default_factory=list)
    trailers: dict[str, str] = field(default_factory=dict)
    content: bytes = b""
    ended: float = 0.0
    complete: bool = False
    connection_closed: threading.Event = field(default_factory=threading.Event)

    @property
    def streamed(self) -> bool:
        return self.headers.get("lambda-runtime-function-response-mode") == "streaming"

    @property
    def failed(self) -> bool:
        return self.path.endswith("/error")

    @property
    def json(self) -> Any:
        """The document of an answer in one piece or of an error."""
        return json.loads(self.content)

    @property
    def prelude(self) -> Any:
        """The JSON before the eight NULs of a streamed answer."""
        return json.loads(b"".join(chunk.data for chunk in self.chunks).split(NULS, 1)[0])

    @property
    def body(self) -> bytes:
        """What follows the eight NULs."""
        return b"".join(chunk.data for chunk in self.chunks).split(NULS, 1)[1]


class Invocation:
    """One event on its way."""

    def __init__(self, event: bytes, headers: dict[str, str], status: int, break_after: int | None) -> None:
        self.event = event
        self.headers = headers
        self.status = status
        self.break_after = break_after
        self.delivered = 0.0
        self.received: Received | None = None
        self._changed = threading.Condition()

    @property
    def request_id(self) -> str:
        return self.headers["Lambda-Runtime-Aws-Request-Id"]

    def wait(self, timeout: float = 20) -> Received:
        """The complete answer or error."""
        return self._wait_until(lambda: self.received is not None and self.received.complete, timeout)

    def wait_for_chunks(self, count: int, timeout: float = 20) -> Received:
        """What has arrived of a streamed answer as soon as it has `count` chunks, prelude and NULs included."""
        return self._wait_until(lambda: self.received is not None and len(self.received.chunks) >= count, timeout)

    def _wait_until(self, reached: Any, timeout: float) -> Received:
        with self._changed:
            if not self._changed.wait_for(reached, timeout):
                raise TimeoutError(f"No answer to {self.event[:80]!r} after {timeout} s; got {self.received}.")
        assert self.received is not None
        return self.received

    def changed(self) -> None:
        with self._changed:
            self._changed.notify_all()


class StubRuntimeApi:
    """The runtime API on a port of its own.

    `chunked_events` delivers events without Content-Length, `close_each` ends every connection after one request.
    GET /restore/next is answered once `restored` is set, which it is at first.
    """

    def __init__(self, *, chunked_events: bool = False, close_each: bool = False) -> None:
        self.chunked_events = chunked_events
        self.close_each = close_each
        self.restored = threading.Event()
        self.restored.set()
        self.requests: list[Received] = []
        self._changed = threading.Condition()
        self._events: queue.SimpleQueue[Invocation | None] = queue.SimpleQueue()
        self._pending: dict[str, Invocation] = {}
        self._sockets: list[socket.socket] = []
        self._listener: socket.socket | None = None
        self._address = ""

    def start(self) -> str:
        """Listen; returns the address for AWS_LAMBDA_RUNTIME_API."""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()
        return self.address

    def stop(self) -> None:
        """Close every connection, those that wait for an event included."""
        for opened in (self._listener, *self._sockets):
            try:
                if opened is not None:
                    opened.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # closed by the other side, or by an earlier stop
        if self._listener is not None:
            self._listener.close()
        self._events.put(None)

    def __enter__(self) -> StubRuntimeApi:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def address(self) -> str:
        return self._address

    def invoke(self, event: Any, *, timeout: float = 20, **options: Any) -> Received:
        """Deliver `event` and wait for its answer; options as of `submit`."""
        return self.submit(event, **options).wait(timeout)

    def submit(
        self,
        event: Any,
        *,
        status: int = 202,
        break_after: int | None = None,
        headers: dict[str, str] | None = None,
        timeout_ms: int = 60_000,
    ) -> Invocation:
        """Queue `event` (a value, or raw bytes).

        The answer is replied to with `status`; with `break_after` the connection is reset after that many chunks.
        """
        request_id = str(uuid.uuid4())
        sent = {
            "Lambda-Runtime-Aws-Request-Id": request_id,
            "Lambda-Runtime-Deadline-Ms": str(int(time.time() * 1000) + timeout_ms),
            "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:eu-central-1:123456789012:function:streaming:live",
            **(headers or {}),
        }
        document = event if isinstance(event, bytes) else json.dumps(event).encode()
        invocation = Invocation(document, sent, status, break_after)
        self._pending[request_id] = invocation
        self._events.put(invocation)
        return invocation

    def wait_for(self, path: str, count: int = 1, timeout: float = 20) -> Received:
        """The `count`-th request whose path ends in `path`."""

        def matching() -> list[Received]:
            return [request for request in self.requests if request.path.endswith(path)]

        with self._changed:
            if not self._changed.wait_for(lambda: len(matching()) >= count, timeout):
                raise TimeoutError(f"Only {len(matching())} requests for {path} after {timeout} s.")
        return matching()[count - 1]

    def _accept(self, listener: socket.socket) -> None:
        number = 0
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._sockets.append(connection)
            number += 1
            threading.Thread(target=self._serve, args=(connection, number), daemon=True).start()

    def _serve(self, connection: socket.socket, number: int) -> None:
        turn = 0
        mine: list[Received] = []
        with connection, connection.makefile("rb") as reader:
            try:
                while line := reader.readline():
                    turn += 1
                    method, path, _ = line.decode().split(" ")
                    headers = _read_headers(reader)
                    mine.append(Received(method, path, headers, number, turn, time.perf_counter()))
                    if not self._answer(connection, reader, mine[-1]) or self.close_each:
                        break
            except OSError:
                pass
        for request in mine:
            request.connection_closed.set()

    def _answer(self, connection: socket.socket, reader: BinaryIO, request: Received) -> bool:
        """Reply to one request; False ends the connection."""
        invocation = None
        if "/invocation/" in request.path and request.method == "POST":
            invocation = self._pending[request.path.split("/")[-2]]
            invocation.received = request
        if not _read_body(reader, request, invocation):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            return False
        with self._changed:
            self.requests.append(request)
            self._changed.notify_all()
        if request.path == f"{ROOT}/invocation/next":
            return self._deliver(connection)
        if request.path == f"{ROOT}/restore/next":
            self.restored.wait()
            connection.sendall(_reply(200, b"{}"))
        else:
            connection.sendall(_reply(invocation.status if invocation else 202, b'{"status":"OK"}\n'))
        request.complete = True
        if invocation is not None:
            invocation.changed()
        return True

    def _deliver(self, connection: socket.socket) -> bool:
        invocation = self._events.get()
        if invocation is None:
            return False
        invocation.delivered = time.perf_counter()
        lines = "".join(f"{name}: {value}\r\n" for name, value in invocation.headers.items())
        if self.chunked_events:
            half = len(invocation.event) // 2
            pieces = [piece for piece in (invocation.event[:half], invocation.event[half:]) if piece]
            body = b"".join(b"%x;part\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
            lines += "Transfer-Encoding: chunked\r\n"
        else:
            body = invocation.event
            lines += f"Content-Length: {len(body)}\r\n"
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n{lines}\r\n"
        connection.sendall(head.encode() + body)
        return True


def _reply(status: int, body: bytes) -> bytes:
    return b"HTTP/1.1 %d Stub\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (
        status,
        len(body),
        body,
    )


def _read_headers(reader: BinaryIO) -> dict[str, str]:
    headers = {}
    while (line := reader.readline()) not in (b"\r\n", b""):
        name, _, value = line.decode().partition(":")
        headers[name.lower()] = value.strip()
    return headers


def _read_body(reader: BinaryIO, request: Received, invocation: Invocation | None) -> bool:
    """Read the body into `request`; False when the connection shall be reset or was closed by the loop."""
    if request.headers.get("transfer-encoding") != "chunked":
        request.content = reader.read(int(request.headers.get("content-length", 0)))
        request.ended = time.perf_counter()
        return True
    while size := int(reader.readline() or b"0", 16):
        data = reader.read(size)
        assert reader.read(2) == b"\r\n"
        request.chunks.append(Chunk(data, time.perf_counter()))
        if invocation is not None:
            invocation.changed()
            if invocation.break_after is not None and len(request.chunks) >= invocation.break_after:
                return False
    request.trailers = _read_headers(reader)
    request.ended = time.perf_counter()
    return True
