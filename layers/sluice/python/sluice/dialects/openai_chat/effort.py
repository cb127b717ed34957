"""Tells a provider how much to think, in the one of five ways that its quirks name."""

from __future__ import annotations

from sluice.dialects.base import JsonObject
from sluice.dialects.edits import Edits
from sluice.types.chat import Effort, Json, Reasoning

_ORDER: tuple[Effort, ...] = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
_COMMON: tuple[Effort, ...] = ("low", "medium", "high")
_BUDGETS: dict[Effort, int] = {
    "none": 0, "minimal": 1024, "low": 2048, "medium": 8192, "high": 16384, "xhigh": 32768, "max": 65536,
}  # fmt: skip


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
        _write_thinking(body, wanted, quirks, native)
    elif way == "enable_thinking":
        _write_switch(body, wanted)
    else:
        _write_effort(body, wanted, quirks, native, edits)


def _write_effort(body: dict[str, Json], wanted: Reasoning, quirks: JsonObject, native: bool, edits: Edits) -> None:
    effort = wanted.effort or (None if wanted.budget is None else effort_of(wanted.budget))
    if wanted.enabled is False:
        effort = "none"
    if effort is None:
        if wanted.enabled or wanted.adaptive:
            edits.note("dropped:reasoning")  # the model's own default holds
        return
    taken = _taken(quirks)
    if taken is None and native:
        body["reasoning_effort"] = effort
        return
    if effort == "none" and "none" not in (taken or ()):
        edits.note("dropped:reasoning")
        return
    if taken == ("none",) and effort != "none":  # Groq's Qwen: "none" or "default"
        edits.note("changed:reasoning_effort=default")
        body["reasoning_effort"] = "default"
        return
    nearest = _nearest(effort, taken or _COMMON)
    if nearest != effort:
        edits.note(f"changed:reasoning_effort={nearest}")
    body["reasoning_effort"] = nearest


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


def _write_thinking(body: dict[str, Json], wanted: Reasoning, quirks: JsonObject, native: bool) -> None:
    on = wanted.enabled is not False and wanted.effort != "none"
    body["thinking"] = {"type": "enabled" if on else "disabled"}
    taken = _taken(quirks)
    if on and wanted.effort is not None and (taken or native):
        body["reasoning_effort"] = _nearest(wanted.effort, taken) if taken else wanted.effort


def _write_switch(body: dict[str, Json], wanted: Reasoning) -> None:
    on = wanted.enabled is not False and wanted.effort != "none"
    body["enable_thinking"] = on
    budget = wanted.budget if wanted.budget is not None else _BUDGETS.get(wanted.effort or "none")
    if on and budget:
        body["thinking_budget"] = budget


def effort_of(budget: int) -> Effort:
    """Return the effort word for a budget of thinking tokens."""
    if budget < 4096:
        return "low"
    return "medium" if budget < 16384 else "high"


def _taken(quirks: JsonObject) -> tuple[Effort, ...] | None:
    words = quirks.get("reasoning_efforts")
    if not isinstance(words, list | tuple):
        return None
    return tuple(word for word in _ORDER if word in words) or None


def _nearest(effort: Effort, taken: tuple[Effort, ...]) -> Effort:
    """Return the closest word a provider takes; between two, the smaller."""
    place = _ORDER.index(effort)
    some = [word for word in taken if word != "none" or effort == "none"]
    return min(some or taken, key=lambda word: (abs(_ORDER.index(word) - place), _ORDER.index(word)))
