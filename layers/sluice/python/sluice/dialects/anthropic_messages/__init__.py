"""Anthropic Messages: both halves of the dialect.

Rules: the functions are those of `sluice.dialects.base.ChatDialect`. What a pass-through needs is imported here; the
translating modules, which need the canonical chat types, are imported by the first call that translates.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from sluice.dialects.anthropic_messages import meter as _meter
from sluice.dialects.anthropic_messages.failures import decode_error, encode_error, stream_error, stream_error_bytes
from sluice.dialects.anthropic_messages.names import NAME, PING
from sluice.dialects.anthropic_messages.outline import outline
from sluice.dialects.anthropic_messages.passing import pass_edits
from sluice.dialects.base import EMPTY, Encoded, JsonObject, Meter
from sluice.types.usage import Usage

if TYPE_CHECKING:
    from sluice.types.chat import ChatRequest, ChatResponse
    from sluice.types.stream import StreamEvent

__all__ = [
    "NAME",
    "decode_error",
    "decode_request",
    "decode_response",
    "decode_stream",
    "encode_error",
    "encode_request",
    "encode_response",
    "encode_stream",
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
    from sluice.dialects.anthropic_messages import request_decoder

    return request_decoder.decode_request(body)


def encode_request(request: ChatRequest, model: str, quirks: JsonObject, strict: bool) -> Encoded:
    """Return the provider's request body for `model`. Raises UnsupportedParameter, BadRequest."""
    from sluice.dialects.anthropic_messages import request_encoder

    return request_encoder.encode_request(request, model, quirks, strict)


def decode_response(body: JsonObject, quirks: JsonObject = EMPTY) -> ChatResponse:  # noqa: ARG001 - one signature
    """Return the canonical answer. Raises ProviderError, ProviderGarbled."""
    from sluice.dialects.anthropic_messages import response

    return response.decode_response(body)


def encode_response(response: ChatResponse, request: ChatRequest) -> dict[str, object]:
    """Return the body of a whole answer."""
    from sluice.dialects.anthropic_messages import response as answers

    return answers.encode_response(response, request)


def decode_stream(
    chunks: Iterable[bytes],
    quirks: JsonObject = EMPTY,  # noqa: ARG001 - one signature
) -> Iterator[StreamEvent]:
    """Yield canonical events; never raises on odd events."""
    from sluice.dialects.anthropic_messages import stream_decoder

    return stream_decoder.decode_stream(chunks)


def encode_stream(events: Iterable[StreamEvent], request: ChatRequest) -> Iterator[bytes]:
    """Yield the wire bytes of a stream, each item one or more whole events."""
    from sluice.dialects.anthropic_messages import stream_encoder

    return stream_encoder.encode_stream(events, request)


def keep_alive() -> bytes:
    """Return the event that keeps an idle stream open."""
    return PING


def stream_filter(body: JsonObject) -> Callable[[bytes], bytes] | None:  # noqa: ARG001 - one signature
    """Return None: every event of this dialect belongs to the caller."""
    return None


def meter(quirks: JsonObject = EMPTY) -> Meter:  # noqa: ARG001 - one signature
    """Return a fresh meter for one stream."""
    return _meter.StreamMeter()


def read_usage(body: bytes, quirks: JsonObject = EMPTY) -> Usage | None:  # noqa: ARG001 - one signature
    """Return the usage of a whole 200 answer, or None."""
    return _meter.read_usage(body)
