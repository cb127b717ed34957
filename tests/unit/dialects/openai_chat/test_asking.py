"""A wish to think is said in the provider's words where the request otherwise passes through."""

from __future__ import annotations

from typing import Any

import pytest

from sluice.dialects.base import REMOVED
from sluice.dialects.openai_chat import pass_edits
from sluice.dialects.policy import Changes
from sluice.errors import UnsupportedParameter

EFFORTS = {"reasoning_efforts": ["low", "medium", "high"]}


def asked(quirks: dict[str, object], **members: object) -> Changes:
    changes = pass_edits({"model": "m", "messages": [], **members}, quirks)
    assert isinstance(changes, Changes)
    return changes


@pytest.mark.parametrize(
    ("quirks", "members"),
    [
        ({}, {"reasoning": {"effort": "low"}}),
        (EFFORTS, {"reasoning_effort": "high"}),
        ({"reasoning_efforts": ["none", "default"]}, {"reasoning_effort": "default"}),
        ({"max_stop": 4}, {"reasoning_effort": "whatever", "enable_thinking": True}),
        ({"reasoning_request": "object", **EFFORTS}, {"reasoning": {"max_tokens": 9}, "reasoning_effort": "max"}),
        ({"reasoning_request": "thinking"}, {"thinking": {"type": "enabled", "clear_thinking": False}}),
        ({"reasoning_request": "enable_thinking"}, {"enable_thinking": True, "thinking_budget": 7}),
        ({"reasoning_request": "none"}, {"reasoning_effort": None}),
        (EFFORTS, {"reasoning_effort": "whatever"}),
    ],
)
def test_what_the_provider_takes_by_itself_is_left_alone(quirks: dict[str, object], members: dict[str, Any]) -> None:
    changes = asked(quirks, **members)
    assert (changes, changes.reported()) == ({}, ())


@pytest.mark.parametrize(
    ("quirks", "members", "changed", "told"),
    [
        (EFFORTS, {"reasoning_effort": "max"}, {"reasoning_effort": "high"}, ("clamped:reasoning_effort",)),
        (
            EFFORTS,
            {"reasoning": {"max_tokens": 3000}},
            {"reasoning": REMOVED, "reasoning_effort": "medium"},
            ("renamed:reasoning", "renamed:reasoning_budget"),
        ),
        (
            {"reasoning_request": "enable_thinking"},
            {"reasoning_effort": "high", "max_tokens": 5000},
            {"reasoning_effort": REMOVED, "enable_thinking": True, "thinking_budget": 4000},
            ("renamed:reasoning_effort",),
        ),
        (
            {"reasoning_request": "thinking", "reasoning_efforts": ["low", "high"]},
            {"reasoning": {"effort": "medium"}},
            {"reasoning": REMOVED, "thinking": {"type": "enabled"}, "reasoning_effort": "low"},
            ("renamed:reasoning", "clamped:reasoning_effort"),
        ),
        (
            {"reasoning_request": "object"},
            {"enable_thinking": True, "thinking_budget": 900},
            {"enable_thinking": REMOVED, "thinking_budget": REMOVED, "reasoning": {"max_tokens": 900, "enabled": True}},
            ("renamed:enable_thinking", "renamed:thinking_budget"),
        ),
    ],
)
def test_other_words_become_the_providers(
    quirks: dict[str, object], members: dict[str, Any], changed: dict[str, Any], told: tuple[str, ...]
) -> None:
    changes = asked(quirks, **members)
    assert (changes, changes.reported()) == (changed, told)
    changes.check()


def test_a_model_that_cannot_think_is_not_told_to_and_strict_routes_say_so() -> None:
    changes = asked({"reasoning_request": "none"}, reasoning_effort="low")
    assert (changes, changes.reported()) == ({"reasoning_effort": REMOVED}, ("dropped:reasoning",))
    with pytest.raises(UnsupportedParameter, match=r"'reasoning_effort'.*not strict") as refused:
        changes.check()
    assert refused.value.param == "reasoning_effort"
