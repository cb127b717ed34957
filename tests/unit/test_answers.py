"""What the caller gets of answers that are broken, before and after the first byte."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.fakes import Gateway, Scripted, ScriptedTransport, configuration, events
from tests.unit.test_pipeline import ANSWER, ASK, CHAT, CLAUDE, DONE, MESSAGE_ANSWER, MESSAGES, STREAM, chunk, delta

CUT = b'data: {"id":"chatcmpl-1","choices":[{"index":0,"del\n\n'
MESSAGE_START = (
    b'event: message_start\ndata: {"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant",'
    b'"model":"m","content":[],"usage":{"input_tokens":10,"output_tokens":1}}}\n\n'
)
MESSAGE_TEXT = (
    b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,'
    b'"delta":{"type":"text_delta","text":"Hello, this is me."}}\n\n'
)
MESSAGE_CUT = b'event: content_block_delta\ndata: {"type":"content_block_delta","ind\n\n'


def streamed(request: dict[str, Any], model: str) -> dict[str, Any]:
    return {**request, "model": model, "stream": True}


@pytest.mark.parametrize("body", [ANSWER[:-40], b"<html>busy</html>", b"", b"[1]"])
def test_a_whole_answer_that_is_no_json_object_falls_over(body: bytes) -> None:
    transport = ScriptedTransport(Scripted(body=body), Scripted(body=body), Scripted(body=MESSAGE_ANSWER))
    gateway = Gateway(transport)
    response, answer = gateway.ask(CHAT, {**ASK, "model": "both"})
    assert (response.status, json.loads(answer)["choices"][0]["message"]["content"]) == (200, "Hi")
    entry = gateway.ledger.only
    assert [attempt.outcome for attempt in entry.attempts] == ["garbled", "garbled", "ok"]
    assert entry.cost == 20_000


@pytest.mark.parametrize(("path", "request_body"), [(CHAT, ASK), (MESSAGES, {**CLAUDE, "model": "openai/test-gpt"})])
def test_a_cut_answer_is_a_502_in_the_callers_dialect(path: str, request_body: dict[str, Any]) -> None:
    gateway = Gateway(ScriptedTransport(Scripted(body=ANSWER[:-40])))
    response, answer = gateway.ask(path, request_body)
    assert (response.status, response.headers["x-should-retry"]) == (502, "true")
    assert json.loads(answer)["error"]["code"] == "provider_garbled"
    assert gateway.ledger.only.cost == 0


def test_spaces_that_kept_a_connection_alive_pass() -> None:
    padded = b"\n         \n" * 60 + ANSWER + b"\n"
    assert Gateway(ScriptedTransport(Scripted(body=padded))).ask(CHAT, ASK)[1] == padded


def test_a_whole_answer_that_is_an_error_gets_its_status_and_keeps_its_bytes() -> None:
    told = b'{"error": {"message": "Overloaded", "type": "server_error", "code": "overloaded"} }'
    gateway = Gateway(ScriptedTransport(Scripted(200, told)))
    response, body = gateway.ask(CHAT, ASK)
    assert (response.status, body) == (503, told)
    assert (gateway.ledger.only.status, gateway.ledger.only.outcome) == (503, "error")


@pytest.mark.parametrize(("path", "asked"), [(CHAT, ASK), (MESSAGES, CLAUDE)])
def test_a_stream_whose_first_event_is_cut_falls_over(path: str, asked: dict[str, Any]) -> None:
    transport = ScriptedTransport(events(CUT), events(CUT), events(*STREAM))
    gateway = Gateway(transport)
    response, body = gateway.ask(path, streamed(asked, "pair"))
    assert response.status == 200
    assert CUT not in body
    assert [attempt.outcome for attempt in gateway.ledger.only.attempts] == ["garbled", "garbled", "ok"]


@pytest.mark.parametrize("event", [b'data: {"choices":\ndata: []}\n\n', b'data: {"choices":[]}\r\r', b": data: {\n\n"])
def test_an_odd_first_event_that_can_be_read_passes(event: bytes) -> None:
    gateway = Gateway(ScriptedTransport(events(event, *STREAM)))
    _, body = gateway.ask(CHAT, {**streamed(ASK, "openai/test-gpt"), "stream_options": {"include_usage": True}})
    assert body == event + b"".join(STREAM)


def test_a_first_event_without_content_is_no_fault() -> None:
    parts = (b": comment\n\n", b"data: [DONE]\n\n")
    assert Gateway(ScriptedTransport(events(*parts))).ask(CHAT, streamed(ASK, "openai/test-gpt"))[0].status == 200


@pytest.mark.parametrize(
    ("path", "asked", "parts"),
    [
        (MESSAGES, streamed(CLAUDE, "openai/test-gpt"), (delta("Hello, this is me."), CUT, DONE)),
        (CHAT, streamed(ASK, "anthropic/test-claude"), (MESSAGE_START, MESSAGE_TEXT, MESSAGE_CUT)),
        (MESSAGES, streamed(CLAUDE, "openai/test-gpt"), (delta("Hello, this is me."), chunk(error={"message": "No."}))),
    ],
)
def test_a_translated_stream_that_fails_says_so_and_costs_what_was_said(
    path: str, asked: dict[str, Any], parts: tuple[bytes, ...]
) -> None:
    gateway = Gateway(ScriptedTransport(events(*parts)), live=configuration())
    response, body = gateway.ask(path, asked)
    assert response.status == 200
    last = body.rstrip().rpartition(b"data: ")[2]
    assert json.loads(last)["error"]["message"]
    if path == MESSAGES:
        assert json.loads(last)["request_id"] == response.headers["x-request-id"]
    entry = gateway.ledger.only
    assert (entry.outcome, entry.usage.estimated) == ("failed", True)
    assert 4 <= entry.usage.output <= 6
    assert entry.cost > 0


def test_a_stream_that_the_gateway_itself_breaks_off_is_told_and_entered_as_failed() -> None:
    own_fault = RuntimeError("a fault of our own, with sk-secret in its words")
    gateway = Gateway(ScriptedTransport(events(*STREAM[:2], own_fault)))
    response, body = gateway.ask(CHAT, streamed(ASK, "openai/test-gpt"))
    assert response.status == 200
    assert b"could not send the rest" in body
    assert b"sk-secret" not in body
    entry = gateway.ledger.only
    assert (entry.outcome, entry.error_code) == ("failed", "passing_RuntimeError")
