"""What is answered without a model: plans, models, and whom a model serves."""

from __future__ import annotations

import json

from tests.fakes import Gateway, Scripted, ScriptedTransport, configuration, custom

EMBEDDER = custom("openai/test-embed", operations=("embeddings",), dialects=("openai_chat",), context=8192)


def embedding_gateway(*answers: Scripted) -> Gateway:
    transport = ScriptedTransport(*(answers or (Scripted(),)))
    return Gateway(transport, live=configuration(models={"openai/test-embed": EMBEDDER}))


def test_embeddings_pass_byte_for_byte_and_are_paid_by_their_input() -> None:
    told = b'{"object":"list","data":[{"index":0,"embedding":"AACAPw=="}],"usage":{"prompt_tokens":7,"total_tokens":7}}'
    gateway = embedding_gateway(Scripted(body=told))
    asked = {"model": "openai/test-embed", "input": "a", "encoding_format": "base64"}
    response, body = gateway.ask("/v1/embeddings", asked)
    assert (response.status, body) == (200, told)
    entry = gateway.ledger.only
    assert (entry.operation, entry.usage.input, entry.usage.output, entry.cost) == ("embeddings", 7, 0, 7_000)


def test_the_plan_of_an_embedding_can_be_asked_for() -> None:
    asked = {"model": "openai/test-embed", "operation": "embeddings"}
    response, body = embedding_gateway().ask("/v1/route", asked)
    assert response.status == 200
    assert [d["dialect"] for d in json.loads(body)["deployments"]] == ["openai_embeddings"]


def test_the_plan_of_a_completion_names_the_chat_that_serves_it() -> None:
    asked = {"model": "anthropic/test-claude", "operation": "completions"}
    response, body = Gateway(ScriptedTransport(Scripted())).ask("/v1/route", asked)
    assert response.status == 200
    assert [d["dialect"] for d in json.loads(body)["deployments"]] == ["anthropic_messages"]


def test_a_model_that_only_embeds_is_described() -> None:
    response, body = embedding_gateway().ask("/v1/models/openai/test-embed", None, method="GET")
    card = json.loads(body)
    assert (response.status, card["id"], card["operations"]) == (200, "openai/test-embed", ["embeddings"])


def test_limits_stand_where_anthropics_sdk_looks_for_them() -> None:
    gateway = embedding_gateway()
    _, body = gateway.ask("/v1/models/openai/test-embed", None, method="GET", anthropic_version="2023-06-01")
    card = json.loads(body)
    assert (card["type"], card["max_input_tokens"], card["max_tokens"]) == ("model", 8192, None)
