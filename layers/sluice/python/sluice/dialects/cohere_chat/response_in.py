"""Whole answers of the Cohere chat dialect, read.

The vendor's own account of usage and its citations are kept beside the canonical answer, so that this dialect writes
them back as they came.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from sluice.dialects.base import EMPTY, JsonObject
from sluice.dialects.cohere_chat import usage as counts
from sluice.dialects.cohere_chat.citations import with_pages
from sluice.dialects.cohere_chat.failures import error_of
from sluice.dialects.cohere_chat.messages_in import read_parts
from sluice.dialects.cohere_chat.names import FINISH_REASONS, NAME, WIRE_STOPS
from sluice.errors import ProviderGarbled
from sluice.types.chat import ChatResponse, Choice, Json, StopReason

_OUTER = ("id", "message", "finish_reason", "logprobs", "model")
_MESSAGE = ("role", "content", "tool_plan", "tool_calls")


def decode_response(body: JsonObject, quirks: JsonObject = EMPTY) -> ChatResponse:  # noqa: ARG001 - one signature
    """Return the canonical answer. Raises ProviderError for an error in a 200 answer, ProviderGarbled."""
    failure = error_of(body)
    if failure is not None:
        raise failure
    message = body.get("message")
    if not isinstance(message, Mapping):
        raise ProviderGarbled("The provider's answer has no message.")
    stop, own_word = stop_of(body.get("finish_reason"))
    extras: dict[str, Json] = {**own_word}
    if more := {name: value for name, value in message.items() if name not in _MESSAGE}:
        extras["message"] = more
    model, parts = body.get("model"), with_pages(tuple(read_parts(message)), message.get("citations"))
    return ChatResponse(
        id=str(body.get("id") or ""),
        model=model if isinstance(model, str) else "",
        choices=(Choice(parts, stop, logprobs=body.get("logprobs"), extras=extras),),
        usage=counts.read(body.get("usage")),
        dialect=NAME,
        extras={name: value for name, value in body.items() if name not in _OUTER},
    )


def stop_of(reason: Json) -> tuple[StopReason | None, dict[str, Json]]:
    """Return the canonical stop reason, and the wire's own word where the canonical one loses it."""
    if not isinstance(reason, str) or not reason:
        return None, {}
    stop = FINISH_REASONS.get(reason, "unknown")
    return cast(StopReason, stop), {} if WIRE_STOPS[stop] == reason else {"finish_reason": reason}
