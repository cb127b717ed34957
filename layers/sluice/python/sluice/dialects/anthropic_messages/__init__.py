"""Anthropic Messages: both halves of the dialect.

Rules: the functions are those of `sluice.dialects.base.ChatDialect`. What a pass-through needs is imported here; the
translating modules, which need the canonical chat types, are imported by the first call that translates.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluice.dialects.anthropic_messages.failures import decode_error as decode_error
from sluice.dialects.anthropic_messages.failures import encode_error as encode_error
from sluice.dialects.anthropic_messages.failures import stream_error as stream_error
from sluice.dialects.anthropic_messages.failures import stream_error_bytes as stream_error_bytes
from sluice.dialects.anthropic_messages.meter import StreamMeter
from sluice.dialects.anthropic_messages.meter import read_usage as read_usage
from sluice.dialects.anthropic_messages.names import NAME as NAME
from sluice.dialects.anthropic_messages.names import PING
from sluice.dialects.anthropic_messages.outline import outline as outline
from sluice.dialects.anthropic_messages.passing import pass_edits as pass_edits
from sluice.dialects.base import stream_filter as stream_filter
from sluice.dialects.lazy import lazily

if TYPE_CHECKING:
    from sluice.dialects.anthropic_messages.request_decoder import decode_request as decode_request
    from sluice.dialects.anthropic_messages.request_encoder import encode_request as encode_request
    from sluice.dialects.anthropic_messages.response import decode_response as decode_response
    from sluice.dialects.anthropic_messages.response import encode_response as encode_response
    from sluice.dialects.anthropic_messages.stream_decoder import decode_stream as decode_stream
    from sluice.dialects.anthropic_messages.stream_encoder import encode_stream as encode_stream
else:
    __getattr__ = lazily(
        __name__,
        {
            "decode_request": "request_decoder",
            "encode_request": "request_encoder",
            "decode_response": "response",
            "encode_response": "response",
            "decode_stream": "stream_decoder",
            "encode_stream": "stream_encoder",
        },
    )

meter = StreamMeter


def keep_alive() -> bytes:
    """Return the event that keeps an idle stream open."""
    return PING
