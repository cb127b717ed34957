"""Snowflake Cortex's own completion API (POST /api/v2/cortex/inference:complete), both halves; see
`sluice.dialects.base.ChatDialect`.

It is the older way to models that now also speak Chat Completions and Messages there, and the only one to some. Answers
stream unless `stream` is false. Source: Snowflake's OpenAPI document `cortex-inference.yaml` (repository
snowflakedb/snowflake-rest-api-specs) and its guide "Cortex REST API", 2026-11.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from sluice.dialects.base import EMPTY, Encoded, JsonObject
from sluice.dialects.openai_chat import decode_error, stream_error
from sluice.dialects.snowflake_complete.envelope import encode_error, keep_alive, stream_error_bytes
from sluice.dialects.snowflake_complete.meter import Meter, read_usage
from sluice.dialects.snowflake_complete.names import NAME
from sluice.dialects.snowflake_complete.outline import outline
from sluice.dialects.snowflake_complete.passing import pass_edits, stream_filter

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
    from sluice.dialects.snowflake_complete.request_in import decode_request as read

    return read(body)


def encode_response(response: ChatResponse, request: ChatRequest) -> dict[str, object]:
    """Return the body of a whole answer."""
    from sluice.dialects.snowflake_complete.answer_out import encode_response as write

    return write(response, request)


def encode_stream(events: Iterable[StreamEvent], request: ChatRequest) -> Iterator[bytes]:
    """Yield the wire bytes of a stream."""
    from sluice.dialects.snowflake_complete.stream_out import encode_stream as write

    return write(events, request)


def encode_request(request: ChatRequest, model: str, quirks: JsonObject, strict: bool) -> Encoded:
    """Return the provider's request body for `model`. Raises UnsupportedParameter."""
    from sluice.dialects.snowflake_complete.request_out import encode_request as write

    return write(request, model, quirks, strict)


def decode_response(body: JsonObject, quirks: JsonObject = EMPTY) -> ChatResponse:
    """Return the canonical answer. Raises ProviderError and ProviderGarbled."""
    from sluice.dialects.snowflake_complete.answer_in import decode_response as read

    return read(body, quirks)


def decode_stream(chunks: Iterable[bytes], quirks: JsonObject = EMPTY) -> Iterator[StreamEvent]:
    """Yield canonical events from bytes cut at any place."""
    from sluice.dialects.snowflake_complete.stream_in import decode_stream as read

    return read(chunks, quirks)


def meter(quirks: JsonObject = EMPTY) -> Meter:
    """Return a fresh meter for one stream."""
    return Meter(quirks)
