"""A Lambda Runtime API for one execution environment, fast enough to be the load generator itself.

It hands out one event at a time and drains the answer; what the environment does after its answer (settling) ends when
it asks for the next event.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

NULS = b"\0" * 8
LAST_CHUNK = b"\r\n0\r\n\r\n"
ACCEPTED = (
    b"HTTP/1.1 202 Accepted\r\ncontent-type: application/json\r\ncontent-length: 16\r\n\r\n" + b'{"status":"OK"}\n'
)
DEADLINE_MS = 900_000


@dataclass(slots=True)
class Timing:
    """One call, in seconds since it was sent. `body` is what arrived, chunk framing included."""

    first: float
    total: float
    body: bytes

    @property
    def failed(self) -> bool:
        """Whether no whole answer with status 200 came back."""
        return b'"statusCode": 200' not in self.body[:400] and b'"statusCode":200' not in self.body[:400]


class RuntimeStub:
    """The Runtime API of one environment. One call at a time: await `call`, then `idle` before the next."""

    def __init__(self) -> None:
        self.port = 0
        self._server: asyncio.Server | None = None
        self._waiting: asyncio.Transport | None = None
        self._event: bytes | None = None
        self._answer: asyncio.Future[Timing] | None = None
        self._idle = asyncio.Event()
        self._sent = 0.0
        self._calls = 0

    async def start(self) -> None:
        """Listen on a free port of loopback."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Connection(self), "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    def close(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.close()

    @property
    def is_idle(self) -> bool:
        """Whether the environment waits for an event."""
        return self._idle.is_set()

    async def idle(self, seconds: float = 60.0) -> None:
        """Wait until the environment asks for an event. Raises TimeoutError."""
        await asyncio.wait_for(self._idle.wait(), seconds)

    def prepare(self, event: bytes, sent: float) -> asyncio.Future[Timing]:
        """Have an event ready for an environment that is still starting; it counts from `sent`."""
        self._event, self._sent = event, sent
        self._answer = asyncio.get_running_loop().create_future()
        return self._answer

    async def call(self, event: bytes, seconds: float = 60.0) -> Timing:
        """Hand the event to the idle environment and return when its answer is whole.

        Raises:
            TimeoutError: it is not, in time.
        """
        answer = self.prepare(event, time.perf_counter())
        self._hand_over()
        return await asyncio.wait_for(answer, seconds)

    def asks(self, transport: asyncio.Transport) -> None:
        """The environment asks for its next event."""
        self._waiting = transport
        self._idle.set()
        if self._event is not None:
            self._hand_over()

    def _hand_over(self) -> None:
        if self._waiting is None or self._event is None:
            return
        self._calls += 1
        head = (
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
            f"lambda-runtime-aws-request-id: 00000000-0000-4000-8000-{self._calls:012d}\r\n"
            f"lambda-runtime-deadline-ms: {int(time.time() * 1000) + DEADLINE_MS}\r\n"
            "lambda-runtime-invoked-function-arn: arn:aws:lambda:us-east-1:000000000000:function:bench\r\n"
            "lambda-runtime-trace-id: Root=1-00000000-000000000000000000000000;Sampled=0\r\n"
            f"content-length: {len(self._event)}\r\n\r\n"
        )
        self._idle.clear()
        self._waiting.write(head.encode() + self._event)
        self._waiting = self._event = None

    def answered(self, first: float, body: bytes) -> None:
        """The environment's answer is whole."""
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(Timing(first - self._sent, time.perf_counter() - self._sent, body))


class _Connection(asyncio.Protocol):
    """One connection of the environment: kept for /next, or of its own for a streamed answer."""

    def __init__(self, stub: RuntimeStub) -> None:
        self._stub = stub
        self._buffer = bytearray()
        self._first = 0.0
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Collect one request; answer it when it is whole."""
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n", 0, 4096)
        if end < 0:
            return
        if self._buffer.startswith(b"GET"):
            self._buffer.clear()
            self._stub.asks(self._transport)
            return
        if not self._first and self._has_payload(end):
            self._first = time.perf_counter()
        if self._is_whole(end):
            self._transport.write(ACCEPTED)
            body, first = bytes(self._buffer[end + 4 :]), self._first or time.perf_counter()
            self._buffer.clear()
            self._first = 0.0
            self._stub.answered(first, body)

    def _is_chunked(self, end: int) -> bool:
        return b"chunked" in self._buffer[:end].lower()

    def _has_payload(self, end: int) -> bool:
        """The first byte is the first behind the prelude and its NULs, or the first of a plain answer."""
        nuls = self._buffer.find(NULS, end)
        return len(self._buffer) > (nuls + 10 if nuls > 0 else 1 << 30)

    def _is_whole(self, end: int) -> bool:
        if self._is_chunked(end):
            tail = bytes(self._buffer[-4096:])
            return tail.endswith(LAST_CHUNK) or (b"\r\n0\r\nLambda-Runtime" in tail and tail.endswith(b"\r\n\r\n"))
        head = bytes(self._buffer[:end]).lower()
        length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0] or 0)
        return len(self._buffer) >= end + 4 + length
