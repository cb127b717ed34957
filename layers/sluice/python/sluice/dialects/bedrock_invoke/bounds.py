"""The bound on output tokens in the bodies of the model families that InvokeModel serves."""

from __future__ import annotations

from sluice.dialects.base import JsonObject

_PLACES = (
    ("max_tokens",),  # Anthropic Messages, Mistral, Cohere, AI21, DeepSeek, Writer
    ("max_completion_tokens",),  # OpenAI
    ("max_gen_len",),  # Llama
    ("inferenceConfig", "maxTokens"),  # Nova
    ("inferenceConfig", "max_new_tokens"),  # Nova, older name
    ("textGenerationConfig", "maxTokenCount"),  # Titan
    ("max_tokens_to_sample",),  # Anthropic text completions
)
"""Where each family has it (AWS docs, "Inference request parameters", 2026-11)."""


def max_output(body: JsonObject) -> int | None:
    """Return the bound that a body sets, None when it sets none."""
    for place in _PLACES:
        value: object = body
        for name in place:
            value = value.get(name) if isinstance(value, dict) else None
        if type(value) is int and value >= 0:
            return value
    return None
