"""Why an answer ended: the provider's word and the canonical one."""

from __future__ import annotations

from sluice.types.chat import StopReason

_CANONICAL: dict[object, StopReason] = {
    "stop": "stop", "end_turn": "stop", "eos": "stop", "eos_token": "stop", "COMPLETE": "stop", "STOP": "stop",
    "stop_sequence": "stop_sequence",
    "length": "length", "max_tokens": "length", "model_length": "length", "max_output_tokens": "length",
    "MAX_TOKENS": "length",
    "tool_calls": "tool_calls", "function_call": "tool_calls", "tool_use": "tool_calls", "tool_call": "tool_calls",
    "content_filter": "content_filter", "safety": "content_filter", "sensitive": "content_filter",
    "content-filter": "content_filter", "SAFETY": "content_filter", "refusal": "refusal",
    "error": "error", "network_error": "error", "insufficient_system_resource": "error",
    "": "unknown", None: "unknown",
}  # fmt: skip
_WIRE: dict[StopReason | None, str] = {
    "length": "length",
    "tool_calls": "tool_calls",
    "content_filter": "content_filter",
    "refusal": "content_filter",
    "error": "error",
}
# Words that a tool call overrules; "length" and a filter mean that the call may be cut off.
_OVERRULED = frozenset({"stop", "stop_sequence", "unknown"})


def read_finish(word: object, calls: bool, refused: bool) -> StopReason:
    """Return the canonical reason. Some hosts say "stop" or nothing where tools were called (Snowflake, OpenAI when
    the tool was forced); no word without a call means a plain end."""
    stop = _CANONICAL.get(word, "unknown") if isinstance(word, str | None) else "unknown"
    if calls and stop in _OVERRULED:
        return "tool_calls"
    if stop == "unknown" and not word:
        stop = "stop"
    return "refusal" if refused and stop == "stop" else stop


def write_finish(stop: StopReason | None, calls: bool, refused: bool) -> str:
    """Return the word for `finish_reason`; a refusal that stands in the message ends with "stop", as OpenAI does."""
    if stop == "refusal" and refused:
        return "stop"
    if calls and (stop is None or stop in _OVERRULED):
        return "tool_calls"
    return _WIRE.get(stop, "stop")
