"""The only socket to a provider: pooled HTTP/1.1 over plain sockets.

It exists because a pass-through costs 1.9 ms of CPU with httpx and about 0.1 ms here (benchmarks/), and because the
gateway needs each phase of a call (connect, first byte, idle, total) timed on its own. It speaks what providers
speak: TLS, keep-alive, chunked and sized bodies, gzip where a host sends it unasked. A pooled connection that the
peer has closed is noticed before it is used, so a paid call is not sent twice by a blind retry.
"""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING

from sluice.errors import ProviderGarbled, ProviderTimeout, ProviderUnreachable
from sluice.ports import UpstreamCall
from sluice.providers.connections import open_socket, reason_of
from sluice.providers.http1 import (
    HEAD_LIMIT,
    LENGTH_DIGITS,
    inflated,
    parse_head,
    request_head,
    split_url,
    take_chunks,
)

if TYPE_CHECKING:
    import ssl

BODY_LIMIT = 128 * 1024 * 1024
_RECEIVE = 65_536
_NO_BODY = (204, 304)


class HttpTransport:
    """Sends calls over kept-alive connections.

    `trusted` skips the address check that keeps provider calls away from internal networks; it is set for the
    cloud's own endpoints, whose names come from the environment and not from configuration.
    """

    def __init__(self, *, trusted: bool = False, per_host: int = 8, max_idle: float = 50.0) -> None:
        self._trusted = trusted
        self._per_host = per_host
        self._max_idle = max_idle
        self._pool: dict[tuple[str, str, int], list[_Connection]] = {}

    def send(self, call: UpstreamCall) -> Answer:
        """Send `call` and wait for the head of its answer. Raises ProviderUnreachable, ProviderTimeout."""
        scheme, host, port, target = split_url(call.url)
        started = time.monotonic()
        total = started + call.timeouts.total
        deadline = total if call.deadline is None else min(total, call.deadline)
        key = (scheme, host, port)
        message = request_head(call, host, port, scheme, target) + call.body
        connection = self._idle(key)
        if connection is not None:
            answer = _exchange(connection, message, call, deadline, reused=True)
            if answer is not None:
                return answer
        connection = self._connect(key, call, deadline)
        answer = _exchange(connection, message, call, deadline, reused=False)
        if answer is None:
            raise ProviderUnreachable(f"{host} closed the connection without an answer.")
        return answer

    def warm_up(self) -> None:
        """Build the TLS context ahead of the first call (it reads the certificate bundle)."""
        _tls_context()

    def drop_connections(self) -> None:
        """Close all idle connections, as after a snapshot was restored."""
        pools, self._pool = self._pool, {}
        for idle in pools.values():
            for connection in idle:
                connection.close()

    def _idle(self, key: tuple[str, str, int]) -> _Connection | None:
        idle = self._pool.get(key)
        while idle:
            connection = idle.pop()
            # The wall clock: the monotonic one may stand still while an environment is frozen.
            if time.time() - connection.parked < self._max_idle and not connection.readable():
                return connection
            connection.close()
        return None

    def _park(self, connection: _Connection) -> None:
        idle = self._pool.setdefault(connection.key, [])
        if len(idle) >= self._per_host:
            connection.close()
            return
        connection.parked = time.time()
        idle.append(connection)

    def _connect(self, key: tuple[str, str, int], call: UpstreamCall, deadline: float) -> _Connection:
        scheme, host, port = key
        limit = min(time.monotonic() + call.timeouts.connect, deadline)
        plain = open_socket(host, port, limit, check=not self._trusted, allow_loopback=call.allow_loopback)
        if scheme == "http":
            return _Connection(key, plain, self)
        try:
            plain.settimeout(max(limit - time.monotonic(), 0.001))
            secure = _tls_context().wrap_socket(plain, server_hostname=host)
        except TimeoutError:
            plain.close()
            raise ProviderTimeout(
                f"{host}: the TLS handshake did not end within {call.timeouts.connect:g} s.", phase="connect"
            ) from None
        except OSError as error:  # ssl.SSLError is one
            plain.close()
            raise ProviderUnreachable(f"{host}: TLS failed ({reason_of(error)}).") from None
        return _Connection(key, secure, self)


@cache
def _tls_context() -> ssl.SSLContext:
    """Return the one TLS context of this interpreter: reading the certificates takes 17 ms."""
    import ssl

    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context


class _Connection:
    """One socket and what was read from it but not yet used."""

    __slots__ = ("buffer", "key", "parked", "pool", "sock", "wait")

    def __init__(self, key: tuple[str, str, int], sock: socket.socket, pool: HttpTransport) -> None:
        self.key = key
        self.sock = sock
        self.pool = pool
        self.buffer = b""
        self.parked = 0.0
        self.wait = -1.0  # the socket's time-out while a body is read

    def readable(self) -> bool:
        """True when an idle socket has something to read, which can only be its end."""
        try:
            return bool(select.select([self.sock], [], [], 0)[0])
        except (OSError, ValueError):
            return True

    def release(self) -> None:
        """Give the connection back for the next call."""
        self.pool._park(self)

    def close(self) -> None:
        """Close the socket."""
        try:
            self.sock.close()
        except OSError:
            return


class Answer:
    """An answer whose head has arrived; see `ports.UpstreamAnswer`."""

    __slots__ = (
        "_call",
        "_chunked",
        "_connection",
        "_deadline",
        "_first",
        "_keep",
        "_last",
        "_left",
        "headers",
        "status",
    )

    def __init__(self, connection: _Connection, call: UpstreamCall, deadline: float, first: float) -> None:
        self._connection: _Connection | None = connection
        self._call = call
        self._deadline = deadline
        self._first: float | None = first
        self._last: float | None = None  # since when the stream is silent
        connection.wait = -1.0
        self.status, self.headers, version = _read_head(connection, call, min(first, deadline))
        if connection.buffer:
            self._first = None  # the body's first byte came with the head
        self._chunked = "chunked" in self.headers.get("transfer-encoding", "").lower()
        self._left = self._length()
        close = self.headers.get("connection", "").lower()
        self._keep = "close" not in close and (version == b"HTTP/1.1" or "keep-alive" in close)
        if self._left == 0 and not self._chunked:
            self._finish()

    def _length(self) -> int | None:
        if self.status in _NO_BODY or self._call.method == "HEAD":
            self._chunked = False
            return 0
        length = self.headers.get("content-length")
        if self._chunked or length is None:
            return None
        if not length.isascii() or not length.isdigit() or len(length) > LENGTH_DIGITS:
            raise ProviderGarbled("The provider sent a Content-Length that is not a number.")
        return int(length)

    def read(self, limit: int | None = None) -> bytes:
        """Return the whole (rest of the) body. Raises what `chunks` raises, ProviderGarbled over the limit."""
        allowed = limit or BODY_LIMIT
        parts: list[bytes] = []
        size = 0
        try:
            for chunk in self.chunks():
                size += len(chunk)
                if size > allowed:
                    raise ProviderGarbled(f"The provider's answer is longer than {allowed} bytes.")
                parts.append(chunk)
        except BaseException:
            self.close()
            raise
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def chunks(self, tick: float | None = None) -> Iterator[bytes]:
        """Yield the body as it arrives, b"" after each `tick` seconds of silence."""
        encoding = self.headers.get("content-encoding", "").lower()
        plain = self._sized(tick) if not self._chunked else self._dechunked(tick)
        return plain if encoding in ("", "identity") else inflated(plain, encoding)

    def close(self) -> None:
        """Release the connection; drop it when the body was not read to its end."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _finish(self) -> None:
        connection, self._connection = self._connection, None
        if connection is None:
            return
        if self._keep and not connection.buffer:
            connection.release()
        else:
            connection.close()

    def _sized(self, tick: float | None) -> Iterator[bytes]:
        while self._connection is not None:
            block, self._connection.buffer = self._connection.buffer, b""
            if not block:
                received = self._receive(tick)
                if received is None:
                    yield b""
                    continue
                block = received
            if not block:
                if self._left is not None:
                    self._cut()
                self._keep = False
                self._finish()
                return
            if self._left is not None:
                if len(block) > self._left:
                    self._connection.buffer = block[self._left :]
                    block = block[: self._left]
                self._left -= len(block)
                if self._left == 0:
                    self._finish()
            yield block

    def _dechunked(self, tick: float | None) -> Iterator[bytes]:
        connection = self._connection
        if connection is None:
            return
        left = 0  # bytes of the current chunk still to come, its CRLF included
        while True:
            payload, connection.buffer, left, over = take_chunks(connection.buffer, left)
            if over:
                self._finish()
                if payload:
                    yield payload
                return
            if payload:
                yield payload
                if self._connection is None:  # closed by the consumer in between
                    return
            received = self._receive(tick)
            if received is None:
                yield b""
            elif not received:
                self._cut()
            else:
                connection.buffer = connection.buffer + received if connection.buffer else received

    def _receive(self, tick: float | None) -> bytes | None:
        """Return bytes, b"" at the end, or None when `tick` passed in silence."""
        connection = self._connection
        if connection is None:
            return b""
        now = time.monotonic()
        if self._last is None:
            self._last = now
        limit = self._first if self._first is not None else self._last + self._call.timeouts.idle
        limit = min(limit, self._deadline)
        while True:
            if now >= limit:
                raise self._too_slow(limit)
            wait = limit - now if tick is None else min(limit - now, tick)
            try:
                if wait != connection.wait:  # setting it is a system call, and a stream waits the same each time
                    connection.sock.settimeout(wait)
                    connection.wait = wait
                block = connection.sock.recv(_RECEIVE)
            except TimeoutError:
                now = time.monotonic()
                if tick is not None and now < limit:
                    return None
                continue
            except OSError as error:
                self.close()
                raise ProviderUnreachable(f"The connection to the provider broke ({reason_of(error)}).") from None
            self._first = self._last = None
            return block

    def _too_slow(self, limit: float) -> ProviderTimeout:
        self.close()
        times = self._call.timeouts
        if limit >= self._deadline:
            return ProviderTimeout(f"The answer was not complete within {times.total:g} s.", phase="total")
        if self._first is not None:
            return ProviderTimeout(f"No byte came within {times.first_byte:g} s.", phase="first_byte")
        return ProviderTimeout(f"The stream was silent for {times.idle:g} s.", phase="idle")

    def _cut(self) -> None:
        self.close()
        raise ProviderUnreachable("The provider cut the connection before the end of its answer.")


def _exchange(
    connection: _Connection, message: bytes, call: UpstreamCall, deadline: float, *, reused: bool
) -> Answer | None:
    """Send and read the head; None when a reused connection turned out to be closed."""
    first = time.monotonic() + call.timeouts.first_byte
    try:
        connection.sock.settimeout(max(min(first, deadline) - time.monotonic(), 0.001))
        connection.sock.sendall(message)
        return Answer(connection, call, deadline, first)
    except _ClosedEarly:
        connection.close()
        return None
    except TimeoutError:
        connection.close()
        raise ProviderTimeout(
            f"The request could not be sent within {call.timeouts.first_byte:g} s.", phase="first_byte"
        ) from None
    except OSError as error:
        connection.close()
        if reused:
            return None
        raise ProviderUnreachable(f"The connection to the provider broke ({reason_of(error)}).") from None
    except BaseException:
        connection.close()
        raise


class _ClosedEarly(Exception):
    """The peer closed before the first byte of its answer."""


def _read_head(connection: _Connection, call: UpstreamCall, limit: float) -> tuple[int, Mapping[str, str], bytes]:
    while True:
        end = connection.buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(connection.buffer) > HEAD_LIMIT:
                raise ProviderGarbled(f"The head of the provider's answer is longer than {HEAD_LIMIT} bytes.")
            connection.buffer += _receive_head(connection, call, limit)
            continue
        head, connection.buffer = connection.buffer[:end], connection.buffer[end + 4 :]
        status, headers, version = parse_head(head)
        if status >= 200:  # 100 and 103 announce another head
            return status, headers, version


def _receive_head(connection: _Connection, call: UpstreamCall, limit: float) -> bytes:
    remaining = limit - time.monotonic()
    try:
        if remaining <= 0:
            raise TimeoutError
        connection.sock.settimeout(remaining)
        block = connection.sock.recv(_RECEIVE)
    except TimeoutError:
        raise ProviderTimeout(f"No answer began within {call.timeouts.first_byte:g} s.", phase="first_byte") from None
    if not block:
        if connection.buffer:
            raise ProviderUnreachable("The provider cut the connection inside the head of its answer.")
        raise _ClosedEarly
    return block
