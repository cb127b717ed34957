"""Anthropic's token counting, passed through where the provider counts; errors are those of Anthropic Messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluice.dialects.base import no_edits
from sluice.dialects.lazy import STREAMLESS, borrowed, lazily

if not TYPE_CHECKING:
    __getattr__ = lazily(
        __name__,
        {
            **borrowed("anthropic_messages", *STREAMLESS),
            **borrowed("anthropic_messages.tokens", "encode_count", "estimate", "outline"),
            **borrowed("free", "read_usage"),
        },
    )


NAME = "anthropic_count_tokens"
pass_edits = no_edits
