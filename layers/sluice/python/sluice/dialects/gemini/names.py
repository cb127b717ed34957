"""Words of the Gemini dialect that several of its modules share."""

from __future__ import annotations

NAME = "gemini"

SECTIONS = ("generationConfig",)
"""Members in which a parameter policy finds bare names (`sluice.dialects.policy`)."""

SEAL = "sluice1."
"""Begins a signature that the gateway made, so that reasoning finds its way back through callers of other dialects
(`sluice.dialects.openai_chat.reasoning`, `sluice.dialects.anthropic_messages.names`)."""

FORMAT = "google-gemini-v1"
"""The `format` of `reasoning_details` that hold Gemini's signatures (OpenRouter docs, 2026-08)."""

PLACEHOLDER = "skip_thought_signature_validator"
"""The signature of function calls that no Gemini model made, without which Gemini 3 refuses them (vendor docs,
"Thought signatures", 2026-11)."""

OWN_ID = "gemini_"
"""Begins the ids given to function calls that came without one; they are never sent back to the vendor."""

FINISH_REASONS = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "SAFETY": "content_filter",
    "RECITATION": "content_filter",
    "LANGUAGE": "content_filter",
    "BLOCKLIST": "content_filter",
    "PROHIBITED_CONTENT": "content_filter",
    "SPII": "content_filter",
    "MODEL_ARMOR": "content_filter",
    "IMAGE_SAFETY": "content_filter",
    "IMAGE_PROHIBITED_CONTENT": "content_filter",
    "IMAGE_RECITATION": "content_filter",
    "MALFORMED_FUNCTION_CALL": "error",
    "MALFORMED_RESPONSE": "error",
    "UNEXPECTED_TOOL_CALL": "error",
    "TOO_MANY_TOOL_CALLS": "error",
    "MISSING_THOUGHT_SIGNATURE": "error",
}
"""Wire word -> canonical word (vendor docs, "FinishReason", 2026-11); any other is `unknown`."""

NUMBERED = (
    "FINISH_REASON_UNSPECIFIED", "STOP", "MAX_TOKENS", "SAFETY", "RECITATION", "OTHER", "BLOCKLIST",
    "PROHIBITED_CONTENT", "SPII", "MALFORMED_FUNCTION_CALL", "MODEL_ARMOR",
)  # fmt: skip
"""Vertex writes enums as numbers when asked to (`$alt=json;enum-encoding=int`)."""

WIRE_STOPS = {
    "stop": "STOP",
    "length": "MAX_TOKENS",
    "tool_calls": "STOP",
    "stop_sequence": "STOP",
    "refusal": "SAFETY",
    "content_filter": "SAFETY",
    "pause": "OTHER",
    "error": "OTHER",
    "unknown": "OTHER",
}
"""Canonical word -> wire word."""

KEEP_ALIVE = b'data: {"candidates":[{"content":{"role":"model","parts":[{"text":""}]},"index":0}]}\r\n\r\n'
"""The event that keeps an idle stream open: the vendor's clients take no comments, but chunks without text."""
