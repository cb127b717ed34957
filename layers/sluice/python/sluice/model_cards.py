"""How a model is described to callers: limits, modalities, prices, and the parameters that a request may have.

The card is OpenAI's model object with what OpenRouter's clients look for (`context_length`, `architecture`, `pricing`,
`supported_parameters`; https://openrouter.ai/docs/api/api-reference/models, 2026-11) and the gateway's own members.
Rules: a parameter is listed when one of the ways in which the model can be asked has a place for it, its provider does
not reject it, and the model has the capability that it needs; where no capability was stated, it is taken to have all.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping

from sluice.metering.pricing import price_of
from sluice.types.catalogue import Model, Price, PriceTier, Provider
from sluice.types.clock import Millis
from sluice.types.routes import Plan

_SAMPLING = ("max_tokens", "temperature", "top_p")
_TOOLS = ("tools", "tool_choice")
_FORMATS = ("response_format", "structured_outputs")
_THINKING = ("reasoning", "reasoning_effort", "include_reasoning")
_ODDS = ("logprobs", "top_logprobs")
_PENALTIES = ("frequency_penalty", "presence_penalty")
_ALL = (*_SAMPLING, *_TOOLS, *_FORMATS, *_THINKING)
_OF_DIALECT: Mapping[str, tuple[str, ...]] = {
    "openai_chat": (*_ALL, *_PENALTIES, *_ODDS, "stop", "seed", "logit_bias", "n", "parallel_tool_calls"),
    "openai_responses": (*_ALL, *_ODDS, "parallel_tool_calls"),
    "anthropic_messages": (*_ALL, "stop", "top_k", "parallel_tool_calls"),
    "gemini": (*_ALL, *_PENALTIES, *_ODDS, "stop", "seed", "top_k", "n"),
    "bedrock_converse": (*_ALL, "stop"),
    "cohere_chat": (*_ALL, *_PENALTIES, "stop", "seed", "top_k", "logprobs"),
    "ollama_chat": (*_ALL, *_PENALTIES, *_ODDS, "stop", "seed", "top_k"),
    "snowflake_complete": (*_ALL,),
    "openai_completions": (*_SAMPLING, *_PENALTIES, "stop", "seed", "logit_bias", "n", "logprobs"),
    "openai_embeddings": ("dimensions", "encoding_format"),
    "cohere_embeddings": ("dimensions", "encoding_format"),
    "gemini_embeddings": ("dimensions", "encoding_format"),
    "gemini_embed_content": ("dimensions", "encoding_format"),
    "vertex_embeddings": ("dimensions", "encoding_format"),
    "bedrock_embeddings": ("dimensions", "encoding_format"),
    "ollama_embeddings": ("dimensions", "encoding_format"),
}
_NEEDS: Mapping[str, frozenset[str]] = {
    **dict.fromkeys((*_TOOLS, "parallel_tool_calls"), frozenset({"tools"})),
    **dict.fromkeys(_THINKING, frozenset({"reasoning"})),
    **dict.fromkeys(_ODDS, frozenset({"logprobs"})),
    "response_format": frozenset({"json_object", "json_schema", "tools"}),
    "structured_outputs": frozenset({"json_schema"}),
}
"""Parameter -> the capabilities of which the model must have one; a JSON answer is asked for by a tool at the least."""
_NEVER_ASKED = ("none",)
_PER_TOKEN = {
    "prompt": "input",
    "completion": "output",
    "input_cache_read": "cache_read",
    "input_cache_write": "cache_write_5m",
    "internal_reasoning": "reasoning",
}
_EACH = {"request": "request", "web_search": "search"}


def card_of(provider: Provider, model: Model, now_ms: Millis) -> dict[str, object]:
    """Return the card of one model as it stands at `now_ms` (epoch milliseconds; 0: today)."""
    return {
        "id": f"{provider.name}/{model.id}",
        "object": "model",
        "created": 0,
        "owned_by": provider.name,
        "name": model.id,
        "context_length": model.context,
        "max_output_tokens": model.max_output,
        "architecture": {"input_modalities": list(model.inputs), "output_modalities": list(model.outputs)},
        "capabilities": sorted(model.capabilities),
        "operations": list(model.operations),
        "supported_parameters": list(supported_parameters(provider, model)),
        "pricing": pricing_of(model, now_ms),
        "unpriced": model.unpriced or None,
        "aliases": list(model.aliases),
        "deprecated": model.deprecated,
    }


def route_card(name: str, plan: Plan | None) -> dict[str, object]:
    """Return the card of a route; with its `plan`, the deployments it leads to."""
    card: dict[str, object] = {
        "id": name,
        "object": "model",
        "created": 0,
        "owned_by": "sluice",
        "name": name,
        "route": True,
    }
    if plan is not None:
        card["deployments"] = [choice.deployment.name for choice in plan.choices]
    return card


def supported_parameters(provider: Provider, model: Model) -> tuple[str, ...]:
    """Return the parameters that a request for the model may have, sorted, in Chat Completions' names."""
    quirks = {**provider.quirks, **model.quirks}
    spoken = [
        endpoint.dialect
        for endpoint in provider.endpoints
        if endpoint.operation in model.operations
        and (endpoint.operation != "chat" or not model.dialects or endpoint.dialect in model.dialects)
    ]
    found = {name for dialect in spoken for name in _OF_DIALECT.get(dialect, ())}
    if (quirks.get("top_k") is True and "openai_chat" in spoken) or (
        "bedrock_converse" in spoken and "top_k_field" in quirks
    ):
        found.add("top_k")
    rejected = {*_words(quirks.get("drop")), *_words(quirks.get("refuse"))}
    if "max_completion_tokens" in rejected:
        rejected.add("max_tokens")
    if quirks.get("parallel_tool_calls") is False:
        rejected.add("parallel_tool_calls")
    if quirks.get("json_schema") is False and "json_schema" not in model.capabilities:
        rejected.add("structured_outputs")
    if not _can_be_told_to_think(spoken, quirks):
        rejected.update(("reasoning", "reasoning_effort"))
    return tuple(sorted(name for name in found - rejected if _capable(model, name)))


def pricing_of(model: Model, now_ms: Millis) -> dict[str, object] | None:
    """Return the standard price in force in USD as text, with the other tiers and dates; None for an unpriced model.

    `tiers` are by the million tokens, and what is not counted in tokens has its own unit (`PriceTier`). `prompt`,
    `completion` and their like are the first tier's, by the token, as OpenRouter's clients read them.
    """
    moment = time.gmtime(now_ms / 1000) if now_ms else time.gmtime()
    day = time.strftime("%Y-%m-%dT%H:%M", moment)
    price = price_of(model, day)
    if price is None:
        return None
    shown: dict[str, object] = {
        "unit": "USD per million tokens",
        "from": price.starts or None,
        "version": price.version or None,
        "tiers": _tiers(price),
    }
    rates = price.tiers[0].rates
    shown.update({name: _usd(rates[part], 10**15) for name, part in _PER_TOKEN.items() if part in rates})
    shown.update({name: _usd(rates[part], 10**9) for name, part in _EACH.items() if part in rates})
    others = [p for p in model.prices if p.service_tiers and p is price_of(model, day, p.service_tiers[0])]
    if others:
        shown["service_tiers"] = {name: _tiers(p) for p in others for name in p.service_tiers}
    windows = [p for p in model.prices if p.hours and not p.service_tiers and p.starts == price.starts]
    if windows:
        shown["hours"] = [
            {"utc": [list(window) for window in p.hours], **_weekdays(p), "tiers": _tiers(p)} for p in windows
        ]
    later = [p for p in model.prices if p.starts > day[:10] and not p.service_tiers]
    if later:
        shown["scheduled"] = [{"from": p.starts, "tiers": _tiers(p)} for p in later]
    return shown


def _weekdays(price: Price) -> dict[str, object]:
    names = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
    return {"days": [names[day] for day in price.days]} if price.days else {}


def _tiers(price: Price) -> list[dict[str, object]]:
    return [_tier(tier) for tier in price.tiers]


def _tier(tier: PriceTier) -> dict[str, object]:
    return {"over": tier.over, **{name: _usd(rate, 10**9) for name, rate in tier.rates.items()}}


def _usd(rate: int, parts: int) -> str:
    """Return `rate` / `parts` exactly, without an exponent."""
    digits = len(str(parts)) - 1
    whole, rest = divmod(rate, parts)
    return f"{whole}.{rest:0{digits}d}".rstrip("0").rstrip(".")


def _words(value: object) -> Iterable[str]:
    return (str(word) for word in value) if isinstance(value, list | tuple) else ()


def _capable(model: Model, name: str) -> bool:
    needed = _NEEDS.get(name)
    return needed is None or not model.capabilities or not needed.isdisjoint(model.capabilities)


def _can_be_told_to_think(spoken: Iterable[str], quirks: Mapping[str, object]) -> bool:
    """Return whether one of the ways has a place for the effort."""
    told = {
        "openai_chat": quirks.get("reasoning_request") not in _NEVER_ASKED,
        "anthropic_messages": quirks.get("thinking_request") not in _NEVER_ASKED,
        "cohere_chat": quirks.get("thinking_request") not in _NEVER_ASKED,
        "gemini": quirks.get("thinking_config") not in _NEVER_ASKED,
        "bedrock_converse": "thinking_fields" in quirks,
        "snowflake_complete": "cortex_reasoning" in quirks,
    }
    return any(told.get(dialect, True) for dialect in spoken)
