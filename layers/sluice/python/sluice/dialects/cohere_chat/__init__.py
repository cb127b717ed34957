"""Cohere v2 chat (`POST /v2/chat`): both halves of the dialect.

Rules: the functions are those of `sluice.dialects.base.ChatDialect`. What a pass-through needs is imported here; the
translating modules, which need the canonical chat types, are imported by the first call that translates. The retired
v1 API (`POST /v1/chat`) is another format and not served.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from sluice.dialects.base import EMPTY, Encoded, JsonObject, Meter
from sluice.dialects.cohere_chat import meter as _meter
from sluice.dialects.cohere_chat.failures import (
    body_error,
    decode_error,
    encode_error,
    stream_error,
    stream_error_bytes,
)
from sluice.dialects.cohere_chat.framing import Framing
from sluice.dialects.cohere_chat.names import KEEP_ALIVE, NAME
from sluice.dialects.cohere_chat.outline import outline
from sluice.dialects.cohere_chat.passing import pass_edits
from sluice.types.usage import Usage

if TYPE_CHECKING:
    from sluice.types.chat import ChatRequest, ChatResponse
    from sluice.types.stream import StreamEvent

__all__ = [
    "NAME",
    "body_error",
    "decode_error",
    "decode_request",
    "decode_response",
    "decode_stream",
    "encode_error",
    "encode_request",
    "encode_response",
    "encode_stream",
    "framing",
    "keep_alive",
    "meter",
    "outline",
    "pass_edits",
    "read_usage",
    "stream_error",
    "stream_error_bytes",
    "stream_filter",
]


def decode_request(body: JsonObject) -> ChatRequest:
    """Return the canonical request. Raises BadRequest."""
    from sluice.dialects.cohere_chat import request_in

    return request_in.decode_request(body)


def encode_request(request: ChatRequest, model: str, quirks: JsonObject, strict: bool) -> Encoded:
    """Return the provider's request body for `model`. Raises UnsupportedParameter."""
    from sluice.dialects.cohere_chat import request_out

    return request_out.encode_request(request, model, quirks, strict)


def decode_response(body: JsonObject, quirks: JsonObject = EMPTY) -> ChatResponse:  # noqa: ARG001 - one signature
    """Return the canonical answer. Raises ProviderError, ProviderGarbled."""
    from sluice.dialects.cohere_chat import response_in

    return response_in.decode_response(body)


def encode_response(response: ChatResponse, request: ChatRequest) -> dict[str, object]:
    """Return the body of a whole answer."""
    from sluice.dialects.cohere_chat import response_out

    return response_out.encode_response(response, request)


def decode_stream(
    chunks: Iterable[bytes],
    quirks: JsonObject = EMPTY,  # noqa: ARG001 - one signature
) -> Iterator[StreamEvent]:
    """Yield canonical events; never raises on odd events."""
    from sluice.dialects.cohere_chat import stream_in

    return stream_in.decode_stream(chunks)


def encode_stream(events: Iterable[StreamEvent], request: ChatRequest) -> Iterator[bytes]:
    """Yield the wire bytes of a stream, each item one or more whole events."""
    from sluice.dialects.cohere_chat import stream_out

    return stream_out.encode_stream(events, request)


def framing() -> Framing:
    """Return a fresh reader of one streamed answer."""
    return Framing()


def keep_alive() -> bytes:
    """Return the comment that keeps an idle stream open."""
    return KEEP_ALIVE


def stream_filter(body: JsonObject) -> Callable[[bytes], bytes] | None:  # noqa: ARG001 - one signature
    """Return None: every event of this dialect belongs to the caller."""
    return None


def meter(quirks: JsonObject = EMPTY) -> Meter:  # noqa: ARG001 - one signature
    """Return a fresh meter for one stream."""
    return _meter.StreamMeter()


def read_usage(body: bytes, quirks: JsonObject = EMPTY) -> Usage | None:  # noqa: ARG001 - one signature
    """Return the usage of a whole 200 answer, or None."""
    return _meter.read_usage(body)
