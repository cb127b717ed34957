"""How budgets stand: over all counters, parts of rolling windows included."""

from __future__ import annotations

from sluice.control.budget_status import Totals, counter_names, status, status_card
from sluice.control.forecasts import DAY, Sample
from sluice.governance.windows import window_at
from sluice.types.budgets import Budget, Scope, Window
from sluice.types.routes import Configuration, Route
from tests.unit.control.budgets import NOW, USD, Books, budget, configuration

COUNTER = "budget#search#search#2026-11"


def names(books: Books, wanted: Budget, **known: list[str]) -> list[str]:
    window = window_at(wanted.window, NOW)
    return [name.split("#")[2] for name in counter_names(wanted, window, books, lambda kind: known.get(kind, ()))]


def test_a_counter_tells_what_is_spent_set_aside_left_and_foreseen() -> None:
    books = Books()
    books.counters[COUNTER] = Totals(committed=30 * USD, spent=20 * USD, slack=4 * USD)
    books.noted[COUNTER] = [Sample(NOW - DAY, 25 * USD)]
    (found,) = status(budget(grace=5 * USD), configuration(), books.counters_of(), now=NOW)
    assert (found.value, found.remaining, found.totals.used) == ("search", 75 * USD, 26 * USD)
    assert found.forecast == (26 * USD * 30 // 14, 26 * USD + 16 * USD)
    card = status_card(found)
    assert (card["spent_usd"], card["committed_usd"], card["remaining_usd"]) == ("20.00", "30.00", "75.00")
    assert (card["used_percent"], card["forecast_recent_usd"]) == (26, "42.00")
    assert card["window"] == {"id": "2026-11", "start": 1_793_491_200, "end": 1_796_083_200}


def test_a_budget_that_nobody_used_is_whole() -> None:
    (found,) = status(budget(), configuration(), Books().counters_of(), now=NOW)
    assert (found.remaining, found.totals) == (100 * USD, Totals())


def test_what_is_beyond_the_cap_leaves_nothing_rather_than_less() -> None:
    books = Books()
    books.counters[COUNTER] = Totals(130 * USD, 130 * USD)
    (found,) = status(budget(hard=False), configuration(), books.counters_of(), now=NOW)
    assert (found.remaining, status_card(found)["used_percent"]) == (0, 130)


def test_a_budget_without_money_has_no_per_cent() -> None:
    (found,) = status(budget(amount=0), configuration(), Books().counters_of(), now=NOW)
    assert status_card(found)["used_percent"] is None


def test_each_value_has_a_line_the_most_used_first() -> None:
    books = Books()
    for value, used in (("a%23b", 1), ("ads", 7)):
        books.counters[f"budget#each#{value}#2026-11"] = Totals(used, used)
    books.counters["budget#each#gone#2026-10"] = Totals(9, 9)
    each = budget("each", scope=Scope("team"))
    found = status(each, configuration(), books.counters_of(team=["ads", "idle"]), now=NOW)
    assert [(line.value, line.totals.used) for line in found] == [("ads", 7), ("a#b", 1), ("idle", 0)]


def test_routes_are_known_from_the_configuration() -> None:
    each = budget("each", scope=Scope("route"))
    found = status(each, Configuration("v", routes={"fast": Route("fast", ())}), Books().counters_of(), now=NOW)
    assert [line.value for line in found] == ["fast"]


def test_a_scope_with_one_value_has_one_counter() -> None:
    books = Books()
    assert names(books, budget(scope=Scope("organisation"))) == ["organisation"]
    assert names(books, budget(scope=Scope("tag", "prod", "env"))) == ["env=prod"]
    assert names(books, budget(scope=Scope("model", "openai/gpt-4o"))) == ["openai/gpt-4o"]


def test_a_rolling_window_adds_up_the_sub_windows_that_count_now() -> None:
    books = Books()
    rolling = budget("each", scope=Scope("user"), window=Window("rolling", seconds=12 * 3600))
    for hours, user in ((0, "ann"), (3, "ann"), (12, "bob"), (13, "ann"), (13, "eve")):
        name = f"budget#each#{user}#r3600-{NOW - hours * 3600}"
        books.counters[name] = Totals(10 * USD, 6 * USD, USD)
    found = status(rolling, configuration(), books.counters_of(), now=NOW + 5)
    assert [(line.value, line.totals) for line in found] == [
        ("ann", Totals(20 * USD, 12 * USD, 2 * USD)),
        ("bob", Totals(10 * USD, 6 * USD, USD)),
    ]
    assert found[0].forecast == (None, None)
