"""Budgets and limits survive the table: what was published is what every environment reads."""

from __future__ import annotations

from functools import partial

from sluice.aws.stores.configurations import DynamoConfigurationStore
from sluice.control.budget_edits import RuleEdits
from sluice.control.configurations import Configurations
from sluice.control.lint import complaints
from sluice.providers.registry import Registry
from sluice.routing.configuration import parse
from sluice.types.budgets import Budget, Limit, Rate, Scope, Window
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
