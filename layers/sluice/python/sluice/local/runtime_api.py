"""The Lambda Runtime API of one execution environment, as a protocol of asyncio (AWS docs, runtimes-api, 2026-10).

Answers /next when there is an event, takes /response whole or as a stream, /error and /init/error. An environment has
one port of its own, as on Lambda, where it is alone with its Runtime API.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
from typing import Protocol

import httptools

from sluice.local.invocation import FunctionFailed, Invocation

PREFIX = "/2018-06-01/runtime/"
PAYLOAD_LIMIT = 6 * 1024 * 1024
ACCEPTED = (
    b"HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: 16\r\n\r\n" + b'{"status":"OK"}\n'
)


class Host(Protocol):
    """The environment to which a Runtime API belongs."""

    invocation: Invocation | None

    def asked(self, connection: RuntimeConnection) -> None:
        """The runtime wants the next event; answer with `connection.deliver`."""

    def left(self, connection: RuntimeConnection) -> None:
        """A connection that waited for an event is gone."""

    def init_failed(self, failure: FunctionFailed) -> None:
        """The handler could not be loaded."""

    def reported(self, failure: FunctionFailed) -> None:
        """The handler failed, or broke its stream."""


class RuntimeConnection(asyncio.Protocol):
    """One connection of the runtime loop."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None
        self._waiting = False
        self._answering: Invocation | None = None
        self._reset()

    def _reset(self) -> None:
        self._path = ""
        self._headers: dict[str, str] = {}
        self._body: list[bytes] = []

    # --- asyncio ---------------------------------------------------------------------------------------------
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The runtime has connected."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - a TCP server makes no other
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Bytes from the runtime."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._answer(400, {"errorType": "InvalidRequest", "errorMessage": str(error)})
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """The runtime is gone, or has closed the connection of one streamed answer."""
        if self._waiting:
            self._waiting = False
            self._host.left(self)
        if self._answering is not None:
            self._answering.fail(
                FunctionFailed("Runtime.ExitError", "The environment was cut off in the middle of its answer.")
            )
            self._answering = None

    # --- httptools -------------------------------------------------------------------------------------------
    def on_url(self, url: bytes) -> None:
        """The request line was read."""
        self._reset()
        self._path = url.decode("latin-1")

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header or, after the body, a trailer was read."""
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        """The head was read: from here a streamed answer goes to whoever waits for it."""
        invocation = self._host.invocation
        if invocation is None or self._path != f"{PREFIX}invocation/{invocation.id}/response" or invocation.settled:
            return
        streamed = self._headers.get("lambda-runtime-function-response-mode", "").lower() == "streaming"
        self._answering = invocation
        invocation.begin(streamed=streamed)
        if streamed:
            invocation.on_flow = self._flow

    def on_body(self, piece: bytes) -> None:
        """A piece of the body; httptools hides the chunks' frames."""
        if self._answering is not None and self._answering.streamed:
            self._answering.feed(piece)
        else:
            self._body.append(piece)

    def on_message_complete(self) -> None:
        """The whole request was read."""
        path = self._path
        if path == f"{PREFIX}invocation/next":
            self._waiting = True
            self._host.asked(self)
        elif path == f"{PREFIX}init/error":
            self._host.init_failed(self._failure())
            self._accept()
        elif path.startswith(f"{PREFIX}invocation/"):
            self._settle(path)
        else:
            self._answer(404, {"errorType": "InvalidRequest", "errorMessage": f"There is no {path}."})

    def _settle(self, path: str) -> None:
        invocation = self._host.invocation
        _, _, tail = path.removeprefix(PREFIX).partition("/")
        request_id, _, verb = tail.partition("/")
        if invocation is None or invocation.id != request_id or (invocation.settled and self._answering is None):
            self._answer(400, {"errorType": "InvalidRequestID", "errorMessage": "That request is not in progress."})
        elif verb == "error":
            failure = self._failure()
            invocation.fail(failure)
            self._host.reported(failure)
            self._accept()
        elif self._answering is not None and self._answering.streamed:
            self._end_stream(self._answering)
        else:
            self._take_whole(invocation)

    def _end_stream(self, invocation: Invocation) -> None:
        self._answering = None
        kind = self._headers.get("lambda-runtime-function-error-type")
        if kind is not None:
            # Lambda calls such an answer a success: the caller has been told in-band.
            self._host.reported(failure_of(kind, _decoded(self._headers.get("lambda-runtime-function-error-body", ""))))
        invocation.finish()
        self._accept()

    def _take_whole(self, invocation: Invocation) -> None:
        self._answering = None
        body = b"".join(self._body)
        if len(body) > PAYLOAD_LIMIT:
            message = f"The answer has {len(body)} bytes; a buffered one may have {PAYLOAD_LIMIT}."
            invocation.fail(FunctionFailed("Function.ResponseSizeTooLarge", message))
            self._answer(413, {"errorType": "RequestEntityTooLarge", "errorMessage": message})
            return
        invocation.begin(streamed=False)
        invocation.feed(body)
        invocation.finish()
        self._accept()

    def _failure(self) -> FunctionFailed:
        return failure_of(self._headers.get("lambda-runtime-function-error-type", ""), b"".join(self._body))

    # --- answers ---------------------------------------------------------------------------------------------
    def deliver(self, invocation: Invocation, headers: dict[str, str]) -> None:
        """Answer the waiting /next with an event."""
        self._waiting = False
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        length = f"Content-Length: {len(invocation.event)}\r\n\r\n"
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n{lines}{length}"
        self._write(head.encode("latin-1") + invocation.event)

    def close(self) -> None:
        """Close the connection."""
        if self._transport is not None:
            self._transport.close()

    def _accept(self) -> None:
        self._write(ACCEPTED)

    def _answer(self, status: int, document: dict[str, str]) -> None:
        body = json.dumps(document).encode()
        head = f"HTTP/1.1 {status} Error\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        self._write(head.encode() + body)

    def _write(self, block: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(block)

    def _flow(self, flows: bool) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        if flows:
            self._transport.resume_reading()
        else:
            self._transport.pause_reading()


def failure_of(kind: str, document: bytes) -> FunctionFailed:
    """Return what an error document of the Runtime API says; `kind` is the header's word for it."""
    try:
        fields = json.loads(document)
    except ValueError:
        fields = {}
    if not isinstance(fields, dict):
        fields = {}
    stack = fields.get("stackTrace") or ()
    return FunctionFailed(
        kind or str(fields.get("errorType", "Unknown")),
        str(fields.get("errorMessage", "")),
        tuple(str(line) for line in stack) if isinstance(stack, list) else (),
    )


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text)
    except (binascii.Error, ValueError):
        return b""
