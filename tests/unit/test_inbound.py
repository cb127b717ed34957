"""Gemini-shaped calls through the whole gateway: what the path says, in its own dialect and in others."""

from __future__ import annotations

import json

import pytest

from sluice.calls import Incoming, prepare
from sluice.dialects import chat_dialect
from sluice.dialects.splice import parse_body
from sluice.types.catalogue import Auth, Model, Provider, ProviderEndpoint
from sluice.types.http import Request
from sluice.types.routes import Deployment, ProviderSettings
from tests.fakes import KEY, FixedSecrets, Gateway, Scripted, ScriptedTransport, configuration, custom, events
from tests.unit.test_pipeline import ANSWER, STREAM

ASK = {"contents": [{"role": "user", "parts": [{"text": "Hello"}]}]}
BASE = "/v1beta/models/"
USER = {"role": "user", "content": "Hello"}


def test_a_gemini_caller_is_served_by_a_chat_model() -> None:
    transport = ScriptedTransport(Scripted(body=ANSWER))
    gateway = Gateway(transport)
    response, body = gateway.ask(f"{BASE}openai/test-gpt:generateContent", ASK, key="", x_goog_api_key=KEY)
    answer = json.loads(body)
    assert response.status == 200
    assert answer["candidates"][0]["content"]["parts"][0]["text"] == "Hi"
    assert answer["usageMetadata"]["promptTokenCount"] == 10
    assert transport.sent()["model"] == "test-gpt"
    assert gateway.ledger.only.cost == 20_000


def test_a_gemini_caller_gets_a_stream_of_its_own_events() -> None:
    gateway = Gateway(ScriptedTransport(events(*STREAM)))
    path = f"{BASE}openai/test-gpt:streamGenerateContent"
    response = gateway.app.handle(
        Request("POST", path, {"x-goog-api-key": KEY}, json.dumps(ASK).encode(), {"alt": "sse"})
    )
    body = b"".join(response.body)  # type: ignore[arg-type]
    chunks = [json.loads(line[6:]) for line in body.splitlines() if line.startswith(b"data: ")]
    text = "".join(p["text"] for c in chunks for p in c["candidates"][0].get("content", {}).get("parts", []))
    assert (response.status, text) == (200, "Hello")


def test_without_alt_sse_a_stream_is_one_json_array() -> None:
    gateway = Gateway(ScriptedTransport(events(*STREAM)))
    response, body = gateway.ask(f"{BASE}openai/test-gpt:streamGenerateContent", ASK)
    chunks = json.loads(body)
    text = "".join(p["text"] for c in chunks for p in c["candidates"][0].get("content", {}).get("parts", []))
    assert (response.headers["content-type"].split(";")[0], text) == ("application/json", "Hello")
    assert gateway.ledger.only.cost == 20_000


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        (f"{BASE}openai/test-gpt:countAll", 404, "countAll"),
        (f"{BASE}openai/test-gpt", 404, "generateContent"),
        (f"{BASE}nobody/nothing:generateContent", 404, "/v1/models"),
        ("/v1beta/nothing", 404, "no POST"),
    ],
)
def test_a_wrong_path_is_refused_in_geminis_envelope(path: str, status: int, said: str) -> None:
    response, body = Gateway(ScriptedTransport(Scripted(body=ANSWER))).ask(path, ASK)
    error = json.loads(body)["error"]
    assert (response.status, error["code"]) == (status, status)
    assert said in error["message"]


def test_in_its_own_dialect_the_body_passes_untouched_to_the_path_of_the_model() -> None:
    endpoint = ProviderEndpoint(
        "chat",
        "gemini",
        "/v1beta/models/{model}:generateContent",
        "/v1beta/models/{model}:streamGenerateContent?alt=sse",
    )
    auth = Auth("header", "x-goog-api-key")
    model = Model("gemini-2.5 pro", "google")
    provider = Provider("google", "Google", "https://google.example", auth, (endpoint,), {})
    deployment = Deployment(provider, model, endpoint, model.id)
    raw = b'{ "contents" : [{"parts":[{"text":"h\\u00e9"}]}] }'
    for stream, method in ((False, "generateContent"), (True, "streamGenerateContent?alt=sse")):
        members = {"model": "google/gemini-2.5 pro", "stream": stream}
        document = parse_body(raw)
        document.members.update(members)
        outline = chat_dialect("gemini").outline(document.members, len(raw))
        incoming = Incoming(Request("POST", "/x", {}, raw, members=members), "chat", "gemini", document, outline)
        call = prepare(
            incoming,
            deployment,
            authorize=lambda sent, *_: (sent.url, {**sent.headers, "x-goog-api-key": "k"}),
            strict=False,
        )
        assert call.url == f"https://google.example/v1beta/models/gemini-2.5%20pro:{method}"
        assert (call.body, call.edits, call.headers["x-goog-api-key"]) == (raw, (), "k")


@pytest.mark.parametrize(
    ("path", "body", "query"),
    [
        ("/v1/responses", {"model": "openai/test-gpt", "input": "Hello", "stream": True}, {}),
        (f"{BASE}openai/test-gpt:streamGenerateContent", ASK, {"alt": "sse"}),
    ],
)
def test_the_cost_stands_beside_the_token_counts_of_every_dialect(
    path: str, body: dict[str, object], query: dict[str, str]
) -> None:
    chat_only = configuration(
        models={"openai/test-gpt": custom("openai/test-gpt", dialects=("openai_chat",))}, routes={}
    )
    gateway = Gateway(ScriptedTransport(events(*STREAM)), live=chat_only)
    headers = {"x-api-key": KEY, "x-sluice-include-cost": "true"}
    response = gateway.app.handle(Request("POST", path, headers, json.dumps(body).encode(), query))
    assert b'"cost":2e-05' in b"".join(response.body)  # type: ignore[arg-type]


def test_gemini_is_called_at_the_path_of_its_model_by_callers_of_any_dialect() -> None:
    answer = {
        "candidates": [{"content": {"role": "model", "parts": [{"text": "Hi"}]}, "finishReason": "STOP", "index": 0}],
        "usageMetadata": {"promptTokenCount": 10, "candidatesTokenCount": 5, "totalTokenCount": 15},
        "modelVersion": "gemini-2.5-flash",
        "responseId": "r",
    }
    transport = ScriptedTransport(lambda call: Scripted(body=json.dumps(answer).encode()))
    gateway = Gateway(transport, secrets=FixedSecrets(gemini="g-key"))
    _, body = gateway.ask("/v1/chat/completions", {"model": "gemini-2.5-flash", "messages": [USER]})
    assert json.loads(body)["choices"][0]["message"]["content"] == "Hi"
    _, same = gateway.ask(f"{BASE}gemini-2.5-flash:generateContent", ASK, key="", x_goog_api_key=KEY)
    assert json.loads(same) == answer
    host = "https://generativelanguage.googleapis.com"
    assert {call.url for call in transport.calls} == {f"{host}/v1beta/models/gemini-2.5-flash:generateContent"}
    assert {call.headers["x-goog-api-key"] for call in transport.calls} == {"g-key"}
    assert all(entry.cost > 0 for entry in gateway.ledger.entries.values())


def test_a_model_of_the_responses_api_alone_serves_chat_callers() -> None:
    answer = {
        "id": "resp_1",
        "object": "response",
        "created_at": 1,
        "status": "completed",
        "model": "gpt-5-codex",
        "output": [
            {
                "type": "message",
                "id": "msg_1",
                "role": "assistant",
                "status": "completed",
                "content": [{"type": "output_text", "text": "Hi", "annotations": []}],
            }
        ],
        "usage": {"input_tokens": 10, "output_tokens": 5, "total_tokens": 15},
        "error": None,
    }
    transport = ScriptedTransport(Scripted(body=json.dumps(answer).encode()))
    gateway = Gateway(transport, live=configuration(providers={}))
    _, body = gateway.ask("/v1/chat/completions", {"model": "gpt-5-codex", "messages": [USER]})
    assert json.loads(body)["choices"][0]["message"]["content"] == "Hi"
    assert transport.calls[0].url == "https://api.openai.com/v1/responses"


def test_a_pair_of_tokens_is_sent_as_two_headers() -> None:
    live = configuration(
        providers={"modal": ProviderSettings(base_url="https://own.modal.run", enabled=True, any_model=True)},
        unpriced_ceiling={"input": 1, "output": 1},
    )
    secrets = FixedSecrets()
    secrets.bundle = {"modal": {"token_id": "wk-1", "token_secret": "ws-2"}}
    transport = ScriptedTransport(Scripted(body=ANSWER))
    Gateway(transport, live=live, secrets=secrets).ask(
        "/v1/chat/completions", {"model": "modal/llama", "messages": [USER]}
    )
    sent = transport.calls[0].headers
    assert (sent["modal-key"], sent["modal-secret"], "authorization" in sent) == ("wk-1", "ws-2", False)
