"""Gemini `batchEmbedContents`, both halves of the dialect; `gemini_embed_content` is the one for a single content.

What a pass-through needs is imported here; the translating modules are imported by the first call that translates.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluice.dialects.base import path_edits
from sluice.dialects.gemini_embeddings.passing import NAME as NAME
from sluice.dialects.gemini_embeddings.passing import answer_usage as answer_usage
from sluice.dialects.gemini_embeddings.passing import model_edits as model_edits
from sluice.dialects.gemini_embeddings.passing import outline as outline
from sluice.dialects.gemini_embeddings.passing import read_usage as read_usage
from sluice.dialects.lazy import ERRORS, STREAMLESS, borrowed, lazily

if not TYPE_CHECKING:
    __getattr__ = lazily(
        __name__,
        {
            **borrowed("unstreamed", *STREAMLESS),
            **borrowed("gemini", *ERRORS),
            "decode_request": "request:decode_batch",
            "encode_request": "request:encode_batch",
            "decode_response": "response",
            "encode_response": "response:encode_batch",
        },
    )

pass_edits = path_edits
