"""Token counts of Responses requests: the provider's where it counts, an estimate where it does not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.fakes import Gateway, Scripted, ScriptedTransport
from tests.unit.stored_responses.answers import CLAUDE, OPENAI, PATH, gateway, native, said

COUNT = f"{PATH}/input_tokens"


def counted(at: Gateway, **body: object) -> tuple[dict[str, str], dict[str, Any]]:
    response, read = at.ask(COUNT, body)
    return {**response.headers, "status": str(response.status)}, json.loads(read)


def test_a_provider_that_counts_is_asked() -> None:
    answer = {"object": "response.input_tokens", "input_tokens": 11}
    at = gateway(Scripted(body=json.dumps(answer).encode()))
    headers, body = counted(at, model=OPENAI, input="Hello")
    assert body == answer
    assert "x-sluice-estimated" not in headers
    assert isinstance(at.transport, ScriptedTransport)
    assert at.transport.calls[0].url == "https://openai.example/v1/responses/input_tokens"
    assert at.transport.sent() == {"model": "test-gpt", "input": "Hello"}
    assert (at.ledger.only.cost, at.ledger.only.operation) == (0, "count_tokens")


def test_an_estimate_says_that_it_is_one() -> None:
    at = gateway(said("x"))
    headers, body = counted(at, model=CLAUDE, input="Hello there, everybody.", instructions="Be brief.")
    assert headers["x-sluice-estimated"] == "true"
    assert body["object"] == "response.input_tokens"
    assert 5 < body["input_tokens"] < 40
    assert isinstance(at.transport, ScriptedTransport)
    assert at.transport.calls == []


def test_an_estimate_counts_the_turns_before() -> None:
    at = gateway(said("A long answer, word after word. " * 50))
    _, read = at.ask(PATH, {"model": CLAUDE, "input": "Hello"})
    _, alone = counted(at, model=CLAUDE, input="Go on.")
    _, whole = counted(at, model=CLAUDE, input="Go on.", previous_response_id=json.loads(read)["id"])
    assert whole["input_tokens"] > alone["input_tokens"] + 200


def test_what_no_other_dialect_can_say_is_estimated_from_its_size() -> None:
    at = gateway(said("x"))
    _, body = counted(at, model=CLAUDE, input=[{"type": "item_reference", "id": "msg_1"}])
    assert body["input_tokens"] > 5


def test_a_count_follows_a_response_to_the_provider_that_keeps_it() -> None:
    at = gateway(native(), Scripted(body=b'{"object": "response.input_tokens", "input_tokens": 99}'))
    at.ask(PATH, {"model": OPENAI, "input": "Hello"})
    _, body = counted(at, model=OPENAI, input="Go on.", previous_response_id="resp_openai1")
    assert body["input_tokens"] == 99
    assert isinstance(at.transport, ScriptedTransport)
    assert at.transport.sent()["previous_response_id"] == "resp_openai1"


@pytest.mark.parametrize(
    ("body", "param"), [({"input": "x"}, "model"), ({"model": CLAUDE, "input": "x", "stream": True}, "stream")]
)
def test_what_cannot_be_counted_is_refused(body: dict[str, object], param: str) -> None:
    headers, read = counted(gateway(said("x")), **body)
    assert (headers["status"], read["error"]["param"]) == ("400", param)
