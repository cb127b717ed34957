"""Token counts of the Converse dialect, in both directions.

Rules: `inputTokens` excludes what was read from or written to the cache, `totalTokens` includes both (AWS API
reference, "TokenUsage", and recorded totals, 2026-11). `cacheDetails` splits what was written by its time to live.
How much of the output was reasoning is not told. This module imports no canonical chat type.
"""

from __future__ import annotations

from collections.abc import Mapping

from sluice.types.usage import Usage


def read(raw: object, tier: object = None) -> Usage | None:
    """Return the canonical counts of a `usage` member and a `serviceTier` member, None when there is no usage."""
    if not isinstance(raw, Mapping) or not raw:
        return None
    written = count(_either(raw, "cacheWriteInputToken"))
    hour = _of_one_hour(raw.get("cacheDetails"), written)
    word = tier.get("type") if isinstance(tier, Mapping) else None
    return Usage(
        input=count(raw.get("inputTokens")),
        cache_read=count(_either(raw, "cacheReadInputToken")),
        cache_write_5m=written - hour,
        cache_write_1h=hour,
        output=count(raw.get("outputTokens")),
        service_tier=word if isinstance(word, str) and word else None,
    )


def write(usage: Usage | None) -> dict[str, object]:
    """Return the `usage` member of an answer; zeros when nothing is known."""
    known = usage or Usage()
    written: dict[str, object] = {
        "inputTokens": known.input,
        "outputTokens": known.output,
        "totalTokens": known.total,
        "cacheReadInputTokens": known.cache_read,
        "cacheWriteInputTokens": known.cache_write_5m + known.cache_write_1h,
    }
    split = (("1h", known.cache_write_1h), ("5m", known.cache_write_5m))
    details = [{"ttl": ttl, "inputTokens": tokens} for ttl, tokens in split if tokens]
    if details:
        written["cacheDetails"] = details
    return written


def count(value: object) -> int:
    """Return a token count; anything that is none counts as zero."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 16:
        return int(value)  # as it stands in a header
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e15:
        return 0
    return int(value)


def _either(raw: Mapping[str, object], stem: str) -> object:
    """Return a member under its documented name or the older one, which answers still carry beside it."""
    value = raw.get(stem + "s")
    return raw.get(stem + "Count") if value is None else value


def _of_one_hour(details: object, written: int) -> int:
    tokens = 0
    for entry in details if isinstance(details, list) else ():
        if isinstance(entry, Mapping) and entry.get("ttl") == "1h":
            tokens += count(entry.get("inputTokens"))
    return min(tokens, written)
