"""Costing history again: new versions at the corrected prices, once, and rows that add up to them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sluice.control.costing import Recosted, correction, recost
from sluice.control.focus import rows
from sluice.errors import BadRequest
from sluice.metering.partitions import days, partitions
from sluice.types.adjustments import Adjustment
from sluice.types.ledger import LedgerEntry
from sluice.types.routes import Configuration
from sluice.types.usage import Usage
from tests.unit.aws.entries import typical

DEPLOYMENT = "anthropic/claude-sonnet-4-5"
PRICES = [{"starts": "", "tiers": [{"over": 0, "rates": {"input": 2_000_000, "output": 4_000_000}}]}]


class Versions:
    """A ledger in memory that may die before a write."""

    def __init__(self, *entries: LedgerEntry) -> None:
        self.kept = {entry.request_id: [entry] for entry in entries}

    def versions(self, request_id: str) -> tuple[LedgerEntry, ...]:
        return tuple(self.kept[request_id])

    def put_version(self, entry: LedgerEntry, before: LedgerEntry) -> bool:
        standing = self.kept[entry.request_id]
        if entry.version != len(standing) + 1:
            return False
        assert standing[-1] == before
        standing.append(entry)
        return True


def entry(request_id: str = "a", **changes: object) -> LedgerEntry:
    values: dict[str, object] = {"cost": 5, "usage": Usage(input=10, output=5), "list_cost": 9, **changes}
    return typical(request_id=request_id, **values)


def test_an_entry_gets_a_new_version_at_the_corrected_price_and_stays_itself() -> None:
    first = entry()
    ledger = Versions(first)
    corrected = correction(DEPLOYMENT, PRICES)
    assert recost([first], ledger, corrected) == Recosted(1, 1, 35)
    standing, second = ledger.versions("a")
    assert standing == first
    assert (second.version, second.cost, second.price_version, second.list_cost) == (2, 40, corrected.version, None)
    assert second.holds == first.holds


def test_the_same_correction_again_writes_nothing() -> None:
    first = entry()
    ledger = Versions(first)
    corrected = correction(DEPLOYMENT, PRICES)
    recost([first], ledger, corrected)
    assert recost([first, *ledger.versions("a")[1:]], ledger, corrected) == Recosted(1, 0, 0)
    assert len(ledger.versions("a")) == 2


def test_another_correction_goes_on_from_the_last_version() -> None:
    first = entry()
    ledger = Versions(first)
    recost([first], ledger, correction(DEPLOYMENT, PRICES))
    dearer = [{"starts": "", "tiers": [{"over": 0, "rates": {"input": 3_000_000, "output": 4_000_000}}]}]
    assert recost([first], ledger, correction(DEPLOYMENT, dearer)) == Recosted(1, 1, 10)
    assert [version.cost for version in ledger.versions("a")] == [5, 40, 50]


@pytest.mark.parametrize("changes", [{"deployment": "openai/other"}, {"outcome": "lost"}, {"version": 2}])
def test_other_models_guesses_and_later_versions_are_passed_over(changes: dict[str, object]) -> None:
    other = entry(**changes)
    assert recost([other], Versions(other), correction(DEPLOYMENT, PRICES)) == Recosted(0, 0, 0)


def test_an_entry_whose_cost_does_not_change_gets_no_version() -> None:
    same = entry(cost=40)
    assert recost([same], Versions(same), correction(DEPLOYMENT, PRICES)) == Recosted(1, 0, 0)


def test_an_entry_is_adjusted_again_as_it_was() -> None:
    deal, other = Adjustment("deal", "discount", -2_500), Adjustment("other", "margin", 9_000)
    live = Configuration("v", adjustments=(deal, other))
    first = entry(cost=15, list_cost=20, adjustments=("deal",))
    ledger = Versions(first)
    assert recost([first], ledger, correction(DEPLOYMENT, PRICES, live)) == Recosted(1, 1, 15)
    second = ledger.versions("a")[1]
    assert (second.cost, second.list_cost, second.adjustments) == (30, 40, ("deal",))


def test_an_entry_adjusted_by_what_nobody_knows_any_more_is_counted_and_left() -> None:
    first = entry(adjustments=("gone",))
    assert recost([first], Versions(first), correction(DEPLOYMENT, PRICES)) == Recosted(1, 0, 0, unknown=1)


def test_what_a_provider_stated_and_what_was_answered_from_a_store_is_not_costed_again() -> None:
    for first in (entry(price_version="stated"), entry(cost=0, cache="hit"), entry(cost=0, cache="semantic")):
        assert recost([first], Versions(first), correction(DEPLOYMENT, PRICES)) == Recosted(1, 0, 0)


def test_history_is_costed_at_the_price_of_the_place_that_worked() -> None:
    first = entry(usage=Usage(input=10, output=5, inference_geo="us"))
    corrected = correction(DEPLOYMENT, PRICES, quirks={"geo_surcharge": {"us": 1_000}})
    assert recost([first], Versions(first), corrected) == Recosted(1, 1, 39)


def test_corrected_prices_may_be_in_a_unit_of_the_configuration() -> None:
    in_credits = [{"unit": "credit", "tiers": [{"rates": {"input": 1_000_000, "output": 2_000_000}}]}]
    live, first = Configuration("v", units={"credit": 2 * 10**9}), entry()
    corrected = correction(DEPLOYMENT, in_credits, live)
    assert recost([first], Versions(first), corrected) == Recosted(1, 1, 35)
    dearer = correction(DEPLOYMENT, in_credits, Configuration("v", units={"credit": 4 * 10**9}))
    assert dearer.version != corrected.version
    with pytest.raises(BadRequest, match="in a unit that the configuration has no rate for"):
        correction(DEPLOYMENT, in_credits)


def test_prices_that_cannot_be_read_are_refused() -> None:
    with pytest.raises(BadRequest, match="cannot be read"):
        correction(DEPLOYMENT, [{"starts": "", "tiers": "cheap"}])


def test_rows_of_focus_add_up_to_the_latest_version() -> None:
    first = entry(cost=5)
    second = replace(first, version=2, cost=40, list_cost=None)
    other = entry("b", cost=7, list_cost=None)
    found = list(rows([first, second, other], "sluice-test"))
    assert [row["x_CostNanoUSD"] for row in found] == [5, 35, 7]
    assert [row["ChargeClass"] for row in found] == [None, "Correction", None]
    assert [row["ConsumedQuantity"] for row in found] == [15, 0, 15]
    assert found[0]["BilledCost"] == 5e-9
    assert found[1]["ListCost"] == 31e-9
    assert (found[0]["SubAccountId"], found[0]["SkuId"]) == ("search", DEPLOYMENT)
    assert (found[0]["BillingPeriodStart"], found[0]["BillingPeriodEnd"]) == (
        "2026-11-01T00:00:00Z",
        "2026-12-01T00:00:00Z",
    )
    assert found[0]["Tags"] == '{"env": "prod", "feature": "answers"}'


def test_a_span_of_days_is_every_shard_of_every_team() -> None:
    found = list(partitions(["b", "a"], "2026-11-30", "2026-12-02"))
    assert len(found) == 2 * 2 * 8
    assert (found[0], found[-1]) == ("a#2026-11-30#0", "b#2026-12-01#7")
    for start, end in (("2026-11-30", "2026-11-30"), ("2020-01-01", "2026-01-01"), ("x", "2026-01-01")):
        with pytest.raises(ValueError, match=r"2026|date"):
            days(start, end)
