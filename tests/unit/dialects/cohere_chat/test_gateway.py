"""`POST /v2/chat` through the whole gateway, and Cohere as the provider of callers of other dialects."""

from __future__ import annotations

import json
from typing import Any

from sluice.types.routes import Route, RouteTarget
from tests.fakes import FixedSecrets, Gateway, Scripted, ScriptedTransport, configuration, custom, events
from tests.unit.dialects.cohere_chat.test_answers import ANSWER
from tests.unit.dialects.cohere_chat.test_streams import CALLS, DONE, START, TEXT, content, ended

PATH = "/v2/chat"
ASK: dict[str, Any] = {"model": "cohere/test-command", "messages": [{"role": "user", "content": "Hello"}]}
CLAUDE = {**ASK, "max_tokens": 50}
CHAT_ANSWER = json.dumps(
    {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "test-gpt",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
    }
).encode()


def gateway(*answers: Scripted) -> tuple[Gateway, ScriptedTransport]:
    models = {name: custom(name) for name in ("cohere/test-command", "cohere/test-other", "openai/test-gpt")}
    pair = Route("pair", (RouteTarget("cohere/test-command"), RouteTarget("cohere/test-other")))
    transport = ScriptedTransport(*answers)
    secrets = FixedSecrets(cohere="co-secret", openai="sk-secret")
    live = configuration(models=models, routes={"pair": pair})
    return Gateway(transport, live=live, secrets=secrets), transport


def test_a_cohere_caller_is_served_by_cohere_byte_for_byte() -> None:
    raw = json.dumps(ANSWER, indent=1).encode()
    served, transport = gateway(Scripted(body=raw))
    response, body = served.ask(PATH, {**ASK, "safety_mode": "STRICT"})
    assert (response.status, body) == (200, raw)
    call = transport.calls[0]
    assert (call.url, call.headers["authorization"]) == ("https://api.cohere.com/v2/chat", "Bearer co-secret")
    assert transport.sent() == {**ASK, "model": "test-command", "safety_mode": "STRICT"}
    usage = served.ledger.only.usage
    assert (usage.input, usage.output, usage.estimated) == (10, 5, False)
    assert served.ledger.only.cost == 20_000


def test_a_cohere_stream_passes_byte_for_byte_and_is_metered() -> None:
    served, _ = gateway(events(*(TEXT[at : at + 31] for at in range(0, len(TEXT), 31))))
    response, body = served.ask(PATH, {**ASK, "stream": True})
    assert (body, response.headers["content-type"]) == (TEXT, "text/event-stream; charset=utf-8")
    assert (served.ledger.only.usage.input, served.ledger.only.usage.output) == (9, 4)


def test_a_failure_behind_the_announcement_goes_to_the_next_deployment() -> None:
    failed = START + ended("ERROR", error="overloaded", error_type="OVERLOADED") + DONE
    served, transport = gateway(events(failed), events(failed), events(TEXT))
    response, body = served.ask(PATH, {**ASK, "model": "pair", "stream": True})
    assert (response.status, body) == (200, TEXT)
    assert transport.sent()["model"] == "test-other"


def test_an_error_in_the_middle_of_a_stream_is_passed_and_noted() -> None:
    broken = START + content("Hi") + ended("ERROR", error="invalid tool generation") + DONE
    served, _ = gateway(events(START + content("Hi"), broken[len(START + content("Hi")) :]))
    _, body = served.ask(PATH, {**ASK, "stream": True})
    assert body == broken
    assert served.ledger.only.outcome == "failed"


def test_a_stream_that_breaks_ends_with_the_dialects_own_error() -> None:
    told, _ = gateway(events(START + content("Hi")))
    _, body = told.ask("/v1/messages", {**CLAUDE, "stream": True})
    assert b"event: error" in body
    assert told.ledger.only.outcome == "failed"


def test_a_cohere_caller_is_served_by_a_chat_provider() -> None:
    served, transport = gateway(Scripted(body=CHAT_ANSWER))
    response, body = served.ask(PATH, {**ASK, "model": "openai/test-gpt", "p": 0.5})
    answer = json.loads(body)
    assert (response.status, answer["message"]["content"]) == (200, [{"type": "text", "text": "Hi"}])
    assert answer["usage"]["billed_units"] == {"input_tokens": 10, "output_tokens": 5}
    assert transport.sent()["top_p"] == 0.5


def test_a_messages_caller_is_served_by_the_native_api() -> None:
    served, transport = gateway(Scripted(body=json.dumps(ANSWER).encode()))
    response, body = served.ask("/v1/messages", CLAUDE)
    assert (response.status, json.loads(body)["stop_reason"]) == (200, "tool_use")
    assert transport.calls[0].url == "https://api.cohere.com/v2/chat"


def test_a_messages_caller_gets_a_stream_of_calls() -> None:
    served, _ = gateway(events(CALLS))
    _, body = served.ask("/v1/messages", {**CLAUDE, "stream": True})
    assert b'"name":"look"' in body
    assert body.rstrip().endswith(b'{"type":"message_stop"}')
    assert served.ledger.only.cost == 9_000 + 8_000


def test_a_chat_caller_is_served_by_the_native_api_which_reports_usage_in_streams_too() -> None:
    served, transport = gateway(Scripted(body=json.dumps(ANSWER).encode()))
    _, body = served.ask("/v1/chat/completions", ASK)
    assert transport.calls[0].url == "https://api.cohere.com/v2/chat"
    assert json.loads(body)["usage"]["total_tokens"] > 0


def test_errors_are_told_in_the_vendors_form() -> None:
    refused = Scripted(status=401, body=b'{"id":"1","message":"invalid api token"}')
    served, _ = gateway(refused)
    response, body = served.ask(PATH, ASK)
    assert (response.status, json.loads(body)["message"]) == (401, "invalid api token")
    response, body = served.ask(PATH, {**ASK, "messages": []})
    assert (response.status, json.loads(body)["param"]) == (400, "messages")
    assert json.loads(body)["id"] == response.headers["x-request-id"]
