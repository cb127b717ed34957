"""Amazon Bedrock's models by their many names: regional and global profiles, ARNs, each with its own price."""

from __future__ import annotations

import pytest

from sluice.providers.registry import Registry
from sluice.types.catalogue import Model


def model(name: str) -> Model:
    ((provider, found),) = Registry().resolve(f"bedrock/{name}")
    assert (provider.name, found.id) == ("bedrock", name)
    return found


def rates(name: str) -> dict[str, int]:
    return dict(model(name).prices[0].tiers[0].rates)


@pytest.mark.parametrize("profile", ["us.", "eu.", "jp.", "au.", ""])
def test_a_regional_profile_costs_more_than_the_global_one(profile: str) -> None:
    bare = "anthropic.claude-haiku-4-5-20251001-v1:0"
    regional, worldwide = rates(profile + bare), rates("global." + bare)
    assert {name: rate * 11 // 10 for name, rate in worldwide.items()} == regional
    assert {"cache_write_5m", "cache_write_1h", "cache_read"} <= regional.keys()


@pytest.mark.parametrize(
    "name",
    [
        "us.anthropic.claude-sonnet-5", "global.anthropic.claude-opus-5", "anthropic.claude-opus-4-5-20251101-v1:0",
        "us.amazon.nova-pro-v1:0", "amazon.nova-micro-v1:0", "global.amazon.nova-2-lite-v1:0",
        "us.meta.llama4-maverick-17b-instruct-v1:0", "meta.llama3-8b-instruct-v1:0", "us.deepseek.r1-v1:0",
        "mistral.mistral-large-3-675b-instruct", "openai.gpt-oss-120b-1:0", "qwen.qwen3-32b-v1:0",
        "amazon.titan-embed-text-v2:0",
    ],
)  # fmt: skip
def test_the_current_families_have_prices(name: str) -> None:
    assert rates(name)["input"] > 0


@pytest.mark.parametrize("name", ["cohere.command-r-plus-v1:0", "cohere.embed-v4:0", "deepseek.v3-v1:0"])
def test_what_the_price_source_does_not_know_says_so(name: str) -> None:
    assert model(name).unpriced


def test_an_arn_is_passed_on_unpriced() -> None:
    found = model("arn:aws:bedrock:eu-central-1:111122223333:application-inference-profile/abc")
    assert (found.prices, found.operations[:2]) == ((), ("chat", "invoke"))


def test_names_that_only_anthropic_knows_are_not_bedrocks() -> None:
    assert all(provider.name != "bedrock" for provider, _ in Registry().resolve("claude-sonnet-5"))


@pytest.mark.parametrize(
    ("name", "quirk", "value"),
    [
        ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", "thinking_fields", "budget"),
        ("us.anthropic.claude-sonnet-4-6", "thinking_fields", "adaptive"),
        ("us.anthropic.claude-sonnet-5", "json_schema", True),
        ("us.anthropic.claude-3-haiku-20240307-v1:0", "json_schema", False),
        ("us.anthropic.claude-3-haiku-20240307-v1:0", "cache_points", False),
        ("us.amazon.nova-2-lite-v1:0", "thinking_fields", "reasoning_config"),
        ("amazon.nova-lite-v1:0", "top_k_field", "inferenceConfig.topK"),
        ("openai.gpt-oss-20b-1:0", "thinking_fields", "reasoning_effort"),
        ("us.meta.llama3-3-70b-instruct-v1:0", "cache_points", False),
        ("amazon.titan-embed-text-v2:0", "embedding_body", "titan"),
        ("cohere.embed-v4:0", "embedding_body", "cohere_v4"),
    ],
)
def test_what_a_family_takes_is_declared(name: str, quirk: str, value: object) -> None:
    assert model(name).quirks[quirk] == value
