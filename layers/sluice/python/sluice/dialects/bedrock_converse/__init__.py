"""Amazon Bedrock Converse and ConverseStream: both halves of the dialect.

Rules: the functions are those of `sluice.dialects.base.ChatDialect`. What a pass-through needs is imported here; the
translating modules, which need the canonical chat types, are imported by the first call that translates. Sources: AWS
API reference, "Converse", "ConverseStream", 2026-11.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluice.dialects.base import stream_filter as stream_filter
from sluice.dialects.bedrock_converse.failures import body_error as body_error
from sluice.dialects.bedrock_converse.failures import decode_error as decode_error
from sluice.dialects.bedrock_converse.failures import encode_error as encode_error
from sluice.dialects.bedrock_converse.failures import error_headers as error_headers
from sluice.dialects.bedrock_converse.failures import stream_error as stream_error
from sluice.dialects.bedrock_converse.failures import stream_error_bytes as stream_error_bytes
from sluice.dialects.bedrock_converse.meter import StreamMeter
from sluice.dialects.bedrock_converse.meter import read_usage as read_usage
from sluice.dialects.bedrock_converse.names import KEEP_ALIVE
from sluice.dialects.bedrock_converse.names import NAME as NAME
from sluice.dialects.bedrock_converse.outline import outline as outline
from sluice.dialects.bedrock_converse.passing import pass_edits as pass_edits
from sluice.dialects.eventstream import CONTENT_TYPE, Framing, event
from sluice.dialects.lazy import TRANSLATING, lazily

if TYPE_CHECKING:
    from sluice.dialects.bedrock_converse.request_in import decode_request as decode_request
    from sluice.dialects.bedrock_converse.request_out import encode_request as encode_request
    from sluice.dialects.bedrock_converse.response_in import decode_response as decode_response
    from sluice.dialects.bedrock_converse.response_out import encode_response as encode_response
    from sluice.dialects.bedrock_converse.stream_in import decode_stream as decode_stream
    from sluice.dialects.bedrock_converse.stream_out import encode_stream as encode_stream
else:
    __getattr__ = lazily(__name__, TRANSLATING)

STREAM_TYPE = CONTENT_TYPE
framing = Framing
meter = StreamMeter


def keep_alive() -> bytes:
    """Return the frame that keeps an idle stream open."""
    return event(KEEP_ALIVE, b"{}")
