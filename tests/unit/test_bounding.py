"""What is set aside for a request at one deployment, with what changes its price."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sluice.bounding import LONGEST_MS, Adjusting, candidate_of, service_tier_of
from sluice.calls import Incoming
from sluice.dialects.base import Outline
from sluice.dialects.splice import Document
from sluice.types.adjustments import Adjustment
from sluice.types.catalogue import Auth, Model, Price, PriceTier, Provider, ProviderEndpoint
from sluice.types.http import Request
from sluice.types.routes import Deployment

NOON = 1_795_435_200_000
"""2026-11-23T12:00Z."""
ENDPOINT = ProviderEndpoint("chat", "openai_chat", "/chat/completions")
BODY: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "Hello"}]}


def incoming(**members: Any) -> Incoming:
    text = json.dumps({**BODY, **members})
    request = Request("POST", "/v1/chat/completions", {}, text.encode())
    return Incoming(request, "chat", "openai_chat", Document(text), Outline("m", False, False, 100, 1, len(text)))


def deployment(
    *,
    base_url: str = "https://acme.example",
    region: str | None = None,
    rates: dict[str, int] | None = None,
    **quirks: Any,
) -> Deployment:
    model = Model("m", "acme", prices=(Price("", (PriceTier(0, rates or {"input": 5}),)),))
    provider = Provider("acme", "Acme", base_url, Auth("none"), (ENDPOINT,), {}, quirks=quirks)
    return Deployment(provider, model, ENDPOINT, "m", region)


def applied(made: Deployment, *given: Adjustment, **members: Any) -> list[str]:
    adjusting = Adjusting(given, "search", NOON, "eu-west-1")
    return [each.id for each in candidate_of(incoming(**members), made, adjusting=adjusting).adjustments]


def test_adjustments_are_those_of_the_team_and_of_where_the_deployment_answers() -> None:
    eu, team = Adjustment("eu", "surcharge", 1_000, region="eu-"), Adjustment("team", "margin", 1, team="search")
    other = Adjustment("other", "margin", 1, team="ads")
    assert applied(deployment(region="eu-central-1"), eu, team, other) == ["eu", "team"]
    assert applied(deployment(base_url="https://acme.{region}.example"), eu) == ["eu"], "the gateway's own region"
    assert applied(deployment(base_url="https://acme.{region}.example", region="us-east-1"), eu) == []
    assert applied(deployment(), eu) == []


def test_a_provider_that_bills_as_it_states_is_held_without_its_discount() -> None:
    deal = Adjustment("deal", "discount", -1_000)
    assert applied(deployment(), deal) == ["deal"]
    assert applied(deployment(stated_cost=True), deal) == []


def test_a_host_s_hidden_prompt_is_held() -> None:
    plain, hidden = (candidate_of(incoming(), made) for made in (deployment(), deployment(hidden_prompt=900)))
    assert hidden.bounds.prompt == plain.bounds.prompt + 900


def test_a_place_that_the_body_asks_for_is_the_only_one_held_for() -> None:
    assert candidate_of(incoming(inference_geo="us"), deployment()).bounds.geo == "us"
    assert candidate_of(incoming(inference_geo=None), deployment()).bounds.geo is None


def test_seconds_are_held_where_they_are_paid() -> None:
    assert candidate_of(incoming(), deployment(rates={"second": 1})).bounds.provider_ms == LONGEST_MS
    assert candidate_of(incoming(), deployment()).bounds.provider_ms == 0


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
    assert candidate_of(incoming(**members), deployment()).bounds.service_tier == tier
