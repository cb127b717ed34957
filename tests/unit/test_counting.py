"""Token counts: asked of the provider where it counts, estimated where it does not, free and entered either way."""

from __future__ import annotations

import json

import pytest

from tests.fakes import FixedSecrets, Gateway, Scripted, ScriptedTransport, configuration, custom

COUNT = "/v1/messages/count_tokens"
ASK = {"model": "anthropic/test-claude", "messages": [{"role": "user", "content": "Hello there"}]}
COUNTING = custom("anthropic/test-claude", operations=("chat", "count_tokens"), dialects=("anthropic_messages",))


def test_a_provider_that_counts_is_asked() -> None:
    transport = ScriptedTransport(Scripted(body=b'{"input_tokens": 42}'))
    gateway = Gateway(transport, live=configuration(models={"anthropic/test-claude": COUNTING}))
    response, body = gateway.ask(COUNT, ASK)
    assert (response.status, json.loads(body)) == (200, {"input_tokens": 42})
    assert "x-sluice-estimated" not in response.headers
    assert transport.calls[0].url == "https://anthropic.example/v1/messages/count_tokens"
    entry = gateway.ledger.only
    assert (entry.operation, entry.cost, entry.usage.total) == ("count_tokens", 0, 0)


def test_a_model_that_nobody_counts_for_is_estimated_without_a_call() -> None:
    transport = ScriptedTransport(Scripted())
    gateway = Gateway(transport)
    response, body = gateway.ask(COUNT, {**ASK, "model": "openai/test-gpt"})
    assert response.headers["x-sluice-estimated"] == "true"
    assert json.loads(body)["input_tokens"] > 0
    assert not transport.calls
    entry = gateway.ledger.only
    assert (entry.outcome, entry.cost, entry.deployment) == ("ok", 0, "openai/test-gpt")


GEMINI = "/v1beta/models/{}:countTokens"
CONTENTS = {"contents": [{"role": "user", "parts": [{"text": "Hello there"}]}]}
BEDROCK = "/model/{}/count-tokens"
CONVERSE = {"input": {"converse": {"messages": [{"role": "user", "content": [{"text": "Hello there"}]}]}}}


def test_gemini_counts_for_callers_of_its_own_shape() -> None:
    transport = ScriptedTransport(Scripted(body=b'{"totalTokens": 12}'))
    gateway = Gateway(transport, secrets=FixedSecrets(gemini="g-key"))
    response, body = gateway.ask(GEMINI.format("gemini-2.5-flash"), CONTENTS)
    assert (response.status, json.loads(body)) == (200, {"totalTokens": 12})
    assert transport.calls[0].url.endswith("/v1beta/models/gemini-2.5-flash:countTokens")
    assert json.loads(transport.calls[0].body) == CONTENTS
    assert (gateway.ledger.only.operation, gateway.ledger.only.cost) == ("count_tokens", 0)


@pytest.mark.parametrize(
    ("path", "body", "member"), [(GEMINI, CONTENTS, "totalTokens"), (BEDROCK, CONVERSE, "inputTokens")]
)
def test_other_shapes_are_estimated_for_models_that_nobody_counts_for(
    path: str, body: dict[str, object], member: str
) -> None:
    transport = ScriptedTransport(Scripted())
    gateway = Gateway(transport)
    response, found = gateway.ask(path.format("openai/test-gpt"), body)
    assert response.headers["x-sluice-estimated"] == "true"
    short = json.loads(found)[member]
    longer = json.loads(json.dumps(body).replace("Hello there", "Hello there, " * 50))
    assert 0 < short < json.loads(gateway.ask(path.format("openai/test-gpt"), longer)[1])[member]
    assert not transport.calls


@pytest.mark.parametrize(("path", "body"), [(GEMINI, {}), (BEDROCK, {"input": {}})])
def test_a_count_of_nothing_is_refused(path: str, body: dict[str, object]) -> None:
    gateway = Gateway(ScriptedTransport(Scripted()))
    assert gateway.ask(path.format("openai/test-gpt"), body)[0].status == 400
