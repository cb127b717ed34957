"""Reads what whole answers and the chunks of streams have in common: candidates and why they ended.

Rules: function calls make `tool_calls` of a plain STOP; the wire's own word is kept where the canonical one loses it.
A blocked prompt has no candidate; it reads as one that was filtered.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from sluice.dialects.gemini.casing import camel, word
from sluice.dialects.gemini.names import FINISH_REASONS, NUMBERED, WIRE_STOPS
from sluice.types.chat import Json, StopReason

_KNOWN = ("content", "finishReason", "index", "logprobsResult")
OUTER = ("candidates", "usageMetadata", "modelVersion", "responseId")


def candidates_of(answer: Mapping[str, Json]) -> list[dict[str, Json]]:
    """Return the candidates of an answer or a chunk, their members in camelCase."""
    found = answer.get("candidates")
    return [camel(item) for item in found if isinstance(item, Mapping)] if isinstance(found, list) else []


def index_of(candidate: Mapping[str, Json], place: int) -> int:
    """Return a candidate's number; the first one's is often left out."""
    index = candidate.get("index")
    return index if type(index) is int and index >= 0 else place


def parts_of(candidate: Mapping[str, Json]) -> Json:
    """Return the `parts` of a candidate's content."""
    return camel(candidate.get("content")).get("parts")


def extras_of(candidate: Mapping[str, Json]) -> dict[str, Json]:
    """Return what only this dialect says of a candidate: ratings, citations, grounding."""
    return {name: value for name, value in candidate.items() if name not in _KNOWN}


def finish_word(found: Json) -> str:
    """Return a finish reason's word, also of one that came as a number; "" when there is none."""
    if type(found) is int:
        return NUMBERED[found] if 0 <= found < len(NUMBERED) else "OTHER"
    return word(found)


def stop_of(reason: str, calls: bool) -> tuple[StopReason, dict[str, Json]]:
    """Return the canonical stop reason, and the wire's own word where the canonical one loses it."""
    stop = FINISH_REASONS.get(reason, "unknown")
    if calls and stop == "stop":
        return "tool_calls", {}
    return cast(StopReason, stop), {} if WIRE_STOPS[stop] == reason else {"finishReason": reason}


def blocked(answer: Mapping[str, Json]) -> bool:
    """Return whether an answer or a chunk says that the prompt was blocked."""
    return bool(camel(answer.get("promptFeedback")).get("blockReason"))
