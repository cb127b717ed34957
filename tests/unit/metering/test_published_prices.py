"""What vendors print on their own pages is what a call costs here."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sluice.dialects.openai_chat.usage import read
from sluice.metering.pricing import charge, cost, price_of, stated_nano
from sluice.providers.registry import Registry
from sluice.routing.list_prices import in_dollars, surcharged
from sluice.types.catalogue import Model, Price, PriceTier
from sluice.types.usage import Usage

MILLION = 10**6
DAY = "2026-11-23T12:00"
OPUS_5 = "anthropic/claude-opus-5"
"""platform.claude.com, "Claude Opus 5", pricing (2026-11): input $5, output $25, cache writes $6.25 and $10, cache
reads $0.50; Batch API: 50 % off input and output."""
OVERVIEW = """platform.claude.com, "Claude Opus 5.5", how it compares (2026-11): price per million tokens, in / out."""
SONNET = "anthropic.claude-sonnet-4-5-20250929-v1:0"
CASES = (
    # platform.claude.com, "Pricing" and "Data residency" (2026-11): 1.1 times every price of a token for inference_geo
    # us, from Opus 4.6 on; web search $10 per 1,000.
    ("anthropic/claude-opus-4-6", Usage(input=MILLION, inference_geo="us"), "5.5"),
    ("anthropic/claude-opus-4-6", Usage(output=MILLION, inference_geo="us"), "27.5"),
    ("anthropic/claude-opus-4-6", Usage(cache_write_5m=MILLION, inference_geo="us"), "6.875"),
    ("anthropic/claude-opus-4-6", Usage(cache_write_1h=MILLION, inference_geo="us"), "11"),
    ("anthropic/claude-opus-4-6", Usage(cache_read=MILLION, inference_geo="us"), "0.55"),
    ("anthropic/claude-opus-4-6", Usage(input=MILLION, service_tier="batch", inference_geo="us"), "2.75"),
    ("anthropic/claude-opus-4-6", Usage(search_requests=1_000, inference_geo="us"), "10"),
    ("anthropic/claude-opus-4-5", Usage(input=MILLION, inference_geo="us"), "5"),
    ("anthropic/claude-haiku-4-5", Usage(search_requests=1_000), "10"),
    # developers.openai.com/api/docs/pricing (2026-11): $2.50, $0.25 and $15.00; above 272K tokens of input twice the
    # input's and 1.5 times the output's price.
    ("openai/gpt-5.4", Usage(input=200_000, output=10_000, reasoning=9_000), "0.65"),
    ("openai/gpt-5.4", Usage(input=272_000, output=10_000), "0.83"),
    ("openai/gpt-5.4", Usage(input=272_001, output=10_000), "1.585005"),
    ("openai/gpt-5.4", Usage(cache_read=100_000, service_tier="default"), "0.025"),
    # openai.com/api-priority-processing (2026-11): $5.00 input, $0.500 cached, $30.00 output; flex and batch: half.
    ("openai/gpt-5.4", Usage(input=MILLION // 10, output=MILLION, service_tier="priority"), "30.5"),
    ("openai/gpt-5.4", Usage(cache_read=MILLION // 10, service_tier="priority"), "0.05"),
    ("openai/gpt-5.4", Usage(input=MILLION // 10, output=MILLION, service_tier="flex"), "7.625"),
    ("openai/gpt-5.4", Usage(input=MILLION // 10, output=MILLION, service_tier="batch"), "7.625"),
    ("openai/gpt-5.4", Usage(search_requests=1_000), "10"),
    # developers.openai.com/api/docs/pricing: by the minute of sound, the character, tokens of sound and image.
    ("openai/whisper-1", Usage(audio_ms=60_000), "0.006"),
    ("openai/tts-1", Usage(characters=MILLION), "15"),
    ("openai/gpt-audio", Usage(input=MILLION, audio_input=MILLION, output=MILLION, audio_output=MILLION), "96"),
    ("openai/gpt-image-1.5", Usage(input=MILLION, image_input=MILLION, output=MILLION, image_output=MILLION), "40"),
    # ai.google.dev/gemini-api/docs/pricing: prompts above 200k tokens, sound, grounding with Google Search.
    ("gemini/gemini-2.5-pro", Usage(input=200_000, output=1_000), "0.26"),
    ("gemini/gemini-2.5-pro", Usage(input=200_001, output=1_000), "0.5150025"),
    ("gemini/gemini-2.5-flash", Usage(input=MILLION, audio_input=MILLION), "1"),
    ("gemini/gemini-2.5-pro", Usage(search_requests=1_000), "35"),
    # api-docs.deepseek.com/quick_start/pricing (2026-11): off-peak $0.022, $0.66 and $1.98.
    ("deepseek/deepseek-v4-pro", Usage(cache_read=MILLION, input=MILLION, output=MILLION), "2.662"),
    # groq.com/pricing: by the hour of sound; batch half. cohere.com/pricing: by 1,000 searches.
    ("groq/whisper-large-v3", Usage(audio_ms=3_600_000), "0.111"),
    ("groq/whisper-large-v3", Usage(audio_ms=3_600_000, service_tier="batch"), "0.0555"),
    ("cohere/rerank-v3.5", Usage(search_requests=1_000), "2"),
    # docs.perplexity.ai/docs/getting-started/pricing (2026-10): web_search $0.0025 an invocation.
    ("perplexity/perplexity/sonar", Usage(search_requests=1_000), "2.5"),
    # docs.x.ai/developers/models (2026-11): a picture made, and one sent to be edited.
    ("xai/grok-imagine-image-quality", Usage(images=2, images_sent=1), "0.11"),
    # platform.claude.com, "Pricing", third-party platforms (2026-11): endpoints that are not global cost 10 % more.
    (f"bedrock/global.{SONNET}", Usage(input=MILLION, output=MILLION), "18"),
    (f"bedrock/eu.{SONNET}", Usage(input=MILLION, output=MILLION), "19.8"),
    (f"bedrock/{SONNET}", Usage(cache_read=MILLION), "0.33"),
    (OPUS_5, Usage(input=MILLION), "5"),
    (OPUS_5, Usage(output=MILLION), "25"),
    (OPUS_5, Usage(cache_write_5m=MILLION), "6.25"),
    (OPUS_5, Usage(cache_write_1h=MILLION), "10"),
    (OPUS_5, Usage(cache_read=MILLION), "0.5"),
    (OPUS_5, Usage(input=MILLION, service_tier="batch"), "2.5"),
    (OPUS_5, Usage(output=MILLION, service_tier="batch"), "12.5"),
    (OPUS_5, Usage(input=200_000, cache_read=800_000, output=100_000), "3.9"),
    ("anthropic/claude-opus-5-5", Usage(input=MILLION, output=MILLION), "24"),
    ("anthropic/claude-fable-5-1", Usage(input=MILLION, output=MILLION), "60"),
    ("anthropic/claude-sonnet-5", Usage(input=MILLION, output=MILLION), "12"),
    ("anthropic/claude-haiku-4-5", Usage(input=MILLION, output=MILLION), "6"),
)


@pytest.mark.parametrize(("model", "usage", "dollars"), CASES)
def test_a_call_costs_what_its_vendor_prints(model: str, usage: Usage, dollars: str) -> None:
    ((_, listed),) = Registry().resolve(model)
    price = price_of(listed, DAY, usage.service_tier, usage.inference_geo)
    assert price is not None
    assert cost(usage, price).nano == stated_nano(dollars)


@pytest.mark.parametrize(
    ("moment", "dollars"),
    [
        ("2026-11-23T00:59", "2.662"),
        ("2026-11-23T01:00", "5.324"),
        ("2026-11-27T09:59", "5.324"),
        ("2026-11-28T01:00", "2.662"),
    ],
)
def test_a_call_costs_what_its_vendor_prints_for_the_hour(moment: str, dollars: str) -> None:
    # api-docs.deepseek.com/quick_start/pricing (2026-11): peak hours are those of Monday to Friday.
    ((_, listed),) = Registry().resolve("deepseek/deepseek-v4-pro")
    price = price_of(listed, moment)
    assert price is not None
    assert cost(Usage(cache_read=MILLION, input=MILLION, output=MILLION), price).nano == stated_nano(dollars)


@pytest.mark.parametrize(
    ("model", "base_url", "dollars"),
    [
        # OpenAI: 10 % more for models from 2026-03-05 on (data residency, 2026-11).
        ("openai/gpt-5.4", "https://eu.api.openai.com/v1", "2.75"),
        ("openai/gpt-5.4", "https://api.openai.com/v1", "2.5"),
        ("openai/gpt-5.2", "https://us.api.openai.com/v1", "1.75"),
        # Claude on Vertex AI: 10 % more but for global, from Sonnet 4.5 on (platform.claude.com, 2026-11).
        ("vertex_anthropic/claude-sonnet-4-6", "https://x.example/v1/locations/us-east5/publishers/anthropic", "3.3"),
        ("vertex_anthropic/claude-sonnet-4-6", "https://x.example/v1/locations/global/publishers/anthropic", "3"),
        # Together: 1.25 times at the hosts of a country (docs.together.ai/docs/serverless, 2026-11).
        ("together/zai-org/GLM-5.3", "https://us-api.together.ai/v1", "1.75"),
        ("together/zai-org/GLM-5.3", "https://api.together.xyz/v1", "1.4"),
    ],
)
def test_a_regional_call_costs_what_its_vendor_prints(model: str, base_url: str, dollars: str) -> None:
    ((provider, listed),) = Registry().resolve(model)
    surcharges = {**provider.quirks, **listed.quirks}.get("regional_surcharge", {})
    assert isinstance(surcharges, dict)
    price = price_of(surcharged(listed, surcharges, base_url, None), DAY)
    assert price is not None
    assert cost(Usage(input=MILLION // 10), price).nano * 10 == stated_nano(dollars)


SEARCHED = {"input": MILLION * 1_000, "output": MILLION * 1_000} | {
    "request/low": 5 * MILLION,
    "request/medium": 8 * MILLION,
}
"""Sonar: $1 and $1, and for 1,000 requests $5, $8 and $12 by search context (docs.perplexity.ai, "Sonar", 2026-11)."""


@pytest.mark.parametrize(("context", "dollars"), [("low", "0.0055"), ("medium", "0.0085"), ("high", "0.0125")])
def test_a_search_costs_what_its_vendor_prints_for_its_context(context: str, dollars: str) -> None:
    price = Price("", (PriceTier(0, {**SEARCHED, "request/high": 12 * MILLION}),))
    assert cost(Usage(input=300, output=200, search_context=context), price).nano == stated_nano(dollars)


def test_what_an_answer_states_is_what_its_vendor_says_it_does() -> None:
    # docs.x.ai, "Cost tracking" (2026-11): 37756000 ticks are $0.0037756, and 200000000 are $0.02.
    ((provider, model),) = Registry().resolve("xai/grok-4.5")
    for ticks, dollars in ((37_756_000, "0.0037756"), (200_000_000, "0.02")):
        body = {"usage": {"prompt_tokens": 9, "completion_tokens": 1, "cost_in_usd_ticks": ticks}}
        usage = read(body, provider.quirks)
        assert usage is not None
        stating = replace(model, quirks={**provider.quirks, **model.quirks})
        assert charge(stating, usage, 0) == (stated_nano(dollars), "stated")


def test_a_host_s_second_costs_what_it_prints() -> None:
    # modal.com/pricing (2026-11): an H100 is $0.001097 a second, $3.9492 an hour.
    listed = Model("own", "modal", prices=(Price("", (PriceTier(0, {"second": 10**9}),), unit="h100_second"),))
    price = price_of(in_dollars(listed, {"h100_second": stated_nano("0.001097")}), DAY)
    assert price is not None
    assert cost(Usage(provider_ms=3_600_000), price).nano == stated_nano("3.9492")
