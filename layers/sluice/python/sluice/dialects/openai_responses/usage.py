"""Token counts of the Responses dialect, in both directions.

Rules: `input_tokens` includes what was read from the cache, `output_tokens` the reasoning, also at hosts that leave it
out of `completion_tokens` (xAI, as its totals show, 2026-11): that quirk is none of this dialect's. The details are
always written, 0 where there is nothing, because clients (Codex) refuse an answer without them. A report of nothing but
zeros is none: the gateway then counts for itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from sluice.dialects.base import EMPTY, JsonObject
from sluice.types.usage import Usage


def read(answer: Mapping[str, object], quirks: JsonObject = EMPTY) -> Usage | None:  # noqa: ARG001 - one signature
    """Return the usage that a response object reports, None where it reports none."""
    if not isinstance(answer.get("usage"), Mapping):
        return None
    from sluice.dialects.openai_chat import usage as counts

    found = counts.read(answer)
    if found is None or (found.total == 0 and found.provider_cost_usd is None):
        return None
    return found if found.search_requests else replace(found, search_requests=_searches(answer))


def write(usage: Usage | None) -> dict[str, object]:
    """Return the `usage` member of an answer; zeros when nothing is known."""
    known = usage or Usage()
    inside: dict[str, object] = {
        "cached_tokens": known.cache_read,
        "cache_write_tokens": known.cache_write_5m + known.cache_write_1h,
    }
    written: dict[str, object] = {
        "input_tokens": known.prompt,
        "input_tokens_details": inside,
        "output_tokens": known.output,
        "output_tokens_details": {"reasoning_tokens": known.reasoning},
        "total_tokens": known.total,
    }
    if known.cache_write_1h:
        written["cache_creation"] = {
            "ephemeral_5m_input_tokens": known.cache_write_5m,
            "ephemeral_1h_input_tokens": known.cache_write_1h,
        }
    for name, tokens in (("audio_tokens", known.audio_input), ("image_tokens", known.image_input)):
        if tokens:
            inside[name] = tokens
    if known.audio_output:
        written["output_tokens_details"] = {
            "reasoning_tokens": known.reasoning,
            "audio_tokens": known.audio_output,
        }
    if known.search_requests:
        written["server_tool_use_details"] = {"web_search_requests": known.search_requests}
    if known.provider_cost_usd is not None:
        written["cost"] = float(known.provider_cost_usd)
    if known.search_context:
        written["search_context_size"] = known.search_context
    return written


def _searches(answer: Mapping[str, object]) -> int:
    """Return how often the vendor searched the web: its own count, or that of the calls in the answer."""
    tools = answer.get("tool_usage")
    search = tools.get("web_search") if isinstance(tools, Mapping) else None
    stated = search.get("num_requests") if isinstance(search, Mapping) else None
    if type(stated) is int and stated > 0:
        return stated
    output = answer.get("output")
    items = output if isinstance(output, list) else []
    return sum(1 for item in items if isinstance(item, Mapping) and item.get("type") == "web_search_call")
