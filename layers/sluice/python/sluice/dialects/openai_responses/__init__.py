"""The OpenAI Responses dialect, both halves; see `sluice.dialects.base.ChatDialect`.

What a pass-through needs is imported at once and is small; the translating functions load the canonical types when
they are first called. A request that needs stored state (`previous_response_id`, ...) passes to a provider of this
dialect; `ChatRequest.bound` keeps it from being translated.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluice.dialects.base import stream_filter as stream_filter
from sluice.dialects.lazy import TRANSLATING, lazily
from sluice.dialects.openai_responses.beginning import Framing
from sluice.dialects.openai_responses.beginning import body_error as body_error
from sluice.dialects.openai_responses.failures import decode_error as decode_error
from sluice.dialects.openai_responses.failures import encode_error as encode_error
from sluice.dialects.openai_responses.failures import stream_error as stream_error
from sluice.dialects.openai_responses.failures import stream_error_bytes as stream_error_bytes
from sluice.dialects.openai_responses.meter import StreamMeter
from sluice.dialects.openai_responses.meter import read_usage as read_usage
from sluice.dialects.openai_responses.names import KEEP_ALIVE
from sluice.dialects.openai_responses.names import NAME as NAME
from sluice.dialects.openai_responses.outline import outline as outline
from sluice.dialects.openai_responses.passing import pass_edits as pass_edits

if TYPE_CHECKING:
    from sluice.dialects.openai_responses.namespaces import portable as portable
    from sluice.dialects.openai_responses.request_in import decode_request as decode_request
    from sluice.dialects.openai_responses.request_out import encode_request as encode_request
    from sluice.dialects.openai_responses.response_in import decode_response as decode_response
    from sluice.dialects.openai_responses.response_out import encode_response as encode_response
    from sluice.dialects.openai_responses.stream_in import decode_stream as decode_stream
    from sluice.dialects.openai_responses.stream_out import encode_stream as encode_stream
else:
    __getattr__ = lazily(__name__, {**TRANSLATING, "portable": "namespaces"})

framing = Framing
meter = StreamMeter


def keep_alive() -> bytes:
    """Return the comment that keeps an idle stream open."""
    return KEEP_ALIVE
