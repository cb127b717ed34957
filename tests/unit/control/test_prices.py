"""Discounts, margins, surcharges, units and prices as people write them, and what is told about those in vain."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from pydantic import ValidationError

from sluice.control.configurations import Configurations
from sluice.control.lint import complaints
from sluice.control.price_lint import price_complaints, price_doubts
from sluice.control.price_schema import AdjustmentModel, basis_points
from sluice.errors import BadRequest
from sluice.providers.registry import Registry
from sluice.routing.configuration import parse
from sluice.types.adjustments import Adjustment
from sluice.types.catalogue import Model, Price, PriceTier
from sluice.types.routes import Configuration, ProviderSettings
from tests.unit.control.test_configurations import Store

REGISTRY = Registry()
CREDITS = {"prices": [{"unit": "credit", "tiers": [{"rates": {"input": "1.20", "output": "6"}}]}]}


def control() -> Configurations:
    return Configurations(Store(), parse, partial(complaints, catalogue=REGISTRY, local=False))


def published(**members: Any) -> Configuration:
    return parse(control().lint(members), "v")


def doubts(**members: Any) -> list[str]:
    return list(price_doubts(published(**members)))


def adjusting(**members: Any) -> dict[str, Any]:
    return {"adjustments": {"a": {"kind": "discount", "percent": "15", **members}}}


def test_a_percentage_is_published_as_basis_points_with_the_sign_of_its_kind() -> None:
    found = published(
        adjustments={
            "b": {"kind": "discount", "percent": "12.5", "provider": "openai", "starts": "2026-01-01"},
            "c": {"kind": "batch", "percent": 50, "service_tier": "batch"},
            "d": {"kind": "margin", "percent": "5 %", "team": "search"},
            "e": {"kind": "surcharge", "basis_points": 1000, "model": "gpt-4o", "region": "eu-", "ends": "2027-01-01"},
        }
    )
    assert found.adjustments == (
        Adjustment("b", "discount", -1_250, provider="openai", starts="2026-01-01"),
        Adjustment("c", "batch", -5_000, service_tier="batch"),
        Adjustment("d", "margin", 500, team="search"),
        Adjustment("e", "surcharge", 1_000, model="gpt-4o", region="eu-", ends="2027-01-01"),
    )


@pytest.mark.parametrize(("written", "points"), [("0", 0), ("0.01", 1), ("7.5", 750), ("100", 10_000), (3, 300)])
def test_percentages_are_read_exactly(written: object, points: int) -> None:
    assert basis_points(written) == points


@pytest.mark.parametrize("written", ["-5", "+5", "1e1", "", "12.345", 12.5, True, None, "five"])
def test_what_is_no_percentage_is_refused_with_the_way_to_write_one(written: object) -> None:
    with pytest.raises(ValueError, match=r"such as '12\.5', and without a sign"):
        basis_points(written)


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({"kind": "rebate"}, "adjustments.a.kind"),
        ({"percent": "101"}, "adjustments.a.basis_points"),
        ({"percent": -5}, "adjustments.a: Value error, write a percentage"),
        ({"basis_points": 5}, "state percent or basis_points, not both"),
        ({"kind": "margin", "percent": "2000"}, "adjustments.a.basis_points"),
        ({"starts": "soon"}, "adjustments.a.starts"),
        ({"starts": "2026-05-01", "ends": "2026-05-01"}, "it ends on 2026-05-01, before which it must start"),
        ({"teams": "search"}, "adjustments.a.teams"),
        ({"provider": "opnai"}, "adjustments.a.provider: the catalogue has no provider 'opnai'"),
        ({"model": "no-such-model"}, "adjustments.a.model: no provider offers a model 'no-such-model'"),
        ({"model": "openai/gpt-4o", "provider": "openai"}, "adjustments.a.model: 'openai' offers no model"),
        ({"model": "claude-opus-5", "provider": "openai"}, "adjustments.a.model: 'openai' offers no model"),
    ],
)
def test_a_faulty_adjustment_is_refused_with_the_place_of_the_fault(members: dict[str, Any], said: str) -> None:
    with pytest.raises(BadRequest) as refused:
        control().lint(adjusting(**members))
    assert said in refused.value.message


@pytest.mark.parametrize(
    ("kind", "points", "said"), [("discount", 5, "to 0; write a margin"), ("margin", -5, "from 0")]
)
def test_a_sign_that_the_kind_forbids_is_refused(kind: str, points: int, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        AdjustmentModel.model_validate({"kind": kind, "basis_points": points})


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"provider": "openai"},
        {"model": "gpt-4o"},
        {"provider": "openai", "model": "gpt-4o"},
        {"provider": "deepinfra", "model": "any/name"},
    ],
)
def test_an_adjustment_that_may_apply_is_taken(members: dict[str, Any]) -> None:
    assert published(**adjusting(**members)).adjustments[0].basis_points == -1_500


def test_a_model_of_the_configuration_or_of_a_host_that_takes_any_may_be_adjusted() -> None:
    own = Configuration("v", models={"openai/own": Model("own", "openai")}, adjustments=(_for("openai", "own"),))
    assert not [each for each in price_complaints(own, REGISTRY) if "adjustments" in each]
    any_model = Configuration(
        "v", providers={"openai": ProviderSettings(any_model=True)}, adjustments=(_for("openai", "new"),)
    )
    assert list(price_complaints(any_model, REGISTRY)) == []


def _for(provider: str, model: str) -> Adjustment:
    return Adjustment("a", "margin", 1, provider=provider, model=model)


def test_rates_and_units_may_be_written_in_dollars_and_units() -> None:
    found = published(
        models={
            "openai_compatible/metered": CREDITS,
            "openai_compatible/plain": {"prices": [{"tiers": [{"rates": {"input": "0.25"}}]}]},
        },
        units={"credit": "3.00"},
        unpriced_ceiling={"input": "75", "request/low": "0.005"},
    )
    assert found.units == {"credit": 3_000_000_000}
    assert found.models["openai_compatible/metered"].prices[0].unit == "credit"
    assert found.models["openai_compatible/metered"].prices[0].tiers[0].rates == {
        "input": 1_200_000_000,
        "output": 6_000_000_000,
    }
    assert found.models["openai_compatible/plain"].prices[0].tiers[0].rates == {"input": 250_000_000}
    assert found.unpriced_ceiling == {"input": 75_000_000_000, "request/low": 5_000_000}


def test_a_document_without_any_of_this_keeps_its_version() -> None:
    full = control().lint({"models": {"openai_compatible/own": {"prices": [{"tiers": [{"rates": {"input": 1}}]}]}}})
    assert not {"adjustments", "units"} & full.keys()
    assert "unit" not in full["models"]["openai_compatible/own"]["prices"][0]  # type: ignore[index]


def test_a_price_in_a_unit_without_a_rate_is_refused_with_the_member_to_add() -> None:
    with pytest.raises(BadRequest) as refused:
        control().lint({"models": {"openai_compatible/metered": CREDITS}})
    said = "models.openai_compatible/metered.prices: they are in 'credit'; state what one costs in units.credit"
    assert said in refused.value.message


def test_hours_may_be_those_of_some_days_and_days_need_hours() -> None:
    peak = {"hours": [["01:00", "04:00"]], "days": [0, 4], "tiers": [{"rates": {"input": 2}}]}
    plain = {"tiers": [{"rates": {"input": 1}}]}
    found = published(models={"openai_compatible/own": {"prices": [plain, peak]}})
    assert [price.days for price in found.models["openai_compatible/own"].prices] == [(), (0, 4)]
    for wrong, said in (({**plain, "days": [0]}, "days are those of hours"), ({**peak, "days": [7]}, "days")):
        with pytest.raises(BadRequest, match=said):
            control().lint({"models": {"openai_compatible/own": {"prices": [plain, wrong]}}})


@pytest.mark.parametrize("units", [{"credit": "0"}, {"credit": 1.5}, {"Credit": "1"}, {"credit": "cheap"}])
def test_a_unit_that_costs_nothing_or_no_amount_is_refused(units: dict[str, Any]) -> None:
    with pytest.raises(BadRequest, match="units"):
        control().lint({"units": units})


def test_prices_of_which_none_holds_today_are_refused() -> None:
    later, batch = Price("2026-12-01", _tiers()), Price("", _tiers(), service_tiers=("batch",))
    for prices, told in (((later,), 1), ((batch,), 1), ((later, Price("2026-11-24", _tiers())), 0)):
        found = Configuration("v", models={"openai/own": Model("own", "openai", prices=prices)})
        complaint = list(price_complaints(found, REGISTRY, "2026-11-24"))
        assert len(complaint) == told
        assert all("models.openai/own.prices: none holds today, 2026-11-24" in each for each in complaint)


def _tiers() -> tuple[PriceTier, ...]:
    return (PriceTier(0, {"input": 1}),)


def test_what_is_probably_not_meant_is_told() -> None:
    found = doubts(
        adjustments={
            "free": {"kind": "discount", "percent": "100"},
            "none": {"kind": "margin", "percent": 0},
            "other": {"kind": "discount", "percent": "5"},
        },
        units={"credit": "2"},
    )
    assert found == [
        "adjustments.free: takes all of the price off, so budgets never fill",
        "adjustments.none: changes nothing; it is 0 per cent",
        "adjustments.other: applies to the same as adjustments.free; the later of the two holds",
        "units.credit: no model of this configuration is priced in it",
    ]
    assert doubts(**adjusting()) == []
