"""The legacy OpenAI Completions dialect (POST /v1/completions), both halves; see `sluice.dialects.base.ChatDialect`.

One text prompt is one user message, and one user message of one text is a prompt; nothing else of a chat has a form
here. Errors, stream framing and token counts are those of Chat Completions (OpenAI API reference, "Completions",
2026-11).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from sluice.dialects.base import EMPTY, Encoded, JsonObject
from sluice.dialects.openai_chat import decode_error, stream_error
from sluice.dialects.openai_chat.envelope import encode_error, keep_alive, stream_error_bytes
from sluice.dialects.openai_chat.meter import read_usage
from sluice.dialects.openai_completions.meter import Meter
from sluice.dialects.openai_completions.names import NAME
from sluice.dialects.openai_completions.outline import outline
from sluice.dialects.openai_completions.passing import pass_edits, stream_filter

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
    from sluice.dialects.openai_completions.request_in import decode_request as read

    return read(body)


def encode_response(response: ChatResponse, request: ChatRequest) -> dict[str, object]:
    """Return the body of a whole answer."""
    from sluice.dialects.openai_completions.answer_out import encode_response as write

    return write(response, request)


def encode_stream(events: Iterable[StreamEvent], request: ChatRequest) -> Iterator[bytes]:
    """Yield the wire bytes of a stream."""
    from sluice.dialects.openai_completions.stream_out import encode_stream as write

    return write(events, request)


def encode_request(request: ChatRequest, model: str, quirks: JsonObject, strict: bool) -> Encoded:
    """Return the provider's request body for `model`. Raises UnsupportedParameter."""
    from sluice.dialects.openai_completions.request_out import encode_request as write

    return write(request, model, quirks, strict)


def decode_response(body: JsonObject, quirks: JsonObject = EMPTY) -> ChatResponse:
    """Return the canonical answer. Raises ProviderError and ProviderGarbled."""
    from sluice.dialects.openai_completions.answer_in import decode_response as read

    return read(body, quirks)


def decode_stream(chunks: Iterable[bytes], quirks: JsonObject = EMPTY) -> Iterator[StreamEvent]:
    """Yield canonical events from bytes cut at any place."""
    from sluice.dialects.openai_completions.stream_in import decode_stream as read

    return read(chunks, quirks)


def meter(quirks: JsonObject = EMPTY) -> Meter:
    """Return a fresh meter for one stream."""
    return Meter(quirks)
