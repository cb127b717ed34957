"""List prices by unit and by place."""

from __future__ import annotations

import pytest

from sluice.routing.adjusted import adjustment
from sluice.routing.list_prices import in_dollars, surcharged
from sluice.types.adjustments import Adjustment
from sluice.types.catalogue import Model, Price, PriceTier

MODEL = Model("m", "p", prices=(Price("", (PriceTier(0, {"input": 1_005, "request": 100}),), version="l"),))


def rates(model: Model) -> object:
    return model.prices[0].tiers[0].rates


def test_prices_in_units_become_nano_dollars_rounded_half_up() -> None:
    units = {"credit": 3 * 10**9, "dbu": 1, "gpu_second": 10**9}

    def converted(unit: str, **given: int) -> object:
        model = Model("m", "p", prices=(Price("2026-01-01", (PriceTier(5, given),), version="l", unit=unit),))
        return rates(in_dollars(model, units))

    # 1.20 credits a million tokens at $3.00 a credit.
    assert converted("credit", input=1_200_000_000, search=10**7) == {"input": 3_600_000_000, "search": 30_000_000}
    assert converted("dbu", input=500_000_000, output=499_999_999) == {"input": 1, "output": 0}
    assert converted("gpu_second", second=1_250_000) == {"second": 1_250_000}
    units["credit"] = 10**9 + 1
    large = 987_654_321_123_456_789
    assert converted("credit", input=large) == {"input": (large * (10**9 + 1) * 2 + 10**9) // (2 * 10**9)}


def test_a_converted_price_keeps_all_else_and_its_version_names_the_rate() -> None:
    price = Price("2026-01-01", (PriceTier(0, {"input": 2}),), ("batch",), (("01:00", "02:00"),), "list#1", "credit")
    (found,) = in_dollars(Model("m", "p", prices=(price,)), {"credit": 5 * 10**9}).prices
    tiers = (PriceTier(0, {"input": 10}),)
    assert found == Price("2026-01-01", tiers, ("batch",), (("01:00", "02:00"),), "list#1*credit=5000000000")


def test_prices_in_a_unit_without_a_rate_are_no_prices() -> None:
    plain, other = MODEL.prices[0], Price("", (PriceTier(0, {"input": 2}),), unit="credit")
    assert in_dollars(Model("m", "p", prices=(plain, other)), {}).prices == (plain,)


@pytest.mark.parametrize(
    ("base_url", "region", "added"),
    [
        ("https://eu.api.example.com/v1", None, "eu"),
        ("https://api.example.com/v1", None, ""),
        ("https://api.example.com/v1", "eu", "eu"),
        ("https://api.example.com/v1/projects/x/locations/eu/publishers/y", None, "eu"),
        ("https://eu.example.com/v1/projects/x/locations/global/publishers/y", None, ""),
        ("https://eu.example.com/v1", "us-east-1", ""),
        ("https://eu.example.com/to?from=https://us.example.com", None, "eu"),
    ],
)
def test_a_place_is_the_region_the_location_of_the_path_or_the_hosts_first_label(
    base_url: str, region: str | None, added: str
) -> None:
    found = surcharged(MODEL, {"eu": 1_000}, base_url, region)
    assert rates(found) == ({"input": 1_106, "request": 100} if added else rates(MODEL))
    assert found.prices[0].version == ("l+eu" if added else "l")


@pytest.mark.parametrize(
    ("base_url", "version"),
    [
        ("https://x.example/locations/us-east5/y", "l+us-east5"),
        ("https://x.example/locations/global/y", "l"),
        ("https://x.example/y", "l"),
    ],
)
def test_a_surcharge_for_any_place_leaves_out_the_global_one(base_url: str, version: str) -> None:
    assert surcharged(MODEL, {"*": 1_000}, base_url, None).prices[0].version == version


def test_an_adjustment_is_read_as_it_was_published() -> None:
    written = {"kind": "margin", "basis_points": 5, "team": "search", "newer": 1, "ends": None}
    assert adjustment(written, "a") == Adjustment("a", "margin", 5, team="search")


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ({"kind": "gift", "basis_points": 5}, "^kind must be one of discount, margin, surcharge, batch$"),
        ({"kind": "margin", "basis_points": "5"}, "^basis_points must be a whole number$"),
        ({"kind": "margin", "basis_points": True}, "^basis_points must be a whole number$"),
        ({"kind": "margin", "basis_points": 5, "team": 3}, "^team must be text$"),
    ],
)
def test_an_adjustment_that_cannot_be_read_names_the_member(written: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        adjustment(written, "a")
