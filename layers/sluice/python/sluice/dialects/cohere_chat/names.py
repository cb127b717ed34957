"""Words of the Cohere chat dialect that several of its modules share."""

from __future__ import annotations

NAME = "cohere_chat"

PLAN = "tool_plan"
"""The member of an assistant message in which the model says why it calls tools; reasoning under another name."""

FINISH_REASONS = {
    "COMPLETE": "stop",
    "STOP_SEQUENCE": "stop_sequence",
    "MAX_TOKENS": "length",
    "TOOL_CALL": "tool_calls",
    "ERROR": "error",
    "TIMEOUT": "error",
}
"""Wire word -> canonical word (vendor docs, "Chat", `finish_reason`, 2026-11); any other is `unknown`."""

WIRE_STOPS = {
    "stop": "COMPLETE",
    "length": "MAX_TOKENS",
    "tool_calls": "TOOL_CALL",
    "stop_sequence": "STOP_SEQUENCE",
    "refusal": "COMPLETE",
    "content_filter": "ERROR",
    "pause": "COMPLETE",
    "error": "ERROR",
    "unknown": "COMPLETE",
}
"""Canonical word -> wire word."""

KEEP_ALIVE = b": keep-alive\n\n"
DONE = b"data: [DONE]\n\n"
MOST_STOPS = 5
"""The most stop sequences the vendor takes (vendor docs, "Chat", `stop_sequences`, 2026-11)."""
