"""Token counts of embeddings answers: those of Chat Completions, and hosts that state only a total (Voyage AI)."""

from __future__ import annotations

import json
from collections.abc import Mapping

from sluice.dialects.base import EMPTY, JsonObject
from sluice.dialects.openai_chat import usage as chat
from sluice.types.usage import Usage


def read_usage(body: bytes, quirks: JsonObject = EMPTY) -> Usage | None:  # noqa: ARG001 - one signature
    """Return the usage of a whole 200 answer, or None. The vectors before and after it are not parsed."""
    found = _member(body, b'"usage"')
    return read({"usage": found})


def read(body: Mapping[str, object]) -> Usage | None:
    """Return the usage that an answer reports, None where it reports none."""
    found = body.get("usage")
    if isinstance(found, Mapping) and "prompt_tokens" not in found and "input_tokens" not in found:
        body = {**body, "usage": {"prompt_tokens": found.get("total_tokens"), **found}}
    return chat.read(body)


def write(usage: Usage) -> dict[str, object]:
    """Return the `usage` member of an answer; `read` gives the same figures back."""
    written: dict[str, object] = {"prompt_tokens": usage.prompt, "total_tokens": usage.total}
    inside = {"audio_tokens": usage.audio_input, "image_tokens": usage.image_input}
    if any(inside.values()):
        written["prompt_tokens_details"] = inside
    if usage.provider_cost_usd is not None:
        written["cost"] = float(usage.provider_cost_usd)
    return written


def _member(body: bytes, name: bytes) -> object:
    """Return the value of the last member of that name, None when there is none that can be read."""
    place = body.rfind(name)
    if place < 0:
        return None
    colon = body.find(b":", place)
    try:
        found: object = json.JSONDecoder().raw_decode(body[colon + 1 :].decode("utf-8", "replace").lstrip())[0]
    except (ValueError, RecursionError):
        return None
    return found
