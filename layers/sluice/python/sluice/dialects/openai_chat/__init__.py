"""The OpenAI Chat Completions dialect, both halves; see `sluice.dialects.base.ChatDialect`.

What a pass-through needs is imported at once and is small; the translating functions load the canonical types when
they are first called.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from sluice.dialects.base import EMPTY, Encoded, JsonObject
from sluice.dialects.openai_chat.chunks import chunks_of
from sluice.dialects.openai_chat.envelope import encode_error, keep_alive, stream_error_bytes
from sluice.dialects.openai_chat.meter import Meter, read_usage
from sluice.dialects.openai_chat.names import NAME
from sluice.dialects.openai_chat.outline import outline
from sluice.dialects.openai_chat.passing import pass_edits, stream_filter

if TYPE_CHECKING:
    from sluice.errors import ProviderError
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
    from sluice.dialects.openai_chat.request_in import decode_request as read

    return read(body)


def encode_response(response: ChatResponse, request: ChatRequest) -> dict[str, object]:
    """Return the body of a whole answer."""
    from sluice.dialects.openai_chat.response_out import encode_response as write

    return write(response, request)


def encode_stream(events: Iterable[StreamEvent], request: ChatRequest) -> Iterator[bytes]:
    """Yield the wire bytes of a stream."""
    from sluice.dialects.openai_chat.stream_out import encode_stream as write

    return write(events, request)


def encode_request(request: ChatRequest, model: str, quirks: JsonObject, strict: bool) -> Encoded:
    """Return the provider's request body for `model`. Raises UnsupportedParameter."""
    from sluice.dialects.openai_chat.request_out import encode_request as write

    return write(request, model, quirks, strict)


def decode_response(body: JsonObject, quirks: JsonObject = EMPTY) -> ChatResponse:
    """Return the canonical answer. Raises ProviderError and ProviderGarbled."""
    from sluice.dialects.openai_chat.response_in import decode_response as read

    return read(body, quirks)


def decode_stream(chunks: Iterable[bytes], quirks: JsonObject = EMPTY) -> Iterator[StreamEvent]:
    """Yield canonical events from bytes cut at any place."""
    from sluice.dialects.openai_chat.stream_in import decode_stream as read

    return read(chunks, quirks)


def decode_error(status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
    """Return the provider's error, whatever the shape of its body."""
    from sluice.dialects.openai_chat.failures import decode_error as read

    return read(status, headers, body)


def meter(quirks: JsonObject = EMPTY) -> Meter:
    """Return a fresh meter for one stream."""
    return Meter(quirks)


def stream_error(event: bytes) -> ProviderError | None:
    """Return the error that whole events of a 200 stream report, if one is there.

    An ordinary chunk costs two substring searches.
    """
    if b'"error"' not in event and b"event: error" not in event and (b'"choices"' in event or b"{" not in event):
        return None
    from sluice.dialects.openai_chat.failures import failure_in

    for chunk in chunks_of(event):
        named = b"event: error" in event and "error" not in chunk and "choices" not in chunk
        failure = failure_in({"error": chunk} if named else chunk)
        if failure is not None:
            return failure
    return None
