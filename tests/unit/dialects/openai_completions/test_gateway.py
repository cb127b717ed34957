"""`POST /v1/completions` through the whole gateway: chat models and completions models, each way round."""

from __future__ import annotations

import json
from typing import Any

import openai
from openai.types import Completion

from sluice.types.catalogue import Model
from tests.fakes import PRICE, Gateway, Scripted, ScriptedTransport, configuration, events

PATH = "/v1/completions"
ASK: dict[str, Any] = {"model": "anthropic/test-claude", "prompt": "Hello", "max_tokens": 50}
CLAUDE = json.dumps(
    {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "test-claude",
        "content": [{"type": "text", "text": "Hi"}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 10, "output_tokens": 5},
    }
).encode()
DAVINCI = json.dumps(
    {
        "id": "cmpl-1",
        "object": "text_completion",
        "created": 1,
        "model": "old",
        "choices": [{"text": " there", "index": 0, "logprobs": None, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
    }
).encode()
CHUNKS = (
    b'data: {"id":"cmpl-1","object":"text_completion","created":1,"model":"old","choices":[{"text":" there","index":0,'
    b'"logprobs":null,"finish_reason":"stop"}]}\n\n',
    b'data: {"id":"cmpl-1","object":"text_completion","created":1,"model":"old","choices":[],"usage":{'
    b'"prompt_tokens":10,"completion_tokens":5,"total_tokens":15}}\n\ndata: [DONE]\n\n',
)
OLD = Model("old", "openai", prices=(PRICE,), operations=("completions",))
LIVE = configuration()
WITH_OLD = configuration(models={**LIVE.models, "openai/old": OLD})


def test_a_completions_caller_is_served_by_a_chat_model() -> None:
    transport = ScriptedTransport(Scripted(body=CLAUDE))
    gateway = Gateway(transport)
    response, body = gateway.ask(PATH, {**ASK, "echo": True})
    answer = Completion.model_validate_json(body)
    assert (response.status, answer.choices[0].text, answer.choices[0].finish_reason) == (200, "HelloHi", "stop")
    assert transport.sent()["messages"] == [{"role": "user", "content": "Hello"}]
    entry = gateway.ledger.only
    assert (entry.operation, entry.dialect, entry.cost) == ("completions", "openai_completions", 20_000)


def test_several_prompts_are_refused_by_a_chat_model_with_the_remedy() -> None:
    gateway = Gateway(ScriptedTransport(Scripted(body=CLAUDE)))
    response, body = gateway.ask(PATH, {**ASK, "prompt": ["a", "b"]})
    error = json.loads(body)["error"]
    assert (response.status, error["code"], error["param"]) == (400, "unsupported_parameter", "prompt")
    assert "one request for each" in error["message"]


def test_a_completions_model_gets_the_callers_own_bytes() -> None:
    transport = ScriptedTransport(Scripted(body=DAVINCI))
    gateway = Gateway(transport, live=WITH_OLD)
    sent = {"model": "openai/old", "prompt": [[1, 2], [3]], "suffix": "!", "unknown": 1}
    response, body = gateway.ask(PATH, sent)
    assert (response.status, body) == (200, DAVINCI)
    assert transport.calls[0].url == "https://openai.example/v1/completions"
    assert transport.sent() == {**sent, "model": "old"}
    assert gateway.ledger.only.cost == 20_000


def test_a_streamed_completion_is_metered_by_a_chunk_that_the_caller_never_sees() -> None:
    transport = ScriptedTransport(events(*CHUNKS))
    gateway = Gateway(transport, live=WITH_OLD)
    _, body = gateway.ask(PATH, {"model": "openai/old", "prompt": "Hello", "stream": True})
    assert body == CHUNKS[0] + b"data: [DONE]\n\n"
    assert transport.sent()["stream_options"] == {"include_usage": True}
    assert gateway.ledger.only.cost == 20_000


def test_a_chat_of_one_text_is_served_by_a_model_that_only_completes() -> None:
    transport = ScriptedTransport(Scripted(body=DAVINCI))
    gateway = Gateway(transport, live=WITH_OLD)
    ask = {"model": "openai/old", "messages": [{"role": "user", "content": "Hello"}]}
    response, body = gateway.ask("/v1/chat/completions", ask)
    assert json.loads(body)["choices"][0]["message"]["content"] == " there"
    assert (transport.sent()["prompt"], transport.sent()["max_tokens"]) == ("Hello", 1024)
    assert response.headers["x-sluice-edits"] == "default:max_tokens"


def test_the_vendors_sdk_reads_both_forms() -> None:
    gateway = Gateway(ScriptedTransport(events(*CHUNKS)), live=WITH_OLD)
    _, body = gateway.ask(PATH, {"model": "openai/old", "prompt": "Hello", "stream": True})
    texts = [Completion.model_validate_json(line[5:]) for line in body.splitlines() if line.startswith(b"data: {")]
    assert [chunk.choices[0].text for chunk in texts] == [" there"]
    assert openai.OpenAI(api_key="x").completions is not None


def test_an_error_of_the_gateway_has_the_callers_envelope() -> None:
    gateway = Gateway(ScriptedTransport(Scripted(body=DAVINCI)))
    response, body = gateway.ask(PATH, {"model": "nowhere/none", "prompt": "x"})
    assert (response.status, json.loads(body)["error"]["code"]) == (404, "model_not_found")
