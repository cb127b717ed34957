"""Anthropic's Message Batches: many requests handed over at once, their answers fetched later as JSON lines.

It is passed through, never translated: a batch runs at one provider of this dialect. Errors are those of Anthropic
Messages. (Anthropic API reference, "Message Batches", and guide "Batch processing", 2026-11.)
"""

from __future__ import annotations

from sluice.dialects.anthropic_batches.batch import (
    Batch,
    Counts,
    decode_batch,
    decode_page,
    encode_batch,
    encode_deleted,
    encode_page,
)
from sluice.dialects.anthropic_batches.creation import Item, decode_create, encode_create
from sluice.dialects.anthropic_batches.results import Result, ResultMeter, decode_result, encode_result
from sluice.dialects.anthropic_messages import decode_error, encode_error, keep_alive, stream_error_bytes

__all__ = [
    "NAME",
    "Batch",
    "Counts",
    "Item",
    "Result",
    "ResultMeter",
    "decode_batch",
    "decode_create",
    "decode_error",
    "decode_page",
    "decode_result",
    "encode_batch",
    "encode_create",
    "encode_deleted",
    "encode_error",
    "encode_page",
    "encode_result",
    "keep_alive",
    "stream_error_bytes",
]

NAME = "anthropic_batches"
