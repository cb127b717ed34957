"""Models of the bundled catalogue are told to think in the way and within the limits that their vendors state."""

from __future__ import annotations

from typing import Any

import pytest

from sluice.calls import quirks_of
from sluice.dialects import chat_dialect
from sluice.providers.registry import Registry
from sluice.types.chat import ChatRequest, Message, Reasoning, Text
from sluice.types.routes import Deployment

REGISTRY = Registry()
ADAPTIVE = {"thinking": {"type": "adaptive"}}


def told(name: str, dialect: str, reasoning: Reasoning) -> tuple[Any, tuple[str, ...]]:
    """Return the body for a model of the catalogue, and what was reported."""
    ((provider, model),) = REGISTRY.resolve(name)
    endpoint = next(each for each in provider.endpoints if each.dialect == dialect)
    quirks = quirks_of(Deployment(provider, model, endpoint, model.id))
    request = ChatRequest("m", (Message("user", (Text("Hi"),)),), reasoning=reasoning, max_tokens=64_000)
    encoded = chat_dialect(dialect).encode_request(request, model.id, quirks, False)
    return encoded.body, encoded.edits


@pytest.mark.parametrize("provider", ["gemini", "vertex_google"])
@pytest.mark.parametrize(
    ("model", "reasoning", "thinking"),
    [
        ("gemini-2.5-pro", Reasoning("max"), {"thinkingBudget": 32768, "includeThoughts": True}),
        ("gemini-2.5-pro", Reasoning("none"), {"thinkingBudget": 128}),
        ("gemini-2.5-flash", Reasoning("none"), {"thinkingBudget": 0}),
        ("gemini-2.5-flash-lite", Reasoning("none"), {"thinkingBudget": 0}),
        ("gemini-2.5-flash-lite", Reasoning(budget=100), {"thinkingBudget": 512, "includeThoughts": True}),
        ("gemini-3-pro-preview", Reasoning("xhigh"), {"thinkingLevel": "high", "includeThoughts": True}),
        ("gemini-3.1-pro-preview", Reasoning("medium"), {"thinkingLevel": "medium", "includeThoughts": True}),
        ("gemini-3-flash-preview", Reasoning("none"), {"thinkingLevel": "minimal"}),
        ("gemini-3-pro-image-preview", Reasoning("high"), None),
    ],
)
def test_gemini(provider: str, model: str, reasoning: Reasoning, thinking: Any) -> None:
    body, _ = told(f"{provider}/{model}", "gemini", reasoning)
    assert body["generationConfig"].get("thinkingConfig") == thinking


@pytest.mark.parametrize(
    ("model", "effort", "fields"),
    [
        ("us.anthropic.claude-opus-4-6-v1", "xhigh", {**ADAPTIVE, "output_config": {"effort": "high"}}),
        ("us.anthropic.claude-opus-4-7", "xhigh", {**ADAPTIVE, "output_config": {"effort": "xhigh"}}),
        (
            "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
            "high",
            {"thinking": {"type": "enabled", "budget_tokens": 16384}},
        ),
        ("us.anthropic.claude-3-haiku-20240307-v1:0", "high", None),
    ],
)
def test_claude_on_bedrock(model: str, effort: Any, fields: Any) -> None:
    body, edits = told(f"bedrock/{model}", "bedrock_converse", Reasoning(effort))
    assert body.get("additionalModelRequestFields") == fields
    assert ("dropped:reasoning_effort" in edits) == (fields is None)


@pytest.mark.parametrize(
    ("model", "effort", "sent"),
    [("gpt-5", "xhigh", "high"), ("gpt-5", "minimal", "minimal"), ("gpt-5.2", "none", "none"), ("gpt-4o", "low", None)],
)
def test_openai(model: str, effort: Any, sent: str | None) -> None:
    body, _ = told(f"openai/{model}", "openai_chat", Reasoning(effort))
    assert body.get("reasoning_effort") == sent
