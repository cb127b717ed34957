"""Gemini `embedContent`, both halves of the dialect: one content, one vector (`gemini_embeddings` is the batch)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluice.dialects.lazy import STREAMLESS, borrowed, lazily

if not TYPE_CHECKING:
    __getattr__ = lazily(
        __name__,
        {
            **borrowed("gemini_embeddings", *STREAMLESS, "answer_usage", "decode_response", "pass_edits", "read_usage"),
            "outline": "sluice.dialects.gemini_embeddings.passing:outline_one",
            "decode_request": "sluice.dialects.gemini_embeddings.request:decode_one",
            "encode_request": "sluice.dialects.gemini_embeddings.request:encode_one",
            "encode_response": "sluice.dialects.gemini_embeddings.response:encode_one",
        },
    )

NAME = "gemini_embed_content"
