"""How much a model should think: one table between the words and the budgets of all dialects.

    effort   none  minimal   low  medium   high  xhigh    max
    tokens      0      512  2048    8192  16384  32768  65536

An effort becomes its budget, a budget the smallest effort that grants it. What a model takes is declared:
`reasoning_efforts` are its words (the nearest is used, of two the smaller), `least_thinking` and `most_thinking` bound
its budgets. A budget stays below the bound on output, and one that came from a word leaves a fifth of it to the answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from sluice.dialects.base import JsonObject

if TYPE_CHECKING:
    from sluice.dialects.edits import Edits
    from sluice.types.chat import Effort, Reasoning

BUDGETS = {"none": 0, "minimal": 512, "low": 2048, "medium": 8192, "high": 16384, "xhigh": 32768, "max": 65536}
"""Effort -> tokens of thinking; the words rise."""

SCALE = tuple(BUDGETS)
COMMON = ("low", "medium", "high")
"""The words that every vendor with words takes."""


def effort_of(budget: int) -> Effort:
    """Return the smallest effort that grants a budget of thinking tokens."""
    return cast("Effort", next((word for word in SCALE if budget <= BUDGETS[word]), SCALE[-1]))


def declared(quirks: JsonObject, otherwise: Sequence[str] = COMMON) -> tuple[str, ...]:
    """Return the effort words that a model takes, rising; `otherwise` where none is declared."""
    words = quirks.get("reasoning_efforts")
    found = tuple(word for word in SCALE if word in words) if isinstance(words, list | tuple) else ()
    return found or tuple(otherwise)


def nearest(effort: str, taken: Sequence[str]) -> Effort:
    """Return the closest word of `taken`, of two the smaller; no thinking at all only where that was asked for."""
    place = SCALE.index(effort)
    some = [word for word in taken if word in SCALE and (word != "none" or effort == "none")] or taken
    return cast("Effort", min(some, key=lambda word: (abs(SCALE.index(word) - place), SCALE.index(word))))


def word_for(wanted: Reasoning, taken: Sequence[str], edits: Edits) -> Effort | None:
    """Return the word to send to a model that takes `taken`, None where its own default serves.

    Another word than the caller's, and a word for a budget, are reported.
    """
    effort = wanted.effort
    if effort is None:
        if wanted.budget is None:
            return None
        effort = effort_of(wanted.budget)
        edits.note("renamed:reasoning_budget")
    found = nearest(effort, taken)
    if found != effort:
        edits.note("clamped:reasoning_effort")
    return found


def budget_for(
    wanted: Reasoning, quirks: JsonObject, edits: Edits, *, limit: int | None = None, least: int = 1
) -> int | None:
    """Return the budget of thinking tokens to send; None where `limit`, the bound on output, leaves no room for one.

    `least` is the smallest budget that the API takes; a model's `least_thinking` and `most_thinking` win over it.
    A request that names neither a budget nor an effort thinks with medium effort.
    """
    own_least, most = quirks.get("least_thinking"), quirks.get("most_thinking")
    low = max(least, own_least if isinstance(own_least, int) else 0)
    asked = wanted.budget if wanted.budget is not None else BUDGETS[wanted.effort or "medium"]
    budget = max(asked, low)
    if isinstance(most, int):
        budget = min(budget, most)
    if budget != asked:
        edits.note("clamped:reasoning_effort" if wanted.budget is None else "clamped:reasoning_budget")
    if not limit or budget < limit * 4 // 5:
        return budget
    share = limit - 1 if wanted.budget is not None else limit * 4 // 5
    fitting = min(budget, max(share, low))
    if fitting >= limit:
        return None
    if fitting != budget and wanted.budget is not None:
        edits.note("clamped:reasoning_budget")
    return fitting
