"""The edges of prices: where amounts, parts and hours just change what is charged."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from sluice.metering.pricing import ceiling_price, cost, cost_at_ceiling, price_of, stated_nano
from sluice.types.catalogue import Model, Price, PriceTier
from sluice.types.usage import Usage

MILLION = 10**6


def spent(usage: Usage, rates: Mapping[str, int]) -> int:
    return cost(usage, Price("", (PriceTier(0, rates),))).nano


def test_tokens_of_sound_are_charged_where_no_length_is_known() -> None:
    heard = Usage(input=MILLION, audio_input=MILLION)
    assert spent(heard, {"audio_input": 7, "audio_hour": 3_600_000}) == 7
    timed = Usage(input=MILLION, audio_input=MILLION, audio_ms=1)
    assert spent(timed, {"audio_input": 7, "audio_hour": 3_600_000}) == 1


def test_the_parts_of_a_cost_are_named() -> None:
    used = Usage(characters=MILLION, provider_ms=1_000, audio_ms=3_600_000, search_requests=1)
    found = cost(used, Price("", (PriceTier(0, {"character": 1, "second": 2, "audio_hour": 3, "search": 4}),)))
    assert found.breakdown == {"character": 1, "second": 2, "audio_hour": 3, "search": 4}


def test_parts_of_a_prompt_share_it_sound_first() -> None:
    both = Usage(input=10 * MILLION, audio_input=8 * MILLION, image_input=5 * MILLION)
    assert spent(both, {"input": 1, "audio_input": 100, "image_input": 10_000}) == 8 * 100 + 2 * 10_000


def test_parts_of_an_answer_share_it_sound_then_pictures_then_thought() -> None:
    rates = {"output": 1, "audio_output": 100, "image_output": 10_000, "reasoning": 1_000_000}
    made = Usage(output=10 * MILLION, audio_output=6 * MILLION, image_output=7 * MILLION)
    assert spent(made, rates) == 6 * 100 + 4 * 10_000
    thought = Usage(output=10 * MILLION, audio_output=3 * MILLION, image_output=4 * MILLION, reasoning=9 * MILLION)
    assert spent(thought, rates) == 3 * 100 + 4 * 10_000 + 3 * 1_000_000


def test_the_ceiling_is_a_price_that_holds_always() -> None:
    assert ceiling_price({"input": 5}) == Price("", (PriceTier(0, {"input": 5}),), version="ceiling")
    assert cost_at_ceiling(Usage(input=MILLION), {"input": 5}).price_version == "ceiling"


def test_an_hour_that_no_window_holds_costs_the_standing_price_else_the_first() -> None:
    one = Price("", (PriceTier(0, {"input": 1}),), hours=(("01:00", "02:00"),))
    two = Price("", (PriceTier(0, {"input": 2}),), hours=(("03:00", "04:00"),))
    assert price_of(Model("m", "p", prices=(one, two)), "2026-11-23T12:00") is one


@pytest.mark.parametrize(
    ("text", "nano"),
    [
        ("5e1", 50 * 10**9),
        ("1e-9", 1),
        ("0.000000001", 1),
        ("0.123456789", 123_456_789),
        ("1" * 51, int("1" * 51) * 10**9),
        ("1e51", 10**60),
        ("12345678901234567890.1234567895", 12345678901234567890_123456790),
    ],
)
def test_amounts_are_read_exactly(text: str, nano: int) -> None:
    found = stated_nano(text)
    assert found == nano
    assert type(found) is int


def test_the_longest_number_is_sixty_digits_and_places() -> None:
    assert stated_nano("0." + "0" * 59) == 0
    assert stated_nano("0" * 59 + "1") == 10**9
    for text in ("0" * 60 + "1", "1e52", "1e-70"):
        with pytest.raises(ValueError, match=r"^a number of dollars out of any range$"):
            stated_nano(text)
    with pytest.raises(ValueError, match=r"^not a decimal number of dollars$"):
        stated_nano("one")
