"""Reads what image and audio answers say about their usage.

Tokens: {"input_tokens", "input_tokens_details" or "input_token_details": {"text_tokens", "image_tokens",
"audio_tokens"}, "output_tokens", "output_tokens_details": {...}, "total_tokens"}; sound by time: {"type": "duration",
"seconds"}; Mistral counts sound beside its prompt: {"prompt_audio_seconds", "prompt_tokens", "prompt_tokens_details"}
(vendors' API references, 2026-11). Costs are read as in chat answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from sluice.dialects.base import EMPTY, JsonObject
from sluice.dialects.openai_chat.usage import decimal, read
from sluice.types.usage import Usage

_LONGEST_SECONDS = 1e8
TOKENS_PER_SECOND = 10
"""Tokens that OpenAI's transcription models make of a second of sound, as answers of 2026 count them."""
CHARACTERS_PER_TOKEN = 4


def tokens(body: JsonObject, *, drawn: bool = False) -> Usage | None:
    """Return the tokens, cost and seconds that `usage` states, None where it states none of them.

    `drawn` says that output tokens are a picture's unless the details tell otherwise.
    """
    found = body.get("usage")
    if not isinstance(found, Mapping):
        return None
    usage = read(body) or Usage()
    inside = _details(found, "input_token_details")  # audio endpoints write it without the s
    if inside and not usage.audio_input:
        usage = replace(usage, audio_input=min(_whole(inside.get("audio_tokens")), usage.input))
    if drawn:
        outside = _details(found, "output_tokens_details")
        stated = _whole(outside.get("image_tokens")) if outside else usage.output
        usage = replace(usage, image_output=min(stated, usage.output))
    heard = milliseconds(found.get("seconds")) or milliseconds(found.get("prompt_audio_seconds"))
    cost = usage.provider_cost_usd
    if cost is None and isinstance(stated_cost := found.get("cost_in_usd_ticks"), int | float):
        cost = decimal(stated_cost / 1e10)  # xAI's unit, as in chat answers
    usage = replace(usage, audio_ms=heard, provider_cost_usd=cost)
    return usage if usage.total or usage.audio_ms or usage.provider_cost_usd is not None else None


def summed(one: Usage | None, other: Usage | None) -> Usage | None:
    """Return two reports that each stand for pictures of their own, as one."""
    if one is None or other is None:
        return one or other
    counts = {
        name: getattr(one, name) + getattr(other, name)
        for name in ("input", "output", "image_input", "image_output", "images", "images_sent")
    }
    return replace(one.merged(other), **counts)


def milliseconds(seconds: object) -> int:
    """Return seconds, a number or its text, as whole milliseconds; 0 for what is no length of time."""
    try:
        value = float(seconds) if isinstance(seconds, int | float | str) else 0.0
    except ValueError:
        return 0
    return round(value * 1000) if 0 < value < _LONGEST_SECONDS else 0


def heard(audio_ms: int, text: str) -> Usage:
    """Return a guess from the length of a sound and what was written of it, for answers that report nothing."""
    spoken = -(-audio_ms * TOKENS_PER_SECOND // 1000)
    written = -(-len(text) // CHARACTERS_PER_TOKEN)
    return Usage(input=spoken, audio_input=spoken, output=written, audio_ms=audio_ms, estimated=True)


def _details(found: Mapping[str, object], name: str) -> Mapping[str, object]:
    value = found.get(name)
    return value if isinstance(value, Mapping) else EMPTY


def _whole(value: object) -> int:
    return int(value) if isinstance(value, int | float) and 0 <= value < 1e15 else 0
