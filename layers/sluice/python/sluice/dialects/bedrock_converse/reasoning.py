"""How much a model should think, written where models on Amazon Bedrock look for it.

The quirk `thinking_fields` says where: "budget" = `thinking.budget_tokens` and "adaptive" = `thinking.type: adaptive`
with an effort (Claude), "reasoning_config" = `reasoningConfig.maxReasoningEffort` (Nova 2), "reasoning_effort" (gpt-oss
and other open models), all inside `additionalModelRequestFields`; undeclared, the model cannot be told. Sources: AWS
docs, "Extended thinking", "Adaptive thinking", Nova 2 guide, 2026-11.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from sluice.dialects.base import JsonObject
from sluice.dialects.bedrock_converse.names import NAME
from sluice.dialects.edits import Edits
from sluice.dialects.effort import budget_for, declared, word_for
from sluice.types.chat import ChatRequest, Json, Reasoning

Body = dict[str, object]

_LEAST_BUDGET = 1024
_EFFORTS = {
    "adaptive": ("low", "medium", "high", "xhigh", "max"),
    "reasoning_config": ("low", "medium", "high"),
    "reasoning_effort": ("low", "medium", "high"),
}


def write_reasoning(body: Body, request: ChatRequest, quirks: JsonObject, edits: Edits) -> None:
    """Write how much to think into `body`."""
    reasoning = request.reasoning
    if reasoning is None:
        return
    if request.dialect == NAME:
        _write_native(body, reasoning)
        return
    if reasoning.display == "omitted":
        edits.note("dropped:reasoning.exclude")
    style = quirks.get("thinking_fields")
    off = reasoning.enabled is False or reasoning.effort == "none"
    if off and style != "reasoning_effort":
        return  # unasked, these models do not think
    if not off and reasoning.effort is None and reasoning.budget is None and not _wanted(reasoning):
        return
    if not isinstance(style, str) or style not in (*_EFFORTS, "budget") or _forces_tool(body, style):
        edits.drop("reasoning_effort")
    elif style == "budget":
        _write_budget(body, reasoning, quirks, edits)
    else:
        asked = Reasoning("none") if off else reasoning
        if asked.effort is None and asked.budget is None:
            asked = Reasoning("medium")
        effort = word_for(asked, declared(quirks, _EFFORTS[style]), edits)
        _write_effort(body, effort or "medium", style)


def thinks(body: Mapping[str, Json]) -> bool:
    """Return whether a body turns Claude's thinking on."""
    fields = body.get("additionalModelRequestFields")
    thinking = fields.get("thinking") if isinstance(fields, dict) else None
    return isinstance(thinking, dict) and thinking.get("type") != "disabled"


def set_field(body: Body, name: str, value: Json) -> None:
    """Write one of the model's own parameters."""
    fields = body.get("additionalModelRequestFields")
    body["additionalModelRequestFields"] = {**(fields if isinstance(fields, dict) else {}), name: value}


def _write_native(body: Body, reasoning: Reasoning) -> None:
    fields = cast("Mapping[str, Json]", body.get("additionalModelRequestFields") or {})
    if "reasoning_config" in fields or "reasoningConfig" in fields or "thinking" in fields:
        return  # kept as it was sent
    config = cast("Mapping[str, Json]", fields.get("output_config") or {})
    if reasoning.effort is not None and reasoning.effort not in (fields.get("reasoning_effort"), config.get("effort")):
        output = body.get("outputConfig")
        body["outputConfig"] = {**(output if isinstance(output, dict) else {}), "effort": reasoning.effort}
    shown = {} if reasoning.display is None else {"display": reasoning.display}
    if reasoning.adaptive:
        set_field(body, "thinking", {"type": "adaptive", **shown})
    elif reasoning.enabled is False:
        set_field(body, "thinking", {"type": "disabled", **shown})
    elif reasoning.enabled or reasoning.budget is not None:
        budget = {} if reasoning.budget is None else {"budget_tokens": reasoning.budget}
        set_field(body, "thinking", {"type": "enabled", **budget, **shown})


def _write_effort(body: Body, effort: str, style: str) -> None:
    if style == "adaptive":
        set_field(body, "thinking", {"type": "adaptive"})
        set_field(body, "output_config", {"effort": effort})
    elif style == "reasoning_config":
        set_field(body, "reasoningConfig", {"type": "enabled", "maxReasoningEffort": effort})
    else:
        set_field(body, "reasoning_effort", effort)


def _write_budget(body: Body, reasoning: Reasoning, quirks: JsonObject, edits: Edits) -> None:
    limit = _limit(body) or _declared_limit(quirks)
    room = not _continues_unthought(body)
    budget = budget_for(reasoning, quirks, edits, limit=limit, least=_LEAST_BUDGET) if room else None
    if budget is None:
        # No room for the least budget, or a turn that began without signed thinking: the vendor refuses both.
        edits.drop("reasoning_effort")
        return
    set_field(body, "thinking", {"type": "enabled", "budget_tokens": budget})


def _wanted(reasoning: Reasoning) -> bool:
    return bool(reasoning.enabled or reasoning.adaptive)


def _limit(body: Body) -> int:
    config = body.get("inferenceConfig")
    bound = config.get("maxTokens") if isinstance(config, dict) else None
    return bound if isinstance(bound, int) else 0


def _declared_limit(quirks: JsonObject) -> int:
    most = quirks.get("max_output")
    return most if isinstance(most, int) else 0


def _forces_tool(body: Body, style: str) -> bool:
    """Return whether a tool is forced, which Claude refuses beside thinking; the call is what matters more."""
    config = body.get("toolConfig")
    choice = config.get("toolChoice") if isinstance(config, dict) else None
    return style in ("budget", "adaptive") and isinstance(choice, dict) and "auto" not in choice


def _continues_unthought(body: Body) -> bool:
    """Return whether the answer goes on after tool calls that were made without signed thinking."""
    messages = body["messages"]
    if not isinstance(messages, list) or "toolResult" not in _kinds(messages[-1]):
        return False
    last = next((turn for turn in reversed(messages) if turn["role"] == "assistant"), None)
    return last is not None and "reasoningContent" not in _kinds(last)


def _kinds(turn: Mapping[str, Json]) -> set[str]:
    content = turn["content"]
    return {name for block in content for name in block} if isinstance(content, list) else set()
