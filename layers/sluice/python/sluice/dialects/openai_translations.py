"""OpenAI speech to English text, passed through: transcription's form and answers, without streams.

OpenAI API reference, audio/translations, 2026-11.
"""

from __future__ import annotations

from dataclasses import replace

from sluice.dialects.base import JsonObject, Outline
from sluice.dialects.openai_transcriptions import (
    ACCEPT,
    answer_usage,
    body_error,
    content_type,
    decode_error,
    encode_error,
    keep_alive,
    meter,
    parse,
    pass_edits,
    read_usage,
    request_meter,
    stream_error,
    stream_error_bytes,
    stream_filter,
)
from sluice.dialects.openai_transcriptions import outline as outline_of_transcription

__all__ = [
    "ACCEPT",
    "NAME",
    "answer_usage",
    "body_error",
    "content_type",
    "decode_error",
    "encode_error",
    "keep_alive",
    "meter",
    "outline",
    "parse",
    "pass_edits",
    "read_usage",
    "request_meter",
    "stream_error",
    "stream_error_bytes",
    "stream_filter",
]

NAME = "openai_translations"


def outline(body: JsonObject, size: int) -> Outline:
    """Check a request to translate a recording. Raises BadRequest naming the parameter and the remedy."""
    return replace(outline_of_transcription(body, size), stream=False)
