"""Rules that can never apply are refused; rules that are probably not meant are told."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from sluice.control.configurations import Configurations
from sluice.control.lint import complaints
from sluice.errors import BadRequest
from sluice.providers.registry import Registry
from sluice.routing.configuration import parse
from tests.unit.control.test_configurations import PRICED, Store

REGISTRY = Registry()
ROUTES = {"fast": {"targets": [{"model": "openai/gpt-4o-mini"}]}}


def control() -> Configurations:
    return Configurations(Store(), parse, partial(complaints, catalogue=REGISTRY, local=False))


def budgets(**scopes: Any) -> dict[str, Any]:
    rules = {name: {"scope": scope, "amount": "5", "window": "month"} for name, scope in scopes.items()}
    return {"routes": ROUTES, "models": {"openai_compatible/own": PRICED}, "budgets": rules}


def doubts(document: dict[str, Any]) -> list[str]:
    desk = control()
    return desk.doubts(desk.publish(document))


@pytest.mark.parametrize(
    ("scope", "said"),
    [
        ("route:slow", "there is no route 'slow'"),
        ("provider:opnai", "the catalogue has no provider 'opnai'"),
        ("model:openai/no-such-model", "no provider offers 'openai/no-such-model'"),
        ("model:no-such-model", "no provider offers 'no-such-model'"),
        ("model:nobody/gpt-4o", "no provider offers"),
        ("key:sk-sluice-abcdefghijkl", "a key is named by its id"),
        ("team: search", "no team is called ' search'"),
        ("tag:env=a,b", "no tag is called 'a,b'"),
    ],
)
def test_a_rule_that_can_never_apply_is_refused(scope: str, said: str) -> None:
    with pytest.raises(BadRequest, match="can never apply") as refused:
        control().publish(budgets(b=scope))
    assert said in refused.value.message
    with pytest.raises(BadRequest, match=r"limits\.l\.scope: can never apply"):
        control().publish({"limits": {"l": {"scope": scope, "concurrent": 1}}})


@pytest.mark.parametrize(
    "scope",
    [
        "organisation",
        "team:search",
        "key:abcdefgh2345",
        "user:ann",
        "tag:env=prod",
        "route:fast",
        "route",
        "provider:openai",
        "model:openai/gpt-4o-mini",
        "model:gpt-4o-mini",
        "model:openai_compatible/own",
        "model:own",
        "model:openai_compatible/anything",
    ],
)
def test_a_rule_that_may_apply_is_taken(scope: str) -> None:
    document = budgets(b=scope)
    document["providers"] = {"openai_compatible": {"any_model": True}}
    assert control().publish(document)


@pytest.mark.parametrize("target", ["fast", "openai/gpt-4o-mini", "openai_compatible/own"])
def test_a_downgrade_is_a_route_or_a_model(target: str) -> None:
    document = budgets(b="organisation")
    document["budgets"]["b"]["downgrade"] = target
    assert control().publish(document)


def test_nothing_is_doubtful_about_a_plain_budget() -> None:
    assert doubts(budgets(a="team:search", b="team:ads", c="organisation")) == []


@pytest.mark.parametrize("scope", ["user", "user:ann", "tag:env", "tag:env=prod"])
def test_a_hard_budget_on_what_callers_may_forge_is_doubtful(scope: str) -> None:
    (told,) = doubts(budgets(b=scope))
    assert told.startswith("budgets.b: a hard budget on the ")
    assert told.endswith("put one on their team or key as well")
    soft = budgets(b=scope)
    soft["budgets"]["b"]["hard"] = False
    assert doubts(soft) == []


def test_two_rules_that_count_the_same_are_doubtful() -> None:
    (told,) = doubts(budgets(a="team:x", b="team:x"))
    assert told == "budgets.b: counts the same as budgets.a; the smaller of the two decides"
    apart = budgets(a="team:x", b="team:x")
    apart["budgets"]["b"]["window"] = "day"
    assert doubts(apart) == []
    limits = {"limits": {name: {"scope": "key", "concurrent": 1} for name in ("a", "b")}}
    assert doubts(limits) == ["limits.b: counts the same as limits.a; the smaller of the two decides"]


def test_names_that_are_hard_to_tell_apart_are_doubtful() -> None:
    document = budgets(search="team:x", Search="team:y") | {"limits": {"search": {"scope": "key", "concurrent": 1}}}
    told = doubts(document)
    assert "search: names a budget and a limit; callers that are refused cannot tell which is meant" in told
    assert "budgets: Search and search differ in capitals only" in told


def test_an_amount_that_is_less_than_a_cent_is_doubtful() -> None:
    document = budgets(b="organisation")
    document["budgets"]["b"]["amount"] = 500
    (told,) = doubts(document)
    assert told == "budgets.b.amount: 500 nano-USD are $0.0000005; write '500' as text if dollars are meant"
