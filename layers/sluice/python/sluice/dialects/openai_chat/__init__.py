"""The OpenAI Chat Completions dialect, both halves; see `sluice.dialects.base.ChatDialect`.

What a pass-through needs is imported at once and is small; what tells of errors and the translating functions,
which load the canonical types, are imported when they are first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluice.dialects.lazy import TRANSLATING, lazily
from sluice.dialects.openai_chat.chunks import chunks_of
from sluice.dialects.openai_chat.meter import Meter
from sluice.dialects.openai_chat.meter import read_usage as read_usage
from sluice.dialects.openai_chat.names import NAME as NAME
from sluice.dialects.openai_chat.outline import outline as outline
from sluice.dialects.openai_chat.passing import pass_edits as pass_edits
from sluice.dialects.openai_chat.passing import stream_filter as stream_filter

if TYPE_CHECKING:
    from sluice.dialects.openai_chat.envelope import encode_error as encode_error
    from sluice.dialects.openai_chat.envelope import keep_alive as keep_alive
    from sluice.dialects.openai_chat.envelope import stream_error_bytes as stream_error_bytes
    from sluice.dialects.openai_chat.failures import decode_error as decode_error
    from sluice.dialects.openai_chat.request_in import decode_request as decode_request
    from sluice.dialects.openai_chat.request_out import encode_request as encode_request
    from sluice.dialects.openai_chat.response_in import decode_response as decode_response
    from sluice.dialects.openai_chat.response_out import encode_response as encode_response
    from sluice.dialects.openai_chat.stream_in import decode_stream as decode_stream
    from sluice.dialects.openai_chat.stream_out import encode_stream as encode_stream
    from sluice.errors import ProviderError
else:
    __getattr__ = lazily(
        __name__,
        {
            **TRANSLATING,
            **dict.fromkeys(("encode_error", "keep_alive", "stream_error_bytes"), "envelope"),
            "decode_error": "failures",
        },
    )

meter = Meter


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
