"""Words of the Messages dialect that several of its modules share."""

from __future__ import annotations

NAME = "anthropic_messages"

ANSWER_TOOL = "structured_answer"
"""Name of the tool by which structured output is had from models without `output_config.format`. A call of it is
read back as text, so the caller never sees the tool."""

SEAL = "sluice1."
"""Begins signatures and encrypted thinking that are not this vendor's: the gateway made them for callers of this
dialect, so that reasoning of another vendor finds its way back (`sluice.dialects.openai_chat.reasoning`)."""

UNSIGNED = SEAL + "unsigned"
"""The signature of thinking that has none."""

DEFAULT_MAX_TOKENS = 4096
"""The dialect requires `max_tokens`; this bound is used when neither the caller nor the catalogue names one."""

PING = b'event: ping\ndata: {"type":"ping"}\n\n'
"""The event that keeps an idle stream open."""

STOP_REASONS = {
    "end_turn": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "stop_sequence": "stop_sequence",
    "tool_use": "tool_calls",
    "refusal": "refusal",
    "pause_turn": "pause",
}
"""Wire word -> canonical word (vendor docs, "Handling stop reasons", 2026-10)."""

WIRE_STOPS = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "stop_sequence": "stop_sequence",
    "refusal": "refusal",
    "content_filter": "refusal",
    "pause": "pause_turn",
}
"""Canonical word -> wire word; any other becomes `end_turn`."""
