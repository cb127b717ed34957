"""Ollama's own chat (`POST /api/chat`): both halves of the dialect.

Rules: the functions are those of `sluice.dialects.base.ChatDialect`. What a pass-through needs is imported here; the
translating modules, which need the canonical chat types, are imported by the first call that translates. Answers are
streamed as lines of JSON unless the caller says otherwise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluice.dialects.base import stream_filter as stream_filter
from sluice.dialects.lazy import TRANSLATING, lazily
from sluice.dialects.ndjson import STREAM_TYPE as STREAM_TYPE
from sluice.dialects.ndjson import Lines
from sluice.dialects.ollama_chat.failures import decode_error as decode_error
from sluice.dialects.ollama_chat.failures import encode_error as encode_error
from sluice.dialects.ollama_chat.failures import stream_error as stream_error
from sluice.dialects.ollama_chat.failures import stream_error_bytes as stream_error_bytes
from sluice.dialects.ollama_chat.meter import StreamMeter
from sluice.dialects.ollama_chat.meter import read_usage as read_usage
from sluice.dialects.ollama_chat.names import KEEP_ALIVE
from sluice.dialects.ollama_chat.names import NAME as NAME
from sluice.dialects.ollama_chat.outline import outline as outline
from sluice.dialects.ollama_chat.passing import pass_edits as pass_edits

if TYPE_CHECKING:
    from sluice.dialects.ollama_chat.request_in import decode_request as decode_request
    from sluice.dialects.ollama_chat.request_out import encode_request as encode_request
    from sluice.dialects.ollama_chat.response_in import decode_response as decode_response
    from sluice.dialects.ollama_chat.response_out import encode_response as encode_response
    from sluice.dialects.ollama_chat.stream_in import decode_stream as decode_stream
    from sluice.dialects.ollama_chat.stream_out import encode_stream as encode_stream
else:
    __getattr__ = lazily(__name__, TRANSLATING)

framing = Lines
meter = StreamMeter


def keep_alive() -> bytes:
    """Return the line that keeps an idle stream open."""
    return KEEP_ALIVE
