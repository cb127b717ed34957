"""What callers are told of a model: which parameters it takes, what it costs now, later and otherwise."""

from __future__ import annotations

import json

import pytest

from sluice.model_cards import card_of, pricing_of, supported_parameters
from sluice.providers.registry import Registry
from sluice.types.catalogue import Auth, Model, Price, PriceTier, Provider, ProviderEndpoint
from tests.fakes import Gateway, Scripted, ScriptedTransport, configuration, custom

REGISTRY = Registry()
NOON = 1_795_262_400_000
"""2026-11-21T12:00:00Z."""


def parameters(name: str) -> set[str]:
    ((provider, model),) = REGISTRY.resolve(name)
    return set(supported_parameters(provider, model))


def provider(*dialects: str, **quirks: object) -> Provider:
    endpoints = tuple(ProviderEndpoint("chat", dialect, "/x") for dialect in dialects)
    return Provider("acme", "Acme", "https://acme.example", Auth("bearer"), endpoints, {}, quirks=quirks)


@pytest.mark.parametrize(
    ("name", "there", "absent"),
    [
        ("openai/gpt-4o", {"temperature", "tools", "structured_outputs", "logprobs", "seed"}, {"reasoning", "top_k"}),
        ("openai/gpt-5", {"tools", "reasoning_effort", "max_tokens"}, {"temperature", "top_p", "logit_bias"}),
        ("openai/gpt-3.5-turbo", {"tools", "response_format"}, {"structured_outputs", "reasoning"}),
        ("openai/gpt-5-codex", {"reasoning", "tools"}, {"seed", "stop", "frequency_penalty"}),
        ("anthropic/claude-haiku-4-5", {"top_k", "stop", "tools", "reasoning", "structured_outputs"}, {"seed", "n"}),
        ("anthropic/claude-3-haiku", {"tools", "response_format"}, {"reasoning", "structured_outputs"}),
        ("anthropic/claude-opus-4-8", {"reasoning"}, {"temperature", "top_p", "top_k"}),
        ("gemini/gemini-2.5-flash", {"top_k", "seed", "tools", "reasoning"}, {"logit_bias"}),
        ("mistral/mistral-large-latest", {"tools", "structured_outputs"}, {"logprobs", "logit_bias"}),
        ("openai/gpt-3.5-turbo-instruct", {"max_tokens", "logprobs"}, {"tools", "reasoning"}),
        ("openai/text-embedding-3-small", {"dimensions", "encoding_format"}, {"max_tokens", "temperature"}),
    ],
)
def test_the_parameters_of_a_model_follow_from_dialect_capabilities_and_quirks(
    name: str, there: set[str], absent: set[str]
) -> None:
    found = parameters(name)
    assert there <= found
    assert not absent & found


def test_a_model_of_which_no_capability_is_known_is_taken_to_have_all() -> None:
    plain = supported_parameters(provider("openai_chat"), Model("m", "acme"))
    assert {"tools", "structured_outputs", "reasoning", "logprobs"} <= set(plain)
    only_tools = supported_parameters(provider("openai_chat"), Model("m", "acme", capabilities=frozenset({"tools"})))
    assert not {"structured_outputs", "reasoning", "logprobs"} & set(only_tools)


def test_the_ways_in_which_a_model_cannot_be_asked_do_not_count() -> None:
    host = provider("openai_chat", "anthropic_messages")
    assert "top_k" in supported_parameters(host, Model("m", "acme"))
    assert "top_k" not in supported_parameters(host, Model("m", "acme", dialects=("openai_chat",)))
    assert "top_k" in supported_parameters(provider("openai_chat", top_k=True), Model("m", "acme"))


def test_a_quirk_of_the_model_wins_over_its_providers() -> None:
    host = provider("openai_chat", drop=["temperature"])
    assert "temperature" not in supported_parameters(host, Model("m", "acme"))
    assert "temperature" in supported_parameters(host, Model("m", "acme", quirks={"drop": []}))


def test_the_standard_price_of_today_is_shown_and_not_that_of_another_tier_or_day() -> None:
    def tier(rate: int) -> tuple[PriceTier, ...]:
        return (PriceTier(0, {"input": rate, "output": 2 * rate, "cache_read": rate // 10, "request": 5_000_000}),)

    model = Model(
        "m",
        "acme",
        prices=(
            Price("", tier(1_000_000_000)),
            Price("2026-06-01", tier(2_000_000_000)),
            Price("2026-06-01", tier(1_500_000_000), hours=(("01:00", "09:00"),)),
            Price("2027-01-01", tier(3_000_000_000)),
            Price("2026-06-01", tier(500_000_000), service_tiers=("batch", "flex")),
        ),
    )
    shown = pricing_of(model, NOON)
    assert shown is not None
    assert shown["from"] == "2026-06-01"
    assert shown["tiers"] == [{"over": 0, "input": "2", "output": "4", "cache_read": "0.2", "request": "0.005"}]
    assert (shown["prompt"], shown["completion"], shown["input_cache_read"]) == ("0.000002", "0.000004", "0.0000002")
    assert shown["request"] == "0.005"
    tiers = shown["service_tiers"]
    assert isinstance(tiers, dict)
    assert [tiers[name][0]["input"] for name in ("batch", "flex")] == ["0.5", "0.5"]
    hours, scheduled = shown["hours"], shown["scheduled"]
    assert isinstance(hours, list)
    assert isinstance(scheduled, list)
    assert (hours[0]["utc"], hours[0]["tiers"][0]["input"]) == ([["01:00", "09:00"]], "1.5")
    assert (scheduled[0]["from"], scheduled[0]["tiers"][0]["input"]) == ("2027-01-01", "3")


def test_a_model_without_a_price_says_why() -> None:
    card = card_of(provider("openai_chat"), Model("m", "acme", unpriced="a preview"), NOON)
    assert (card["pricing"], card["unpriced"]) == (None, "a preview")


def test_every_listed_model_has_a_card_that_is_json() -> None:
    for owner, model in REGISTRY.all_models():
        card = json.loads(json.dumps(card_of(owner, model, NOON)))
        assert (card["pricing"] is None) == (not model.prices), card["id"]
        for price in (card["pricing"] or {}).get("tiers", ()):
            assert all("e" not in value for name, value in price.items() if name != "over")


def test_a_custom_model_is_listed_with_all_that_was_said_of_it() -> None:
    own = custom(
        "openai/own",
        context=32_000,
        max_output=4_000,
        inputs=("text", "image"),
        capabilities=frozenset({"tools"}),
        aliases=("mine",),
        deprecated="until the next one is trained",
        quirks={"drop": ["seed"]},
    )
    gateway = Gateway(ScriptedTransport(Scripted()), live=configuration(models={"openai/own": own}))
    _, body = gateway.ask("/v1/models", None, method="GET")
    card = next(card for card in json.loads(body)["data"] if card["id"] == "openai/own")
    assert (card["context_length"], card["max_output_tokens"], card["aliases"]) == (32_000, 4_000, ["mine"])
    assert card["deprecated"] == "until the next one is trained"
    assert card["architecture"]["input_modalities"] == ["text", "image"]
    assert "tools" in card["supported_parameters"]
    assert not {"seed", "reasoning"} & set(card["supported_parameters"])
    assert card["pricing"]["prompt"] == "0.000001"


def test_a_custom_model_is_called_by_its_alias_and_sent_as_that() -> None:
    own = custom("openai/own", aliases=("mine",))
    message = {"role": "assistant", "content": "hi"}
    usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
    told = {"id": "x", "choices": [{"index": 0, "message": message, "finish_reason": "stop"}], "usage": usage}
    answer = Scripted(body=json.dumps(told).encode())
    for name in ("mine", "openai/mine"):
        transport = ScriptedTransport(answer)
        gateway = Gateway(transport, live=configuration(models={"openai/own": own}))
        asked = {"model": name, "messages": [{"role": "user", "content": "hi"}]}
        response, _ = gateway.ask("/v1/chat/completions", asked)
        assert (response.status, transport.sent()["model"], gateway.ledger.only.cost) == (200, "mine", 3_000)
