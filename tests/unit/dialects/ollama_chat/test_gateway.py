"""`POST /api/chat` through the whole gateway, and an Ollama host as the provider of callers of other dialects."""

from __future__ import annotations

import json
from typing import Any

from sluice.types.routes import ProviderSettings
from tests.fakes import FixedSecrets, Gateway, Scripted, ScriptedTransport, configuration, custom, events
from tests.unit.dialects.ollama_chat.test_answers import ANSWER
from tests.unit.dialects.ollama_chat.test_streams import CALLS, TEXT, line

PATH = "/api/chat"
ASK: dict[str, Any] = {"model": "ollama/qwen3", "messages": [{"role": "user", "content": "Hello"}]}
CLAUDE = {**ASK, "max_tokens": 50}
CHUNKS = (
    b'data: {"id":"chatcmpl-1","created":1,"model":"gpt","choices":[{"index":0,"delta":{"content":"Hi"},'
    b'"finish_reason":null}]}\n\n',
    b'data: {"id":"chatcmpl-1","created":1,"model":"gpt","choices":[{"index":0,"delta":{},'
    b'"finish_reason":"stop"}]}\n\n',
    b'data: {"id":"chatcmpl-1","created":1,"model":"gpt","choices":[],"usage":{"prompt_tokens":10,'
    b'"completion_tokens":5,"total_tokens":15}}\n\n',
    b"data: [DONE]\n\n",
)


def gateway(*answers: Scripted) -> tuple[Gateway, ScriptedTransport]:
    transport = ScriptedTransport(*answers)
    live = configuration(
        models={name: custom(name) for name in ("ollama/qwen3", "openai/test-gpt")},
        providers={"ollama": ProviderSettings(base_url="https://ollama.example", enabled=True)},
    )
    secrets = FixedSecrets(ollama="ol-secret", openai="sk-secret")
    return Gateway(transport, live=live, secrets=secrets), transport


def test_an_ollama_caller_is_streamed_to_unless_it_says_otherwise() -> None:
    served, transport = gateway(events(*(TEXT[at : at + 17] for at in range(0, len(TEXT), 17))))
    response, body = served.ask(PATH, ASK)
    assert (response.status, body) == (200, TEXT)
    assert response.headers["content-type"] == "application/x-ndjson"
    call = transport.calls[0]
    assert (call.url, call.headers["accept"]) == ("https://ollama.example/api/chat", "application/x-ndjson")
    assert transport.sent() == {**ASK, "model": "qwen3"}
    assert (served.ledger.only.usage.input, served.ledger.only.usage.output) == (9, 4)
    assert served.ledger.only.cost == 17_000


def test_a_whole_answer_passes_byte_for_byte() -> None:
    raw = json.dumps(ANSWER, indent=1).encode()
    served, _ = gateway(Scripted(body=raw))
    response, body = served.ask(PATH, {**ASK, "stream": False, "keep_alive": "5m"})
    assert (response.status, body, response.headers["content-type"]) == (200, raw, "application/json")
    assert served.ledger.only.cost == 20_000


def test_an_ollama_caller_is_served_by_a_chat_provider() -> None:
    served, transport = gateway(events(*CHUNKS))
    response, body = served.ask(PATH, {**ASK, "model": "openai/test-gpt", "options": {"num_predict": 9}})
    found = [json.loads(each) for each in body.splitlines()]
    assert response.headers["content-type"] == "application/x-ndjson"
    assert [each["message"]["content"] for each in found] == ["Hi", ""]
    assert (found[-1]["done_reason"], found[-1]["prompt_eval_count"], found[-1]["eval_count"]) == ("stop", 10, 5)
    assert transport.sent()["max_tokens"] == 9
    assert transport.sent()["stream"] is True


def test_a_messages_caller_of_a_host_keeps_to_its_own_api() -> None:
    served, transport = gateway(Scripted(status=404, body=b'{"error":"model not found"}'))
    served.ask("/v1/messages", CLAUDE)
    assert transport.calls[0].url == "https://ollama.example/v1/messages"


def test_a_cohere_caller_is_served_by_the_native_api() -> None:
    served, transport = gateway(events(CALLS))
    response, body = served.ask("/v2/chat", {**ASK, "stream": True})
    assert (response.status, transport.calls[0].url) == (200, "https://ollama.example/api/chat")
    assert body.count(b"event: tool-call-start") == 3
    assert b'"finish_reason":"TOOL_CALL"' in body


def test_an_error_in_the_first_line_is_an_error_of_the_provider() -> None:
    served, _ = gateway(events(b'{"error":"model runner has unexpectedly stopped"}\n'))
    response, body = served.ask(PATH, ASK)
    assert (response.status, json.loads(body)["error"]) == (500, "model runner has unexpectedly stopped")


def test_an_error_in_the_middle_of_a_stream_is_passed_and_noted() -> None:
    broken = (line({"content": "Hi"}), b'{"error":"model runner has unexpectedly stopped"}\n')
    served, _ = gateway(events(*broken))
    _, body = served.ask(PATH, ASK)
    assert body == b"".join(broken)
    assert served.ledger.only.outcome == "failed"


def test_errors_are_told_in_the_vendors_form() -> None:
    served, _ = gateway(Scripted(status=404, body=b'{"error":"model not found"}'))
    response, body = served.ask(PATH, {**ASK, "messages": []})
    assert (response.status, json.loads(body)["param"]) == (400, "messages")
    assert "messages must be a list" in json.loads(body)["error"]
