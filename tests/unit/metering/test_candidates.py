"""A plan and a body make what each deployment could cost."""

from __future__ import annotations

from typing import Any

import pytest

from sluice.metering.adjusting import Billed
from sluice.metering.bounds import input_bound
from sluice.metering.candidates import Allowances, candidates, service_tier_of
from sluice.metering.worst_case import SPILL, Candidate, worst_case
from sluice.types.adjustments import Adjustment
from sluice.types.catalogue import Auth, Model, Price, PriceTier, Provider, ProviderEndpoint
from sluice.types.routes import Deployment, Plan, Planned, RetryPolicy

NOON = 1_795_435_200_000
BODY: dict[str, Any] = {"model": "r", "messages": [{"role": "user", "content": "hello there"}]}
SEARCHING = {**BODY, "tools": [{"type": "web_search"}], "previous_response_id": "resp_1"}
END = ProviderEndpoint("chat", "openai_chat", "/chat/completions")


def deployment(name: str, quirks: dict[str, object] | None = None, region: str | None = None) -> Deployment:
    rates = {"input": 1_000_000, "output": 2_000_000, "search": 7}
    model = Model(name, "p", prices=(Price("", (PriceTier(0, rates),)),), max_output=500)
    provider = Provider("p", "P", "https://p", Auth("bearer"), (END,), {name: model}, quirks=quirks or {})
    return Deployment(provider, model, END, name, region)


def plan(*deployments: Deployment) -> Plan:
    return Plan("r", "r", tuple(Planned(each, "") for each in deployments), retry=RetryPolicy(attempts=3))


def only(body: dict[str, Any], made: Deployment | None = None, **given: Any) -> Candidate:
    (found,) = candidates(
        plan(made or deployment("gpt-4o")), body, wall_ms=NOON, **{"asked": 50, "choices": 1, **given}
    )
    return found


def test_each_deployment_has_the_bound_of_its_own_model() -> None:
    first, second = candidates(
        plan(deployment("gpt-4o"), deployment("grok-4")), BODY, asked=50, choices=2, wall_ms=NOON
    )
    assert first.bounds.prompt == input_bound(BODY, "gpt-4o").tokens
    assert second.bounds.prompt == input_bound(BODY, "grok-4").tokens
    assert (first.bounds.output, first.bounds.beyond, first.attempts) == (100, 2 * SPILL, 3)
    assert (second.bounds.output, second.bounds.beyond) == (100, 2 * (SPILL + 500))
    assert worst_case([first, second], NOON) == max(worst_case([first], NOON), worst_case([second], NOON))


def test_without_a_bound_the_model_s_own_counts_or_the_allowance() -> None:
    assert only(BODY, asked=None).bounds.output == 500
    unknown = deployment("m")
    unknown = Deployment(unknown.provider, Model("m", "p"), END, "m")
    assert only(BODY, unknown, asked=None, allowances=Allowances(output=77)).bounds.output == 77


def test_open_things_take_the_allowance_each_and_searches_only_where_there_may_be_some() -> None:
    allowed = Allowances(tokens=1_000, searches=4)
    tokens = input_bound(SEARCHING, "gpt-4o").tokens
    found = only(SEARCHING, allowances=allowed).bounds
    assert (found.prompt, found.searches) == (tokens + 2_000, 4)
    kept = {**BODY, "previous_response_id": "resp_1"}
    assert only(kept, allowances=allowed).bounds.prompt == input_bound(kept, "gpt-4o").tokens + 1_000
    assert only(kept, allowances=allowed).bounds.searches == 0
    assert only(BODY, allowances=allowed).bounds.searches == 0


def test_corrections_and_hidden_prompts_raise_the_bound() -> None:
    plain = only(BODY).bounds.prompt
    assert only(BODY, corrections={"p/gpt-4o": 20_000}).bounds.prompt == 2 * plain
    assert only(BODY, corrections={"p/other": 20_000}).bounds.prompt == plain
    assert only(BODY, deployment("gpt-4o", {"hidden_prompt": 900})).bounds.prompt == plain + 900


def test_adjustments_are_those_of_the_team_and_the_deployment_s_region() -> None:
    changes = (
        Adjustment("eu", "surcharge", 1_000, region="eu-"),
        Adjustment("deal", "discount", -100, team="search"),
        Adjustment("flex", "batch", -5_000, service_tier="flex"),
        Adjustment("over", "margin", 1, ends="2026-11-23"),
    )

    def ids(made: Deployment, billed: Billed | None, body: dict[str, Any] = BODY) -> list[str]:
        return [each.id for each in only(body, made, adjustments=changes, billed=billed).adjustments]

    assert ids(deployment("m", region="eu-west-1"), Billed("search", "us-east-1")) == ["eu", "deal"]
    assert ids(deployment("m"), Billed("ads", "eu-west-1")) == ["eu"]
    assert ids(deployment("m"), None) == []
    assert ids(deployment("m"), None, {**BODY, "service_tier": "flex"}) == ["flex"]


@pytest.mark.parametrize(
    ("members", "tier"),
    [
        ({}, None),
        ({"service_tier": None}, None),
        ({"service_tier": ""}, None),
        ({"service_tier": "flex"}, "flex"),
        ({"serviceTier": {"type": "priority"}}, "priority"),
        ({"serviceTier": {}}, None),
        ({"speed": "fast", "service_tier": "auto"}, "fast"),
        ({"speed": "standard"}, None),
    ],
)
def test_the_tier_is_what_the_body_asks_for(members: dict[str, Any], tier: str | None) -> None:
    assert service_tier_of(members) == tier
    assert only({**BODY, **members}).bounds.service_tier == tier
