"""Snowflake Cortex's own completion API (POST /api/v2/cortex/inference:complete), both halves; see
`sluice.dialects.base.ChatDialect`.

It is the older way to models that now also speak Chat Completions and Messages there, and the only one to some. Answers
stream unless `stream` is false. Source: Snowflake's OpenAPI document `cortex-inference.yaml` (repository
snowflakedb/snowflake-rest-api-specs) and its guide "Cortex REST API", 2026-11.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluice.dialects.lazy import TRANSLATING, lazily
from sluice.dialects.openai_chat import stream_error as stream_error
from sluice.dialects.snowflake_complete.envelope import encode_error as encode_error
from sluice.dialects.snowflake_complete.envelope import keep_alive as keep_alive
from sluice.dialects.snowflake_complete.envelope import stream_error_bytes as stream_error_bytes
from sluice.dialects.snowflake_complete.meter import Meter
from sluice.dialects.snowflake_complete.meter import read_usage as read_usage
from sluice.dialects.snowflake_complete.names import NAME as NAME
from sluice.dialects.snowflake_complete.outline import outline as outline
from sluice.dialects.snowflake_complete.passing import pass_edits as pass_edits
from sluice.dialects.snowflake_complete.passing import stream_filter as stream_filter

if TYPE_CHECKING:
    from sluice.dialects.openai_chat.failures import decode_error as decode_error
    from sluice.dialects.snowflake_complete.answer_in import decode_response as decode_response
    from sluice.dialects.snowflake_complete.answer_out import encode_response as encode_response
    from sluice.dialects.snowflake_complete.request_in import decode_request as decode_request
    from sluice.dialects.snowflake_complete.request_out import encode_request as encode_request
    from sluice.dialects.snowflake_complete.stream_in import decode_stream as decode_stream
    from sluice.dialects.snowflake_complete.stream_out import encode_stream as encode_stream
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
