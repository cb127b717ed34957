"""The OpenAI Responses dialect, both halves; see `sluice.dialects.base.ChatDialect`.

What a pass-through needs is imported at once and is small; the translating functions load the canonical types when
they are first called. A request that needs stored state (`previous_response_id`, ...) passes to a provider of this
dialect; `ChatRequest.bound` keeps it from being translated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from sluice.dialects.base import EMPTY, Encoded, JsonObject
from sluice.dialects.openai_responses.beginning import Framing, body_error
from sluice.dialects.openai_responses.failures import decode_error, encode_error, stream_error, stream_error_bytes
from sluice.dialects.openai_responses.meter import StreamMeter, read_usage
from sluice.dialects.openai_responses.names import KEEP_ALIVE, NAME
from sluice.dialects.openai_responses.outline import outline
from sluice.dialects.openai_responses.passing import pass_edits

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
    "portable",
    "read_usage",
    "stream_error",
    "stream_error_bytes",
    "stream_filter",
]


def decode_request(body: JsonObject) -> ChatRequest:
    """Return the canonical request. Raises BadRequest."""
    from sluice.dialects.openai_responses.request_in import decode_request as read

    return read(body)


def encode_request(request: ChatRequest, model: str, quirks: JsonObject, strict: bool) -> Encoded:
    """Return the provider's request body for `model`. Raises UnsupportedParameter."""
    from sluice.dialects.openai_responses.request_out import encode_request as write

    return write(request, model, quirks, strict)


def decode_response(body: JsonObject, quirks: JsonObject = EMPTY) -> ChatResponse:
    """Return the canonical answer. Raises ProviderError and ProviderGarbled."""
    from sluice.dialects.openai_responses.response_in import decode_response as read

    return read(body, quirks)


def encode_response(response: ChatResponse, request: ChatRequest) -> dict[str, object]:
    """Return the body of a whole answer."""
    from sluice.dialects.openai_responses.response_out import encode_response as write

    return write(response, request)


def decode_stream(chunks: Iterable[bytes], quirks: JsonObject = EMPTY) -> Iterator[StreamEvent]:
    """Yield canonical events from bytes cut at any place."""
    from sluice.dialects.openai_responses.stream_in import decode_stream as read

    return read(chunks, quirks)


def encode_stream(events: Iterable[StreamEvent], request: ChatRequest) -> Iterator[bytes]:
    """Yield the wire bytes of a stream, each item one or more whole events."""
    from sluice.dialects.openai_responses.stream_out import encode_stream as write

    return write(events, request)


def framing() -> Framing:
    """Return a fresh reader of one streamed answer."""
    return Framing()


def keep_alive() -> bytes:
    """Return the comment that keeps an idle stream open."""
    return KEEP_ALIVE


def stream_filter(body: JsonObject) -> Callable[[bytes], bytes] | None:  # noqa: ARG001 - one signature
    """Return None: every event of this dialect belongs to the caller."""
    return None


def meter(quirks: JsonObject = EMPTY) -> StreamMeter:
    """Return a fresh meter for one stream."""
    return StreamMeter(quirks)


def portable(request: ChatRequest) -> ChatRequest:
    """Return the request with the forms that only this dialect has rewritten for models of others."""
    from sluice.dialects.openai_responses.namespaces import portable as write

    return write(request)
