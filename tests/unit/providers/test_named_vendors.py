"""What each vendor is sent, call by call: address, headers and body as its documentation has them (2026-11)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from sluice.providers.registry import Registry
from sluice.types.routes import ProviderSettings
from tests.fakes import FixedSecrets, Gateway, Scripted, ScriptedTransport, configuration
from tests.unit.providers.test_registry import NEW_HOST, directory_with

KEY = "key-of-the-vendor-123"
NAMED = frozenset(
    {
        "openai",
        "azure_openai",
        "azure_openai_legacy",
        "anthropic",
        "bedrock",
        "bedrock_mantle",
        "gemini",
        "vertex_google",
        "vertex_anthropic",
        "snowflake_cortex",
        "openrouter",
        "portkey",
        "litellm",
        "helicone",
        "together",
        "baseten",
        "baseten_dedicated",
        "modal",
        "mistral",
        "groq",
        "cerebras",
        "fireworks",
        "deepseek",
        "xai",
        "cohere",
        "perplexity",
        "nvidia",
        "huggingface",
        "sagemaker",
        "databricks",
        "nebius",
        "deepinfra",
        "moonshot",
        "zai",
        "alibaba",
        "voyage",
        "ollama",
        "vllm",
        "lmstudio",
        "llamacpp",
    }
)
CHAT = {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 9}
MESSAGES = CHAT
RESPONSES = {"input": "hi", "max_output_tokens": 99}
CHAT_ANSWER = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "hello"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
}
MESSAGE_ANSWER = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "m",
    "content": [{"type": "text", "text": "hello"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 1, "output_tokens": 1},
}
RESPONSE_ANSWER = {
    "id": "resp_1",
    "object": "response",
    "created_at": 1,
    "status": "completed",
    "model": "m",
    "output": [
        {
            "type": "message",
            "id": "msg_1",
            "status": "completed",
            "role": "assistant",
            "content": [{"type": "output_text", "text": "hello", "annotations": []}],
        }
    ],
    "usage": {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2},
}
EMBEDDING_ANSWER = {
    "object": "list",
    "data": [{"object": "embedding", "index": 0, "embedding": [0.5]}],
    "model": "m",
    "usage": {"prompt_tokens": 1, "total_tokens": 1},
}
GEMINI_ANSWER = {
    "candidates": [{"content": {"role": "model", "parts": [{"text": "hello"}]}, "finishReason": "STOP", "index": 0}],
    "usageMetadata": {"promptTokenCount": 1, "candidatesTokenCount": 1, "totalTokenCount": 2},
}
BEARER = {"authorization": f"Bearer {KEY}"}
VERSION = {"anthropic-version": "2023-06-01"}
PROJECT = "https://us-east5-aiplatform.googleapis.com/v1/projects/p/locations/us-east5/publishers"


@dataclass(frozen=True)
class Row:
    """A call of a vendor: what the caller asks where, and what must go to the vendor."""

    model: str
    url: str
    asked: str = "/v1/chat/completions"
    body: Mapping[str, object] = field(default_factory=lambda: CHAT)
    answer: Mapping[str, object] = field(default_factory=lambda: CHAT_ANSWER)
    headers: Mapping[str, str] = field(default_factory=lambda: BEARER)
    held: Mapping[str, str] = field(default_factory=lambda: {"api_key": KEY})
    base_url: str | None = None
    sent: Mapping[str, object] = field(default_factory=dict)
    absent: tuple[str, ...] = ()


def messages(model: str, url: str, **changes: object) -> Row:
    values: dict[str, object] = {"asked": "/v1/messages", "body": MESSAGES, "answer": MESSAGE_ANSWER}
    return Row(model, url, **{**values, **changes})  # type: ignore[arg-type]


def responses(model: str, url: str, **changes: object) -> Row:
    values: dict[str, object] = {"asked": "/v1/responses", "body": RESPONSES, "answer": RESPONSE_ANSWER}
    return Row(model, url, **{**values, **changes})  # type: ignore[arg-type]


ROWS = {
    "OpenAI chat": Row(
        "openai/gpt-4o-mini", "https://api.openai.com/v1/chat/completions", sent={"model": "gpt-4o-mini", **CHAT}
    ),
    "OpenAI responses": responses("openai/gpt-4o-mini", "https://api.openai.com/v1/responses", sent=RESPONSES),
    "OpenAI embeddings": Row(
        "openai/text-embedding-3-small",
        "https://api.openai.com/v1/embeddings",
        asked="/v1/embeddings",
        body={"input": "a"},
        answer=EMBEDDING_ANSWER,
        sent={"model": "text-embedding-3-small", "input": "a"},
    ),
    "Anthropic": messages(
        "anthropic/claude-haiku-4-5",
        "https://api.anthropic.com/v1/messages",
        headers={"x-api-key": KEY, **VERSION},
        sent={"model": "claude-haiku-4-5", **MESSAGES},
    ),
    "Snowflake Cortex chat": Row(
        "snowflake_cortex/llama4-maverick",
        "https://org-acc.snowflakecomputing.com/api/v2/cortex/v1/chat/completions",
        base_url="https://org-acc.snowflakecomputing.com",
        headers={**BEARER, "x-snowflake-authorization-token-type": "PROGRAMMATIC_ACCESS_TOKEN"},
        sent={"model": "llama4-maverick", "messages": CHAT["messages"], "max_completion_tokens": 9},
        absent=("max_tokens",),
    ),
    "Snowflake Cortex messages": messages(
        "snowflake_cortex/claude-sonnet-4-5",
        "https://org-acc.snowflakecomputing.com/api/v2/cortex/v1/messages",
        base_url="https://org-acc.snowflakecomputing.com",
        headers={**BEARER, **VERSION},
        sent={"model": "claude-sonnet-4-5", **MESSAGES},
    ),
    "Portkey": Row(
        "portkey/@openai/gpt-4o",
        "https://api.portkey.ai/v1/chat/completions",
        headers={"x-portkey-api-key": KEY},
        sent={"model": "@openai/gpt-4o", **CHAT},
    ),
    "Portkey messages": messages(
        "portkey/@anthropic/claude-x", "https://api.portkey.ai/v1/messages", headers={"x-portkey-api-key": KEY}
    ),
    "OpenRouter": Row(
        "openrouter/openai/gpt-4o",
        "https://openrouter.ai/api/v1/chat/completions",
        sent={"model": "openai/gpt-4o", **CHAT},
    ),
    "OpenRouter responses, which keep nothing": responses(
        "openrouter/openai/gpt-4o",
        "https://openrouter.ai/api/v1/responses",
        body={**RESPONSES, "store": True},
        sent={"model": "openai/gpt-4o"},
        absent=("store", "previous_response_id"),
    ),
    "LiteLLM": Row(
        "litellm/team-model",
        "https://litellm.acme.example/v1/chat/completions",
        base_url="https://litellm.acme.example",
        sent={"model": "team-model", **CHAT},
    ),
    "Helicone": Row(
        "helicone/gpt-4o-mini",
        "https://ai-gateway.helicone.ai/v1/chat/completions",
        sent={"model": "gpt-4o-mini", **CHAT},
    ),
    "Baseten Model APIs": Row(
        "baseten/deepseek-ai/DeepSeek-V4-Pro", "https://inference.baseten.co/v1/chat/completions"
    ),
    "Baseten dedicated": Row(
        "baseten_dedicated/my-model",
        "https://model-abc123.api.baseten.co/environments/production/sync/v1/chat/completions",
        base_url="https://model-abc123.api.baseten.co/environments/production/sync/v1",
        sent={"model": "my-model", **CHAT},
    ),
    "Modal": Row(
        "modal/Qwen/Qwen3-8B",
        "https://team--app-serve.modal.run/v1/chat/completions",
        base_url="https://team--app-serve.modal.run/v1",
        held={"token_id": "wk-id-12345678", "token_secret": "ws-secret-12345"},
        headers={"modal-key": "wk-id-12345678", "modal-secret": "ws-secret-12345"},
        sent={"model": "Qwen/Qwen3-8B", **CHAT},
    ),
    "Together AI": Row(
        "together/openai/gpt-oss-120b",
        "https://api.together.ai/v1/chat/completions",
        sent={"model": "openai/gpt-oss-120b", **CHAT},
    ),
    "Azure OpenAI": Row(
        "azure_openai/my-deployment",
        "https://res.openai.azure.com/openai/v1/chat/completions",
        base_url="https://res.openai.azure.com",
        headers={"api-key": KEY},
        sent={"model": "my-deployment", **CHAT},
    ),
    "Azure OpenAI, dated": Row(
        "azure_openai_legacy/my-deployment",
        "https://res.openai.azure.com/openai/deployments/my-deployment/chat/completions?api-version=2024-10-21",
        base_url="https://res.openai.azure.com",
        headers={"api-key": KEY},
        sent=CHAT,
        absent=("model",),
    ),
    "Vertex AI, Claude": messages(
        "vertex_anthropic/claude-sonnet-4-5@20250929",
        f"{PROJECT}/anthropic/models/claude-sonnet-4-5@20250929:rawPredict",
        base_url=f"{PROJECT}/anthropic",
        sent={"anthropic_version": "vertex-2023-10-16", **MESSAGES},
        absent=("model",),
    ),
    "Vertex AI, Claude from a chat": Row(
        "vertex_anthropic/claude-opus-4-6",
        f"{PROJECT}/anthropic/models/claude-opus-4-6:rawPredict",
        base_url=f"{PROJECT}/anthropic",
        answer=MESSAGE_ANSWER,
        sent={"anthropic_version": "vertex-2023-10-16", "max_tokens": 9},
        absent=("model",),
    ),
    "Vertex AI, counting": messages(
        "vertex_anthropic/claude-opus-4-6",
        f"{PROJECT}/anthropic/models/count-tokens:rawPredict",
        base_url=f"{PROJECT}/anthropic",
        asked="/v1/messages/count_tokens",
        body={"messages": MESSAGES["messages"]},
        answer={"input_tokens": 3},
        sent={"model": "claude-opus-4-6", "messages": MESSAGES["messages"]},
    ),
    "Vertex AI, Gemini": Row(
        "vertex_google/gemini-2.5-flash",
        f"{PROJECT}/google/models/gemini-2.5-flash:generateContent",
        base_url=f"{PROJECT}/google",
        answer=GEMINI_ANSWER,
        sent={"contents": [{"role": "user", "parts": [{"text": "hi"}]}]},
        absent=("model",),
    ),
    "SageMaker": Row(
        "sagemaker/my-endpoint",
        "https://runtime.sagemaker.us-east-1.amazonaws.com/endpoints/my-endpoint/openai/v1/chat/completions",
        base_url="https://runtime.sagemaker.us-east-1.amazonaws.com",
        sent=CHAT,
        absent=("model",),
    ),
    "Bedrock Mantle": responses(
        "bedrock_mantle/openai.gpt-oss-120b",
        "https://bedrock-mantle.us-west-2.api.aws/v1/responses",
        base_url="https://bedrock-mantle.us-west-2.api.aws",
    ),
    "Bedrock Mantle, Claude": messages(
        "bedrock_mantle/anthropic.claude-haiku-4-5",
        "https://bedrock-mantle.us-west-2.api.aws/anthropic/v1/messages",
        base_url="https://bedrock-mantle.us-west-2.api.aws",
        headers={**BEARER, **VERSION},
    ),
    "Bedrock Runtime, OpenAI": responses(
        "bedrock_openai/openai.gpt-6-sol",
        "https://bedrock-runtime.us-west-2.amazonaws.com/openai/v1/responses",
        base_url="https://bedrock-runtime.us-west-2.amazonaws.com",
        sent={"model": "openai.gpt-6-sol"},
    ),
    "Mistral responses, which are stateless": responses(
        "mistral/mistral-medium-latest", "https://api.mistral.ai/v1/responses", absent=("store",)
    ),
    "xAI responses": responses("xai/grok-4.5", "https://api.x.ai/v1/responses"),
    "Fireworks responses": responses(
        "fireworks/accounts/fireworks/models/gpt-oss-120b", "https://api.fireworks.ai/inference/v1/responses"
    ),
}


def gateway_for(row: Row, transport: ScriptedTransport, folder: Path | None = None) -> Gateway:
    name = row.model.partition("/")[0]
    secrets = FixedSecrets()
    secrets.bundle = {name: dict(row.held)}
    live = configuration(
        providers={name: ProviderSettings(base_url=row.base_url, enabled=True)},
        models={},
        routes={},
        unpriced_ceiling={"input": 1_000_000_000, "output": 1_000_000_000},
    )
    return Gateway(transport, live=live, secrets=secrets, catalogues=(folder,) if folder else ())


def sent_for(row: Row, folder: Path | None = None) -> tuple[Gateway, ScriptedTransport]:
    transport = ScriptedTransport(Scripted(body=json.dumps(row.answer).encode()))
    gateway = gateway_for(row, transport, folder)
    response, body = gateway.ask(row.asked, {"model": row.model, **row.body})
    assert response.status == 200, body
    return gateway, transport


def test_every_vendor_that_a_user_expects_is_there() -> None:
    assert set(Registry().names()) >= NAMED
    assert len(NAMED) >= 35


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS.keys())
def test_a_vendor_is_sent_what_it_documents(row: Row) -> None:
    _, transport = sent_for(row)
    (call,) = transport.calls
    assert (call.method, str.__str__(call.url)) == ("POST", row.url)
    headers = {name.lower(): value for name, value in call.headers.items()}
    assert row.headers.items() <= headers.items()
    assert headers["content-type"] == "application/json"
    body = transport.sent()
    assert row.sent.items() <= body.items()
    assert not set(row.absent) & set(body)


def test_streams_of_the_publishers_go_where_they_stream() -> None:
    event = b'event: message_start\ndata: {"type":"message_start","message":' + json.dumps(MESSAGE_ANSWER).encode()
    stream = Scripted(
        headers={"content-type": "text/event-stream"},
        parts=[event + b"}\n\n", b'event: message_stop\ndata: {"type":"message_stop"}\n\n'],
    )
    transport = ScriptedTransport(stream)
    row = ROWS["Vertex AI, Claude"]
    gateway_for(row, transport).ask("/v1/messages", {"model": row.model, **MESSAGES, "stream": True})
    assert transport.calls[0].url == f"{PROJECT}/anthropic/models/claude-sonnet-4-5@20250929:streamRawPredict"
    assert transport.sent() == {**MESSAGES, "stream": True, "anthropic_version": "vertex-2023-10-16"}


def test_a_host_that_may_be_asleep_is_waited_for() -> None:
    patience = {}
    for name in ("Modal", "Baseten dedicated", "OpenAI chat"):
        gateway, transport = sent_for(ROWS[name])
        patience[name] = transport.calls[0].timeouts.first_byte
        _, plan = gateway.ask("/v1/route", {"model": ROWS[name].model})
        assert json.loads(plan)["deployments"][0]["first_byte_seconds"] == patience[name]
    assert patience == {"Modal": 600.0, "Baseten dedicated": 600.0, "OpenAI chat": 120.0}


def test_a_new_provider_is_found_planned_called_listed_and_priced_by_its_file_alone(tmp_path: Path) -> None:
    row = Row(
        "acme/rocket-1",
        "https://inference.acme.example/v1/chat/completions",
        body={**CHAT, "messages": [{"role": "developer", "content": "be brief"}, *CHAT["messages"]]},
        sent={"model": "rocket-1"},
    )
    folder = directory_with(tmp_path, NEW_HOST)
    gateway, transport = sent_for(row, folder)
    assert transport.calls[0].url == row.url
    told = transport.sent()["messages"]
    assert isinstance(told, list)
    assert told[0]["role"] == "system", "its quirk is heeded"
    assert gateway.ledger.only.cost == 100 + 200
    assert gateway.ledger.only.deployment == "acme/rocket-1"
    _, plan = gateway.ask("/v1/route", {"model": "rocket-1"})
    assert [each["deployment"] for each in json.loads(plan)["deployments"]] == ["acme/rocket-1"]
    _, listed = gateway.ask("/v1/models", None, method="GET")
    (card,) = [card for card in json.loads(listed)["data"] if card["id"] == "acme/rocket-1"]
    assert (card["pricing"]["prompt"], card["context_length"]) == ("0.0000001", 32000)
    assert "tools" in card["supported_parameters"]
