"""Whole answers of the Ollama chat dialect, read.

The host's times and durations are kept beside the canonical answer, so that this dialect writes them back as they came.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from sluice.dialects.base import EMPTY, JsonObject
from sluice.dialects.ollama_chat import usage as counts
from sluice.dialects.ollama_chat.failures import error_of
from sluice.dialects.ollama_chat.ids import answer_id
from sluice.dialects.ollama_chat.messages_in import read_parts
from sluice.dialects.ollama_chat.moments import epoch
from sluice.dialects.ollama_chat.names import DONE_REASONS, NAME, WIRE_STOPS
from sluice.errors import ProviderGarbled
from sluice.types.chat import ChatResponse, Choice, Json, StopReason, ToolCall

OUTER = ("model", "message", "done", "done_reason", "logprobs", *counts.COUNTS)
_MESSAGE = ("role", "content", "thinking", "images", "tool_calls")


def decode_response(body: JsonObject, quirks: JsonObject = EMPTY) -> ChatResponse:  # noqa: ARG001 - one signature
    """Return the canonical answer. Raises ProviderError for an error in a 200 answer, ProviderGarbled."""
    failure = error_of(body)
    if failure is not None:
        raise failure
    message = body.get("message")
    if not isinstance(message, Mapping) or "done" not in body:
        raise ProviderGarbled("The provider's answer has no message in this format.")
    moment, model = str(body.get("created_at") or ""), str(body.get("model") or "")
    parts = tuple(read_parts(message, moment))
    stop, own_word = stop_of(body, any(isinstance(part, ToolCall) for part in parts))
    extras: dict[str, Json] = {**own_word}
    if more := {name: value for name, value in message.items() if name not in _MESSAGE}:
        extras["message"] = more
    return ChatResponse(
        id=answer_id(moment, model),
        model=model,
        choices=(Choice(parts, stop, logprobs=body.get("logprobs"), extras=extras),),
        usage=counts.read(body),
        created=epoch(moment),
        dialect=NAME,
        extras={name: value for name, value in body.items() if name not in OUTER},
    )


def stop_of(answer: Mapping[str, Json], calls: bool) -> tuple[StopReason | None, dict[str, Json]]:
    """Return why an answer ended, and the wire's own word where the canonical one loses it."""
    if answer.get("done") is not True:
        return None, {}
    given = answer.get("done_reason")
    word = given if isinstance(given, str) and given else "stop"  # older hosts give none
    stop = DONE_REASONS.get(word, "unknown")
    kept: dict[str, Json] = {} if WIRE_STOPS[stop] == word else {"done_reason": word}
    return cast(StopReason, "tool_calls" if calls and stop == "stop" else stop), kept
