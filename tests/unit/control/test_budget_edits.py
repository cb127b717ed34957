"""Budgets and limits edited one at a time: each edit a version, none undone by another editor."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from sluice.control.budget_edits import RuleEdits, rule_card
from sluice.control.configurations import Configurations, Conflict, Live
from sluice.control.lint import complaints
from sluice.errors import BadRequest, NotFound
from sluice.providers.registry import Registry
from sluice.routing.configuration import parse
from sluice.types.audit import Change
from tests.unit.control.test_configurations import Store

REGISTRY = Registry()
RULE: dict[str, Any] = {"scope": "team:search", "amount": "5", "window": "month"}


class Desk:
    def __init__(self, store: Store | None = None) -> None:
        self.store = store or Store()
        self.configurations = Configurations(self.store, parse, partial(complaints, catalogue=REGISTRY, local=False))
        self.budgets = RuleEdits(self.configurations, "budgets")
        self.limits = RuleEdits(self.configurations, "limits")


def test_an_edit_is_live_at_once_and_leaves_the_rest_as_it_was() -> None:
    desk = Desk()
    desk.configurations.promote(desk.configurations.publish({"unpriced_ceiling": {"input": 1}}))
    edited = desk.budgets.put("search", RULE)
    assert desk.configurations.live().version == edited.version
    document = desk.configurations.document(edited.version)
    assert document["unpriced_ceiling"] == {"input": 1}
    assert desk.budgets.get("search")["amount"] == 5_000_000_000
    assert set(desk.budgets.listing().rules) == {"search"}
    assert parse(document, "v").budgets["search"].amount == 5_000_000_000


def test_the_first_edit_needs_no_configuration() -> None:
    desk = Desk()
    assert desk.limits.listing().rules == {}
    desk.limits.put("each", {"scope": "key", "requests": 60})
    assert desk.configurations.live().revision == 1


def test_an_edit_can_be_rolled_back() -> None:
    desk = Desk()
    desk.budgets.put("search", RULE)
    desk.budgets.put("search", RULE | {"amount": "7"})
    desk.configurations.rollback()
    assert desk.budgets.get("search")["amount"] == 5_000_000_000


def test_the_last_rule_that_is_deleted_leaves_no_trace() -> None:
    desk = Desk()
    before = desk.configurations.publish({"unpriced_ceiling": {"input": 1}})
    desk.configurations.promote(before)
    desk.budgets.put("a", RULE)
    desk.budgets.put("b", RULE)
    desk.budgets.delete("a")
    assert set(desk.budgets.listing().rules) == {"b"}
    assert desk.budgets.delete("b").version == before


def test_an_edit_of_what_is_no_longer_live_is_refused() -> None:
    desk = Desk()
    first = desk.budgets.put("a", RULE).version
    second = desk.budgets.put("b", RULE, first).version
    for stale in (lambda: desk.budgets.put("c", RULE, first), lambda: desk.budgets.delete("a", first)):
        with pytest.raises(Conflict, match="no longer live") as refused:
            stale()
        assert refused.value.http_status == 409
    assert desk.configurations.live().version == second


def test_an_edit_that_another_one_overtakes_changes_nothing() -> None:
    """Somebody else goes live between the read of the document and the flip."""

    class Overtaken(Store):
        meddle = False

        def promote(self, version: str, expected_revision: int, change: Change | None = None) -> Live:
            if self.meddle:
                self.meddle = False
                super().promote(self.publish({"unpriced_ceiling": {"input": 9}}), expected_revision)
            return super().promote(version, expected_revision, change)

    desk = Desk(Overtaken())
    desk.budgets.put("a", RULE)
    desk.store.meddle = True  # type: ignore[attr-defined]
    with pytest.raises(Conflict):
        desk.budgets.put("b", RULE)
    assert desk.configurations.document(desk.configurations.live().version or "")["unpriced_ceiling"] == {"input": 9}


def test_a_faulty_rule_goes_nowhere() -> None:
    desk = Desk()
    desk.budgets.put("a", RULE)
    with pytest.raises(BadRequest, match="downgrade: 'nowhere' is neither"):
        desk.budgets.put("b", RULE | {"downgrade": "nowhere"})
    assert set(desk.budgets.listing().rules) == {"a"}


def test_an_unknown_rule_is_a_404_that_names_the_remedy() -> None:
    desk = Desk()
    with pytest.raises(NotFound, match=r"no budget 'x'.*sluice budgets list"):
        desk.budgets.get("x")
    with pytest.raises(NotFound, match="no limit 'x'"):
        desk.limits.delete("x")


def test_what_is_doubtful_is_told_with_the_edit_that_is_doubtful() -> None:
    desk = Desk()
    assert desk.budgets.put("a", RULE).doubts == []
    (twice,) = desk.budgets.put("b", RULE).doubts
    assert "counts the same as budgets.a" in twice
    (forged,) = desk.limits.put("each-user", {"scope": "user", "requests": 5}).doubts
    assert "callers choose themselves" in forged


def test_a_card_shows_money_in_dollars_too() -> None:
    card = rule_card("b", {"amount": 12_500_000_000, "grace": 0, "hard": True})
    assert card == {
        "id": "b",
        "amount": 12_500_000_000,
        "grace": 0,
        "hard": True,
        "amount_usd": "12.50",
        "grace_usd": "0.00",
    }
