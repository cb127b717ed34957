"""`POST /v1/responses` through the whole gateway, with providers of this dialect and of others."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sluice.dialects import openai_responses as wire
from sluice.errors import InternalError
from tests.fakes import Gateway, Scripted, ScriptedTransport, events

PATH = "/v1/responses"
ASK: dict[str, Any] = {"model": "anthropic/test-claude", "input": "Hello", "max_output_tokens": 50}
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
STREAM = (
    b'event: message_start\ndata: {"type":"message_start","message":{"id":"msg_1","model":"test-claude","content":[],'
    b'"usage":{"input_tokens":10,"output_tokens":1}}}\n\n',
    b'event: content_block_start\ndata: {"type":"content_block_start","index":0,"content_block":{"type":"text",'
    b'"text":""}}\n\n',
    b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta",'
    b'"text":"Hi"}}\n\n',
    b'event: content_block_stop\ndata: {"type":"content_block_stop","index":0}\n\n',
    b'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"end_turn"},'
    b'"usage":{"output_tokens":5}}\n\n',
    b'event: message_stop\ndata: {"type":"message_stop"}\n\n',
)


def test_a_responses_caller_is_served_by_claude() -> None:
    gateway = Gateway(ScriptedTransport(Scripted(body=CLAUDE)))
    response, body = gateway.ask(PATH, ASK)
    answer = json.loads(body)
    assert (response.status, answer["object"], answer["status"]) == (200, "response", "completed")
    assert answer["output"][0]["content"][0]["text"] == "Hi"
    assert (answer["usage"]["input_tokens"], answer["usage"]["output_tokens"]) == (10, 5)
    assert gateway.ledger.only.cost == 20_000


def test_a_responses_stream_is_served_by_claude() -> None:
    gateway = Gateway(ScriptedTransport(events(*STREAM)))
    response, body = gateway.ask(PATH, {**ASK, "stream": True})
    assert response.headers["content-type"].startswith("text/event-stream")
    assert b"event: response.output_text.delta" in body
    last = json.loads(body.rstrip().rpartition(b"data: ")[2])
    assert last["type"] == "response.completed"
    assert last["response"]["usage"]["total_tokens"] == 15
    assert gateway.ledger.only.cost == 20_000


def test_a_stream_that_breaks_ends_with_response_failed() -> None:
    gateway = Gateway(ScriptedTransport(events(*STREAM[:3])))
    _, body = gateway.ask(PATH, {**ASK, "stream": True})
    last = json.loads(body.rstrip().rpartition(b"data: ")[2])
    assert (last["type"], last["response"]["status"]) == ("response.failed", "failed")
    assert last["response"]["error"]["message"]
    assert gateway.ledger.only.outcome == "failed"


@pytest.mark.parametrize(
    ("name", "value"), [("conversation", "conv_1"), ("prompt", {"id": "pmpt_1"}), ("background", True)]
)
def test_what_only_its_vendor_keeps_is_refused_before_a_provider_of_another_dialect_is_called(
    name: str, value: object
) -> None:
    transport = ScriptedTransport(Scripted(body=CLAUDE))
    response, body = Gateway(transport).ask(PATH, {**ASK, name: value})
    error = json.loads(body)["error"]
    assert (response.status, error["param"], error["code"]) == (400, name, "unsupported_parameter")
    assert "send " in error["message"]
    assert transport.calls == []


def test_a_request_of_the_wrong_shape_is_told_what_to_send() -> None:
    response, body = Gateway(ScriptedTransport(Scripted())).ask(
        PATH, {"model": "anthropic/test-claude", "messages": []}
    )
    error = json.loads(body)["error"]
    assert (response.status, error["param"]) == (400, "input")
    assert "string or a list" in error["message"]


def test_a_broken_translation_still_ends_with_an_event_clients_know() -> None:
    told = wire.stream_error_bytes(
        InternalError("The gateway could not translate the rest of this answer."), "req_1"
    ).split(b"\n\n")
    assert [json.loads(event.partition(b"data: ")[2])["type"] for event in told if event] == [
        "error",
        "response.failed",
    ]
