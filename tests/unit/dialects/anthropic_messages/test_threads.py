"""Message threads: a conversation that the vendor holds between turns (beta since 2026-11)."""

from __future__ import annotations

import json

import pytest

from sluice.dialects import anthropic_messages as wire
from sluice.dialects.base import REMOVED
from sluice.errors import BadRequest, ThreadNotKept
from sluice.types.routes import ProviderSettings
from tests.fakes import FixedSecrets, Gateway, Scripted, ScriptedTransport, configuration, custom

RESULT = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "18"}]}
BEGUN = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "w"}], "thread": {"type": "create"}}
CONTINUED = {
    "model": "m",
    "max_tokens": 9,
    "messages": [RESULT],
    "thread": {"type": "continue", "previous_message_id": "msg_1"},
}
ANSWER = {
    "id": "msg_2",
    "type": "message",
    "role": "assistant",
    "model": "m",
    "content": [{"type": "text", "text": "ok"}],
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 1, "output_tokens": 1},
}


def test_a_result_may_answer_a_call_of_a_turn_that_the_thread_holds() -> None:
    assert wire.outline(CONTINUED, 10).model == "m"
    with pytest.raises(BadRequest, match="no earlier assistant message"):
        wire.outline({**CONTINUED, "thread": {"type": "create"}}, 10)


def test_a_vendor_that_keeps_threads_gets_them_untouched() -> None:
    assert wire.pass_edits(BEGUN, {"message_threads": True}) == {}
    assert wire.pass_edits(CONTINUED, {"message_threads": True}) == {}


def test_a_new_thread_is_an_ordinary_request_where_none_are_kept() -> None:
    assert wire.pass_edits(BEGUN, {}) == {"thread": REMOVED}
    encoded = wire.encode_request(wire.decode_request(BEGUN), "m", {"message_threads": True}, False)
    assert encoded.body["thread"] == {"type": "create"}


def test_new_turns_alone_never_reach_a_model_that_did_not_see_the_others() -> None:
    with pytest.raises(ThreadNotKept):
        wire.pass_edits(CONTINUED, {})
    with pytest.raises(ThreadNotKept):
        wire.decode_request(CONTINUED)


@pytest.mark.parametrize("model", ["openai/gpt-test", "fireworks/claude-like"])
def test_the_caller_is_told_in_the_words_at_which_sdks_send_the_whole_conversation(model: str) -> None:
    transport = ScriptedTransport(lambda call: Scripted(body=json.dumps(ANSWER).encode()))
    live = configuration(
        models={
            "openai/gpt-test": custom("openai/gpt-test"),
            "fireworks/claude-like": custom("fireworks/claude-like", dialects=("anthropic_messages",)),
        },
        providers={"fireworks": ProviderSettings(enabled=True)},
    )
    gateway = Gateway(transport, live=live, secrets=FixedSecrets(openai="k", fireworks="k"))
    response, body = gateway.ask("/v1/messages", {**CONTINUED, "model": model})
    error = json.loads(body)["error"]
    assert (response.status, error["type"]) == (404, "not_found_error")
    assert error["details"] == {"error_code": "thread_not_found"}
    assert response.headers["x-should-retry"] == "false"
    assert transport.calls == []
    assert [entry.cost for entry in gateway.ledger.entries.values()] == [0]
