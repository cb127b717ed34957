"""Reads a whole Converse answer into the canonical one. It names neither itself nor its model: both stand outside."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from sluice.dialects.base import EMPTY, JsonObject
from sluice.dialects.bedrock_converse import usage as counts
from sluice.dialects.bedrock_converse.blocks_in import left_over, parts_of
from sluice.dialects.bedrock_converse.failures import error_of
from sluice.dialects.bedrock_converse.names import ANSWER_TOOL, NAME, STOP_REASONS, WIRE_STOPS
from sluice.errors import ProviderGarbled
from sluice.types.chat import ChatResponse, Choice, Json, Part, StopReason, Text, ToolCall

_KNOWN = ("output", "stopReason", "usage", "serviceTier")


def decode_response(body: JsonObject, quirks: JsonObject = EMPTY) -> ChatResponse:  # noqa: ARG001 - one signature
    """Return the canonical answer. Raises ProviderError for an error in a 200 answer, ProviderGarbled."""
    failure = error_of(body)
    if failure is not None:
        raise failure
    output = body.get("output")
    message = output.get("message") if isinstance(output, Mapping) else None
    content = message.get("content") if isinstance(message, Mapping) else None
    if not isinstance(content, list):
        raise ProviderGarbled("The provider's answer has no output.message.content list.")
    parts, answered = _answered(parts_of(content, assistant=True))
    stop, extras = stop_of(body.get("stopReason"))
    if stop == "tool_calls" and answered and not any(isinstance(part, ToolCall) for part in parts):
        stop = "stop"
    choice = Choice(parts, stop, stop_sequence=stop_sequence(body.get("additionalModelResponseFields")), extras=extras)
    return ChatResponse(
        id="",
        model="",
        choices=(choice,),
        usage=counts.read(body.get("usage"), body.get("serviceTier")),
        dialect=NAME,
        extras=left_over(body, *_KNOWN),
    )


def stop_of(reason: Json) -> tuple[StopReason | None, dict[str, Json]]:
    """Return the canonical stop reason, and the wire's own word where the canonical one loses it."""
    if not isinstance(reason, str):
        return None, {}
    stop = STOP_REASONS.get(reason, "unknown")
    return cast(StopReason, stop), ({} if WIRE_STOPS.get(stop) == reason else {"stopReason": reason})


def stop_sequence(fields: Json) -> str | None:
    """Return the sequence that ended an answer, which the API tells when asked for it (`names.STOP_SEQUENCE_PATHS`)."""
    outer = fields if isinstance(fields, Mapping) else {}
    delta = outer.get("delta")
    inner = delta.get("stop_sequence") if isinstance(delta, Mapping) else None
    found = outer.get("stop_sequence") or inner
    return found if isinstance(found, str) else None


def _answered(parts: tuple[Part, ...]) -> tuple[tuple[Part, ...], bool]:
    """Return the parts with calls of the answer tool read as text, and whether there was one."""
    if not any(isinstance(part, ToolCall) and part.name == ANSWER_TOOL for part in parts):
        return parts, False
    return tuple(
        Text(part.arguments) if isinstance(part, ToolCall) and part.name == ANSWER_TOOL else part for part in parts
    ), True
