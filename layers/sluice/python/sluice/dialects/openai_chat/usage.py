"""Token counts of Chat Completions answers, under the many names that providers give them.

Rules: `total_tokens` decides whether reasoning and sound are counted inside the prompt and completion figures;
details never exceed the figure they are details of (some hosts report cached tokens beyond the prompt), so the
prompt and output that the provider states are kept. What no total shows is a declared quirk.
"""

from __future__ import annotations

from collections.abc import Mapping

from sluice.dialects.base import EMPTY, JsonObject
from sluice.types.usage import Usage

_TICKS_PER_USD = 10_000_000_000  # xAI's cost_in_usd_ticks, checked against its price list, 2026-03.


def read(body: Mapping[str, object], quirks: JsonObject = EMPTY) -> Usage | None:
    """Return the usage that an answer or a chunk reports, None where it reports none."""
    found = body.get("usage")
    if not isinstance(found, Mapping):
        groq = body.get("x_groq")
        found = groq.get("usage") if isinstance(groq, Mapping) else None
    if not isinstance(found, Mapping):
        return None
    prompt, completion = (
        _first(found, "prompt_tokens", "input_tokens"),
        _first(found, "completion_tokens", "output_tokens"),
    )
    if prompt is None and completion is None:
        return None
    return _usage(found, prompt or 0, completion or 0, body, quirks)


def write(usage: Usage) -> dict[str, object]:
    """Return the `usage` member of an answer; `read` gives the same figures back."""
    inside: dict[str, object] = {"cached_tokens": usage.cache_read, "audio_tokens": usage.audio_input}
    if usage.image_input:
        inside["image_tokens"] = usage.image_input
    written: dict[str, object] = {
        "prompt_tokens": usage.prompt,
        "completion_tokens": usage.output,
        "total_tokens": usage.total,
        "prompt_tokens_details": inside,
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning, "audio_tokens": usage.audio_output},
    }
    if usage.cache_write_5m or usage.cache_write_1h:
        inside["cache_write_tokens"] = usage.cache_write_5m + usage.cache_write_1h
    if usage.cache_write_1h:
        written["cache_creation"] = {
            "ephemeral_5m_input_tokens": usage.cache_write_5m,
            "ephemeral_1h_input_tokens": usage.cache_write_1h,
        }
    if usage.search_requests:
        written["server_tool_use_details"] = {"web_search_requests": usage.search_requests}
    if usage.provider_cost_usd is not None:
        written["cost"] = float(usage.provider_cost_usd)
    if usage.search_context:
        written["search_context_size"] = usage.search_context
    return written


def newer(old: Usage | None, new: Usage | None) -> Usage | None:
    """Return which of two reports of one stream holds: the later, unless it counts nothing."""
    return old if new is None or (old is not None and not new.total) else new


def _usage(
    found: Mapping[str, object], prompt: int, completion: int, body: Mapping[str, object], quirks: JsonObject
) -> Usage:
    inside = _details(found, "prompt_tokens_details", "input_tokens_details")
    outside = _details(found, "completion_tokens_details", "output_tokens_details")
    reasoning = _most(outside, "reasoning_tokens") or _most(found, "reasoning_tokens")
    audio_input = _most(inside, "audio_tokens") or _most(found, "audio_prompt_tokens")
    surplus = max(0, (_first(found, "total_tokens") or 0) - prompt - completion)
    if surplus and surplus in (audio_input, audio_input + reasoning):
        prompt += audio_input
        surplus -= audio_input
    if surplus and surplus == reasoning:
        completion += reasoning
    elif quirks.get("reasoning_outside_completion") is True:
        reasoning = reasoning or surplus
        completion += reasoning
    cached = min(prompt, _cached(found, inside))
    short, long = _written(found, inside)
    long = min(long, prompt - cached)
    short = min(short, prompt - cached - long)
    fresh = prompt - cached - short - long
    return Usage(
        input=fresh,
        cache_read=cached,
        cache_write_5m=short,
        cache_write_1h=long,
        output=completion,
        reasoning=min(reasoning, completion),
        audio_input=min(audio_input, fresh),
        audio_output=min(_most(outside, "audio_tokens"), completion),
        image_input=min(_most(inside, "image_tokens"), fresh),
        search_requests=_searches(found),
        provider_cost_usd=_cost(found, body),
        service_tier=_word(body.get("service_tier")) or _word(found.get("service_tier")),
        search_context=_word(found.get("search_context_size")),
    )


def _cached(found: Mapping[str, object], inside: Mapping[str, object]) -> int:
    return max(
        _most(inside, "cached_tokens"),
        _most(found, "prompt_cache_hit_tokens", "cached_tokens", "num_cached_tokens", "cache_read_input_tokens"),
    )


def _written(found: Mapping[str, object], inside: Mapping[str, object]) -> tuple[int, int]:
    """Return tokens written to a cache for minutes and for longer."""
    spans = _details(found, "cache_creation")
    long = _most(spans, "ephemeral_1h_input_tokens") + _most(spans, "ephemeral_24h_input_tokens")
    written = max(
        _most(inside, "cache_write_tokens", "cache_creation_tokens"), _most(found, "cache_creation_input_tokens")
    )
    return max(written - long, _most(spans, "ephemeral_5m_input_tokens")), long


def _searches(found: Mapping[str, object]) -> int:
    details = _details(found, "server_tool_use_details", "server_tool_use")
    return _most(details, "web_search_requests") or _most(found, "num_search_queries")


def _cost(found: Mapping[str, object], body: Mapping[str, object]) -> str | None:
    ticks = _number(found.get("cost_in_usd_ticks"))
    if ticks is not None:
        return decimal(ticks / _TICKS_PER_USD)
    cost = found.get("cost")
    if isinstance(cost, Mapping):
        cost = cost.get("total_cost")
    stated = _number(cost)
    if stated is not None and found.get("is_byok") is True:
        # OpenRouter: `cost` is its fee alone when the tokens are billed to the caller's own key.
        upstream = _number(_details(found, "cost_details").get("upstream_inference_cost"))
        return decimal(stated + (upstream or 0))
    for value in (stated, _number(found.get("estimated_cost")), _number(found.get("total_cost"))):
        if value is not None:
            return decimal(value)
    own = body.get("cost")
    value = _number(own.get("usd") if isinstance(own, Mapping) else None)
    return None if value is None else decimal(value)


def decimal(value: float) -> str:
    """Return a figure as a plain decimal string, never with an exponent."""
    text = repr(value)
    mantissa, _, power = text.partition("e")
    if not power:
        return text.removesuffix(".0")
    digits = mantissa.replace(".", "").lstrip("0") or "0"
    point = (mantissa.index(".") if "." in mantissa else len(mantissa)) + int(power)
    if point <= 0:
        return f"0.{'0' * -point}{digits}".rstrip("0").rstrip(".")
    return digits.ljust(point, "0")


def _details(found: Mapping[str, object], *names: str) -> Mapping[str, object]:
    for name in names:
        value = found.get(name)
        if isinstance(value, Mapping):
            return value
    return EMPTY


def _most(found: Mapping[str, object], *names: str) -> int:
    most = 0
    for name in names:
        value = found.get(name)
        if value:  # most are absent or 0, and this runs for every request
            most = max(most, _count(value) or 0)
    return most


def _first(found: Mapping[str, object], *names: str) -> int | None:
    for name in names:
        value = _count(found.get(name))
        if value is not None:
            return value
    return None


def _count(value: object) -> int | None:
    number = _number(value)
    return None if number is None else int(number)


def _number(value: object) -> float | None:
    """Return a finite number that is not negative; numbers in strings count."""
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e15:
        return None
    return value


def _word(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
