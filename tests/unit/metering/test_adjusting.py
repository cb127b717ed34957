"""Discounts, margins and stated costs change what is charged, never what the list says."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.metering.adjusting import Billed, adjusted, applying, billed, charged, dearest, iso, scaled
from sluice.types.adjustments import Adjustment, Charge
from sluice.types.catalogue import Auth, Model, Price, PriceTier, Provider, ProviderEndpoint
from sluice.types.routes import Deployment
from sluice.types.usage import Usage

NOON = 1_795_435_200_000
"""2026-11-23T12:00Z."""
MILLION = 10**6
LISTED = Model("gpt", "openai", prices=(Price("", (PriceTier(0, {"input": 1_000}),), version="list#1"),))
SEARCH = Billed("search", "eu-central-1")
USED = Usage(input=MILLION)


def ids(*adjustments: Adjustment, model: Model = LISTED, billed: Billed = SEARCH, tier: str | None = None) -> list[str]:
    return [each.id for each in applying(adjustments, model, billed, "2026-11-23", tier)]


def test_basis_points_are_hundredths_of_a_per_cent() -> None:
    assert adjusted(10_000, [Adjustment("a", "margin", 1)]) == 10_001
    assert adjusted(10_000, [Adjustment("a", "discount", -500)]) == 9_500
    assert adjusted(10_000, []) == 10_000


def test_several_adjustments_multiply_and_are_rounded_once_half_up() -> None:
    half = Adjustment("a", "discount", -5_000)
    tenth = Adjustment("b", "margin", 1_000)
    assert adjusted(1, [half]) == 1
    assert adjusted(3, [half]) == 2
    assert adjusted(1, [half, half]) == 0
    assert adjusted(2, [half, half]) == 1
    # 3 x 0.5 x 0.5 = 0.75; rounded after each step it would be 1 and then 1, from 5: 1.25, not 2.
    assert adjusted(5, [half, half]) == 1
    assert adjusted(100, [half, tenth]) == 55


def test_more_than_everything_cannot_be_taken_off() -> None:
    assert adjusted(10**6, [Adjustment("a", "discount", -10_001)]) == 0
    assert adjusted(100, [Adjustment("a", "discount", -10_000)]) == 0
    assert adjusted(100, [Adjustment("a", "discount", -9_999)]) == 0
    assert adjusted(10_000, [Adjustment("a", "discount", -9_999)]) == 1


@given(st.integers(0, 10**12), st.lists(st.integers(-10_000, 20_000), max_size=4))
def test_an_adjusted_amount_is_exact_to_half_a_nano_dollar(nano: int, points: list[int]) -> None:
    exact = Fraction(nano)
    for each in points:
        exact *= Fraction(10_000 + each, 10_000)
    found = adjusted(nano, [Adjustment("a", "margin", each) for each in points])
    assert found == int(exact + Fraction(1, 2))


@pytest.mark.parametrize(
    "named",
    [
        {"team": "search"},
        {"provider": "openai"},
        {"model": "gpt"},
        {"region": "eu-"},
        {"region": "eu-central-1"},
        {"service_tier": "batch"},
        {},
    ],
)
def test_an_adjustment_applies_where_all_it_names_match(named: dict[str, str]) -> None:
    assert ids(Adjustment("a", "margin", 1, **named), tier="batch") == ["a"]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "named",
    [
        {"team": "ads"},
        {"provider": "anthropic"},
        {"model": "gpt-2"},
        {"region": "us-"},
        {"service_tier": "flex"},
        {"team": "search", "provider": "anthropic"},
    ],
)
def test_an_adjustment_does_not_apply_elsewhere(named: dict[str, str]) -> None:
    assert ids(Adjustment("a", "margin", 1, **named), tier="batch") == []  # type: ignore[arg-type]


def test_an_adjustment_for_a_tier_needs_that_tier() -> None:
    assert ids(Adjustment("a", "batch", -5_000, service_tier="batch")) == []


@pytest.mark.parametrize("named", ["default", "standard", "auto"])
@pytest.mark.parametrize("returned", [None, "default", "standard", "on_demand"])
def test_the_standard_tier_is_one_whatever_it_is_called(named: str, returned: str | None) -> None:
    assert ids(Adjustment("a", "margin", 1, service_tier=named), tier=returned) == ["a"]
    assert ids(Adjustment("a", "margin", 1, service_tier=named), tier="flex") == []


def test_an_adjustment_holds_from_its_start_up_to_its_end() -> None:
    def dated(starts: str, ends: str) -> bool:
        return ids(Adjustment("a", "margin", 1, starts=starts, ends=ends)) == ["a"]

    assert dated("2026-11-23", "")
    assert not dated("2026-11-24", "")
    assert dated("", "2026-11-24")
    assert not dated("", "2026-11-23")


def test_of_one_kind_the_one_that_names_most_applies_else_the_later() -> None:
    broad = Adjustment("broad", "discount", -100)
    narrow = Adjustment("narrow", "discount", -200, team="search", region="eu-")
    team = Adjustment("team", "discount", -300, team="search")
    model = Adjustment("model", "discount", -300, model="gpt")
    assert ids(broad, narrow, team) == ["narrow"]
    assert ids(narrow, broad) == ["narrow"]
    assert ids(team, model) == ["model"]
    assert ids(model, team) == ["team"]


def test_different_kinds_apply_together_in_their_order() -> None:
    kinds = (
        Adjustment("a", "surcharge", 1_000, region="eu-"),
        Adjustment("b", "discount", -100),
        Adjustment("c", "surcharge", 2_000, region="eu-central-1", team="search"),
    )
    assert ids(*kinds) == ["c", "b"]


def test_a_charge_keeps_the_list_price_beside_what_is_charged() -> None:
    changes = [Adjustment("eu", "surcharge", 1_000, region="eu-"), Adjustment("deal", "discount", -2_000)]
    found = charged(LISTED, USED, NOON, SEARCH, adjustments=changes)
    assert found == Charge(880, 1_000, None, "list#1", ("eu", "deal"))
    assert charged(LISTED, USED, NOON, Billed("ads"), adjustments=changes).cost == 800


def test_a_stated_cost_is_kept_beside_the_list_and_preferred_where_it_is_what_is_billed() -> None:
    billing = Model("gpt", "openrouter", prices=LISTED.prices, quirks={"stated_cost": True})
    stated = Usage(input=MILLION, provider_cost_usd="0.0000009")
    changes = [Adjustment("deal", "discount", -2_000), Adjustment("own", "margin", 1_000)]
    assert charged(billing, stated, NOON, SEARCH) == Charge(900, 1_000, 900, "stated")
    assert charged(billing, stated, NOON, SEARCH, adjustments=changes) == Charge(990, 1_000, 900, "stated", ("own",))
    assert charged(LISTED, stated, NOON, SEARCH) == Charge(1_000, 1_000, 900, "list#1")
    assert charged(LISTED, stated, NOON, SEARCH, quirks={"stated_cost": True}) == Charge(900, 1_000, 900, "stated")
    assert charged(LISTED, Usage(input=MILLION, provider_cost_usd="?"), NOON, SEARCH).stated is None


def test_the_list_cost_beside_a_stated_one_is_that_of_the_tier_and_the_place() -> None:
    fast = Price("", (PriceTier(0, {"input": 2_000}),), service_tiers=("fast",), version="list#fast")
    quirks = {"stated_cost": True, "geo_surcharge": {"us": 1_000}}
    listed = Model("gpt", "openai", prices=(*LISTED.prices, fast), quirks=quirks)
    used = Usage(input=MILLION, provider_cost_usd="0.0000009", service_tier="fast", inference_geo="us")
    assert charged(listed, used, NOON, SEARCH) == Charge(900, 2_200, 900, "stated")
    assert charged(Model("gpt", "openai"), used, NOON, SEARCH) == Charge(900, None, 900, "stated")


def test_an_unpriced_model_is_charged_the_ceiling_with_adjustments_or_nothing() -> None:
    unpriced, margin = Model("m", "p"), [Adjustment("own", "margin", 1_000)]
    found = charged(unpriced, USED, NOON, SEARCH, ceiling={"input": 50}, adjustments=margin)
    assert found == Charge(55, None, None, "ceiling", ("own",))
    assert charged(unpriced, USED, NOON, SEARCH, adjustments=margin) == Charge(0, None, None, "unpriced")


def test_the_tier_that_was_returned_decides_on_price_and_adjustment() -> None:
    batch = Price("", (PriceTier(0, {"input": 400}),), service_tiers=("batch",), version="list#batch")
    both = Model("gpt", "openai", prices=(*LISTED.prices, batch))
    used = Usage(input=MILLION, service_tier="batch")
    halved = [Adjustment("half", "batch", -5_000, service_tier="batch")]
    assert charged(both, used, NOON, SEARCH, adjustments=halved) == Charge(200, 400, None, "list#batch", ("half",))


def test_a_charge_is_made_by_the_prices_and_adjustments_of_its_day() -> None:
    newer = Model("gpt", "openai", prices=(*LISTED.prices, Price("2026-11-23", (PriceTier(0, {"input": 10}),))))
    ending = [Adjustment("old", "margin", 10_000, ends="2026-11-23")]
    assert charged(newer, USED, NOON - 86_400_000, SEARCH, adjustments=ending) == Charge(
        2_000, 1_000, None, "list#1", ("old",)
    )
    assert charged(newer, USED, NOON, SEARCH, adjustments=ending).list_cost == 10


def test_a_worst_case_counts_on_the_dearest_of_the_tiers_and_on_no_discount_where_the_provider_states() -> None:
    halved = Adjustment("half", "discount", -5_000, service_tier="flex")
    deal, own = Adjustment("deal", "discount", -1_000), Adjustment("own", "margin", 500)

    def chosen(*given: Adjustment, tier: str | None = None, model: Model = LISTED) -> list[str]:
        return [each.id for each in dearest(given, model, SEARCH, "2026-11-23", tier)]

    assert chosen(halved, tier="flex") == []
    assert chosen(deal, own) == ["deal", "own"]
    assert chosen(deal, halved, own, tier="flex") == ["deal", "own"]
    stating = Model("gpt", "openai", prices=LISTED.prices, quirks={"stated_cost": True})
    assert chosen(deal, own, model=stating) == ["own"]
    assert chosen(deal, model=Model("gpt", "openai")) == [], "what has no price may be charged as it is stated"
    assert chosen(Adjustment("eu", "surcharge", 500), own, model=stating) == ["eu", "own"]
    fee = Adjustment("fee", "surcharge", 500, service_tier="flex")
    assert chosen(fee, tier="flex") == ["fee"]
    assert chosen(fee) == []
    flexible = Adjustment("flexible", "margin", 500, service_tier="flex")
    assert chosen(deal, flexible, tier="flex", model=stating) == ["flexible"]


def test_what_was_saved_is_adjusted_as_what_was_charged() -> None:
    deal, other = Adjustment("deal", "discount", -2_500), Adjustment("other", "margin", 10_000)
    saved = (("prompt_cache", -10), ("batch", 100))
    assert scaled(saved, ("deal",), (deal, other)) == (("prompt_cache", -8), ("batch", 75))
    assert scaled(saved, (), (deal, other)) == saved
    half = Adjustment("half", "discount", -5_000)
    assert scaled((("a", 1), ("b", -1), ("c", 3)), ("half",), (half,)) == (("a", 1), ("b", -1), ("c", 2))


@pytest.mark.parametrize(
    ("base_url", "region", "where"),
    [
        ("https://acme.{region}.example", None, "eu-west-1"),
        ("https://acme.{region}.example", "us-east-1", "us-east-1"),
        ("https://acme.example", None, ""),
        ("https://acme.example", "us-east-1", "us-east-1"),
    ],
)
def test_a_deployment_answers_in_its_region_else_in_the_gateways_own_where_its_address_has_one(
    base_url: str, region: str | None, where: str
) -> None:
    endpoint = ProviderEndpoint("chat", "openai_chat", "/chat/completions")
    provider = Provider("openai", "O", base_url, Auth("none"), (endpoint,), {})
    made = Deployment(provider, LISTED, endpoint, "gpt", region)
    assert billed("search", made, "eu-west-1") == Billed("search", where)


def test_moments_are_written_in_utc_to_the_minute() -> None:
    assert iso(NOON) == "2026-11-23T12:00"
    assert iso(NOON + 59_999) == "2026-11-23T12:00"
    assert iso(0) == "1970-01-01T00:00"
