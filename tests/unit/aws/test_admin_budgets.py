"""Budgets and limits through the admin API."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sluice.aws.admin_api import AdminApi
from sluice.control.budget_status import Totals
from tests.fakes import KEY
from tests.unit.aws.test_admin_api import Api
from tests.unit.control.budgets import USD, Books

BUDGET = {"scope": "team:search", "amount": "100.50", "window": "month"}
LIMIT = {"scope": "key", "requests": 60}


def test_a_budget_is_made_shown_changed_and_deleted() -> None:
    api = Api()
    status, made = api.call("PUT", "/admin/budgets/search", BUDGET)
    assert (status, made["id"], made["amount"], made["amount_usd"]) == (200, "search", 100_500_000_000, "100.50")
    assert made["warnings"] == []
    status, shown = api.call("GET", "/admin/budgets/search")
    assert (status, shown["scope"]) == (200, {"kind": "team", "value": "search", "name": ""})
    listed = api.call("GET", "/admin/budgets")[1]
    assert (listed["version"], [each["id"] for each in listed["data"]]) == (made["version"], ["search"])
    live = api.call("GET", "/admin/configuration")[1]
    assert (live["version"], live["document"]["budgets"]["search"]["amount"]) == (made["version"], 100_500_000_000)
    status, gone = api.call("DELETE", "/admin/budgets/search")
    assert (status, gone["deleted"]) == (200, True)
    assert api.call("GET", "/admin/budgets/search")[0] == 404
    assert api.call("GET", "/admin/configuration")[1]["version"] == gone["version"]


def test_what_is_shown_can_be_put_back() -> None:
    api = Api()
    api.call("PUT", "/admin/budgets/search", BUDGET)
    document = api.call("GET", "/admin/configuration")[1]["document"]
    again = api.call("PUT", "/admin/budgets/search", document["budgets"]["search"])[1]
    assert again["version"] == api.call("GET", "/admin/configuration")[1]["version"]
    assert api.call("GET", "/admin/configuration")[1]["revision"] == 1


def test_a_limit_is_made_shown_and_deleted() -> None:
    api = Api()
    status, made = api.call("PUT", "/admin/limits/each-key", LIMIT)
    assert (status, made["requests"]) == (200, {"per_minute": 60, "burst": 0})
    assert api.call("GET", "/admin/limits/each-key")[1]["scope"]["kind"] == "key"
    assert len(api.call("GET", "/admin/limits")[1]["data"]) == 1
    assert api.call("DELETE", "/admin/limits/each-key")[0] == 200
    assert api.call("DELETE", "/admin/limits/each-key")[0] == 404


def test_an_edit_of_a_version_that_is_no_longer_live_is_a_conflict() -> None:
    api = Api()
    first = api.call("PUT", "/admin/budgets/a", BUDGET)[1]["version"]
    assert api.call("PUT", "/admin/budgets/b", BUDGET, query={"version": first})[0] == 200
    status, told = api.call("PUT", "/admin/budgets/c", BUDGET, query={"version": first})
    assert (status, told["error"]["code"]) == (409, "configuration_conflict")
    assert api.call("DELETE", "/admin/limits/x", query={"version": first})[0] == 409


def test_what_is_doubtful_is_told_with_the_answer() -> None:
    api = Api()
    made = api.call("PUT", "/admin/budgets/each-user", BUDGET | {"scope": "user"})[1]
    assert "callers choose themselves" in made["warnings"][0]
    document = api.call("GET", "/admin/configuration")[1]["document"]
    published = api.call("POST", "/admin/configuration/versions", document)[1]
    assert published["warnings"] == made["warnings"]


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        ("/admin/budgets/b", {**BUDGET, "scope": "department:x"}, "unknown scope 'department'"),
        ("/admin/budgets/b", {**BUDGET, "amount": 1.5}, "write US dollars as text"),
        ("/admin/budgets/b", {"scope": "team:x", "window": "day"}, "amount"),
        ("/admin/budgets/b", {**BUDGET, "downgrade": "nowhere"}, "neither a route nor a model"),
        ("/admin/budgets/b", {**BUDGET, "scope": "route:nowhere"}, "can never apply"),
        ("/admin/budgets/a%20b", BUDGET, "budgets.a b"),
        ("/admin/limits/l", {"scope": "key"}, "a limit states requests"),
    ],
)
def test_a_faulty_rule_is_a_400_that_names_the_fault(path: str, body: object, said: str) -> None:
    api = Api()
    status, told = api.call("PUT", path.replace("%20", " "), body)
    assert (status, api.call("GET", "/admin/configuration")[1]["version"]) == (400, None)
    assert said in told["error"]["message"]


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/admin/budgets"), ("PUT", "/admin/budgets/a"), ("DELETE", "/admin/limits/a"), ("GET", "/admin/limits")],
)
def test_only_an_admin_key_gets_to_budgets(method: str, path: str) -> None:
    assert Api().call(method, path, BUDGET, key=KEY)[0] == 403


def test_the_status_tells_how_each_counter_stands() -> None:
    api, books = Api(), Books()
    api.app = AdminApi(replace(api.app._plane, counters=books.counters_of(team=["idle"])))
    api.call("PUT", "/admin/budgets/each", BUDGET | {"scope": "team"})
    books.counters["budget#each#ads#1970-01"] = Totals(60 * USD, 40 * USD, 5 * USD)
    status, found = api.call("GET", "/admin/budgets/each/status")
    assert (status, found["counters"]) == (200, 2)
    assert [(line["value"], line["spent_usd"], line["remaining_usd"]) for line in found["data"]] == [
        ("ads", "40.00", "40.50"),
        ("idle", "0.00", "100.50"),
    ]
    assert api.call("GET", "/admin/budgets/none/status")[0] == 404
