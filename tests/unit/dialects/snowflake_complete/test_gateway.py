"""Snowflake's own APIs through the whole gateway: as the provider of other callers, and for callers of its own."""

from __future__ import annotations

import json
from typing import Any

from sluice.types.catalogue import Model
from sluice.types.routes import Configuration, ProviderSettings
from tests.fakes import PRICE, FixedSecrets, Gateway, Scripted, ScriptedTransport, configuration, events

ACCOUNT = "https://acme.snowflakecomputing.com"
LIVE = configuration()
SNOWFLAKE = configuration(
    models={
        **LIVE.models,
        "snowflake_cortex/claude-1": Model(
            "claude-1", "snowflake_cortex", prices=(PRICE,), dialects=("snowflake_complete",)
        ),
        "snowflake_cortex/e5-base-v2": Model(
            "e5-base-v2", "snowflake_cortex", prices=(PRICE,), operations=("embeddings",)
        ),
    },
    providers={**LIVE.providers, "snowflake_cortex": ProviderSettings(base_url=ACCOUNT, enabled=True)},
)
ANSWER = json.dumps(
    {
        "id": "a1",
        "model": "claude-1",
        "choices": [{"message": {"content": "Hi", "content_list": [{"type": "text", "text": "Hi"}]}}],
        "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
    }
).encode()
STREAM = (
    b'data: {"id":"a1","model":"claude-1","choices":[{"delta":{"type":"text","content":"Hi"}}],"usage":{}}\n\n',
    b'data: {"id":"a1","model":"claude-1","choices":[{"delta":{"type":"text","content":""}}],"usage":'
    b'{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15}}\n\n',
)
CHAT = {"model": "snowflake_cortex/claude-1", "messages": [{"role": "user", "content": "Hello"}]}


def gateway(transport: ScriptedTransport, live: Configuration = SNOWFLAKE) -> Gateway:
    return Gateway(transport, live=live, secrets=FixedSecrets(snowflake_cortex="pat", openai="sk-openai-secret"))


def test_a_chat_caller_is_served_over_the_older_api() -> None:
    transport = ScriptedTransport(Scripted(body=ANSWER))
    served = gateway(transport)
    response, body = served.ask("/v1/chat/completions", CHAT)
    assert (response.status, json.loads(body)["choices"][0]["message"]["content"]) == (200, "Hi")
    assert transport.calls[0].url == f"{ACCOUNT}/api/v2/cortex/inference:complete"
    assert transport.calls[0].headers["authorization"] == "Bearer pat"
    assert transport.sent()["stream"] is False
    assert served.ledger.only.cost == 20_000


def test_a_chat_caller_is_streamed_to_over_the_older_api() -> None:
    served = gateway(ScriptedTransport(events(*STREAM)))
    _, body = served.ask("/v1/chat/completions", {**CHAT, "stream": True})
    assert b'"content":"Hi"' in body
    assert body.endswith(b"data: [DONE]\n\n")
    assert (served.ledger.only.cost, served.ledger.only.outcome) == (20_000, "ok")


def test_a_caller_of_the_older_api_gets_the_providers_own_bytes() -> None:
    transport = ScriptedTransport(events(*STREAM))
    served = gateway(transport)
    asked: dict[str, Any] = {**CHAT, "guardrails": {"enabled": True}}
    _, body = served.ask("/api/v2/cortex/inference:complete", asked)
    assert body == b"".join(STREAM)
    assert transport.sent() == {**asked, "model": "claude-1"}
    assert served.ledger.only.cost == 20_000


def test_a_caller_of_the_older_api_is_served_by_other_vendors() -> None:
    answer = {
        "id": "c",
        "model": "gpt",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 10, "completion_tokens": 5},
    }
    served = gateway(ScriptedTransport(Scripted(body=json.dumps(answer).encode())))
    asked = {**CHAT, "model": "openai/test-gpt", "stream": False}
    _, body = served.ask("/api/v2/cortex/inference:complete", asked)
    assert json.loads(body)["choices"][0]["message"]["content"] == "Hi"
    response, body = served.ask("/api/v2/cortex/inference:complete", {**asked, "guardrails": {"enabled": True}})
    assert (response.status, json.loads(body)["code"]) == (400, "unsupported_parameter")


def test_embeddings_of_an_openai_caller_are_made_at_snowflake() -> None:
    vectors = {
        "object": "list",
        "data": [{"object": "embedding", "embedding": [[0.5, 1.0]], "index": 0}],
        "model": "e5-base-v2",
        "usage": {"total_tokens": 10},
    }
    transport = ScriptedTransport(Scripted(body=json.dumps(vectors).encode()))
    served = gateway(transport)
    _, body = served.ask("/v1/embeddings", {"model": "snowflake_cortex/e5-base-v2", "input": "Hello"})
    assert json.loads(body)["data"][0]["embedding"] == [0.5, 1.0]
    assert transport.sent() == {"model": "e5-base-v2", "text": ["Hello"]}
    assert served.ledger.only.usage.input == 10
