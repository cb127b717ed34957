"""What vendors print on their own pages is what a call costs here."""

from __future__ import annotations

import pytest

from sluice.metering.pricing import cost, price_of
from sluice.providers.registry import Registry
from sluice.types.usage import Usage

MILLION = 10**6
DAY = "2026-11-23"
OPUS_5 = "anthropic/claude-opus-5"
"""platform.claude.com, "Claude Opus 5", pricing (2026-11): input $5, output $25, cache writes $6.25 and $10, cache
reads $0.50; Batch API: 50 % off input and output."""
OVERVIEW = """platform.claude.com, "Claude Opus 5.5", how it compares (2026-11): price per million tokens, in / out."""
CASES = (
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
    price = price_of(listed, DAY, usage.service_tier)
    assert price is not None
    assert cost(usage, price).nano == int(float(dollars) * 10**9)
