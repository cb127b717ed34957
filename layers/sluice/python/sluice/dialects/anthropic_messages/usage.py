"""Token counts of the Messages dialect, in both directions.

Rules: `input_tokens` excludes what was read from or written to the cache. Figures of a stream are cumulative, so a
later report overwrites an earlier one, but a report without any prompt tokens does not erase those already known
(some hosts send zeros at the end). Top-level figures leave out compaction passes, which are billed all the same, so
those are added (vendor docs, "Compaction", 2026-10). Passes of another model (advisor) are not: another price holds.
"""

from __future__ import annotations

from collections.abc import Mapping

from sluice.types.usage import Usage

_PROMPT = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
_ANYWHERE = ("global", "not_available")
_ADDED = frozenset({"compaction"})


def overlay(known: dict[str, object], report: object) -> None:
    """Lay a later usage object over what is `known`, in place."""
    if not isinstance(report, dict):
        return
    prompt_known = any(count(report.get(name)) for name in _PROMPT)
    written = report.get("cache_creation_input_tokens")
    if written is not None and prompt_known and not isinstance(report.get("cache_creation"), dict):
        split = known.get("cache_creation")
        if isinstance(split, dict) and sum(map(count, split.values())) > count(written):
            del known["cache_creation"]
    for name, value in report.items():
        if value is None:
            continue
        if value == 0 and known.get(name) and not (prompt_known and name in _PROMPT):
            continue
        known[name] = value


def read(raw: Mapping[str, object] | None) -> Usage | None:
    """Return the canonical counts of a usage object, None when there is none."""
    if not isinstance(raw, Mapping) or not raw:
        return None
    total = _one(raw)
    iterations = raw.get("iterations")
    if isinstance(iterations, list):
        for entry in iterations:
            if isinstance(entry, dict) and entry.get("type") in _ADDED:
                total = _sum(total, _one(entry))
    return total


def write(usage: Usage | None) -> dict[str, object]:
    """Return the usage object of a whole answer; zeros when nothing is known."""
    known = usage or Usage()
    written: dict[str, object] = {
        "input_tokens": known.input,
        "cache_creation_input_tokens": known.cache_write_5m + known.cache_write_1h,
        "cache_read_input_tokens": known.cache_read,
        "cache_creation": {
            "ephemeral_5m_input_tokens": known.cache_write_5m,
            "ephemeral_1h_input_tokens": known.cache_write_1h,
        },
        "output_tokens": known.output,
    }
    if known.reasoning:
        written["output_tokens_details"] = {"thinking_tokens": known.reasoning}
    if known.search_requests:
        written["server_tool_use"] = {"web_search_requests": known.search_requests}
    if known.service_tier:
        written["service_tier"] = known.service_tier
    if known.inference_geo:
        written["inference_geo"] = known.inference_geo
    return written


def count(value: object) -> int:
    """Return a token count; anything that is none counts as zero."""
    if type(value) is int:
        return max(value, 0)
    return max(int(value), 0) if isinstance(value, float) and abs(value) < 1e15 else 0


def _one(raw: Mapping[str, object]) -> Usage:
    split, details, tools = raw.get("cache_creation"), raw.get("output_tokens_details"), raw.get("server_tool_use")
    five_minutes, one_hour = _cache_writes(raw.get("cache_creation_input_tokens"), split)
    tier, geo = raw.get("service_tier"), raw.get("inference_geo")
    return Usage(
        input=count(raw.get("input_tokens")),
        cache_read=count(raw.get("cache_read_input_tokens")),
        cache_write_5m=five_minutes,
        cache_write_1h=one_hour,
        output=count(raw.get("output_tokens")),
        reasoning=count(details.get("thinking_tokens")) if isinstance(details, dict) else 0,
        search_requests=count(tools.get("web_search_requests")) if isinstance(tools, dict) else 0,
        service_tier=tier if isinstance(tier, str) else None,
        inference_geo=geo if isinstance(geo, str) and geo not in _ANYWHERE else None,
        provider_cost_usd=_cost(raw),
    )


def _cost(raw: Mapping[str, object]) -> str | None:
    """Return the cost that a router of many hosts states (OpenRouter); its fee alone when the caller's key paid."""
    cost, details = raw.get("cost"), raw.get("cost_details")
    if isinstance(cost, bool) or not isinstance(cost, int | float):
        return None
    from sluice.dialects.openai_chat.usage import decimal

    upstream = details.get("upstream_inference_cost") if isinstance(details, dict) else None
    paid_elsewhere = raw.get("is_byok") is True and isinstance(upstream, int | float)
    return decimal(cost + upstream) if paid_elsewhere else decimal(cost)  # type: ignore[operator]


def _cache_writes(total: object, split: object) -> tuple[int, int]:
    """Return tokens written for five minutes and for one hour; a total without a split is the shorter one's."""
    five_minutes = one_hour = 0
    if isinstance(split, dict):
        five_minutes = count(split.get("ephemeral_5m_input_tokens"))
        one_hour = count(split.get("ephemeral_1h_input_tokens"))
    missing = count(total) - five_minutes - one_hour
    if missing > 0:
        if one_hour and not five_minutes:
            one_hour += missing
        else:
            five_minutes += missing
    return five_minutes, one_hour


def _sum(one: Usage, other: Usage) -> Usage:
    return Usage(
        input=one.input + other.input,
        cache_read=one.cache_read + other.cache_read,
        cache_write_5m=one.cache_write_5m + other.cache_write_5m,
        cache_write_1h=one.cache_write_1h + other.cache_write_1h,
        output=one.output + other.output,
        reasoning=one.reasoning + other.reasoning,
        search_requests=one.search_requests + other.search_requests,
        provider_cost_usd=one.provider_cost_usd,
        service_tier=one.service_tier,
        inference_geo=one.inference_geo,
    )
