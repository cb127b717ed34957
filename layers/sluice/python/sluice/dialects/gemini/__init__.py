"""Gemini generateContent: both halves of the dialect.

Rules: the functions are those of `sluice.dialects.base.ChatDialect`. What a pass-through needs is imported here; the
translating modules, which need the canonical chat types, are imported by the first call that translates.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluice.dialects.base import stream_filter as stream_filter
from sluice.dialects.gemini.failures import decode_error as decode_error
from sluice.dialects.gemini.failures import encode_error as encode_error
from sluice.dialects.gemini.failures import stream_error as stream_error
from sluice.dialects.gemini.failures import stream_error_bytes as stream_error_bytes
from sluice.dialects.gemini.meter import StreamMeter
from sluice.dialects.gemini.meter import read_usage as read_usage
from sluice.dialects.gemini.names import KEEP_ALIVE
from sluice.dialects.gemini.names import NAME as NAME
from sluice.dialects.gemini.outline import outline as outline
from sluice.dialects.gemini.passing import pass_edits as pass_edits
from sluice.dialects.lazy import TRANSLATING, lazily

if TYPE_CHECKING:
    from sluice.dialects.gemini.request_in import decode_request as decode_request
    from sluice.dialects.gemini.request_out import encode_request as encode_request
    from sluice.dialects.gemini.response_in import decode_response as decode_response
    from sluice.dialects.gemini.response_out import encode_response as encode_response
    from sluice.dialects.gemini.stream_in import decode_stream as decode_stream
    from sluice.dialects.gemini.stream_out import encode_stream as encode_stream
else:
    __getattr__ = lazily(__name__, TRANSLATING)

meter = StreamMeter


def keep_alive() -> bytes:
    """Return the event that keeps an idle stream open."""
    return KEEP_ALIVE
