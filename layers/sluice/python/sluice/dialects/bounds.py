"""Lowers the bound on output in a request of any chat dialect, so that its answer fits an amount of money.

Rules. A body is never changed in place: `lowered` returns the top-level members to set before it is passed on, none
where the caller's own bound is as low already. A budget for thinking that no longer fits is lowered with it, because
vendors refuse one that is not below the bound (Anthropic, "Extended thinking"; Cohere, "Reasoning"; Google,
"Thinking"; OpenRouter, "Reasoning tokens"; 2026-11); one that would fall below the vendor's least is switched off. The
caller reports `CLAMPED`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from sluice.dialects.base import EMPTY, JsonObject

if TYPE_CHECKING:
    from sluice.types.chat import ChatRequest

CLAMPED = "clamped:max_tokens"
LEAST_BUDGET = 1_024
"""Anthropic's least budget for thinking."""
Lower = Callable[[JsonObject, int, JsonObject], dict[str, object]]


def lowered(dialect: str, body: JsonObject, most: int, quirks: JsonObject = EMPTY) -> dict[str, object]:
    """Return the members to set so that each choice of the answer has at most `most` tokens.

    Empty where nothing need be set. Raises KeyError for a dialect whose answers have no bound.
    """
    return {name: value for name, value in _LOWER[dialect](body, most, quirks).items() if body.get(name) != value}


def lowered_chat(request: ChatRequest, most: int) -> ChatRequest:
    """Return a canonical request whose answers have at most `most` tokens each; itself where they have already."""
    from dataclasses import replace

    if request.max_tokens is not None and request.max_tokens <= most:
        return request
    wanted = request.reasoning
    if wanted is not None and wanted.budget is not None and wanted.budget >= most:
        if most > LEAST_BUDGET:
            wanted = replace(wanted, budget=most - 1)
        else:
            wanted = replace(wanted, budget=None, effort=None, adaptive=False, enabled=False)
    return replace(request, max_tokens=most, reasoning=wanted)


def _bound(holder: JsonObject, names: tuple[str, ...], most: int, unset: str) -> dict[str, object]:
    """Return the members of `names` that exceed `most`, at it; `unset` where none of them is set."""
    present = [name for name in names if holder.get(name) is not None]
    return {name: most for name in present or (unset,) if not _within(holder.get(name), most)}


def _within(value: object, most: int) -> bool:
    # Negative bounds mean "no bound" (Ollama); booleans are no numbers.
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= most


def _member(holder: JsonObject, name: str) -> dict[str, object]:
    value = holder.get(name)
    return dict(value) if isinstance(value, Mapping) else {}


def _budget(thinking: JsonObject, name: str, most: int, off: JsonObject) -> dict[str, object] | None:
    """Return `thinking` with a budget below `most`, `off` where that is below the least; None where it is already."""
    budget = thinking.get(name)
    if not isinstance(budget, int | float) or budget < most:
        return None
    return {**thinking, name: most - 1} if most > LEAST_BUDGET else dict(off)


def _openai_chat(body: JsonObject, most: int, quirks: JsonObject) -> dict[str, object]:
    field = str(quirks.get("max_tokens_field") or "max_tokens")
    changes = _bound(body, ("max_completion_tokens", "max_tokens"), most, field)
    reasoning = _member(body, "reasoning")
    if (found := _budget(reasoning, "max_tokens", most, {"enabled": False})) is not None:
        changes["reasoning"] = found
    if (found := _budget(_member(body, "thinking"), "budget_tokens", most, {"type": "disabled"})) is not None:
        changes["thinking"] = found
    budget = body.get("thinking_budget")
    if isinstance(budget, int) and budget >= most:
        changes["thinking_budget"] = most - 1
    return changes


def _anthropic(body: JsonObject, most: int, _quirks: JsonObject) -> dict[str, object]:
    changes = _bound(body, ("max_tokens",), most, "max_tokens")
    if (found := _budget(_member(body, "thinking"), "budget_tokens", most, {"type": "disabled"})) is not None:
        changes["thinking"] = found
    return changes


def _responses(body: JsonObject, most: int, _quirks: JsonObject) -> dict[str, object]:
    return _bound(body, ("max_output_tokens",), most, "max_output_tokens")


def _plain(body: JsonObject, most: int, _quirks: JsonObject) -> dict[str, object]:
    return _bound(body, ("max_tokens", "max_output_tokens"), most, "max_tokens")


def _gemini(body: JsonObject, most: int, _quirks: JsonObject) -> dict[str, object]:
    section = "generation_config" if "generation_config" in body else "generationConfig"
    config = _member(body, section)
    config |= _bound(config, ("maxOutputTokens", "max_output_tokens"), most, "maxOutputTokens")
    for name, inner in (("thinkingConfig", "thinkingBudget"), ("thinking_config", "thinking_budget")):
        for spelled in (inner, "thinkingBudget", "thinking_budget"):
            thinking = _member(config, name)
            budget = thinking.get(spelled)
            if isinstance(budget, int) and budget >= most:
                config[name] = {**thinking, spelled: max(most - 1, 0)}
    return {section: config}


def _converse(body: JsonObject, most: int, _quirks: JsonObject) -> dict[str, object]:
    config = _member(body, "inferenceConfig")
    changes: dict[str, object] = {"inferenceConfig": config | _bound(config, ("maxTokens",), most, "maxTokens")}
    fields = _member(body, "additionalModelRequestFields")
    for name in ("thinking", "reasoning_config"):
        if (found := _budget(_member(fields, name), "budget_tokens", most, {"type": "disabled"})) is not None:
            fields[name] = found
            changes["additionalModelRequestFields"] = fields
    return changes


def _invoke(body: JsonObject, most: int, _quirks: JsonObject) -> dict[str, object]:
    for section, names in (
        ("inferenceConfig", ("maxTokens", "max_new_tokens")),
        ("textGenerationConfig", ("maxTokenCount",)),
    ):
        if section in body:
            config = _member(body, section)
            return {section: config | _bound(config, names, most, names[0])}
    own = ("max_tokens", "max_completion_tokens", "max_gen_len", "max_tokens_to_sample")
    unset = "max_gen_len" if "messages" not in body and "prompt" in body else "max_tokens"
    return _anthropic(body, most, EMPTY) if body.get("thinking") else _bound(body, own, most, unset)


def _cohere(body: JsonObject, most: int, _quirks: JsonObject) -> dict[str, object]:
    changes = _bound(body, ("max_tokens",), most, "max_tokens")
    thinking = _member(body, "thinking")
    budget = thinking.get("token_budget")
    if isinstance(budget, int) and budget >= most:
        changes["thinking"] = {**thinking, "token_budget": max(most - 1, 0)}
    return changes


def _ollama(body: JsonObject, most: int, _quirks: JsonObject) -> dict[str, object]:
    options = _member(body, "options")
    return {"options": options | _bound(options, ("num_predict",), most, "num_predict")}


_LOWER: Mapping[str, Lower] = {
    "openai_chat": _openai_chat,
    "openai_completions": _plain,
    "openai_responses": _responses,
    "anthropic_messages": _anthropic,
    "gemini": _gemini,
    "bedrock_converse": _converse,
    "bedrock_invoke": _invoke,
    "cohere_chat": _cohere,
    "ollama_chat": _ollama,
    "snowflake_complete": _plain,
}
