"""The local API Gateway: a raw ASGI callable that turns requests into invocations and answers into responses.

A path that the endpoint table does not know goes to the routing function, which says so in the caller's dialect. The
limits are those of the real one: 10 MB for a body, 6 MB for an event, 29 s for a buffered integration. A caller that
hangs up does not stop its function: as on AWS, the answer is read to its end.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from dataclasses import replace
from typing import Any, Protocol

from sluice.endpoints import SIGNED_PREFIX, Match, find
from sluice.local.functions import BUFFERED_SECONDS, Function
from sluice.local.gateway import answers
from sluice.local.gateway.answers import Garbled, Head
from sluice.local.gateway.events import proxy_event
from sluice.local.gateway.signatures import is_signed_path, verified_principal
from sluice.local.invocation import FunctionFailed, Invocation

BODY_LIMIT = 10 * 1024 * 1024
EVENT_LIMIT = 6 * 1024 * 1024
DISCARD_LIMIT = 256 * 1024 * 1024
LARGE_FILES = "Upload large files with POST /v1/uploads and refer to them."
CATCH_ALL = "routing"

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Tell = Callable[[str], None]
Routes = Callable[[str, str], Match | None]


class Invoker(Protocol):
    """The environments of one function."""

    function: Function

    def invoke(self, event: bytes) -> Invocation:
        """Start an invocation."""


class Cut(Exception):
    """The exchange broke off in the middle; raising it makes the server drop the connection."""


class Gateway:
    """The ASGI application. `invokers` maps a function's name to its environments, `routes` requests to functions."""

    def __init__(
        self,
        invokers: Mapping[str, Invoker],
        tell: Tell,
        buffered_seconds: float = BUFFERED_SECONDS,
        routes: Routes = find,
    ) -> None:
        self._routes = routes
        self._invokers = invokers
        self._tell = tell
        self._buffered_seconds = buffered_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            return
        try:
            await self._serve(scope, receive, send)
        except Cut:
            raise
        except Exception as defect:
            self._tell(f"The local API Gateway failed: {type(defect).__name__}: {defect}")
            raise

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        request_id = str(uuid.uuid4())
        body = await _read_body(receive)
        if body is None:
            message = f"The request body is over the limit of {BODY_LIMIT} bytes. {LARGE_FILES}"
            await _respond(send, *_too_large(message, request_id))
            return
        raw_path = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1")
        method = scope["method"]
        query = scope["query_string"].decode("latin-1")
        match, principal = self._routes(method, raw_path), ""
        if is_signed_path(raw_path):
            target = f"{raw_path}?{query}" if query else raw_path
            principal = verified_principal(method, target, scope["headers"], body)
            if not principal:
                await _respond(send, *_unsigned(request_id, scope["headers"]))
                return
            match = match or self._signed(method, raw_path)
        invoker = self._invokers.get(match.endpoint.function if match is not None else CATCH_ALL)
        if invoker is None:
            await _respond(send, *_failed(f"No function serves {method} {raw_path[:128]} here.", request_id))
            return
        event = proxy_event(
            method,
            raw_path,
            query=query,
            headers=scope["headers"],
            body=body,
            source=(scope.get("client") or ("127.0.0.1", 0))[0],
            match=match,
            request_id=request_id,
            principal=principal,
        )
        if len(event) > EVENT_LIMIT:
            message = (
                f"The request is over the limit: it makes an event of {len(event)} bytes for Lambda, which takes "
                f"{EVENT_LIMIT} (a form is a third larger there). {LARGE_FILES}"
            )
            await _respond(send, *_too_large(message, request_id))
            return
        await self._answer(invoker, event, request_id, send)

    def _signed(self, method: str, raw_path: str) -> Match | None:
        """Return the endpoint behind a signed path, under the resource that it has there."""
        found = self._routes(method, raw_path.removeprefix(SIGNED_PREFIX))
        if found is None or found.endpoint.public:
            return None
        return Match(replace(found.endpoint, path=SIGNED_PREFIX + found.endpoint.path), found.params)

    async def _answer(self, invoker: Invoker, event: bytes, request_id: str, send: Send) -> None:
        invocation = invoker.invoke(event)
        mark = (b"x-amzn-requestid", request_id.encode())
        try:
            if invoker.function.streamed:
                await _relay(invocation, send, mark)
                return
            head, body = await asyncio.wait_for(_collect(invocation), self._buffered_seconds)
        except FunctionFailed as failure:
            if failure.kind == "TooManyRequests":
                head, body = answers.own_error(503, "api_error", "no_capacity", failure.message, request_id)
            else:
                head, body = _failed("The function failed; its log says why.", request_id)
        except Garbled as error:
            self._tell(f"Function {invoker.function.name} gave an answer that API Gateway would refuse: {error}")
            head, body = _failed("The function's answer is malformed; the console says how.", request_id)
        except TimeoutError:
            message = f"The function gave no answer within {self._buffered_seconds:.0f} seconds."
            head, body = answers.own_error(504, "api_error", "gateway_timeout", message, request_id)
        head.headers.append(mark)
        await _respond(send, head, body)


async def _relay(invocation: Invocation, send: Send, mark: tuple[bytes, bytes]) -> None:
    """Forward a streamed answer piece by piece. Raises FunctionFailed or Garbled before the head, Cut after it."""
    block = b""
    while (parts := answers.split_prelude(block)) is None:
        piece = await invocation.read()
        if invocation.streamed is False:
            raise Garbled("It is buffered, and this integration takes streams only.")
        if not piece:
            raise Garbled("It ended before its prelude was complete.")
        block += piece
    head, piece = parts
    await send({"type": "http.response.start", "status": head.status, "headers": [*head.wire_headers, mark]})
    try:
        while True:
            piece = piece or await invocation.read()
            if not piece:
                break
            if not head.bodiless:
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            piece = b""
    except FunctionFailed as failure:
        raise Cut(str(failure)) from failure
    await send({"type": "http.response.body", "body": b""})


async def _collect(invocation: Invocation) -> tuple[Head, bytes]:
    """Return a whole answer, whichever way the function sent it. Raises FunctionFailed, Garbled."""
    answer = await invocation.whole()
    if not invocation.streamed:
        return answers.proxy_result(answer)
    parts = answers.split_prelude(answer)
    if parts is None:
        raise Garbled("It is a stream without a prelude.")
    return parts


async def _respond(send: Send, head: Head, body: bytes) -> None:
    headers = head.wire_headers
    if head.bodiless:
        body = b""
    elif not any(name == b"content-length" for name, _ in headers):
        headers = [*headers, (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": head.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _read_body(receive: Receive) -> bytes | None:
    """Return the body, None when it is over the limit. Raises Cut when the caller hung up in the middle of it.

    Too large a body is read to its end all the same: many callers look for an answer only when they have sent it.
    """
    parts: list[bytes] = []
    size = 0
    more = True
    while more and size < DISCARD_LIMIT:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Cut("The caller hung up before its request was complete.")
        piece = message.get("body", b"")
        more = message.get("more_body", False)
        size += len(piece)
        if size <= BODY_LIMIT:
            parts.append(piece)
    if size > BODY_LIMIT:
        return None
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _too_large(message: str, request_id: str) -> tuple[Head, bytes]:
    return answers.own_error(413, "request_too_large", "request_too_large", message, request_id)


def _unsigned(request_id: str, headers: Iterable[tuple[bytes, bytes]]) -> tuple[Head, bytes]:
    """As API Gateway has it, a request without a signature finds no endpoint, and one with a wrong one is refused."""
    tried = any(name.lower() == b"authorization" and value.startswith(b"AWS4") for name, value in headers)
    message = f"Paths under {SIGNED_PREFIX} take requests that AWS credentials signed (SigV4, service execute-api)."
    kind, code = ("invalid_request_error", "invalid_request") if tried else ("not_found_error", "not_found")
    return answers.own_error(403 if tried else 404, kind, code, message, request_id)


def _failed(message: str, request_id: str) -> tuple[Head, bytes]:
    return answers.own_error(502, "api_error", "internal_error", message, request_id)
