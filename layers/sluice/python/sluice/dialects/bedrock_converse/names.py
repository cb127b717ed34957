"""Words of the Converse dialect that several of its modules share."""

from __future__ import annotations

NAME = "bedrock_converse"

SECTIONS = ("inferenceConfig", "toolConfig")
"""Members in which a parameter policy finds bare names (`sluice.dialects.policy`)."""

ANSWER_TOOL = "structured_answer"
"""Name of the tool by which structured output is had from models without `outputConfig`. A call of it is read back as
text, so the caller never sees the tool."""

SEAL = "sluice1."
"""Begins signatures and encrypted reasoning that the gateway made for callers of other dialects
(`sluice.dialects.openai_chat.reasoning`); no vendor takes them."""

BINARY = SEAL + "bedrock."
"""Begins encrypted reasoning that is no text, followed by its base64."""

STOP_REASONS = {
    "end_turn": "stop",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "stop_sequence": "stop_sequence",
    "guardrail_intervened": "content_filter",
    "content_filtered": "content_filter",
    "refusal": "refusal",
    "malformed_model_output": "error",
    "malformed_tool_use": "error",
}
"""Wire word -> canonical word (AWS API reference, "Converse", 2026-11); any other is `unknown`."""

WIRE_STOPS = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "stop_sequence": "stop_sequence",
    "refusal": "content_filtered",
    "content_filter": "content_filtered",
    "error": "malformed_model_output",
}
"""Canonical word -> wire word; any other becomes `end_turn`."""

STOP_SEQUENCE_PATHS = ("/stop_sequence", "/delta/stop_sequence")
"""Where Claude says which sequence ended its answer, whole and streamed; models that do not say are not disturbed (AWS
API reference, "Converse", additionalModelResponseFieldPaths, 2026-11)."""

KEEP_ALIVE = "ping"
"""An event type of nobody's: AWS SDKs pass over events they do not know."""
