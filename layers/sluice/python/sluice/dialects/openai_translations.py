"""OpenAI speech to English text, passed through: transcription's form and answers, without streams.

OpenAI API reference, audio/translations, 2026-11.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sluice.dialects.base import JsonObject, Outline
from sluice.dialects.lazy import STREAMLESS, borrowed, lazily
from sluice.dialects.openai_transcriptions import outline as outline_of_transcription

if not TYPE_CHECKING:
    __getattr__ = lazily(
        __name__,
        borrowed(
            "openai_transcriptions",
            *STREAMLESS,
            *("ACCEPT", "content_type", "parse", "pass_edits"),
            *("answer_usage", "body_error", "read_usage", "request_meter"),
        ),
    )


NAME = "openai_translations"


def outline(body: JsonObject, size: int) -> Outline:
    """Check a request to translate a recording. Raises BadRequest naming the parameter and the remedy."""
    return replace(outline_of_transcription(body, size), stream=False)
