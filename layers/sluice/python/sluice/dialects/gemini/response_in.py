"""Whole answers of the Gemini dialect, read."""

from __future__ import annotations

from collections.abc import Mapping

from sluice.dialects.base import EMPTY, JsonObject
from sluice.dialects.gemini import usage as counts
from sluice.dialects.gemini.candidates import (
    OUTER,
    blocked,
    candidates_of,
    extras_of,
    finish_word,
    index_of,
    parts_of,
    stop_of,
)
from sluice.dialects.gemini.casing import camel
from sluice.dialects.gemini.failures import error_of
from sluice.dialects.gemini.names import NAME
from sluice.dialects.gemini.parts_in import CallNames, read_parts
from sluice.errors import ProviderGarbled
from sluice.types.chat import ChatResponse, Choice, Json, Part, Text, ToolCall


def decode_response(body: JsonObject, quirks: JsonObject = EMPTY) -> ChatResponse:  # noqa: ARG001 - one signature
    """Return the canonical answer. Raises ProviderError for an error in a 200 answer, ProviderGarbled."""
    failure = error_of(body)
    if failure is not None:
        raise failure
    answer = camel(body)
    if not {"candidates", "promptFeedback", "usageMetadata"} & answer.keys():
        raise ProviderGarbled("The provider's answer has no candidates.")
    identity = str(answer.get("responseId") or "")
    choices = tuple(_choice(found, place, identity) for place, found in enumerate(candidates_of(answer)))
    if not choices:
        choices = (Choice((), "content_filter" if blocked(answer) else "unknown"),)
    return ChatResponse(
        id=identity,
        model=str(answer.get("modelVersion") or ""),
        choices=choices,
        usage=counts.of(answer),
        dialect=NAME,
        extras={name: value for name, value in answer.items() if name not in OUTER},
    )


def _choice(candidate: Mapping[str, Json], place: int, identity: str) -> Choice:
    index = index_of(candidate, place)
    names = CallNames(f"{identity}/{index}", answering=True)
    parts = tuple(part for part in read_parts(parts_of(candidate) or [], names) if not _blank(part))
    reason = finish_word(candidate.get("finishReason"))
    extras = extras_of(candidate)
    if not reason:
        return Choice(parts, None, index, logprobs=candidate.get("logprobsResult"), extras=extras)
    stop, own_word = stop_of(reason, any(isinstance(part, ToolCall) for part in parts))
    return Choice(parts, stop, index, logprobs=candidate.get("logprobsResult"), extras={**extras, **own_word})


def _blank(part: Part) -> bool:
    return isinstance(part, Text) and not part.text
