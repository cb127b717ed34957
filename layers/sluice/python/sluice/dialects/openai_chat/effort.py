"""Tells a provider how much to think, in the one of five ways that its quirks name."""

from __future__ import annotations

from sluice.dialects.base import JsonObject
from sluice.dialects.edits import Edits
from sluice.dialects.effort import COMMON, budget_for, declared, word_for
from sluice.types.chat import Json, Reasoning


def write_reasoning_request(
    body: dict[str, Json], wanted: Reasoning | None, quirks: JsonObject, native: bool, edits: Edits
) -> None:
    """Write the members that ask for reasoning into `body`; what cannot be said is dropped and reported."""
    if wanted is None:
        return
    way = quirks.get("reasoning_request", "effort")
    if way == "none":
        edits.drop("reasoning")
    elif way == "object":
        _write_object(body, wanted)
    elif way == "thinking":
        _write_thinking(body, wanted, quirks, native, edits)
    elif way == "enable_thinking":
        _write_switch(body, wanted, quirks, edits)
    else:
        _write_effort(body, wanted, quirks, native, edits)


def _write_effort(body: dict[str, Json], wanted: Reasoning, quirks: JsonObject, native: bool, edits: Edits) -> None:
    if wanted.enabled is False:
        wanted = Reasoning("none")
    if wanted.effort is None and wanted.budget is None:
        if wanted.enabled or wanted.adaptive:
            edits.note("dropped:reasoning")  # the model's own default holds
        return
    taken = declared(quirks, ())
    if not taken and native and wanted.effort is not None:
        body["reasoning_effort"] = wanted.effort
        return
    if wanted.effort == "none" and "none" not in taken:
        edits.note("dropped:reasoning")
        return
    if taken == ("none",) and wanted.effort != "none":  # Groq's Qwen: "none" or "default"
        edits.note("clamped:reasoning_effort")
        body["reasoning_effort"] = "default"
        return
    body["reasoning_effort"] = word_for(wanted, taken or COMMON, edits)


def _write_object(body: dict[str, Json], wanted: Reasoning) -> None:
    asked: dict[str, Json] = {}
    if wanted.effort is not None:
        asked["effort"] = wanted.effort
    elif wanted.budget is not None:
        asked["max_tokens"] = wanted.budget  # OpenRouter refuses both at once
    if wanted.enabled is not None or (wanted.adaptive and not asked):
        asked["enabled"] = wanted.enabled is not False
    if wanted.display == "omitted":
        asked["exclude"] = True
    body["reasoning"] = asked


def _write_thinking(body: dict[str, Json], wanted: Reasoning, quirks: JsonObject, native: bool, edits: Edits) -> None:
    on = wanted.enabled is not False and wanted.effort != "none"
    body["thinking"] = {"type": "enabled" if on else "disabled"}
    taken = declared(quirks, ())
    if not on:
        return
    if taken and (wanted.effort is not None or not native):
        effort = word_for(wanted, taken, edits)
        if effort is not None:
            body["reasoning_effort"] = effort
    elif wanted.effort is not None:
        if native:
            body["reasoning_effort"] = wanted.effort
        else:
            edits.note("clamped:reasoning_effort")  # it thinks or it does not
    elif wanted.budget is not None:
        edits.note("dropped:reasoning_budget")


def _write_switch(body: dict[str, Json], wanted: Reasoning, quirks: JsonObject, edits: Edits) -> None:
    on = wanted.enabled is not False and wanted.effort != "none"
    body["enable_thinking"] = on
    if not on or (wanted.budget is None and wanted.effort is None):
        return
    limits = [limit for name in ("max_tokens", "max_completion_tokens") if isinstance(limit := body.get(name), int)]
    budget = budget_for(wanted, quirks, edits, limit=min(limits, default=None))
    if budget is None:
        edits.drop("reasoning_effort")  # no room to think before the answer
        body["enable_thinking"] = False
        return
    body["thinking_budget"] = budget
