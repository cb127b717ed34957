"""Parameter policies end to end: lenient routes apply and report them, strict ones refuse, on every way alike."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from sluice.types.routes import Route, RouteTarget
from tests.fakes import FixedSecrets, Gateway, Scripted, ScriptedTransport, configuration, custom

CHAT = "/v1/chat/completions"
POLICY: dict[str, object] = {
    "max_tokens_field": "max_completion_tokens",
    "drop": ["seed"],
    "clamp": {"temperature": [0, 1]},
    "defaults": {"verbosity": "low"},
}
TARGETS = (RouteTarget("openai/narrow"), RouteTarget("openai/wide"))
ANSWER = {
    "id": "c1",
    "object": "chat.completion",
    "created": 1,
    "model": "narrow",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
}


def gateway() -> tuple[Gateway, ScriptedTransport]:
    """Return a gateway with a model that has a policy, one that has none, and routes over them."""
    transport = ScriptedTransport(Scripted(200, json.dumps(ANSWER).encode()))
    live = configuration(
        models={
            "openai/narrow": custom("openai/narrow", quirks=POLICY),
            "openai/wide": custom("openai/wide"),
            "anthropic/claude-x": custom("anthropic/claude-x"),
        },
        routes={
            "lenient": Route("lenient", TARGETS),
            "strict": Route("strict", TARGETS, strict_parameters=True),
            "strict-one": Route("strict-one", TARGETS[:1], strict_parameters=True),
            "strict-claude": Route("strict-claude", (RouteTarget("anthropic/claude-x"),), strict_parameters=True),
        },
    )
    return Gateway(transport, live=live), transport


def chat(model: str, **members: object) -> tuple[str, dict[str, Any]]:
    return CHAT, {"model": model, "messages": [{"role": "user", "content": "Hi"}], **members}


def messages(model: str, **members: object) -> tuple[str, dict[str, Any]]:
    return "/v1/messages", {"model": model, "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}], **members}


def edits(headers: Mapping[str, str]) -> set[str]:
    return set(filter(None, headers.get("x-sluice-edits", "").split(",")))


def test_a_lenient_route_applies_the_policy_and_reports_it_exactly() -> None:
    served, transport = gateway()
    response, _ = served.ask(*chat("lenient", max_tokens=9, seed=3, temperature=1.5, top_p=0.5))
    sent = transport.sent()
    assert (sent["max_completion_tokens"], sent["temperature"], sent["verbosity"]) == (9, 1, "low")
    assert {"max_tokens", "seed"}.isdisjoint(sent)
    assert edits(response.headers) == {
        "renamed:max_tokens",
        "dropped:seed",
        "clamped:temperature",
        "default:verbosity",
    }


def test_neither_the_model_nor_the_usage_that_was_asked_for_is_an_edit_of_the_callers() -> None:
    served, transport = gateway()
    response = served.call(*chat("openai/wide", stream=True))
    assert "stream_options" in transport.sent()
    assert "x-sluice-edits" not in response.headers


@pytest.mark.parametrize("way", [chat, messages], ids=["passed", "translated"])
def test_a_strict_route_tries_the_deployment_that_can_take_the_request(
    way: Callable[..., tuple[str, dict[str, Any]]],
) -> None:
    served, transport = gateway()
    response, _ = served.ask(*way("strict", temperature=1.5))
    assert (response.status, response.headers["x-sluice-model"]) == (200, "wide")
    assert [json.loads(call.body)["model"] for call in transport.calls] == ["wide"]
    assert transport.sent()["temperature"] == 1.5


@pytest.mark.parametrize("way", [chat, messages], ids=["passed", "translated"])
def test_a_strict_route_without_one_refuses_before_any_call_and_charges_nothing(
    way: Callable[..., tuple[str, dict[str, Any]]],
) -> None:
    served, transport = gateway()
    response, body = served.ask(*way("strict-one", temperature=1.5))
    assert response.status == 400
    message = json.loads(body)["error"]["message"]
    assert "'temperature' is 1.5; this model takes 0 to 1. Send a value in that range" in message
    assert transport.calls == []
    entry = served.ledger.only
    assert (entry.cost, tuple(entry.attempts)) == (0, ())


def test_a_strict_route_allows_renames_and_defaults() -> None:
    served, _ = gateway()
    response, _ = served.ask(*chat("strict-one", max_tokens=9))
    assert response.status == 200
    assert edits(response.headers) == {"renamed:max_tokens", "default:verbosity"}


def test_what_a_vendor_requires_is_set_on_a_strict_route_too() -> None:
    served, transport = gateway()
    response, _ = served.ask(*chat("strict-claude"))
    assert "default:max_tokens" in edits(response.headers)
    assert transport.sent()["max_tokens"]


def test_a_custom_models_word_adds_to_its_providers() -> None:
    transport = ScriptedTransport(Scripted(200, json.dumps(ANSWER).encode()))
    models = {"mistral/mine": custom("mistral/mine", quirks={"drop": ["top_p", "!user"]})}
    live = configuration(models=models, routes={})
    served = Gateway(transport, live=live, secrets=FixedSecrets(mistral="sk-m"))
    response, _ = served.ask(*chat("mistral/mine", user="u", store=True, seed=1, top_p=0.5))
    sent = transport.sent()
    assert (sent["user"], sent["random_seed"]) == ("u", 1)
    assert edits(response.headers) == {"dropped:store", "dropped:top_p", "renamed:seed"}
