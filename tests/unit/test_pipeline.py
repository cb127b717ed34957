"""The straight line: one request from its headers to its ledger entry, with everything outside in memory."""

from __future__ import annotations

import json

import pytest

from sluice.answers import _close_meter
from sluice.errors import ProviderTimeout, ProviderUnreachable
from sluice.metering.tally import Tally
from sluice.types.routes import ProviderSettings
from sluice.types.tenancy import Caller
from sluice.types.usage import Usage
from tests.fakes import (
    ADMIN_KEY,
    KEY,
    OTHER_KEY,
    FixedSecrets,
    Gateway,
    Scripted,
    ScriptedTransport,
    configuration,
    custom,
    events,
    virtual_key,
)

CHAT = "/v1/chat/completions"
MESSAGES = "/v1/messages"
ASK = {"model": "openai/test-gpt", "messages": [{"role": "user", "content": "Hello"}]}
CLAUDE = {"model": "anthropic/test-claude", "max_tokens": 50, "messages": [{"role": "user", "content": "Hello"}]}
USAGE = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
ANSWER = json.dumps(
    {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "test-gpt-0101",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}],
        "usage": USAGE,
    },
    indent=1,
).encode()


def chunk(**members: object) -> bytes:
    body = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "test-gpt", **members}
    return b"data: " + json.dumps(body).encode() + b"\n\n"


def delta(text: str, finish: str | None = None) -> bytes:
    return chunk(choices=[{"index": 0, "delta": {"content": text}, "finish_reason": finish}])


USAGE_CHUNK = chunk(choices=[], usage=USAGE)
DONE = b"data: [DONE]\n\n"
STREAM = (delta("Hel"), delta("lo"), delta("", "stop"), USAGE_CHUNK, DONE)
MESSAGE_ANSWER = json.dumps(
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


def test_a_buffered_answer_passes_byte_for_byte_with_its_cost() -> None:
    transport = ScriptedTransport(Scripted(body=ANSWER))
    gateway = Gateway(transport)
    response, body = gateway.ask(CHAT, ASK)
    assert (response.status, body) == (200, ANSWER)
    assert response.headers["x-sluice-cost-usd"] == "0.000020000"
    assert response.headers["x-sluice-provider"] == "openai"
    assert response.headers["x-sluice-model"] == "test-gpt"
    assert response.headers["x-sluice-attempts"] == "1"
    entry = gateway.ledger.only
    assert (entry.cost, entry.usage.input, entry.usage.output, entry.outcome) == (20_000, 10, 5, "ok")
    assert response.headers["x-request-id"] == entry.request_id


def test_the_provider_gets_the_callers_bytes_with_its_own_model_name_and_key() -> None:
    transport = ScriptedTransport(Scripted(body=ANSWER))
    raw = b'{ "model" : "openai/test-gpt", "messages":[{"role":"user","content":"h\\u00e9"}], "new_thing": 1.50 }'
    Gateway(transport).ask(CHAT, raw)
    call = transport.calls[0]
    assert call.url == "https://openai.example/v1/chat/completions"
    assert call.body == raw.replace(b"openai/test-gpt", b"test-gpt")
    assert call.headers["authorization"] == "Bearer sk-openai-secret"
    assert KEY not in str(dict(call.headers))


def test_a_stream_passes_event_by_event_without_the_usage_chunk_nobody_asked_for() -> None:
    transport = ScriptedTransport(events(*STREAM))
    gateway = Gateway(transport)
    response, body = gateway.ask(CHAT, {**ASK, "stream": True})
    assert transport.sent()["stream_options"] == {"include_usage": True}
    assert body == b"".join(part for part in STREAM if part != USAGE_CHUNK)
    assert response.headers["content-type"].startswith("text/event-stream")
    assert (gateway.ledger.only.cost, gateway.ledger.only.usage.estimated) == (20_000, False)


def test_a_stream_passes_whole_when_the_caller_asked_for_usage() -> None:
    gateway = Gateway(ScriptedTransport(events(*STREAM)))
    _, body = gateway.ask(CHAT, {**ASK, "stream": True, "stream_options": {"include_usage": True}})
    assert body == b"".join(STREAM)


def test_a_stream_cut_anywhere_passes_byte_for_byte() -> None:
    whole = b"".join(STREAM)
    for size in (1, 7, 64):
        parts = [whole[at : at + size] for at in range(0, len(whole), size)]
        gateway = Gateway(ScriptedTransport(events(*parts)))
        _, body = gateway.ask(CHAT, {**ASK, "stream": True, "stream_options": {"include_usage": True}})
        assert body == whole
        assert gateway.ledger.only.cost == 20_000


def test_the_cost_stands_in_the_usage_chunk_when_asked_for() -> None:
    gateway = Gateway(ScriptedTransport(events(*STREAM)))
    asked = {**ASK, "stream": True, "stream_options": {"include_usage": True}}
    _, body = gateway.ask(CHAT, asked, x_sluice_include_cost="true")
    assert b'"cost":2e-05' in body
    assert body.endswith(DONE)


def test_the_cost_stands_in_the_usage_of_a_translated_stream_too() -> None:
    gateway = Gateway(ScriptedTransport(events(*STREAM)))
    asked = {**CLAUDE, "model": "openai/test-gpt", "stream": True}
    _, body = gateway.ask(MESSAGES, asked, x_sluice_include_cost="true")
    assert body.count(b'"cost":2e-05') == 1
    assert b"cost" not in gateway.ask(MESSAGES, asked)[1]


def test_the_first_bytes_leave_before_the_provider_has_finished() -> None:
    upstream = events(STREAM[0], AssertionError("read too early"))
    gateway = Gateway(ScriptedTransport(upstream))
    response = gateway.call(CHAT, {**ASK, "stream": True})
    assert not isinstance(response.body, bytes)
    assert next(response.body) == STREAM[0]


def test_a_stream_without_usage_is_estimated_and_says_so() -> None:
    gateway = Gateway(ScriptedTransport(events(delta("word " * 40), delta("", "stop"), DONE)))
    gateway.ask(CHAT, {**ASK, "stream": True})
    entry = gateway.ledger.only
    assert entry.usage.estimated
    assert 20 <= entry.usage.output <= 100
    assert entry.usage.input > 0
    assert entry.cost > 0


def test_a_cut_after_the_first_event_ends_with_an_error_event_and_an_estimate() -> None:
    gateway = Gateway(ScriptedTransport(events(delta("Hel"), ProviderUnreachable("The provider cut the connection."))))
    _, body = gateway.ask(CHAT, {**ASK, "stream": True})
    assert body.startswith(delta("Hel"))
    last = json.loads(body.removeprefix(delta("Hel")).split(b"\n")[0].removeprefix(b"data: "))
    assert "cut the connection" in last["error"]["message"]
    entry = gateway.ledger.only
    assert (entry.outcome, entry.error_kind, entry.usage.estimated) == ("failed", "connection", True)


def test_a_hang_after_the_first_event_ends_with_an_error_event() -> None:
    slow = ProviderTimeout("The stream was silent for 60 s.", phase="idle")
    gateway = Gateway(ScriptedTransport(events(delta("Hel"), slow)))
    _, body = gateway.ask(CHAT, {**ASK, "stream": True})
    assert b"silent for 60 s" in body
    assert gateway.ledger.only.error_code == "provider_timeout"


def test_silence_is_filled_with_keep_alives_between_events_only() -> None:
    whole = delta("Hello")
    gateway = Gateway(ScriptedTransport(events(delta("a"), whole[:10], b"", whole[10:], b"", DONE)))
    _, body = gateway.ask(CHAT, {**ASK, "stream": True})
    assert body.replace(b": keep-alive\n\n", b"").replace(b":\n\n", b"") == delta("a") + whole + DONE
    assert whole in body


def test_a_caller_who_leaves_closes_the_upstream_and_still_has_an_entry() -> None:
    upstream = events(*STREAM)
    gateway = Gateway(ScriptedTransport(upstream))
    response = gateway.call(CHAT, {**ASK, "stream": True})
    assert not isinstance(response.body, bytes)
    next(response.body)
    response.body.close()  # type: ignore[attr-defined]
    assert response.after is not None
    response.after()
    assert upstream.closed
    assert (gateway.ledger.only.outcome, gateway.ledger.only.usage.estimated) == ("aborted", True)


def test_the_log_line_is_written_before_the_last_byte_and_the_entry_after_it() -> None:
    gateway = Gateway(ScriptedTransport(events(*STREAM)))
    response = gateway.call(CHAT, {**ASK, "stream": True})
    assert [json.loads(line)["kind"] for line in gateway.lines.written] == ["open"]
    b"".join(response.body)  # type: ignore[arg-type]
    assert [json.loads(line)["kind"] for line in gateway.lines.written] == ["open", "request"]
    assert not gateway.ledger.entries
    assert response.after is not None
    response.after()
    response.after()
    assert len(gateway.ledger.entries) == 1


def test_a_ledger_that_fails_costs_the_caller_nothing_and_leaves_the_line() -> None:
    gateway = Gateway(ScriptedTransport(Scripted(body=ANSWER)))
    gateway.ledger.broken = True
    response, body = gateway.ask(CHAT, ASK)
    assert (response.status, body) == (200, ANSWER)
    assert [json.loads(line)["kind"] for line in gateway.lines.written] == ["open", "request", "fault"]


def test_fallback_crosses_dialects_before_the_first_byte() -> None:
    transport = ScriptedTransport(Scripted(404, b'{"error":{"message":"gone"}}'), Scripted(body=MESSAGE_ANSWER))
    gateway = Gateway(transport)
    response, body = gateway.ask(CHAT, {**ASK, "model": "both"})
    assert response.status == 200
    answer = json.loads(body)
    assert answer["choices"][0]["message"]["content"] == "Hi"
    assert answer["usage"]["prompt_tokens"] == 10
    assert transport.calls[1].url == "https://anthropic.example/v1/messages"
    assert transport.calls[1].headers["x-api-key"] == "sk-ant-secret"
    assert transport.calls[1].headers["anthropic-version"]
    entry = gateway.ledger.only
    assert [a.outcome for a in entry.attempts] == ["not_found", "ok"]
    assert (entry.deployment, entry.requested_model) == ("anthropic/test-claude", "both")


def test_messages_are_served_by_a_chat_model() -> None:
    gateway = Gateway(ScriptedTransport(Scripted(body=ANSWER)))
    response, body = gateway.ask(MESSAGES, {**CLAUDE, "model": "openai/test-gpt"})
    answer = json.loads(body)
    assert response.status == 200
    assert (answer["type"], answer["content"][0]["text"], answer["stop_reason"]) == ("message", "Hi", "end_turn")
    assert answer["usage"]["input_tokens"] == 10


def test_messages_are_streamed_from_a_chat_model() -> None:
    gateway = Gateway(ScriptedTransport(events(*STREAM)))
    _, body = gateway.ask(MESSAGES, {**CLAUDE, "model": "openai/test-gpt", "stream": True})
    names = [line.split(b": ")[1].decode() for line in body.split(b"\n") if line.startswith(b"event: ")]
    assert (names[0], names[-1]) == ("message_start", "message_stop")
    assert gateway.ledger.only.usage.output == 5


def test_an_error_before_the_first_event_falls_over_in_a_stream_too() -> None:
    overloaded = events(b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"x"}}\n\n')
    live = configuration()
    gateway = Gateway(ScriptedTransport(events(delta("Hel"))), live=live)
    transport = ScriptedTransport(overloaded, overloaded, events(*STREAM))
    gateway = Gateway(transport, live=live)
    _, body = gateway.ask(CHAT, {**ASK, "model": "pair", "stream": True})
    assert b"overloaded" not in body


@pytest.mark.parametrize("status", [400, 404, 413, 422, 429, 500, 503, 529])
def test_an_error_of_the_same_dialect_passes_with_status_and_bytes(status: int) -> None:
    told = b'{"error": {"message": "no", "type": "x", "param": null, "code": "y"} }'
    gateway = Gateway(ScriptedTransport(Scripted(status, told)))
    response, body = gateway.ask(CHAT, ASK)
    assert (response.status, body) == (status, told)
    entry = gateway.ledger.only
    assert (entry.status, entry.outcome, entry.cost) == (status, "error", 0)


def test_a_providers_key_is_masked_in_its_error() -> None:
    told = b'{"error":{"message":"Incorrect API key provided: sk-proj-abcdefgh12345678ijkl."}}'
    gateway = Gateway(ScriptedTransport(Scripted(401, told)))
    _, body = gateway.ask(CHAT, ASK)
    assert b"abcdefgh12345678" not in body
    assert b"Incorrect API key provided" in body
    assert "abcdefgh12345678" not in str(gateway.ledger.only)


def test_an_error_is_translated_to_the_callers_dialect() -> None:
    told = b'{"error":{"message":"slow down","type":"rate_limit","code":"rate_limit_exceeded"}}'
    headers = {"content-type": "application/json", "retry-after": "7"}
    gateway = Gateway(ScriptedTransport(Scripted(429, told, headers)))
    response, body = gateway.ask(MESSAGES, {**CLAUDE, "model": "openai/test-gpt"})
    assert (response.status, response.headers["retry-after"]) == (429, "7")
    error = json.loads(body)
    assert (error["type"], error["error"]["type"]) == ("error", "rate_limit_error")
    assert "slow down" in error["error"]["message"]


def test_a_rotated_key_heals_on_the_first_401() -> None:
    secrets = FixedSecrets(openai="old")
    secrets.next = {"openai": {"api_key": "new"}}
    transport = ScriptedTransport(Scripted(401, b"{}"), Scripted(body=ANSWER))
    response, _ = Gateway(transport, secrets=secrets).ask(CHAT, ASK)
    assert response.status == 200
    assert [call.headers["authorization"] for call in transport.calls] == ["Bearer old", "Bearer new"]


def test_an_allow_list_is_held() -> None:
    keys = (virtual_key(KEY, models=("openai/other-gpt", "both")),)
    gateway = Gateway(ScriptedTransport(Scripted(body=ANSWER)), keys=keys)
    response, body = gateway.ask(CHAT, ASK)
    assert response.status == 403
    assert json.loads(body)["error"]["code"] == "model_not_allowed"
    assert gateway.ask(CHAT, {**ASK, "model": "both"})[0].status == 200


def test_an_unknown_model_is_a_404_that_says_where_to_look() -> None:
    gateway = Gateway(ScriptedTransport(Scripted(body=ANSWER)))
    for path, asked in ((CHAT, ASK), (MESSAGES, CLAUDE)):
        response, body = gateway.ask(path, {**asked, "model": "no-such-model"})
        assert response.status == 404
        assert b"/v1/models" in body


def test_an_unpriced_model_is_refused_unless_a_ceiling_is_declared() -> None:
    models = {"openai/free-lunch": custom("openai/free-lunch", prices=())}
    asked = {**ASK, "model": "openai/free-lunch"}
    gateway = Gateway(ScriptedTransport(Scripted(body=ANSWER)), live=configuration(models=models))
    response, body = gateway.ask(CHAT, asked)
    assert response.status == 503
    assert b"not free" in body
    ceiling = configuration(models=models, unpriced_ceiling={"input": 10**9, "output": 10**9})
    gateway = Gateway(ScriptedTransport(Scripted(body=ANSWER)), live=ceiling)
    assert gateway.ask(CHAT, asked)[0].status == 200
    assert gateway.ledger.only.cost == 15_000


def test_a_disabled_provider_and_a_missing_key_are_named() -> None:
    live = configuration(providers={"openai": ProviderSettings(enabled=False)})
    response, body = Gateway(ScriptedTransport(Scripted()), live=live).ask(CHAT, ASK)
    assert (response.status, b"not enabled" in body) == (503, True)
    response, body = Gateway(ScriptedTransport(Scripted()), secrets=FixedSecrets()).ask(CHAT, ASK)
    assert (response.status, b"holds no key for openai" in body) == (503, True)


def test_tags_and_session_reach_the_entry() -> None:
    gateway = Gateway(ScriptedTransport(Scripted(body=ANSWER)))
    gateway.ask(CHAT, ASK, x_sluice_tags="env=prod", x_sluice_session="s1")
    assert (gateway.ledger.only.tags, gateway.ledger.only.session) == ((("env", "prod"),), "s1")


def test_a_request_is_looked_up_by_its_team_and_by_an_administrator_only() -> None:
    gateway = Gateway(ScriptedTransport(Scripted(body=ANSWER)))
    response, _ = gateway.ask(CHAT, ASK)
    path = f"/v1/requests/{response.headers['x-request-id']}"
    found, body = gateway.ask(path, None, method="GET")
    assert (found.status, json.loads(body)["cost_usd"]) == (200, "0.000020000")
    assert gateway.ask(path, None, method="GET", key=ADMIN_KEY)[0].status == 200
    assert gateway.ask(path, None, method="GET", key=OTHER_KEY)[0].status == 404
    assert gateway.ask("/v1/requests/../x", None, method="GET")[0].status == 404


def test_the_warm_path_reads_nothing() -> None:
    gateway = Gateway(ScriptedTransport(lambda call: Scripted(body=ANSWER)))
    for _ in range(3):
        gateway.ask(CHAT, ASK)
    assert gateway.keys.reads == 1


def test_headers_of_the_vendors_client_pass_in_its_own_dialect_only() -> None:
    sent = {"anthropic_beta": "tools-2025", "anthropic_version": "2026-10-21"}
    transport = ScriptedTransport(Scripted(body=MESSAGE_ANSWER))
    Gateway(transport).ask(MESSAGES, CLAUDE, **sent)
    assert transport.calls[0].headers["anthropic-beta"] == "tools-2025"
    assert transport.calls[0].headers["anthropic-version"] == "2026-10-21"
    transport = ScriptedTransport(Scripted(body=ANSWER))
    Gateway(transport).ask(MESSAGES, {**CLAUDE, "model": "openai/test-gpt"}, **sent)
    assert "anthropic-beta" not in transport.calls[0].headers


def test_the_plan_is_shown_without_a_call() -> None:
    transport = ScriptedTransport(Scripted(body=ANSWER))
    response, body = Gateway(transport).ask("/v1/route", {**ASK, "model": "both"})
    plan = json.loads(body)
    assert response.status == 200
    assert [d["deployment"] for d in plan["deployments"]] == ["openai/test-gpt", "anthropic/test-claude"]
    assert [d["dialect"] for d in plan["deployments"]] == ["openai_chat", "anthropic_messages"]
    assert all(d["reason"] for d in plan["deployments"])
    assert not transport.calls


def test_a_meter_that_fails_at_the_end_costs_neither_the_answer_nor_the_entry() -> None:
    class Broken:
        finished = True

        def feed(self, block: bytes) -> None:
            return

        @property
        def usage(self) -> Usage:
            raise RuntimeError

    tally = Tally("req", Caller(virtual_key(KEY)), "chat", "openai_chat", 0.0, 0, prompt_bytes=40)
    _close_meter(Broken(), tally)  # type: ignore[arg-type]
    assert tally.usage == Usage(input=10, estimated=True)
    assert "could not be read" in tally.reasons[0]
