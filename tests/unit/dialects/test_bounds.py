"""Each dialect's bound on output is lowered where it stands, and thinking stays below it."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from sluice.dialects import chat_dialect
from sluice.dialects.bounds import lowered, lowered_chat
from sluice.types.chat import ChatRequest, Message, Reasoning, Text

CASES: tuple[tuple[str, dict[str, Any], dict[str, Any]], ...] = (
    ("openai_chat", {"max_tokens": 900}, {"max_tokens": 500}),
    ("openai_chat", {"max_completion_tokens": 900}, {"max_completion_tokens": 500}),
    ("openai_chat", {"max_tokens": 900, "max_completion_tokens": 400}, {"max_tokens": 500}),
    ("openai_chat", {}, {"max_tokens": 500}),
    ("openai_chat", {"max_tokens": None}, {"max_tokens": 500}),
    ("openai_chat", {"max_tokens": 500}, {}),
    ("openai_chat", {"max_tokens": 20}, {}),
    ("openai_chat", {"reasoning": {"max_tokens": 600}, "max_tokens": 1}, {"reasoning": {"enabled": False}}),
    ("openai_chat", {"thinking_budget": 600, "max_tokens": 1}, {"thinking_budget": 499}),
    ("openai_completions", {"max_tokens": 900}, {"max_tokens": 500}),
    ("openai_completions", {}, {"max_tokens": 500}),
    ("openai_responses", {"max_output_tokens": 900}, {"max_output_tokens": 500}),
    ("openai_responses", {}, {"max_output_tokens": 500}),
    ("anthropic_messages", {"max_tokens": 900}, {"max_tokens": 500}),
    ("anthropic_messages", {"max_tokens": 900, "thinking": {"type": "adaptive"}}, {"max_tokens": 500}),
    (
        "anthropic_messages",
        {"max_tokens": 9_000, "thinking": {"type": "enabled", "budget_tokens": 4_000}},
        {"max_tokens": 500, "thinking": {"type": "disabled"}},
    ),
    (
        "gemini",
        {"generationConfig": {"maxOutputTokens": 900, "topK": 2}},
        {"generationConfig": {"maxOutputTokens": 500, "topK": 2}},
    ),
    ("gemini", {}, {"generationConfig": {"maxOutputTokens": 500}}),
    ("gemini", {"generationConfig": {"maxOutputTokens": 500}}, {}),
    (
        "gemini",
        {"generation_config": {"max_output_tokens": 900, "thinking_config": {"thinking_budget": 800}}},
        {"generation_config": {"max_output_tokens": 500, "thinking_config": {"thinking_budget": 499}}},
    ),
    (
        "gemini",
        {
            "generationConfig": {
                "maxOutputTokens": 9,
                "thinkingConfig": {"thinkingBudget": 800, "includeThoughts": True},
            }
        },
        {
            "generationConfig": {
                "maxOutputTokens": 9,
                "thinkingConfig": {"thinkingBudget": 499, "includeThoughts": True},
            }
        },
    ),
    ("bedrock_converse", {"inferenceConfig": {"maxTokens": 900}}, {"inferenceConfig": {"maxTokens": 500}}),
    ("bedrock_converse", {}, {"inferenceConfig": {"maxTokens": 500}}),
    (
        "bedrock_converse",
        {
            "inferenceConfig": {"maxTokens": 9_000},
            "additionalModelRequestFields": {"top_k": 1, "thinking": {"type": "enabled", "budget_tokens": 4_000}},
        },
        {
            "inferenceConfig": {"maxTokens": 500},
            "additionalModelRequestFields": {"top_k": 1, "thinking": {"type": "disabled"}},
        },
    ),
    ("bedrock_invoke", {"max_tokens": 900, "messages": []}, {"max_tokens": 500}),
    ("bedrock_invoke", {"messages": []}, {"max_tokens": 500}),
    ("bedrock_invoke", {"prompt": "x", "max_gen_len": 900}, {"max_gen_len": 500}),
    ("bedrock_invoke", {"prompt": "x"}, {"max_gen_len": 500}),
    ("bedrock_invoke", {"inferenceConfig": {"max_new_tokens": 900}}, {"inferenceConfig": {"max_new_tokens": 500}}),
    ("bedrock_invoke", {"inferenceConfig": {}}, {"inferenceConfig": {"maxTokens": 500}}),
    (
        "bedrock_invoke",
        {"textGenerationConfig": {"maxTokenCount": 900}},
        {"textGenerationConfig": {"maxTokenCount": 500}},
    ),
    (
        "bedrock_invoke",
        {"max_tokens": 9_000, "thinking": {"type": "enabled", "budget_tokens": 4_000}},
        {"max_tokens": 500, "thinking": {"type": "disabled"}},
    ),
    ("cohere_chat", {"max_tokens": 900}, {"max_tokens": 500}),
    (
        "cohere_chat",
        {"max_tokens": 5, "thinking": {"type": "enabled", "token_budget": 700}},
        {"thinking": {"type": "enabled", "token_budget": 499}},
    ),
    ("ollama_chat", {"options": {"num_predict": 900, "seed": 1}}, {"options": {"num_predict": 500, "seed": 1}}),
    ("ollama_chat", {"options": {"num_predict": -1}}, {"options": {"num_predict": 500}}),
    ("ollama_chat", {}, {"options": {"num_predict": 500}}),
    ("snowflake_complete", {"max_output_tokens": 900}, {"max_output_tokens": 500}),
    ("snowflake_complete", {}, {"max_tokens": 500}),
)


@pytest.mark.parametrize(("dialect", "body", "changes"), CASES)
def test_the_bound_is_lowered_where_it_stands(dialect: str, body: dict[str, Any], changes: dict[str, Any]) -> None:
    before = copy.deepcopy(body)
    assert lowered(dialect, body, 500) == changes
    assert body == before
    assert lowered(dialect, {**body, **changes}, 500) == {}, "once is enough"


@pytest.mark.parametrize(
    ("dialect", "body", "place"),
    [
        ("anthropic_messages", {"thinking": {"type": "enabled", "budget_tokens": 8_000}}, "thinking"),
        ("bedrock_invoke", {"thinking": {"type": "enabled", "budget_tokens": 8_000}}, "thinking"),
        ("openai_chat", {"thinking": {"type": "enabled", "budget_tokens": 8_000}}, "thinking"),
    ],
)
def test_a_budget_that_still_fits_the_least_is_kept_below_the_bound(
    dialect: str, body: dict[str, Any], place: str
) -> None:
    found = lowered(dialect, {"max_tokens": 9_000, **body}, 2_000)
    assert found["max_tokens"] == 2_000
    assert found[place] == {"type": "enabled", "budget_tokens": 1_999}


def test_the_edge_of_the_least_budget() -> None:
    body = {"max_tokens": 9_000, "thinking": {"type": "enabled", "budget_tokens": 8_000}}
    assert lowered("anthropic_messages", body, 1_025)["thinking"] == {"type": "enabled", "budget_tokens": 1_024}
    assert lowered("anthropic_messages", body, 1_024)["thinking"] == {"type": "disabled"}
    assert "thinking" not in lowered("anthropic_messages", body, 8_001)


def test_an_unset_bound_takes_the_name_that_the_provider_knows() -> None:
    quirks = {"max_tokens_field": "max_completion_tokens"}
    assert lowered("openai_chat", {}, 500, quirks) == {"max_completion_tokens": 500}


@pytest.mark.parametrize(
    "dialect",
    [
        "openai_chat",
        "openai_completions",
        "openai_responses",
        "anthropic_messages",
        "gemini",
        "bedrock_converse",
        "cohere_chat",
        "ollama_chat",
        "snowflake_complete",
    ],
)
def test_the_outline_of_a_lowered_request_shows_the_bound(dialect: str) -> None:
    turn = {"role": "user", "content": "hello"}
    body: dict[str, Any] = {"model": "m", "messages": [turn], "input": "hello", "prompt": "hello"}
    if dialect == "bedrock_converse":
        body["messages"] = [{"role": "user", "content": [{"text": "hello"}]}]
    if dialect == "gemini":
        body = {"model": "m", "contents": [{"role": "user", "parts": [{"text": "hello"}]}]}
    changed = {**body, **lowered(dialect, body, 500)}
    assert chat_dialect(dialect).outline(changed, 100).max_output == 500


def chat(max_tokens: int | None, reasoning: Reasoning | None = None) -> ChatRequest:
    return ChatRequest("m", (Message("user", (Text("hi"),)),), max_tokens=max_tokens, reasoning=reasoning)


def test_a_canonical_request_is_lowered_with_its_budget() -> None:
    assert lowered_chat(chat(900), 500).max_tokens == 500
    assert lowered_chat(chat(None), 500).max_tokens == 500
    same = chat(500)
    assert lowered_chat(same, 500) is same
    budget = Reasoning(budget=8_000, enabled=True)
    assert lowered_chat(chat(9_000, budget), 2_000).reasoning == Reasoning(budget=1_999, enabled=True)
    assert lowered_chat(chat(9_000, budget), 1_024).reasoning == Reasoning(enabled=False)
    assert lowered_chat(chat(9_000, Reasoning(effort="high")), 1_000).reasoning == Reasoning(effort="high")


def test_a_dialect_without_a_bound_is_refused() -> None:
    with pytest.raises(KeyError):
        lowered("openai_embeddings", {}, 5)
