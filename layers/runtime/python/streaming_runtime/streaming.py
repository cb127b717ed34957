"""One streamed answer: prelude, chunks as they come, trailers, and then the work that was put off until now.

Whatever happens on the way, the body is closed and `after` is called.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterable, Iterator

from streaming_runtime import log
from streaming_runtime.connection import read_reply
from streaming_runtime.runtime_api import ACCEPTED, NULS, Call, RuntimeApi

TYPE_CHECKING = False  # importing typing takes 5 ms
PRELUDE_FIELDS = frozenset(("statusCode", "headers", "multiValueHeaders", "cookies"))
# API Gateway looks for the NULs in the first 16 KB only (API Gateway developer guide, response transfer mode).
PRELUDE_BYTES = 16_384 - len(NULS)
# A stream without a body chunk has been seen to hang until the caller's time-out.
EMPTY_BODY = b"1\r\n\n\r\n"

_encode = json.JSONEncoder(separators=(",", ":")).encode


if TYPE_CHECKING:
    from typing import Protocol, TypeGuard

    class StreamedResult(Protocol):
        """What a handler returns to have its answer streamed."""

        prelude: dict[str, object]
        body: Iterable[bytes]
        after: Callable[[], None] | None


class BrokenStream(Exception):
    """The runtime API no longer takes our bytes."""


def is_streamed(result: object) -> TypeGuard[StreamedResult]:
    """Whether a handler's result asks to be streamed."""
    return hasattr(result, "prelude")


def answer(api: RuntimeApi, call: Call, result: StreamedResult, report: Callable[[Call, BaseException], None]) -> None:
    """Send `result`; `report` is called with what prevents the first byte from being sent."""
    chunks: Iterator[bytes] | None = None
    try:
        try:
            chunks = iter(result.body)
            whole = _framed(result.body) if isinstance(result.body, tuple) else b""
            connection = api.start_stream(call, encode_prelude(result.prelude), whole)
        except BaseException as error:
            report(call, error)
        else:
            _forward(connection, None if whole else chunks, call)
    finally:
        _conclude(result, chunks, call)


def encode_prelude(prelude: dict[str, object]) -> bytes:
    """The prelude as JSON. Raises RuntimeFault for one that API Gateway would refuse."""
    if not PRELUDE_FIELDS.issuperset(prelude):
        _refuse(f"holds {sorted(prelude.keys() - PRELUDE_FIELDS)}; API Gateway accepts {sorted(PRELUDE_FIELDS)} only")
    encoded = _encode(prelude).encode()
    if len(encoded) > PRELUDE_BYTES:
        _refuse(f"has {len(encoded)} bytes; API Gateway accepts {PRELUDE_BYTES}. Send fewer or shorter headers")
    return encoded


def _refuse(reason: str) -> None:
    from streaming_runtime.faults import RuntimeFault

    raise RuntimeFault("Runtime.MalformedPrelude", f"The answer's prelude {reason}.")


def _forward(connection: socket.socket, chunks: Iterator[bytes] | None, call: Call) -> None:
    """Send what is still to come of the body, None for nothing, and read what the runtime API says to it."""
    try:
        try:
            if chunks is not None:
                trailers = _send_chunks(connection.sendall, chunks, call)
                connection.sendall(b"0\r\n" + trailers + b"\r\n")
            status, _, body = read_reply(connection)
        finally:
            connection.close()
    except (BrokenStream, OSError, ValueError) as error:
        message = f"The runtime API broke off a streamed answer: {error}"
        log.write("ERROR", "stream_broken", message, requestId=call.request_id)
    else:
        if status != ACCEPTED:
            log.refused(call.request_id, "a streamed answer", status, body)


def _framed(body: tuple[bytes, ...]) -> bytes:
    """A body that is a tuple, which is known from the start, with its end."""
    return (b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in body if chunk) or EMPTY_BODY) + b"0\r\n\r\n"


def _send_chunks(send: Callable[[bytes], None], chunks: Iterator[bytes], call: Call) -> bytes:
    """Send every chunk; returns the trailer lines, which are empty unless the body failed."""
    sent = False
    trailers = b""
    try:
        for chunk in chunks:
            if not chunk:
                continue  # a chunk of no bytes would end the stream
            framed = b"%x\r\n%b\r\n" % (len(chunk), chunk)
            try:
                send(framed)
            except OSError as error:
                raise BrokenStream(str(error)) from error
            sent = True
    except BrokenStream:
        raise
    except BaseException as error:
        trailers = _report_in_trailers(error, call)
    if not sent:
        send(EMPTY_BODY)
    return trailers


def _report_in_trailers(error: BaseException, call: Call) -> bytes:
    from streaming_runtime import faults

    fault = faults.describe(error, call.request_id)
    log.write("ERROR", "body_failed", "The body failed after the first byte; the caller got part of it.", **fault)
    return faults.trailers(fault)


def _conclude(result: StreamedResult, chunks: Iterator[bytes] | None, call: Call) -> None:
    _attempt("close_failed", getattr(chunks, "close", None), call)
    if result.body is not chunks:
        _attempt("close_failed", getattr(result.body, "close", None), call)
    _attempt("after_failed", result.after, call)


def _attempt(kind: str, action: Callable[[], object] | None, call: Call) -> None:
    if action is None:
        return
    try:
        action()
    except BaseException as error:
        from streaming_runtime import faults

        fault = faults.describe(error, call.request_id)
        log.write("ERROR", kind, "Work that follows the answer failed; the answer itself was not affected.", **fault)
