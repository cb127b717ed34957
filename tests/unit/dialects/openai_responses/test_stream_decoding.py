"""Streams of hosts that leave out, repeat or disorder events."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sluice.dialects import openai_responses as wire
from sluice.errors import ProviderUnreachable
from sluice.types.stream import (
    ArgumentsDelta,
    End,
    Finish,
    Idle,
    OpaqueDelta,
    PartStart,
    PartStop,
    SignatureDelta,
    Start,
    StreamEvent,
    StreamFailed,
    TextDelta,
    UsageReport,
)

MESSAGE = {"type": "message", "id": "msg_1", "role": "assistant", "status": "in_progress", "content": []}
CALL = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "look", "arguments": ""}
DONE = {"status": "completed", "usage": {"input_tokens": 1, "output_tokens": 2, "total_tokens": 3}}


def event(kind: str, **members: Any) -> bytes:
    return (
        f"event: response.{kind}\ndata: ".encode()
        + json.dumps({"type": f"response.{kind}", **members}).encode()
        + b"\n\n"
    )


def read(*events: bytes) -> list[StreamEvent]:
    begun = event("created", response={"id": "resp_1", "model": "m", "created_at": 5})
    return list(wire.decode_stream([begun, *events, event("completed", response=DONE)]))


def test_a_text_is_read_delta_by_delta() -> None:
    at = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    found = read(
        event("output_item.added", output_index=0, item=MESSAGE),
        event("content_part.added", **at, part={"type": "output_text", "text": ""}),
        event("output_text.delta", **at, delta="Hel"),
        event("output_text.delta", **at, delta="lo", logprobs=[{"token": "lo", "logprob": -0.5}]),
        event("output_text.annotation.added", **at, annotation={"type": "url_citation", "url": "u"}),
        event("output_text.done", **at, text="Hello"),
        event("content_part.done", **at, part={"type": "output_text", "text": "Hello", "annotations": [{}]}),
        event(
            "output_item.done", output_index=0, item={**MESSAGE, "content": [{"type": "output_text", "text": "Hello"}]}
        ),
    )
    told = {"type": "response.output_text.annotation.added", "annotation": {"type": "url_citation", "url": "u"}}
    assert found[:-2] == [
        Start("resp_1", "m", 5),
        PartStart(0, "text", id="msg_1", dialect="openai_responses"),
        TextDelta(0, "Hel"),
        TextDelta(0, "lo", logprobs={"content": [{"token": "lo", "logprob": -0.5}]}),
        OpaqueDelta(0, "openai_responses", told),
        PartStop(0),
        Finish("stop"),
    ]
    assert isinstance(found[-2], UsageReport)
    assert isinstance(found[-1], End)


@pytest.mark.parametrize("named", [True, False])
def test_a_host_that_sends_only_whole_items_is_understood(named: bool) -> None:
    place = {"output_index": 0} if named else {}
    next_place = {"output_index": 1} if named else {}
    found = read(
        event("output_item.done", **place, item={**MESSAGE, "content": [{"type": "output_text", "text": "Hello"}]}),
        event("output_item.done", **next_place, item={**CALL, "arguments": '{"a":1}'}),
    )
    assert [e.text for e in found if isinstance(e, TextDelta)] == ["Hello"]
    assert [e.fragment for e in found if isinstance(e, ArgumentsDelta)] == ['{"a":1}']
    assert [e.stop for e in found if isinstance(e, Finish)] == ["tool_calls"]


def test_a_host_that_sends_only_the_last_event_is_understood() -> None:
    answer = {**DONE, "id": "r", "output": [{**MESSAGE, "content": [{"type": "output_text", "text": "Hello"}]}]}
    found = list(wire.decode_stream([event("completed", response=answer)]))
    assert [e.text for e in found if isinstance(e, TextDelta)] == ["Hello"]
    assert isinstance(found[-1], End)


def test_deltas_of_items_that_were_never_announced_are_read() -> None:
    found = read(
        event("reasoning_text.delta", item_id="rs_1", output_index=0, delta="Hm."),
        event("output_text.delta", item_id="msg_1", output_index=1, delta="Yes."),
    )
    kinds = [e.kind for e in found if isinstance(e, PartStart)]
    assert kinds == ["thinking", "text"]


def test_parts_of_a_summary_stand_apart_and_encrypted_reasoning_is_signed() -> None:
    found = read(
        event("output_item.added", output_index=0, item={"type": "reasoning", "id": "rs_1", "summary": []}),
        event("reasoning_summary_text.delta", item_id="rs_1", output_index=0, summary_index=0, delta="One."),
        event("reasoning_summary_text.delta", item_id="rs_1", output_index=0, summary_index=1, delta="Two."),
        event(
            "output_item.done",
            output_index=0,
            item={"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAA"},
        ),
    )
    assert "".join(e.text for e in found if isinstance(e, TextDelta)) == "One.\n\nTwo."
    signatures = [e.signature for e in found if isinstance(e, SignatureDelta)]
    assert len(signatures) == 1
    assert "gAAA" not in signatures[0]  # sealed, so that no other vendor takes it for its own


def test_reasoning_that_shows_nothing_leaves_no_part() -> None:
    item = {"type": "reasoning", "id": "rs_1", "summary": []}
    found = read(
        event("output_item.added", output_index=0, item=item), event("output_item.done", output_index=0, item=item)
    )
    assert not any(isinstance(e, PartStart) for e in found)


def test_parallel_calls_may_alternate() -> None:
    second = {**CALL, "id": "fc_2", "call_id": "call_2"}
    found = read(
        event("output_item.added", output_index=0, item=CALL),
        event("output_item.added", output_index=1, item=second),
        event("function_call_arguments.delta", item_id="fc_2", output_index=1, delta="{}"),
        event("function_call_arguments.delta", item_id="fc_1", output_index=0, delta='{"a":1}'),
        event("function_call_arguments.done", item_id="fc_1", output_index=0, arguments='{"a":1}'),
        event("output_item.done", output_index=0, item={**CALL, "arguments": '{"a":1}'}),
        event("output_item.done", output_index=1, item={**second, "arguments": "{}"}),
    )
    assert [(e.part, e.fragment) for e in found if isinstance(e, ArgumentsDelta)] == [(1, "{}"), (0, '{"a":1}')]
    assert [e.part for e in found if isinstance(e, PartStop)] == [0, 1]


def test_what_a_server_tool_does_is_kept_for_callers_of_this_dialect() -> None:
    item = {"type": "web_search_call", "id": "ws_1", "status": "in_progress"}
    found = read(
        event("output_item.added", output_index=0, item=item),
        event("web_search_call.searching", item_id="ws_1", output_index=0),
        event("output_item.done", output_index=0, item={**item, "status": "completed"}),
    )
    asked = wire.decode_request({"model": "m", "input": "x"})
    written = b"".join(wire.encode_stream(iter(found), asked))
    assert b"response.web_search_call.searching" in written
    last = json.loads(written.rstrip().rpartition(b"data: ")[2])
    assert last["response"]["output"] == [{**item, "status": "completed"}]


def test_an_answer_cut_by_its_bound_says_so() -> None:
    answer = {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}
    found = list(wire.decode_stream([event("incomplete", response=answer)]))
    assert Finish("length") in found


def test_a_stream_that_stops_short_has_failed() -> None:
    begun = event("created", response={"id": "r"})
    found = list(wire.decode_stream([begun, event("output_text.delta", delta="So")]))
    assert isinstance(found[-1], StreamFailed)


def test_silence_is_an_idle_event_until_the_end() -> None:
    found = list(wire.decode_stream([b"", event("created", response={}), b"", event("completed", response=DONE), b""]))
    assert [type(e) for e in found] == [Idle, Start, Idle, Finish, UsageReport, End]


def test_a_connection_that_breaks_after_the_end_is_no_failure() -> None:
    def chunks() -> Any:
        yield event("completed", response=DONE)
        raise ProviderUnreachable("reset")

    assert isinstance(list(wire.decode_stream(chunks()))[-1], End)


def test_a_connection_that_breaks_before_the_end_is_the_callers_to_hear_of() -> None:
    def chunks() -> Any:
        yield event("created", response={})
        raise ProviderUnreachable("reset")

    with pytest.raises(ProviderUnreachable):
        list(wire.decode_stream(chunks()))


@pytest.mark.parametrize("body", [b"{", b'{"choices": []}', b'{"error": {"message": "x"}}'])
def test_a_body_that_is_neither_events_nor_an_answer_has_failed(body: bytes) -> None:
    assert [type(e) for e in wire.decode_stream([body])] == [StreamFailed]
