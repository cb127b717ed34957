"""What people may write as a budget or a limit, and what they are told otherwise."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.control.budget_schema import LARGEST, dollars, nano_usd
from sluice.control.configurations import Configurations
from sluice.control.lint import complaints
from sluice.errors import BadRequest
from sluice.providers.registry import Registry
from sluice.routing.configuration import parse, version_of
from sluice.types.budgets import Budget, Limit, Rate, Scope, Window
from tests.unit.control.test_configurations import Store

REGISTRY = Registry()
TEAM = {"scope": "team:search", "amount": "500", "window": "month"}
EACH = {"scope": "key", "requests": 60}


def control() -> Configurations:
    return Configurations(Store(), parse, partial(complaints, catalogue=REGISTRY, local=False))


def budget(**members: Any) -> Budget:
    """Return what the request path reads of a budget that was written so."""
    return parse(control().lint({"budgets": {"b": TEAM | members}}), "v").budgets["b"]


def limit(**members: Any) -> Limit:
    return parse(control().lint({"limits": {"l": EACH | members}}), "v").limits["l"]


def test_a_budget_in_a_few_words_is_a_whole_budget() -> None:
    assert budget() == Budget("b", Scope("team", "search"), 500_000_000_000, Window("month"))


def test_every_member_reaches_the_request_path() -> None:
    shares = {"us-east-1": 700, "us-west-2": 300}
    written = budget(
        scope={"kind": "tag", "name": "env", "value": "prod"},
        amount="12.345678901",
        window={"kind": "week", "time_zone": "Asia/Kolkata"},
        grace="1",
        per_request="0.5",
        thresholds=[25, 90],
        downgrade="openai/gpt-4o-mini",
        downgrade_at=80,
        strict=True,
        shares=shares,
        min_output=16,
        shards=4,
    )
    assert written == Budget(
        "b",
        Scope("tag", "prod", "env"),
        12_345_678_901,
        Window("week", "Asia/Kolkata"),
        grace=1_000_000_000,
        per_request=500_000_000,
        thresholds=(25, 90),
        downgrade="openai/gpt-4o-mini",
        downgrade_at=80,
        strict=True,
        shares=shares,
        min_output=16,
        shards=4,
    )
    assert budget(hard=False, window={"kind": "rolling", "seconds": 86_400}).window == Window("rolling", seconds=86_400)


def test_every_member_of_a_limit_reaches_the_request_path() -> None:
    written = limit(
        requests={"per_minute": 60, "burst": 10},
        input_tokens=1000,
        output_tokens={"per_minute": 500},
        concurrent=4,
        strict=True,
        shares={"us-east-1": 1000},
        shards=2,
    )
    assert written == Limit(
        "l", Scope("key"), Rate(60, 10), Rate(1000), Rate(500), 4, strict=True, shares={"us-east-1": 1000}, shards=2
    )


@pytest.mark.parametrize(
    ("text", "scope"),
    [
        ("organisation", Scope("organisation")),
        ("team:search", Scope("team", "search")),
        ("team:*", Scope("team")),
        ("team", Scope("team")),
        ("key:abcdefghij23", Scope("key", "abcdefghij23")),
        ("user", Scope("user")),
        ("user:mailto:ann", Scope("user", "mailto:ann")),
        ("tag:env=prod", Scope("tag", "prod", "env")),
        ("tag:env", Scope("tag", "*", "env")),
        ("tag:env=a=b", Scope("tag", "a=b", "env")),
        ("provider:openai", Scope("provider", "openai")),
        ("model:openai/gpt-4o-mini", Scope("model", "openai/gpt-4o-mini")),
    ],
)
def test_a_scope_may_be_written_as_text(text: str, scope: Scope) -> None:
    assert budget(scope=text).scope == scope


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({"scope": "department:x"}, "unknown scope 'department'; a scope is organisation, team"),
        ({"scope": {"kind": "teams"}}, "unknown scope 'teams'"),
        ({"scope": "organisation:acme"}, "organisation has no value"),
        ({"scope": "tag"}, "a tag's scope has the tag's name"),
        ({"scope": {"kind": "team", "name": "env"}}, "no other has one"),
        ({"amount": 12.5}, "write US dollars as text"),
        ({"amount": "twelve"}, "write US dollars as text"),
        ({"amount": "1.0000000001"}, "at most 9 decimals"),
        ({"amount": True}, "write US dollars as text"),
        ({"amount": -1}, "an amount is from 0"),
        ({"amount": None}, "write US dollars as text"),
        ({"amount": "1000000001"}, "an amount is from 0 to 1000000000"),
        ({"window": "year"}, "window.kind"),
        ({"window": {"kind": "day", "time_zone": "Europe/Atlantis"}}, "'Europe/Atlantis' is not known"),
        ({"window": {"kind": "rolling"}}, "3600 to 31622400 seconds"),
        ({"window": {"kind": "rolling", "seconds": 60}}, "3600 to 31622400 seconds"),
        ({"window": {"kind": "rolling", "seconds": 7200, "time_zone": "Asia/Tokyo"}}, "has no time zone"),
        ({"window": {"kind": "day", "seconds": 60}}, "only a rolling window has seconds"),
        ({"thresholds": [80, 50]}, "out of order"),
        ({"thresholds": [50, 50]}, "out of order"),
        ({"thresholds": [0]}, "thresholds.0"),
        ({"shares": {"us-east-1": 600, "us-west-2": 401}}, "they sum to 1001"),
        ({"shares": {"everywhere": 10}}, "shares"),
        ({"grace": "1", "hard": False}, "not hard"),
        ({"per_request": "501"}, "more than the whole budget"),
        ({"downgrade": "openai/no-such-model"}, "neither a route nor a model"),
        ({"downgrade": "nothing"}, "neither a route nor a model"),
        ({"limit": 1}, "Extra inputs"),
        ({"shards": 0}, "shards"),
    ],
)
def test_a_faulty_budget_is_refused_with_the_place_and_the_remedy(members: dict[str, Any], said: str) -> None:
    with pytest.raises(BadRequest, match=r"budgets\.b") as refused:
        budget(**members)
    assert said in refused.value.message


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({"requests": None}, "a limit states requests, input_tokens, output_tokens or concurrent"),
        ({"requests": 0}, "per_minute"),
        ({"requests": {"burst": 5}}, "per_minute"),
        ({"concurrent": 0}, "concurrent"),
        ({"scope": "team:a", "shares": {"us-east-1": 1001}}, "shares.us-east-1"),
        ({"scope": "nobody"}, "unknown scope"),
    ],
)
def test_a_faulty_limit_is_refused_with_the_place_and_the_remedy(members: dict[str, Any], said: str) -> None:
    with pytest.raises(BadRequest, match=r"limits\.l") as refused:
        limit(**members)
    assert said in refused.value.message


@pytest.mark.parametrize("name", ["", "a b", "a#b", "x" * 65, "-a"])
def test_an_id_fits_into_a_counters_name(name: str) -> None:
    with pytest.raises(BadRequest, match="budgets"):
        control().lint({"budgets": {name: TEAM}})


def test_a_document_without_budgets_keeps_its_version() -> None:
    full = control().lint({"routes": {}})
    assert not {"budgets", "limits"} & set(full)


def test_what_was_published_can_be_published_again_as_it_stands() -> None:
    full = control().lint({"budgets": {"b": TEAM}, "limits": {"l": EACH}})
    assert version_of(control().lint(full)) == version_of(full)


@given(st.integers(min_value=0, max_value=LARGEST))
def test_an_amount_survives_being_shown_and_written_again(amount: int) -> None:
    assert nano_usd(dollars(amount)) == amount == nano_usd(amount)
    assert nano_usd(f"${dollars(amount)}") == amount


def test_dollars_have_two_decimals_or_as_many_as_they_need() -> None:
    assert [dollars(n) for n in (0, 500_000_000_000, 12_500_000_000, 1, -1_250_000_000)] == [
        "0.00",
        "500.00",
        "12.50",
        "0.000000001",
        "-1.25",
    ]
