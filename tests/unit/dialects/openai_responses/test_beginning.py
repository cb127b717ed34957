"""An announced answer has not begun: what fails behind the announcement still goes to another deployment."""

from __future__ import annotations

import json

import pytest

from sluice.answers import Reading
from sluice.dialects import openai_responses as wire
from sluice.dialects.base import EMPTY
from sluice.errors import ProviderError, ProviderGarbled
from tests.fakes import Gateway, Scripted, ScriptedTransport, custom, events
from tests.fakes import configuration as configured


def event(kind: str, *, named: bool = True, **members: object) -> bytes:
    head = f"event: {kind}\n".encode() if named else b""
    return head + b"data: " + json.dumps({"type": kind, **members}).encode() + b"\n\n"


def answer(status: str, **members: object) -> dict[str, object]:
    return {
        "id": "resp_1",
        "object": "response",
        "status": status,
        "model": "gpt",
        "error": None,
        "output": [],
        **members,
    }


CREATED = event("response.created", sequence_number=0, response=answer("in_progress"))
PROGRESS = event("response.in_progress", sequence_number=1, response=answer("in_progress"))
ITEM = event("response.output_item.added", sequence_number=2, output_index=0, item={"type": "message", "id": "msg_1"})
LIMITED = event(
    "response.failed",
    sequence_number=2,
    response=answer("failed", error={"code": "rate_limit_exceeded", "message": "Slow down."}),
)


@pytest.mark.parametrize("named", [True, False])
def test_an_announcement_is_no_beginning(named: bool) -> None:
    frame = wire.framing()
    held = event("response.created", named=named, response=answer("in_progress"))
    assert not frame.begun(held)
    held += b": still there\n\n" + event("response.in_progress", named=named, response=answer("in_progress"))
    assert not frame.begun(held)
    assert frame.begun(held + event("response.output_item.added", named=named, item={}))


def test_the_type_is_found_wherever_it_stands() -> None:
    late = b'data: {"response":{"type":"response.created"},"type":"response.output_text.delta"}\n\n'
    assert wire.framing().begun(late)
    assert not wire.framing().begun(b'data: {"response":{},"type":"response.created"}\n\n')


def test_the_end_of_an_answer_is_a_beginning_too() -> None:
    assert wire.framing().begun(CREATED + event("response.completed", response=answer("completed")))


def test_an_announcement_that_is_not_json_is_garbled() -> None:
    with pytest.raises(ProviderGarbled):
        wire.framing().begun(b"event: response.created\ndata: {oops\n\n")


def test_a_thinking_model_is_waited_for_with_keep_alives() -> None:
    reading = Reading(wire, EMPTY)
    sent = custom("openai/test-gpt")
    first = reading.first_events(iter([b"", CREATED, b"", ITEM]), sent)  # type: ignore[arg-type]
    assert first == CREATED


@pytest.mark.parametrize("stream", [True, False])
def test_a_rate_limit_behind_the_announcement_goes_to_the_next_deployment(stream: bool) -> None:
    failed = answer("failed", error={"code": "rate_limit_exceeded", "message": "Slow down."})
    done = answer("completed", usage={"input_tokens": 3, "output_tokens": 2, "total_tokens": 5}, store=False)
    if stream:
        end = event("response.completed", sequence_number=3, response=done)
        transport = ScriptedTransport(events(CREATED, PROGRESS, LIMITED), *[events(CREATED + PROGRESS, ITEM, end)])
    else:
        transport = ScriptedTransport(
            Scripted(body=json.dumps(failed).encode()), Scripted(body=json.dumps(done).encode())
        )
    response_only = {m: custom(m, dialects=("openai_responses",)) for m in ("openai/test-gpt", "openai/other-gpt")}
    gateway = Gateway(transport, live=configured(models=response_only, routes=configured().routes))
    gateway.slept = []
    response, body = gateway.ask("/v1/responses", {"model": "pair", "input": "x", "stream": stream, "store": False})
    assert response.status == 200
    assert b"rate_limit" not in body
    assert len(transport.calls) == 2
    assert gateway.ledger.only.outcome == "ok"


@pytest.mark.parametrize("status", ["completed", "incomplete", "queued"])
def test_a_whole_answer_without_an_error_is_none(status: str) -> None:
    assert wire.body_error(json.dumps(answer(status)).encode(), {}) is None
    assert wire.body_error(json.dumps(answer(status), indent=2).replace(": ", " : ").encode(), {}) is None


@pytest.mark.parametrize(
    "found",
    [
        answer("failed", error={"code": "server_error", "message": "x"}),
        answer("failed"),
        answer("cancelled"),
        {"error": {"message": "x", "type": "server_error"}},
    ],
)
def test_a_whole_answer_that_failed_is_an_error(found: dict[str, object]) -> None:
    assert isinstance(wire.body_error(json.dumps(found).encode(), {}), ProviderError)


def test_words_of_failure_inside_an_answer_are_none() -> None:
    said = [{"type": "message", "content": [{"type": "output_text", "text": '"failed" "error": "x"'}]}]
    assert wire.body_error(json.dumps(answer("completed", output=said)).encode(), {}) is None
    odd = answer("completed", metadata={"status": "failed"})
    assert wire.body_error(json.dumps(odd).encode(), {}) is None


def test_a_cut_answer_is_garbled() -> None:
    with pytest.raises(ProviderGarbled):
        wire.body_error(b'{"output": [', {})


def test_a_background_answer_has_used_nothing_yet() -> None:
    usage = wire.read_usage(json.dumps(answer("queued", usage=None)).encode())
    assert usage is not None
    assert (usage.total, usage.estimated) == (0, False)
