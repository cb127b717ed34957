"""Providers that speak Responses and keep no answers: the gateway keeps them, under the provider's own ids."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.fakes import Gateway, Scripted, ScriptedTransport, custom
from tests.unit.stored_responses.answers import OPENAI, PATH, gateway, last_event, native, native_answer, native_stream

ASK: dict[str, Any] = {"model": OPENAI, "input": "Hello"}


def stateless(*answers: Scripted) -> Gateway:
    quirks = {"stores_responses": False}
    return gateway(*answers, models={OPENAI: custom(OPENAI, dialects=("openai_responses",), quirks=quirks)})


@pytest.mark.parametrize("stream", [True, False])
def test_an_answer_is_kept_whole_and_says_so(stream: bool) -> None:
    at = stateless(native_stream(store=False) if stream else native(store=False))
    _, body = at.ask(PATH, {**ASK, "store": True, "stream": stream})
    answer = last_event(body)["response"] if stream else json.loads(body)
    assert answer == native_answer(store=True)
    assert isinstance(at.transport, ScriptedTransport)
    assert "store" not in at.transport.sent()
    _, read = at.ask(f"{PATH}/resp_openai1", None, method="GET")
    assert json.loads(read) == answer


def test_the_next_turn_brings_the_conversation() -> None:
    at = stateless(native(store=False), native("resp_2", store=False))
    at.ask(PATH, ASK)
    at.ask(PATH, {**ASK, "input": "Go on.", "previous_response_id": "resp_openai1"})
    assert isinstance(at.transport, ScriptedTransport)
    sent = at.transport.sent()
    assert "previous_response_id" not in sent
    assert [item["role"] for item in sent["input"]] == ["user", "assistant", "user"]  # type: ignore[attr-defined]
    assert at.responses.kept["search", "resp_2"].chain == ("resp_openai1",)


@pytest.mark.parametrize("background", [True, False])
def test_an_answer_that_was_not_to_be_kept_passes_untouched(background: bool) -> None:
    upstream = native(store=False)
    at = stateless(upstream)
    _, body = at.ask(PATH, {**ASK, "store": False, "background": background})
    assert body == upstream.body
    assert at.responses.kept == {}
