"""No usage within its bounds costs more than the worst case, and no token more fits the amount than is found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.metering.adjusting import Billed, adjusted, charged, dearest
from sluice.metering.bounds import InputBound
from sluice.metering.pricing import charge
from sluice.metering.worst_case import (
    DEFAULT_OUTPUT,
    Bounds,
    Candidate,
    bounded,
    chat_bounds,
    largest_output,
    output_beyond,
    output_bound,
    worst_case,
    worst_of,
)
from sluice.providers.registry import Registry
from sluice.types.adjustments import Adjustment
from sluice.types.catalogue import Model, Price, PriceTier
from sluice.types.usage import Usage

NOON = 1_795_435_200_000
"""2026-11-23T12:00Z."""
TIERS = (None, "flex", "priority", "batch", "fast")
MILLION = 10**6
RATES = {"input": 3, "cache_read": 1, "cache_write_5m": 4, "cache_write_1h": 6, "output": 15}


def model(rates: Mapping[str, int] = RATES, *, over: Mapping[int, Mapping[str, int]] | None = None) -> Model:
    tiers = (PriceTier(0, rates), *(PriceTier(start, more) for start, more in (over or {}).items()))
    return Model("m", "p", prices=(Price("", tiers, version="list#1"),))


def worst(rates: Mapping[str, int], **bounds: int | bool | str) -> int:
    return worst_of(Candidate(model(rates), Bounds(**{"prompt": 0, "output": 0, **bounds})), NOON)  # type: ignore[arg-type]


@cache
def catalogue() -> tuple[Model, ...]:
    registry = Registry()
    found = []
    for name in registry.names():
        provider = registry.provider(name)
        found += list(provider.models.values()) if provider is not None else []
    return tuple(each for each in found if each.prices)


@st.composite
def within(draw: st.DrawFn) -> tuple[Bounds, Usage]:
    """Bounds, and a usage that keeps to them."""
    prompt, output = draw(st.integers(0, 3 * MILLION)), draw(st.integers(0, 200_000))
    audio, image = draw(st.integers(0, prompt)), draw(st.integers(0, prompt))
    long_cache = draw(st.booleans())
    spoken, drawn = draw(st.sampled_from((0, output))), draw(st.sampled_from((0, output)))
    most = draw(st.tuples(*[st.sampled_from((0, 1, 3, 1_000))] * 6))
    beyond = draw(st.sampled_from((0, 16, 40_000)))
    bounds = Bounds(
        prompt, output, audio, image, long_cache, spoken, drawn, *most, draw(st.sampled_from(TIERS)), beyond
    )
    used = draw(st.integers(0, prompt))
    cuts = sorted(draw(st.tuples(*[st.integers(0, used)] * 3)))
    plain, read, short = cuts[0], cuts[1] - cuts[0], cuts[2] - cuts[1]
    long = used - cuts[2] if long_cache else 0
    answered = draw(st.integers(0, output + beyond))
    heard = draw(st.integers(0, min(audio, plain)))
    return bounds, Usage(
        input=plain,
        cache_read=read,
        cache_write_5m=short,
        cache_write_1h=long,
        output=answered,
        reasoning=draw(st.integers(0, answered)),
        audio_input=heard,
        cache_read_audio=draw(st.integers(0, min(audio - heard, read))),
        image_input=draw(st.integers(0, min(image, plain))),
        audio_output=draw(st.integers(0, min(spoken, answered))),
        image_output=draw(st.integers(0, min(drawn, answered))),
        search_requests=draw(st.integers(0, most[0])),
        images=draw(st.integers(0, most[1])),
        images_sent=draw(st.integers(0, most[2])),
        audio_ms=draw(st.integers(0, most[3])),
        characters=draw(st.integers(0, most[4])),
        provider_ms=draw(st.integers(0, most[5])),
        image_size=draw(st.sampled_from((None, "1024x1024", "512x512"))),
        image_quality=draw(st.sampled_from((None, "high", "hd"))),
        service_tier=draw(st.sampled_from((None, "default", bounds.service_tier))),
        inference_geo=draw(st.sampled_from((None, "us", "eu"))),
        search_context=draw(st.sampled_from((None, "low", "high"))),
    )


@settings(max_examples=25, deadline=None)
@given(within(), st.integers(NOON - 10**10, NOON + 10**9))
def test_no_usage_within_the_bounds_of_any_listed_model_costs_more_than_its_worst_case(
    drawn: tuple[Bounds, Usage], wall_ms: int
) -> None:
    bounds, usage = drawn
    for each in catalogue():
        ceiling = worst_of(Candidate(each, bounds), wall_ms, {"input": 10, "output": 20})
        assert charge(each, usage, wall_ms, {"input": 10, "output": 20})[0] <= ceiling, each.id


COMPONENTS = (
    "input", "cache_read", "cache_read_audio", "cache_write_5m", "cache_write_1h", "output", "reasoning",
    "audio_input", "audio_output", "image_input", "image_output", "request", "search", "image", "image/high",
    "image/512x512", "image_sent", "audio_hour", "character", "second",
)  # fmt: skip
ANY_RATES = st.dictionaries(st.sampled_from(COMPONENTS), st.integers(0, 10**10))


@given(within(), ANY_RATES, ANY_RATES, st.integers(1, 2 * MILLION))
def test_no_usage_costs_more_whatever_the_rates_and_tiers(
    drawn: tuple[Bounds, Usage], rates: dict[str, int], beyond: dict[str, int], over: int
) -> None:
    bounds, usage = drawn
    tiered = model(rates, over={over: beyond})
    assert charge(tiered, usage, NOON)[0] <= worst_of(Candidate(tiered, bounds), NOON)


@given(within(), ANY_RATES)
def test_more_room_is_never_cheaper(drawn: tuple[Bounds, Usage], rates: dict[str, int]) -> None:
    bounds, _ = drawn
    wider = replace(bounds, prompt=bounds.prompt + 1, output=bounds.output + 1, searches=bounds.searches + 1)
    assert worst_of(Candidate(model(rates), bounds), NOON) <= worst_of(Candidate(model(rates), wider), NOON)


@pytest.mark.parametrize(
    ("rates", "bounds", "nano"),
    [
        (RATES, {"prompt": MILLION}, 4),
        (RATES, {"prompt": MILLION, "long_cache": True}, 6),
        ({"input": 9, "cache_read": 1, "cache_write_5m": 4}, {"prompt": MILLION}, 9),
        ({"input": 3, "cache_read": 8}, {"prompt": MILLION}, 8),
        (RATES, {"output": MILLION}, 15),
        ({"output": 15, "reasoning": 40}, {"output": MILLION}, 40),
        ({"output": 15, "reasoning": 2}, {"output": MILLION}, 15),
        ({"input": 3, "audio_input": 30}, {"prompt": 2 * MILLION, "audio_input": MILLION}, 33),
        ({"input": 3, "audio_input": 30}, {"prompt": MILLION, "audio_input": 2 * MILLION}, 30),
        ({"input": 3, "audio_input": 1}, {"prompt": MILLION, "audio_input": MILLION}, 3),
        ({"input": 3, "cache_read_audio": 7}, {"prompt": MILLION, "audio_input": MILLION}, 7),
        ({"input": 3, "image_input": 5}, {"prompt": 2 * MILLION, "image_input": MILLION}, 8),
        ({"input": 3, "image_input": 5}, {"prompt": MILLION, "image_input": 2 * MILLION}, 5),
        ({"input": 3, "image_input": 1}, {"prompt": MILLION, "image_input": MILLION}, 3),
        ({"output": 3, "audio_output": 9}, {"output": 2 * MILLION, "audio_output": MILLION}, 12),
        ({"output": 3, "audio_output": 9}, {"output": MILLION, "audio_output": 2 * MILLION}, 9),
        ({"output": 3, "image_output": 9}, {"output": 2 * MILLION, "image_output": MILLION}, 12),
        ({"output": 3, "image_output": 9}, {"output": MILLION, "image_output": 2 * MILLION}, 9),
        ({"output": 3, "image_output": 1, "audio_output": 1}, {"output": 1, "image_output": 1, "audio_output": 1}, 0),
        ({"output": 3, "audio_output": 1}, {"output": MILLION, "audio_output": MILLION}, 3),
        ({"output": 3, "image_output": 1}, {"output": MILLION, "image_output": MILLION}, 3),
        ({}, {"searches": 9, "images": 9, "images_sent": 9}, 0),
        ({}, {"characters": 10**9, "provider_ms": 10**9, "audio_ms": 10**9}, 0),
        ({"image": 9, "image/high": 7}, {"images": 3}, 27),
        ({"request": 5}, {}, 5),
        ({"search": 5}, {"searches": 3}, 15),
        ({"image": 5, "image/high": 7, "image_sent": 100}, {"images": 3}, 21),
        ({"image_sent": 5}, {"images_sent": 3}, 15),
        ({"character": 5}, {"characters": MILLION}, 5),
        ({"second": 5}, {"provider_ms": 2_000}, 10),
        ({"audio_hour": 5}, {"audio_ms": 7_200_000}, 10),
        ({"input": 500_000}, {"prompt": 1}, 1),
        ({"input": 499_999}, {"prompt": 1}, 0),
        ({"input": 250_000, "output": 250_000}, {"prompt": 1, "output": 1}, 1),
    ],
)
def test_each_component_counts_at_its_dearest(rates: dict[str, int], bounds: dict[str, int], nano: int) -> None:
    assert worst(rates, **bounds) == nano


def test_a_worst_case_is_a_whole_number_however_large() -> None:
    found = worst({"input": 10**13 + 1}, prompt=10**9 + 1)
    assert type(found) is int
    assert found == ((10**13 + 1) * (10**9 + 1) * 2 + MILLION) // (2 * MILLION)


def test_every_tier_that_the_prompt_can_reach_counts() -> None:
    tiered = Candidate(model({"input": 10, "output": 10}, over={100_000: {"input": 1, "output": 50}}), Bounds(0, 0))

    def at(prompt: int, output: int) -> int:
        return worst_of(replace(tiered, bounds=Bounds(prompt * 10**4, output * 10**4)), NOON)

    assert at(10, 100) == 1 + 10
    assert at(11, 100) == 50  # 0.11 + 50, dearer than 1 + 10
    assert at(30, 0) == 1  # the first tier's longest prompt costs more than this one


def test_only_tiers_within_reach_count() -> None:
    tiered = model({"input": 1}, over={10: {"input": 10**6}, 20: {"input": 10**7}})
    assert [worst_of(Candidate(tiered, Bounds(prompt, 0)), NOON) for prompt in (10, 11, 20, 21)] == [0, 11, 20, 210]


def test_the_service_tier_asked_for_counts_and_the_standard_one() -> None:
    flex = Price("", (PriceTier(0, {"input": 1}),), service_tiers=("flex",))
    fast = Price("", (PriceTier(0, {"input": 9}),), service_tiers=("priority",))
    priced = replace(model({"input": 3}), prices=(*model({"input": 3}).prices, flex, fast))
    found = [
        worst_of(Candidate(priced, Bounds(MILLION, 0, service_tier=tier)), NOON) for tier in (None, "flex", "priority")
    ]
    assert found == [3, 3, 9]


def test_an_unpriced_model_costs_the_ceiling_and_nothing_without_one() -> None:
    unpriced = Candidate(Model("m", "p"), Bounds(MILLION, MILLION))
    assert worst_of(unpriced, NOON, {"input": 7, "output": 9}) == 16
    assert worst_of(unpriced, NOON) == 0


def test_a_price_that_starts_later_leaves_the_ceiling_until_then() -> None:
    later = replace(model(), prices=(replace(model().prices[0], starts="2026-12-01"),))
    assert worst_of(Candidate(later, Bounds(MILLION, 0)), NOON, {"input": 70}) == 70
    assert worst_of(Candidate(later, Bounds(MILLION, 0)), NOON + 30 * 86_400_000, {"input": 70}) == 4


def test_adjustments_count_in_the_worst_case() -> None:
    margin = Adjustment("m", "margin", 2_500)
    assert worst_of(Candidate(model({"input": 8}), Bounds(MILLION, 0), (margin,)), NOON) == 10


def test_a_plan_costs_its_dearest_deployment_unless_more_attempts_may_be_billed() -> None:
    cheap, dear = (Candidate(model({"input": rate}), Bounds(MILLION, 0), attempts=2) for rate in (3, 10))
    assert worst_case([cheap, dear], NOON) == 10
    assert worst_case([cheap, dear], NOON, billed=2) == 20
    assert worst_case([cheap, dear], NOON, billed=3) == 23
    assert worst_case([cheap, dear], NOON, billed=9) == 26
    assert worst_case([cheap, dear], NOON, billed=0) == 10
    assert worst_case([replace(cheap, attempts=0)], NOON, billed=2) == 3
    assert worst_case([], NOON) == 0
    assert worst_case([Candidate(Model("m", "p"), Bounds(MILLION, 0))], NOON, ceiling={"input": 5}) == 5


@given(ANY_RATES, st.integers(0, 10**9), st.integers(1, 4), st.integers(0, 50_000), st.integers(-5_000, 5_000))
def test_the_largest_output_fits_and_one_token_more_does_not(
    rates: dict[str, int], amount: int, choices: int, asked: int, points: int
) -> None:
    changed = (Adjustment("a", "margin", points),)
    plan = [Candidate(model(rates), Bounds(10_000, asked * choices, searches=1), changed)]
    found = largest_output(plan, amount, NOON, choices=choices)

    def at(each: int) -> int:
        return worst_case([bounded(plan[0], each * choices)], NOON)

    if found is None:
        assert at(0) > amount
    else:
        assert 0 <= found <= asked
        assert at(found) <= amount
        assert found == asked or at(found + 1) > amount


def test_the_largest_output_is_exact_at_its_edge() -> None:
    plan = [Candidate(model({"output": MILLION}), Bounds(0, 100)), Candidate(model({"output": 1}), Bounds(0, 50))]
    assert largest_output(plan, 40, NOON) == 40
    assert largest_output(plan, 100, NOON) == 100
    assert largest_output(plan, 10**9, NOON) == 100
    assert largest_output(plan, 0, NOON) == 0
    assert largest_output(plan, 40, NOON, choices=2) == 20
    assert largest_output(plan, 41, NOON, choices=2) == 20
    assert largest_output(plan, 40, NOON, choices=0) == 40
    assert largest_output(plan, 10**9, NOON, choices=3) == 34
    assert largest_output([Candidate(model({"request": 5}), Bounds(0, 9))], 4, NOON) is None
    assert largest_output([], 0, NOON) == 0
    twice = [replace(plan[0], attempts=2)]
    assert largest_output(twice, 40, NOON, billed=2) == 20
    assert largest_output(twice, 40, NOON) == 40
    unpriced = [Candidate(Model("m", "p"), Bounds(0, 100))]
    assert largest_output(unpriced, 40, NOON, ceiling={"output": MILLION}) == 40


def test_a_bounded_candidate_never_gains_output() -> None:
    made = Candidate(model(), Bounds(5, 100, audio_output=100, image_output=30))
    assert bounded(made, 200) == made
    lowered = bounded(made, 40).bounds
    assert (lowered.prompt, lowered.output, lowered.audio_output, lowered.image_output) == (5, 40, 40, 30)
    assert bounded(made, 20).bounds.image_output == 20


def test_output_is_bound_by_the_caller_or_the_model_or_the_default() -> None:
    known, unknown = replace(model(), max_output=1_000), model()
    assert output_bound(50, 3, known) == 150
    assert output_bound(0, 1, known) == 0
    assert output_bound(None, 2, known) == 2_000
    assert output_bound(None, 0, known) == 1_000
    assert output_bound(None, 1, unknown) == DEFAULT_OUTPUT == 32_768
    assert output_bound(None, 1, unknown, 64) == 64


def test_what_no_bound_holds_comes_on_top() -> None:
    thinker = Model("grok-4", "xai", max_output=900)
    assert output_beyond(50, 1, model()) == 16
    assert output_beyond(50, 3, model()) == 48
    assert output_beyond(50, 0, model()) == 16
    assert output_beyond(0, 2, thinker) == 2 * 916
    assert output_beyond(None, 1, thinker) == 16, "the model's own bound holds all of it"
    assert output_beyond(50, 1, replace(thinker, max_output=None)) == 16 + DEFAULT_OUTPUT
    assert output_beyond(50, 1, replace(thinker, max_output=None), 7) == 23
    assert output_beyond(50, 1, replace(thinker, max_output=0)) == 16
    plan = [Candidate(model({"output": MILLION}), Bounds(0, 100, beyond=30))]
    assert worst_case(plan, NOON) == 130
    assert largest_output(plan, 50, NOON) == 20
    assert largest_output(plan, 29, NOON) is None
    assert chat_bounds(InputBound(1, 1), model(), output=5, beyond=7).beyond == 7
    assert chat_bounds(InputBound(1, 1), model(), output=5).beyond == 0


def test_chat_bounds_take_the_allowance_only_for_what_is_open() -> None:
    closed = InputBound(100, 200, audio=7, pictures=9, audio_ms=11, long_cache=True)
    asked = {"output": 50, "allowance": 1_000, "searches": 2, "service_tier": "flex"}
    found = chat_bounds(closed, model(), **asked)  # type: ignore[arg-type]
    assert found == Bounds(100, 50, 7, 9, True, searches=2, audio_ms=11, service_tier="flex")
    assert chat_bounds(replace(closed, open=("file",)), model(), **asked).prompt == 1_100  # type: ignore[arg-type]
    assert chat_bounds(replace(closed, open=("file",)), model(), output=1).prompt == 100
    spoken = chat_bounds(closed, replace(model(), outputs=("text", "audio")), output=50)
    drawn = chat_bounds(closed, replace(model(), outputs=("image",)), output=50)
    assert (spoken.audio_output, spoken.image_output) == (50, 0)
    assert (drawn.audio_output, drawn.image_output) == (0, 50)
    assert (spoken.searches, spoken.service_tier, spoken.prompt) == (0, None, 100)


def test_adjusting_keeps_the_order_of_amounts() -> None:
    changes = (Adjustment("a", "discount", -1_234), Adjustment("b", "margin", 77))
    found: Iterator[int] = (adjusted(nano, changes) for nano in range(2_000))
    known = list(found)
    assert known == sorted(known)


def test_the_place_that_a_chat_asks_for_is_in_its_bounds() -> None:
    assert chat_bounds(InputBound(5, 5), model(), output=1, geo="us").geo == "us"
    assert chat_bounds(InputBound(5, 5), model(), output=1).geo is None


def test_a_worst_case_holds_for_the_dearest_place_that_the_request_leaves_open() -> None:
    listed = replace(model({"input": MILLION}), quirks={"geo_surcharge": {"us": 1_000, "eu": 500}})
    for geo, nano in ((None, 110), ("us", 110), ("eu", 105), ("global", 100)):
        assert worst_of(Candidate(listed, Bounds(100, 0, geo=geo)), NOON) == nano


def test_a_worst_case_holds_for_the_dearest_context_of_a_search() -> None:
    assert worst({"request": 7, "request/low": 5, "request/high": 12, "search": 99}) == 12


SOME = st.lists(
    st.builds(
        Adjustment,
        id=st.sampled_from("abc"),
        kind=st.sampled_from(("discount", "margin", "surcharge", "batch")),
        basis_points=st.integers(-10_000, 20_000),
        team=st.sampled_from(("", "search", "ads")),
        service_tier=st.sampled_from(("", "flex", "batch", "default")),
    ),
    max_size=4,
)


@settings(max_examples=100, deadline=None)
@given(within(), SOME, st.booleans())
def test_no_charge_is_more_than_the_worst_case_whatever_adjusts_it(
    drawn: tuple[Bounds, Usage], adjustments: list[Adjustment], states: bool
) -> None:
    bounds, usage = drawn
    cheap = Price("", (PriceTier(0, {name: rate // 2 for name, rate in RATES.items()}),), service_tiers=("flex",))
    listed = replace(model(), quirks={"stated_cost": states, "geo_surcharge": {"us": 1_000}})
    listed = replace(listed, prices=(*listed.prices, cheap))
    who = Billed("search")
    chosen = dearest(adjustments, listed, who, "2026-11-23", bounds.service_tier)
    found = charged(listed, usage, NOON, who, adjustments=adjustments)
    assert found.cost <= worst_of(Candidate(listed, bounds, chosen), NOON)
    if states and found.list_cost is not None:
        stated = replace(usage, provider_cost_usd=f"{found.list_cost / 10**9:.9f}")
        assert charged(listed, stated, NOON, who, adjustments=adjustments).cost <= worst_of(
            Candidate(listed, bounds, chosen), NOON
        )
