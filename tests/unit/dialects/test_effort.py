"""One table stands between effort words and budgets of thinking, whatever the dialect."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.dialects import chat_dialect
from sluice.dialects.edits import Edits
from sluice.dialects.effort import BUDGETS, COMMON, SCALE, budget_for, effort_of, nearest, word_for
from sluice.errors import UnsupportedParameter
from sluice.types.chat import ChatRequest, Message, Reasoning, Text

EFFORTS: Any = st.sampled_from(SCALE[1:])


@pytest.mark.parametrize("effort", SCALE)
def test_a_word_survives_the_way_through_its_budget(effort: str) -> None:
    assert effort_of(BUDGETS[effort]) == effort


def test_more_budget_is_never_less_effort() -> None:
    places = [SCALE.index(effort_of(budget)) for budget in (0, 1, 512, 513, 2048, 8000, 16384, 20000, 65536, 10**9)]
    assert places == sorted(places)
    assert effort_of(1024) == "low", "Anthropic's smallest budget is more than a minimal effort"


def test_the_nearest_word_is_taken_and_of_two_the_smaller() -> None:
    assert nearest("xhigh", COMMON) == "high"
    assert nearest("medium", ("low", "high")) == "low"
    assert nearest("minimal", ("none", "low")) == "low", "nobody asked for no thinking"
    assert nearest("none", ("none", "low")) == "none"
    assert nearest("none", ("low", "high")) == "low"


def test_another_word_and_a_word_for_a_budget_are_reported() -> None:
    edits = Edits()
    assert word_for(Reasoning("max"), COMMON, edits) == "high"
    assert word_for(Reasoning(budget=9000), COMMON, edits) == "high"
    assert word_for(Reasoning(enabled=True), COMMON, edits) is None
    assert edits.all() == ("clamped:reasoning_effort", "renamed:reasoning_budget")


@pytest.mark.parametrize(
    ("wanted", "quirks", "limit", "budget", "told"),
    [
        (Reasoning("high"), {}, None, 16384, ()),
        (Reasoning("high"), {"most_thinking": 9000}, None, 9000, ("clamped:reasoning_effort",)),
        (Reasoning("minimal"), {"least_thinking": 1024}, None, 1024, ("clamped:reasoning_effort",)),
        (Reasoning(budget=9), {"least_thinking": 1024}, None, 1024, ("clamped:reasoning_budget",)),
        (Reasoning("high"), {}, 10000, 8000, ()),
        (Reasoning(budget=9000), {}, 10000, 9000, ()),
        (Reasoning(budget=12000), {}, 10000, 9999, ("clamped:reasoning_budget",)),
        (Reasoning("low"), {"least_thinking": 1024}, 1024, None, ()),
        (Reasoning(enabled=True), {}, None, 8192, ()),
    ],
)
def test_a_budget_fits_the_model_and_the_answer(
    wanted: Reasoning, quirks: dict[str, object], limit: int | None, budget: int | None, told: tuple[str, ...]
) -> None:
    edits = Edits()
    assert budget_for(wanted, quirks, edits, limit=limit) == budget
    assert edits.all() == told


@given(EFFORTS | st.none(), st.integers(1, 200_000), st.integers(1, 100_000), st.integers(0, 4000))
def test_a_budget_is_never_at_or_above_the_bound_on_output(effort: Any, asked: int, limit: int, least: int) -> None:
    wanted = Reasoning(effort) if effort else Reasoning(budget=asked)
    budget = budget_for(wanted, {"least_thinking": least}, Edits(), limit=limit)
    assert budget is None or least <= budget < limit


def asked(reasoning: Reasoning, limit: int | None = 40_000) -> ChatRequest:
    """Return a request of no dialect that is being tested."""
    return ChatRequest("m", (Message("user", (Text("Hi"),)),), reasoning=reasoning, max_tokens=limit, dialect="other")


WAYS: tuple[tuple[str, dict[str, object], str], ...] = (
    ("anthropic_messages", {}, "thinking.budget_tokens"),
    ("gemini", {}, "generationConfig.thinkingConfig.thinkingBudget"),
    ("bedrock_converse", {"thinking_fields": "budget"}, "additionalModelRequestFields.thinking.budget_tokens"),
    ("cohere_chat", {}, "thinking.token_budget"),
    ("openai_chat", {"reasoning_request": "enable_thinking"}, "thinking_budget"),
    ("snowflake_complete", {"cortex_reasoning": "anthropic"}, "anthropic.thinking.budget_tokens"),
)
LEVELS: dict[str, object] = {"thinking_config": "level", "reasoning_efforts": [*COMMON]}
WORDS: tuple[tuple[str, dict[str, object], str], ...] = (
    ("openai_chat", {}, "reasoning_effort"),
    ("openai_chat", {"reasoning_request": "object"}, "reasoning.effort"),
    ("openai_responses", {}, "reasoning.effort"),
    ("anthropic_messages", {"thinking_request": "adaptive"}, "output_config.effort"),
    ("gemini", LEVELS, "generationConfig.thinkingConfig.thinkingLevel"),
    ("bedrock_converse", {"thinking_fields": "adaptive"}, "additionalModelRequestFields.output_config.effort"),
    (
        "bedrock_converse",
        {"thinking_fields": "reasoning_config"},
        "additionalModelRequestFields.reasoningConfig.maxReasoningEffort",
    ),
    ("ollama_chat", {"reasoning_efforts": [*COMMON]}, "think"),
    ("snowflake_complete", {"cortex_reasoning": "openai"}, "openai.reasoning.effort"),
)  # fmt: skip


def written(dialect: str, quirks: dict[str, object], path: str, request: ChatRequest) -> object:
    """Return what stands at `path` of the provider's body."""
    value: Any = chat_dialect(dialect).encode_request(request, "m", quirks, False).body
    for name in path.split("."):
        value = value[name]
    return value


@pytest.mark.parametrize(("dialect", "quirks", "path"), WAYS)
@pytest.mark.parametrize("effort", ["low", "medium"])
def test_every_dialect_with_budgets_grants_the_same(
    dialect: str, quirks: dict[str, object], path: str, effort: Any
) -> None:
    assert written(dialect, quirks, path, asked(Reasoning(effort))) == BUDGETS[effort]
    assert written(dialect, quirks, path, asked(Reasoning(budget=5000))) == 5000
    assert written(dialect, quirks, path, asked(Reasoning(budget=50_000))) == 39_999


@pytest.mark.parametrize(("dialect", "quirks", "path"), WORDS)
def test_every_dialect_with_words_says_the_same(dialect: str, quirks: dict[str, object], path: str) -> None:
    for effort in COMMON:
        sent: Any = effort
        assert written(dialect, quirks, path, asked(Reasoning(sent))) == effort
        if path != "reasoning.effort" or dialect == "openai_responses":
            assert written(dialect, quirks, path, asked(Reasoning(budget=BUDGETS[effort]))) == effort


@pytest.mark.parametrize(
    ("dialect", "quirks"),
    [
        ("openai_chat", {"reasoning_request": "none"}),
        ("anthropic_messages", {"thinking_request": "none"}),
        ("gemini", {"thinking_config": "none"}),
        ("bedrock_converse", {}),
        ("cohere_chat", {"thinking_request": "none"}),
        ("snowflake_complete", {}),
        ("openai_completions", {}),
    ],
)
def test_a_model_that_cannot_be_told_to_think_is_not_told(dialect: str, quirks: dict[str, object]) -> None:
    text = asked(Reasoning("high"))
    edits = chat_dialect(dialect).encode_request(text, "m", quirks, False).edits
    assert {"dropped:reasoning_effort", "dropped:reasoning"} & set(edits)
    with pytest.raises(UnsupportedParameter, match="not strict"):
        chat_dialect(dialect).encode_request(text, "m", quirks, True)
