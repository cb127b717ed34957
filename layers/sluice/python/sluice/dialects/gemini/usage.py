"""Token counts of the Gemini dialect, in both directions.

Rules: `promptTokenCount` includes what came from the cache and leaves out what the vendor's own tools read
(`toolUsePromptTokenCount`); thoughts stand outside `candidatesTokenCount` and are billed as output (vendor docs,
"UsageMetadata", 2026-11). Every chunk of a stream reports anew, so the last report that counts anything holds.
This module imports no canonical chat type.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from sluice.dialects.gemini.casing import camel, word
from sluice.types.usage import Usage

_TRAFFIC = {"ON_DEMAND_FLEX": "flex", "ON_DEMAND_PRIORITY": "priority"}
_MODALITIES = ("MODALITY_UNSPECIFIED", "TEXT", "IMAGE", "VIDEO", "AUDIO", "DOCUMENT")


def read(found: object) -> Usage | None:
    """Return the canonical counts of a `usageMetadata` member, None where it counts nothing."""
    raw = camel(found)
    if not any(name.endswith("TokenCount") for name in raw):
        return None
    prompt = count(raw.get("promptTokenCount"))
    cached = min(count(raw.get("cachedContentTokenCount")), prompt)
    fresh = prompt - cached + count(raw.get("toolUsePromptTokenCount"))
    thoughts = count(raw.get("thoughtsTokenCount"))
    output = count(raw.get("candidatesTokenCount", raw.get("responseTokenCount"))) + thoughts
    inside, kept = _modalities(raw.get("promptTokensDetails")), _modalities(raw.get("cacheTokensDetails"))
    out = _modalities(raw.get("candidatesTokensDetails", raw.get("responseTokensDetails")))
    return Usage(
        input=fresh,
        cache_read=cached,
        cache_read_audio=_within(kept.get("AUDIO", 0), cached),
        output=output,
        reasoning=thoughts,
        audio_input=_within(inside.get("AUDIO", 0) - kept.get("AUDIO", 0), fresh),
        audio_output=_within(out.get("AUDIO", 0), output),
        image_output=_within(out.get("IMAGE", 0), output - thoughts),
        image_input=_within(inside.get("IMAGE", 0) - kept.get("IMAGE", 0), fresh),
        service_tier=_tier(raw),
    )


def of(answer: Mapping[str, object]) -> Usage | None:
    """Return the usage of a whole answer, its members in camelCase; searches that grounded it are billed apart."""
    return with_searches(read(answer.get("usageMetadata")), searches(answer))


def searches(answer: Mapping[str, object]) -> int:
    """Return how many web searches an answer or a chunk tells of."""
    candidates = answer.get("candidates")
    found = 0
    for candidate in candidates if isinstance(candidates, list) else ():
        queries = camel(camel(candidate).get("groundingMetadata")).get("webSearchQueries")
        found += len(queries) if isinstance(queries, list) else 0
    return found


def with_searches(usage: Usage | None, number: int) -> Usage | None:
    """Return usage with the number of web searches."""
    return replace(usage, search_requests=number) if usage is not None and number else usage


def write(usage: Usage) -> dict[str, object]:
    """Return the `usageMetadata` member of an answer; `read` gives the same figures back."""
    spoken = usage.output - usage.reasoning
    written: dict[str, object] = {
        "promptTokenCount": usage.prompt,
        "candidatesTokenCount": spoken,
        "totalTokenCount": usage.total,
    }
    if usage.cache_read:
        written["cachedContentTokenCount"] = usage.cache_read
    if usage.reasoning:
        written["thoughtsTokenCount"] = usage.reasoning
    heard = usage.audio_input + usage.cache_read_audio
    inputs = (("AUDIO", heard), ("IMAGE", usage.image_input))
    text = usage.prompt - heard - usage.image_input
    if usage.cache_read_audio:
        written["cacheTokensDetails"] = [{"modality": "AUDIO", "tokenCount": usage.cache_read_audio}]
    details = [{"modality": name, "tokenCount": tokens} for name, tokens in (("TEXT", text), *inputs) if tokens > 0]
    if details:
        written["promptTokensDetails"] = details
    outputs = (("AUDIO", usage.audio_output), ("IMAGE", usage.image_output))
    made = [{"modality": name, "tokenCount": tokens} for name, tokens in outputs if tokens]
    if made:
        written["candidatesTokensDetails"] = made
    if usage.service_tier is not None:
        written["serviceTier"] = usage.service_tier
    return written


def count(value: object) -> int:
    """Return a token count; anything that is none counts as zero."""
    if isinstance(value, str) and value.isdigit() and len(value) < 16:
        return int(value)  # int64 of the vendor's JSON
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e15:
        return 0
    return int(value)


def _modalities(found: object) -> dict[str, int]:
    totals: dict[str, int] = {}
    for entry in found if isinstance(found, list) else ():
        detail = camel(entry)
        name = detail.get("modality")
        if isinstance(name, int) and 0 <= name < len(_MODALITIES):
            name = _MODALITIES[name]
        totals[word(name)] = totals.get(word(name), 0) + count(detail.get("tokenCount"))
    return totals


def _within(tokens: int, most: int) -> int:
    return max(0, min(tokens, most))


def _tier(raw: dict[str, object]) -> str | None:
    """Return what the price depends on: the tier, or Vertex's kind of traffic where it is not the usual one."""
    tier = raw.get("serviceTier")
    if isinstance(tier, str) and tier:
        return tier.lower()
    return _TRAFFIC.get(word(raw.get("trafficType")))
