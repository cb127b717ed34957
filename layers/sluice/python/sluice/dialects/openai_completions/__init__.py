"""The legacy OpenAI Completions dialect (POST /v1/completions), both halves; see `sluice.dialects.base.ChatDialect`.

One text prompt is one user message, and one user message of one text is a prompt; nothing else of a chat has a form
here. Errors, stream framing and token counts are those of Chat Completions (OpenAI API reference, "Completions",
2026-11).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluice.dialects.lazy import TRANSLATING, lazily
from sluice.dialects.openai_chat import stream_error as stream_error
from sluice.dialects.openai_chat.envelope import encode_error as encode_error
from sluice.dialects.openai_chat.envelope import keep_alive as keep_alive
from sluice.dialects.openai_chat.envelope import stream_error_bytes as stream_error_bytes
from sluice.dialects.openai_chat.meter import read_usage as read_usage
from sluice.dialects.openai_completions.meter import Meter
from sluice.dialects.openai_completions.names import NAME as NAME
from sluice.dialects.openai_completions.outline import outline as outline
from sluice.dialects.openai_completions.passing import pass_edits as pass_edits
from sluice.dialects.openai_completions.passing import stream_filter as stream_filter

if TYPE_CHECKING:
    from sluice.dialects.openai_chat.failures import decode_error as decode_error
    from sluice.dialects.openai_completions.answer_in import decode_response as decode_response
    from sluice.dialects.openai_completions.answer_out import encode_response as encode_response
    from sluice.dialects.openai_completions.request_in import decode_request as decode_request
    from sluice.dialects.openai_completions.request_out import encode_request as encode_request
    from sluice.dialects.openai_completions.stream_in import decode_stream as decode_stream
    from sluice.dialects.openai_completions.stream_out import encode_stream as encode_stream
else:
    __getattr__ = lazily(
        __name__,
        {
            **TRANSLATING,
            "decode_response": "answer_in",
            "encode_response": "answer_out",
            "decode_error": "sluice.dialects.openai_chat.failures",
        },
    )

meter = Meter
