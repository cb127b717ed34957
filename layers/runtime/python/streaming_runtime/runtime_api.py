"""The Lambda runtime API, version 2018-06-01: what this loop asks of it and tells it.

Source: the Lambda developer guide, "Using the Lambda runtime API for custom runtimes" and "Response streaming for
custom runtimes" (2026-11). `Lambda-Runtime-Invocation-Id` is not documented; AWS's own client hands it back.
"""

from __future__ import annotations

import json
import socket

from streaming_runtime.connection import KeptConnection, Reply, connect

ROOT = b"/2018-06-01/runtime/"
ACCEPTED = 202
NULS = b"\0" * 8
NUL_CHUNK = b"8\r\n" + NULS + b"\r\n"
STREAMING_HEADERS = (
    b"Lambda-Runtime-Function-Response-Mode: streaming\r\n"
    b"Content-Type: application/vnd.awslambda.http-integration-response\r\n"
    b"Transfer-Encoding: chunked\r\n"
    b"Trailer: Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body\r\n"
)


# The error document: errorMessage, errorType, requestId, stackTrace.
Fault = dict[str, object]


class Call:
    """Which invocation an answer belongs to."""

    __slots__ = ("_echo", "_path", "request_id")

    def __init__(self, headers: dict[str, str]) -> None:
        self.request_id = headers.get("lambda-runtime-aws-request-id", "")
        self._path = b"invocation/" + self.request_id.encode("utf-8", "surrogateescape")
        invocation_id = headers.get("lambda-runtime-invocation-id")
        echo = f"Lambda-Runtime-Invocation-Id: {invocation_id}\r\n" if invocation_id else ""
        self._echo = echo.encode("utf-8", "surrogateescape")

    def post(self, api: RuntimeApi, action: bytes, headers: bytes) -> bytes:
        """The head of a POST about this invocation; `headers` are whole lines."""
        return api.head(b"POST", self._path + action, self._echo + headers)


class RuntimeApi:
    """Every call of the runtime API; `address` is AWS_LAMBDA_RUNTIME_API, host:port.

    Methods raise OSError when it cannot be reached.
    """

    def __init__(self, address: str) -> None:
        host, _, port = address.partition(":")
        self._address = (host, int(port or 80))
        self._host = address.encode()
        self._kept = KeptConnection(self._address)
        self._next = self.head(b"GET", b"invocation/next", b"")

    def head(self, method: bytes, path: bytes, headers: bytes) -> bytes:
        """The head of a request; `headers` are whole lines."""
        return b"%b %b%b HTTP/1.1\r\nHost: %b\r\n%b\r\n" % (method, ROOT, path, self._host, headers)

    def next(self) -> Reply:
        """Wait for an event, for any length of time."""
        return self._kept.request(self._next)

    def respond(self, call: Call, body: bytes) -> Reply:
        """Answer in one piece, with JSON."""
        headers = b"Content-Type: application/json\r\nContent-Length: %d\r\n" % len(body)
        return self._kept.request(call.post(self, b"/response", headers) + body)

    def fail(self, call: Call, fault: Fault) -> Reply:
        """Report that the invocation failed before its first byte."""
        headers, body = _encode_fault(fault)
        return self._kept.request(call.post(self, b"/error", headers) + body)

    def start_stream(self, call: Call, prelude: bytes, rest: bytes = b"") -> socket.socket:
        """Open a connection of its own for a streamed answer, as Lambda asks, and send all that comes before the body.

        The prelude and the NULs that end it leave as two chunks in two writes: merged with each other or with the
        body they have been seen to hold a whole answer back (aws-lambda-nodejs-runtime-interface-client issue 94).
        Where the whole `rest` of the answer, framed, is at hand there is nothing to hold back: all is one write.
        """
        connection = connect(self._address)
        try:
            head = call.post(self, b"/response", STREAMING_HEADERS)
            begun = b"%b%x\r\n%b\r\n" % (head, len(prelude), prelude)
            if rest:
                connection.sendall(begun + NUL_CHUNK + rest)
            else:
                connection.sendall(begun)
                connection.sendall(NUL_CHUNK)
        except BaseException:
            connection.close()
            raise
        return connection

    def fail_init(self, fault: Fault) -> Reply:
        """Report that the function could not be started."""
        headers, body = _encode_fault(fault)
        return self._kept.request(self.head(b"POST", b"init/error", headers) + body)

    def wait_for_restore(self) -> Reply:
        """Offer the environment for a snapshot; returns in the restored copy, where no old connection is alive."""
        self._kept.close()
        reply = self._kept.request(self.head(b"GET", b"restore/next", b""))
        self._kept.close()
        return reply

    def fail_restore(self, fault: Fault) -> Reply:
        """Report that the restored copy cannot serve."""
        headers, body = _encode_fault(fault)
        return self._kept.request(self.head(b"POST", b"restore/error", headers) + body)


def _encode_fault(fault: Fault) -> tuple[bytes, bytes]:
    body = json.dumps(fault).encode()
    headers = (
        b"Content-Type: application/vnd.aws.lambda.error+json\r\n"
        b"Lambda-Runtime-Function-Error-Type: %b\r\nContent-Length: %d\r\n"
    )
    return headers % (str(fault["errorType"]).encode(), len(body)), body
