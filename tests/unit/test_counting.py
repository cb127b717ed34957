"""Token counts: asked of the provider where it counts, estimated where it does not, free and entered either way."""

from __future__ import annotations

import json

from tests.fakes import Gateway, Scripted, ScriptedTransport, configuration, custom

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
