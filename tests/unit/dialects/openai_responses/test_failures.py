"""Errors read from providers in every place where they turn up, and written as clients of this dialect expect."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sluice.dialects import openai_responses as wire
from sluice.errors import BudgetExceeded, GatewayError, InternalError, ProviderError, ProviderGarbled
from sluice.types.stream import StreamFailed

QUOTA = {"type": "insufficient_quota", "code": "insufficient_quota", "message": "You exceeded your current quota."}


def event(data: dict[str, Any], named: bool = True) -> bytes:
    name = f"event: {data['type']}\n" if named else ""
    return f"{name}data: {json.dumps(data, separators=(',', ':'))}\n\n".encode()


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        ({"type": "error", "sequence_number": 2, "error": QUOTA}, "quota"),
        ({"type": "error", "code": "rate_limit_exceeded", "message": "Slow down.", "param": None}, "rate_limit"),
        ({"type": "response.failed", "response": {"status": "failed", "error": QUOTA}}, "quota"),
        ({"type": "response.failed", "response": {"status": "failed", "error": None}}, "server"),
        ({"type": "response.cancelled", "response": {"status": "cancelled"}}, "server"),
    ],
)
def test_an_error_inside_a_stream_is_seen_passing_by_and_translating(data: dict[str, Any], kind: str) -> None:
    begun = event({"type": "response.created", "response": {"id": "r", "error": None}})
    for told in (event(data), event(data, named=False)):
        passed = wire.stream_error(begun + told)
        assert passed is not None
        assert passed.kind == kind
        *_, last = wire.decode_stream([begun, told])
        assert isinstance(last, StreamFailed)
        assert getattr(last.error, "kind", "") == kind


def test_an_answer_without_an_error_is_none() -> None:
    for data in (
        {"type": "response.created", "response": {"error": None, "status": "in_progress"}},
        {"type": "response.output_text.delta", "delta": '"error": {"message": "x"}'},
        {"type": "response.completed", "response": {"error": None, "output": [{"error": "a tool's own"}]}},
    ):
        assert wire.stream_error(event(data)) is None


@pytest.mark.parametrize(
    "body",
    [
        {"object": "response", "status": "failed", "error": QUOTA, "output": []},
        {"object": "response", "status": "failed", "error": None, "output": []},
        {"object": "response", "status": "cancelled", "output": []},
        {"error": QUOTA},
        {"error": "Quota exceeded."},
    ],
)
def test_an_error_in_a_whole_200_answer_is_raised(body: dict[str, Any]) -> None:
    with pytest.raises(ProviderError) as raised:
        wire.decode_response(body)
    assert not isinstance(raised.value, ProviderGarbled)
    assert raised.value.message


def test_a_body_of_another_dialect_is_garbled() -> None:
    with pytest.raises(ProviderGarbled):
        wire.decode_response({"choices": []})


def test_an_error_before_the_first_byte_is_openais_envelope() -> None:
    written = wire.encode_error(BudgetExceeded("The budget is spent."), "req_1")
    assert written == {
        "error": {
            "message": "The budget is spent.",
            "type": "budget_exceeded",
            "param": None,
            "code": "budget_exceeded",
        }
    }


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ProviderError("x", provider_status=429, kind="rate_limit"), "rate_limit_exceeded"),
        (ProviderError("x", provider_status=429, kind="quota"), "insufficient_quota"),
        (ProviderError("x", provider_status=413, kind="too_large"), "context_length_exceeded"),
        (ProviderError("x", provider_status=529, kind="overloaded"), "server_is_overloaded"),
        (ProviderGarbled("x"), "server_error"),
        (InternalError("x"), "internal_error"),
    ],
)
def test_a_stream_that_breaks_ends_with_both_events_and_a_code_that_clients_act_on(
    error: GatewayError, code: str
) -> None:
    first, second = (
        json.loads(part.partition(b"data: ")[2])
        for part in wire.stream_error_bytes(error, "req_1").split(b"\n\n")
        if part
    )
    assert (first["type"], first["code"], first["message"], first["error"]["code"]) == ("error", code, "x", code)
    assert (second["type"], second["response"]["error"]) == ("response.failed", {"code": code, "message": "x"})
    assert second["sequence_number"] >= first["sequence_number"]
    back = wire.stream_error(wire.stream_error_bytes(error, "req_1"))
    assert back is not None
    assert back.message == "x"
