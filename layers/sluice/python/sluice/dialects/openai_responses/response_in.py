"""Reads a whole answer into its canonical form."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sluice.dialects.base import EMPTY, JsonObject
from sluice.dialects.openai_responses import usage as counts
from sluice.dialects.openai_responses.failures import failure_in
from sluice.dialects.openai_responses.items_in import LAYOUT, is_message, left_over, read_output
from sluice.dialects.openai_responses.names import NAME
from sluice.dialects.openai_responses.status import read_status
from sluice.errors import ProviderGarbled
from sluice.types.chat import ChatResponse, Choice, Json, Refusal, ToolCall

_KNOWN = ("id", "object", "created_at", "model", "output", "usage", "status", "error", "incomplete_details")


def decode_response(body: JsonObject, quirks: JsonObject = EMPTY) -> ChatResponse:
    """Return the canonical answer; see `ChatDialect.decode_response`."""
    failure = failure_in(body)
    if failure is not None:
        raise failure
    output = body.get("output")
    if not isinstance(output, list):
        raise ProviderGarbled("The provider's answer holds no output list.")
    parts, layouts = read_output(output)
    calls = any(isinstance(part, ToolCall) for part in parts)
    stop, kept = read_status(body, calls, any(isinstance(part, Refusal) and part.text for part in parts))
    extras: dict[str, Json] = {LAYOUT: tuple(layouts)} if layouts else {}
    usage, created = counts.read(body, quirks), body.get("created_at")
    known = _KNOWN if usage is None else (*_KNOWN, "service_tier")
    return ChatResponse(
        id=str(body.get("id") or ""),
        model=str(body.get("model") or ""),
        choices=(Choice(parts, stop, logprobs=_logprobs(output), extras={**extras, **kept}),),
        usage=usage,
        created=int(created) if isinstance(created, int | float) else 0,
        dialect=NAME,
        extras=left_over(body, *known),
    )


def _logprobs(output: Iterable[Json]) -> Json:
    """Return the log probabilities of all texts, in the form that Chat Completions gives them."""
    found: list[Json] = []
    for item in output:
        content = item.get("content") if isinstance(item, Mapping) and is_message(item) else None
        for part in content if isinstance(content, list) else ():
            entries = part.get("logprobs") if isinstance(part, Mapping) else None
            found.extend(entries if isinstance(entries, list) else ())
    return {"content": found} if found else None
