"""Budgets and limits survive the table: what was published is what every environment reads."""

from __future__ import annotations

from functools import partial

from sluice.aws.stores.configurations import DynamoConfigurationStore
from sluice.control.budget_edits import RuleEdits
from sluice.control.configurations import Configurations
from sluice.control.lint import complaints
from sluice.governance.layouts import MARGIN_SECONDS
from sluice.providers.registry import Registry
from sluice.routing.configuration import parse
from sluice.types.budgets import Budget, Layout, Limit, Rate, Scope, Window
from tests.emulator import Emulator
from tests.unit.aws.stores.connected import connected


def test_a_rule_that_is_set_is_read_by_the_request_path(emulator: Emulator, tables: str) -> None:
    with connected(emulator) as client:
        store = DynamoConfigurationStore(client, f"{tables}-config")
        desk = Configurations(store, parse, partial(complaints, catalogue=Registry(), local=False))
        window = {"kind": "month", "time_zone": "Europe/Berlin"}
        amount = "999999999.999999999"
        RuleEdits(desk, "budgets").put("all", {"scope": "organisation", "amount": amount, "window": window})
        RuleEdits(desk, "limits").put("each", {"scope": "tag:env", "requests": {"per_minute": 60, "burst": 5}})
        version = store.current_version()
        assert version is not None
        loaded = store.load(version)
        assert loaded.budgets == {
            "all": Budget("all", Scope("organisation"), 999_999_999_999_999_999, Window("month", "Europe/Berlin"))
        }
        assert loaded.limits == {"each": Limit("each", Scope("tag", "*", "env"), requests=Rate(60, 5))}
        desk.rollback()
        assert store.load(store.current_version() or "").limits == {}


def test_a_changed_split_stands_beside_the_pointer_and_is_read_with_the_live_version(
    emulator: Emulator, tables: str
) -> None:
    def document(shards: int) -> dict[str, object]:
        budget = {"scope": {"kind": "organisation"}, "amount": 1_000, "window": {"kind": "month"}, "shards": shards}
        return {"budgets": {"all": budget}}

    with connected(emulator) as client:
        store = DynamoConfigurationStore(client, f"{tables}-config", now=lambda: 1_795_435_200.0)
        first, second = store.publish(document(1)), store.publish(document(4))
        store.promote(first, 0)
        store.promote(second, 1)
        assert store.load(second).budgets["all"].layouts == (), "nobody has looked at the pointer"
        assert store.current_version() == second
        changed = store.load(second).budgets["all"]
        assert (changed.shards, changed.layouts) == (4, (Layout(1_795_435_200 + MARGIN_SECONDS, {}, 1),))
        store.promote(first, 2)
        assert store.current_version() == first
        assert store.load(first).budgets["all"].layouts == ()
