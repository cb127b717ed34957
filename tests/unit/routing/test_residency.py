"""Requests stay inside their team's fence, or are refused; what nobody says is outside."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from sluice.control.configurations import ConfigurationModel
from sluice.control.lint import complaints
from sluice.dialects import translates
from sluice.errors import PermissionDenied
from sluice.providers.registry import Registry
from sluice.routing.configuration import parse
from sluice.routing.residency import place_of
from sluice.routing.router import Router
from sluice.types.catalogue import Model
from sluice.types.routes import Configuration, Deployment, Plan
from sluice.types.tenancy import Caller, VirtualKey

HOME = "eu-west-1"
FENCE = {"teams": ["search"], "places": ["eu", "eu-*"], "regions": ["eu-west-1", "eu-central-1"]}
REGISTRY = Registry()


def live(**members: object) -> Configuration:
    document = ConfigurationModel.model_validate({"residency": {"eu": FENCE}, **members})
    return parse(document.model_dump(mode="json", exclude_none=True), "v1")


def plan(name: str, configuration: Configuration, *, team: str = "search", home: str = HOME) -> Plan:
    router = Router(REGISTRY, lambda provider: True, translates, lambda: 0.0, home)
    return router.plan(name, "chat", "openai_chat", configuration, Caller(VirtualKey("k1", team, "n", "d")))


def route(*targets: Mapping[str, object]) -> dict[str, object]:
    return {"fast": {"targets": list(targets)}}


def deployment(name: str, region: str | None = None, **settings: object) -> Deployment:
    configuration = live(
        providers={name.partition("/")[0]: settings},
        routes=route({"model": name, "region": region}),
        unpriced_ceiling={"input": 1},
    )
    (choice,) = plan("fast", configuration, team="others").choices
    return choice.deployment


def test_a_deployment_whose_place_nobody_says_is_outside() -> None:
    with pytest.raises(PermissionDenied) as refused:
        plan("openai/gpt-4o-mini", live())
    assert refused.value.error_code == "residency"
    assert "nothing says where it answers" in refused.value.message
    assert "fence 'eu'" in refused.value.message


def test_other_teams_are_not_concerned() -> None:
    assert plan("openai/gpt-4o-mini", live(), team="sales").choices
    everybody = live(residency={"eu": {**FENCE, "teams": ["*"]}})
    with pytest.raises(PermissionDenied):
        plan("openai/gpt-4o-mini", everybody, team="sales")


def test_a_route_keeps_what_is_inside_and_says_why_the_rest_is_left_out() -> None:
    targets = route(
        {"model": "openai/gpt-4o-mini"},
        {"model": "bedrock/anthropic.claude-haiku-4-5-20251001-v1:0", "region": "us-east-1"},
        {"model": "bedrock/anthropic.claude-haiku-4-5-20251001-v1:0", "region": "eu-central-1"},
    )
    planned = plan("fast", live(routes=targets))
    assert [choice.deployment.region for choice in planned.choices] == ["eu-central-1"]
    assert [each.name for each in planned.rejected] == [
        "openai/gpt-4o-mini",
        "bedrock/anthropic.claude-haiku-4-5-20251001-v1:0",
    ]
    assert "it answers in us-east-1" in planned.rejected[1].reason


def test_a_gateway_in_another_region_refuses_and_names_those_that_may_be_called() -> None:
    with pytest.raises(PermissionDenied, match=r"eu-west-1, eu-central-1.*us-east-1"):
        plan("openai/gpt-4o-mini", live(providers={"openai": {"place": "eu"}}), home="us-east-1")


def test_several_fences_must_all_let_it_through() -> None:
    fences = {"eu": FENCE, "ireland": {"teams": ["*"], "places": ["eu-west-1"]}}
    model = "bedrock/anthropic.claude-haiku-4-5-20251001-v1:0"
    inside = live(residency=fences, routes=route({"model": model, "region": "eu-west-1"}))
    assert plan("fast", inside).choices
    with pytest.raises(PermissionDenied, match="ireland"):
        plan("fast", live(residency=fences, routes=route({"model": model, "region": "eu-central-1"})))


@pytest.mark.parametrize(
    ("name", "region", "settings", "place"),
    [
        ("openai/gpt-4o-mini", None, {}, ""),
        ("openai/gpt-4o-mini", None, {"base_url": "https://eu.api.openai.com/v1"}, "eu"),
        ("openai/gpt-4o-mini", None, {"place": "westeurope"}, "westeurope"),
        ("openai/gpt-4o-mini", None, {"base_url": "https://eu.api.openai.com/v1", "place": "fr"}, "fr"),
        ("bedrock/anthropic.claude-haiku-4-5-20251001-v1:0", None, {}, HOME),
        ("bedrock/anthropic.claude-haiku-4-5-20251001-v1:0", "us-west-2", {}, "us-west-2"),
        ("bedrock/eu.anthropic.claude-haiku-4-5-20251001-v1:0", "eu-west-1", {}, "eu"),
        ("bedrock/global.anthropic.claude-haiku-4-5-20251001-v1:0", "eu-west-1", {"place": "eu"}, "global"),
        (
            "bedrock/anthropic.claude-haiku-4-5-20251001-v1:0",
            None,
            {"base_url": "https://bedrock-runtime.eu-north-1.amazonaws.com"},
            "eu-north-1",
        ),
        (
            "vertex/gemini-2.5-flash",
            None,
            {
                "enabled": True,
                "base_url": "https://europe-west4-aiplatform.googleapis.com/v1/projects/p/locations/europe-west4",
            },
            "europe-west4",
        ),
    ],
)
def test_a_place_is_what_the_address_the_model_or_the_operator_says(
    name: str, region: str | None, settings: dict[str, object], place: str
) -> None:
    assert place_of(deployment(name, region, **settings), HOME) == place


def test_patterns_end_where_they_end() -> None:
    def served(places: list[str], place: str) -> bool:
        configuration = live(
            residency={"f": {"teams": ["*"], "places": places}}, providers={"openai": {"place": place}}
        )
        try:
            return bool(plan("openai/gpt-4o-mini", configuration).choices)
        except PermissionDenied:
            return False

    assert served(["eu-*"], "eu-west-1")
    assert not served(["eu-*"], "eu")
    assert not served(["eu"], "eu-west-1")
    assert not served(["eu"], "europe")


def test_a_fence_that_the_stage_cannot_keep_at_rest_is_not_published() -> None:
    configuration = live()
    (fault,) = complaints(configuration, REGISTRY, local=False, regions=("eu-west-1", "us-east-1"))
    assert "us-east-1" in fault
    assert "at_rest" in fault
    assert complaints(configuration, REGISTRY, local=False, regions=("eu-west-1",)) == []
    processing = live(residency={"eu": {**FENCE, "at_rest": False}})
    assert complaints(processing, REGISTRY, local=False, regions=("eu-west-1", "us-east-1")) == []


@pytest.mark.parametrize("fence", [{"teams": [], "places": ["eu"]}, {"teams": ["a"], "places": []}])
def test_a_fence_that_names_nobody_or_nowhere_cannot_be_read(fence: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"residency\.x"):
        parse({"residency": {"x": fence}}, "v")


def test_a_custom_model_is_fenced_like_any_other() -> None:
    price = [{"starts": "", "tiers": [{"over": 0, "rates": {"input": 1}}]}]
    configuration = live(models={"openai/own": {"prices": price}})
    assert isinstance(configuration.models["openai/own"], Model)
    with pytest.raises(PermissionDenied):
        plan("openai/own", configuration)
