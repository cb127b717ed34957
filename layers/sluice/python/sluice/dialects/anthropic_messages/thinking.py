"""How much a model should think, written in the two ways the Messages dialect knows.

The quirk `thinking_request` says which: "budget" (undeclared) = `thinking.budget_tokens`, a share of `max_tokens`;
"adaptive" = `thinking.type: adaptive` and `output_config.effort`, the only way for newer models; "none" = the model
cannot be told to think. Minimum and limits of a budget: vendor docs, "Extended thinking", 2026-10.
"""

from __future__ import annotations

from sluice.dialects.anthropic_messages.names import NAME
from sluice.dialects.base import JsonObject
from sluice.dialects.edits import Edits
from sluice.dialects.effort import budget_for, declared, word_for
from sluice.types.chat import ChatRequest, Reasoning

_LEAST_BUDGET = 1024
_WIRE_EFFORTS = ("low", "medium", "high", "xhigh", "max")


def write_thinking(body: dict[str, object], request: ChatRequest, quirks: JsonObject, edits: Edits) -> None:
    """Write `thinking` and `output_config.effort` into `body`."""
    reasoning = request.reasoning
    if reasoning is None:
        return
    if request.dialect == NAME:
        _write_native(body, reasoning)
        return
    if reasoning.enabled is False or reasoning.effort == "none":
        body["thinking"] = {"type": "disabled"}
        return
    if reasoning.display == "omitted":
        edits.note("dropped:reasoning.exclude")  # older models cannot be told to keep their thinking to themselves
    if reasoning.effort is None and reasoning.budget is None and not (reasoning.enabled or reasoning.adaptive):
        return
    style = quirks.get("thinking_request", "budget")
    if style == "none":
        edits.drop("reasoning_effort")
    elif _forces_tool(body):
        # The vendor refuses the pair, and the forced call is what the caller cannot do without.
        edits.drop("reasoning_effort")
    elif style == "adaptive":
        _write_adaptive(body, reasoning, quirks, edits)
    else:
        _write_budget(body, reasoning, quirks, edits)


def _write_native(body: dict[str, object], reasoning: Reasoning) -> None:
    shown = {} if reasoning.display is None else {"display": reasoning.display}
    if reasoning.effort is not None:
        _set_effort(body, reasoning.effort)
    if "thinking" in body:
        return  # a form without a canonical one, kept in extras
    if reasoning.adaptive:
        body["thinking"] = {"type": "adaptive", **shown}
    elif reasoning.enabled is False:
        body["thinking"] = {"type": "disabled"}
    elif reasoning.enabled or reasoning.budget is not None:
        budget = {} if reasoning.budget is None else {"budget_tokens": reasoning.budget}
        body["thinking"] = {"type": "enabled", **budget, **shown}


def _write_adaptive(body: dict[str, object], reasoning: Reasoning, quirks: JsonObject, edits: Edits) -> None:
    body["thinking"] = {"type": "adaptive"}
    effort = word_for(reasoning, declared(quirks, _WIRE_EFFORTS), edits)
    if effort is not None:
        _set_effort(body, effort)


def _write_budget(body: dict[str, object], reasoning: Reasoning, quirks: JsonObject, edits: Edits) -> None:
    most = body["max_tokens"]
    limit = most if isinstance(most, int) else 0
    room = limit > _LEAST_BUDGET and not _continues_unthought(body)
    budget = budget_for(reasoning, quirks, edits, limit=limit, least=_LEAST_BUDGET) if room else None
    if budget is None:
        # No room for the least budget, or a turn that began without signed thinking: the vendor refuses both.
        edits.drop("reasoning_effort")
        return
    body["thinking"] = {"type": "enabled", "budget_tokens": budget}


def _set_effort(body: dict[str, object], effort: str) -> None:
    config = body.get("output_config")
    body["output_config"] = {**(config if isinstance(config, dict) else {}), "effort": effort}


def _continues_unthought(body: dict[str, object]) -> bool:
    """Return whether the answer goes on after tool calls that were made without signed thinking."""
    messages = body["messages"]
    if not isinstance(messages, list) or not _kinds(messages[-1]) & {"tool_result"}:
        return False
    last = next((turn for turn in reversed(messages) if turn["role"] == "assistant"), None)
    return last is not None and not _kinds(last) & {"thinking", "redacted_thinking"}


def _kinds(turn: dict[str, object]) -> set[object]:
    content = turn["content"]
    return {block.get("type") for block in content} if isinstance(content, list) else set()


def _forces_tool(body: dict[str, object]) -> bool:
    choice = body.get("tool_choice")
    return isinstance(choice, dict) and choice.get("type") in ("any", "tool")
