"""Streams, read into canonical events from bytes cut anywhere."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.dialects import anthropic_messages as wire
from sluice.errors import ProviderError, ProviderUnreachable
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
from sluice.types.usage import Usage

NAME = "anthropic_messages"


def event(name: str, **members: Any) -> bytes:
    return f"event: {name}\ndata: {json.dumps({'type': name, **members}, ensure_ascii=False)}\n\n".encode()


def start(**members: Any) -> bytes:
    message = {"id": "msg_1", "model": "claude", "content": [], "usage": {"input_tokens": 9, "output_tokens": 1}}
    return event("message_start", message={**message, **members})


def opened(index: int, **block: Any) -> bytes:
    return event("content_block_start", index=index, content_block=block)


def delta(index: int, kind: str, **members: Any) -> bytes:
    return event("content_block_delta", index=index, delta={"type": kind, **members})


def closed(index: int) -> bytes:
    return event("content_block_stop", index=index)


def ended(reason: str = "end_turn", **members: Any) -> bytes:
    said = {"stop_reason": reason, "stop_sequence": None, **members}
    return event("message_delta", delta=said, usage={"output_tokens": 7}) + event("message_stop")


def decoded(*blocks: bytes) -> list[StreamEvent]:
    return list(wire.decode_stream(blocks))


def why_it_failed(events: list[StreamEvent]) -> str:
    failure = events[-1]
    assert isinstance(failure, StreamFailed)
    assert isinstance(failure.error, ProviderError)
    return failure.error.kind


START = Start("msg_1", "claude", usage=Usage(input=9, output=1))
FINISH = [Finish("stop"), UsageReport(Usage(input=9, output=7)), End()]
CALL_FINISH = [Finish("tool_calls"), UsageReport(Usage(input=9, output=7)), End()]

HELLO = b"".join(
    (
        start(),
        opened(0, type="text", text=""),
        event("ping"),
        delta(0, "text_delta", text="Gr\u00fc\u00df "),
        delta(0, "text_delta", text="Gott \U0001f600"),
        closed(0),
        ended(),
    )
)


def test_a_text() -> None:
    assert decoded(HELLO) == [
        START,
        PartStart(0, "text"),
        TextDelta(0, "Gr\u00fc\u00df "),
        TextDelta(0, "Gott \U0001f600"),
        PartStop(0),
        *FINISH,
    ]


@given(st.lists(st.integers(0, len(HELLO)), max_size=12), st.sampled_from([b"\n", b"\r\n", b"\r"]))
def test_bytes_may_be_cut_anywhere_and_lines_end_anyhow(places: list[int], line_end: bytes) -> None:
    body = HELLO.replace(b"\n", line_end)
    bounds = [0, *sorted(place * len(body) // len(HELLO) for place in places), len(body)]
    chunks = [body[a:b] for a, b in pairwise(bounds) if a < b]
    assert decoded(*chunks) == decoded(HELLO)


def test_parallel_calls_with_arguments_in_fragments() -> None:
    events = decoded(
        start(),
        opened(0, type="tool_use", id="toolu_1", name="look", input={}),
        delta(0, "input_json_delta", partial_json=""),
        delta(0, "input_json_delta", partial_json='{"a"'),
        delta(0, "input_json_delta", partial_json=": 1}"),
        closed(0),
        opened(1, type="tool_use", id="toolu_2", name="listen", input={}, caller={"type": "direct"}),
        closed(1),
        ended("tool_use"),
    )
    assert events == [
        START,
        PartStart(0, "tool_call", "toolu_1", "look"),
        ArgumentsDelta(0, '{"a"'),
        ArgumentsDelta(0, ": 1}"),
        PartStop(0),
        PartStart(1, "tool_call", "toolu_2", "listen", {"caller": {"type": "direct"}}, dialect=NAME),
        ArgumentsDelta(1, "{}"),
        PartStop(1),
        *CALL_FINISH,
    ]


def test_an_input_given_whole_at_the_start_counts_when_no_fragment_follows() -> None:
    given_whole = opened(0, type="tool_use", id="t", name="look", input={"a": 1})
    assert ArgumentsDelta(0, '{"a":1}') in decoded(start(), given_whole, closed(0), ended("tool_use"))
    fragments = decoded(
        start(), given_whole, delta(0, "input_json_delta", partial_json='{"b":2}'), closed(0), ended("tool_use")
    )
    assert [e.fragment for e in fragments if isinstance(e, ArgumentsDelta)] == ['{"b":2}']


def test_thinking_and_its_signature() -> None:
    events = decoded(
        start(),
        opened(0, type="thinking", thinking="", signature=""),
        delta(0, "thinking_delta", thinking="Hm."),
        delta(0, "signature_delta", signature="EqQB+/="),
        closed(0),
        opened(1, type="redacted_thinking", data="Emwk"),
        closed(1),
        ended(),
    )
    assert events[1:6] == [
        PartStart(0, "thinking"),
        TextDelta(0, "Hm."),
        SignatureDelta(0, "EqQB+/="),
        PartStop(0),
        PartStart(1, "thinking", payload="Emwk"),
    ]


def test_citations_stay_with_their_text() -> None:
    citation = {"type": "char_location", "cited_text": "rain"}
    events = decoded(
        start(),
        opened(0, type="text", text="It ", citations=[citation]),
        delta(0, "citations_delta", citation=citation),
        delta(0, "text_delta", text="rains."),
        closed(0),
        ended(),
    )
    cited = OpaqueDelta(0, NAME, {"type": "citations_delta", "citation": citation})
    assert events[1:6] == [PartStart(0, "text"), TextDelta(0, "It "), cited, cited, TextDelta(0, "rains.")]


def test_server_tools_are_opaque_with_all_their_deltas() -> None:
    block = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}}
    events = decoded(
        start(),
        opened(0, **block),
        delta(0, "input_json_delta", partial_json='{"q":1}'),
        closed(0),
        ended("pause_turn"),
    )
    assert events[1:5] == [
        PartStart(0, "opaque", payload=block, dialect=NAME),
        OpaqueDelta(0, NAME, {"type": "input_json_delta", "partial_json": '{"q":1}'}),
        PartStop(0),
        Finish("pause"),
    ]


def test_the_end_says_what_only_this_dialect_knows() -> None:
    details = {"type": "refusal", "category": "bio", "explanation": "No."}
    events = decoded(start(), ended("refusal", stop_details=details, container=None))
    assert Finish("refusal", extras={"stop_details": details}) in events
    assert Finish("length", extras={"stop_reason": "model_context_window_exceeded"}) in decoded(
        start(), ended("model_context_window_exceeded")
    )


def test_usage_is_cumulative() -> None:
    usage = {"input_tokens": 20, "cache_read_input_tokens": 4, "output_tokens": 30}
    events = decoded(start(), event("message_delta", delta={"stop_reason": "end_turn"}, usage=usage), ended())
    reports = [e.usage for e in events if isinstance(e, UsageReport)]
    assert reports == [Usage(input=20, cache_read=4, output=30), Usage(input=20, cache_read=4, output=7)]


def test_the_emulated_answer_streams_as_text() -> None:
    events = decoded(
        start(),
        opened(0, type="tool_use", id="t", name="structured_answer", input={}),
        delta(0, "input_json_delta", partial_json='{"city":'),
        delta(0, "input_json_delta", partial_json='"Rome"}'),
        closed(0),
        ended("tool_use"),
    )
    assert events[1:] == [
        PartStart(0, "text"),
        TextDelta(0, '{"city":'),
        TextDelta(0, '"Rome"}'),
        PartStop(0),
        *FINISH,
    ]


def test_silence_is_idle() -> None:
    body = HELLO
    assert decoded(body[:50], b"", body[50:]) == [Idle(), *decoded(body)]


def test_an_error_inside_ends_the_stream() -> None:
    error = event("error", error={"type": "overloaded_error", "message": "Busy"})
    events = decoded(start(), error, HELLO)
    assert events[0] == START
    failure = events[1]
    assert isinstance(failure, StreamFailed)
    assert failure.error.message == "Busy"
    assert len(events) == 2


def test_a_cut_stream_fails() -> None:
    events = decoded(start(), opened(0, type="text", text=""), delta(0, "text_delta", text="Hel"))
    assert events[:3] == [START, PartStart(0, "text"), TextDelta(0, "Hel")]
    assert why_it_failed(events) == "garbled"


def test_a_stream_cut_behind_its_reason_is_whole() -> None:
    end = event("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 7})
    assert decoded(start(), end) == [START, *FINISH]


def test_a_broken_connection_behind_the_reason_harms_nothing() -> None:
    def chunks(body: bytes) -> Iterator[bytes]:
        yield body
        raise ProviderUnreachable("Reset.")

    assert list(wire.decode_stream(chunks(HELLO))) == decoded(HELLO)
    with pytest.raises(ProviderUnreachable):
        list(wire.decode_stream(chunks(HELLO[:-200])))


def test_a_whole_answer_in_place_of_a_stream_is_read() -> None:
    answer = {
        "id": "msg_1",
        "model": "claude",
        "content": [{"type": "text", "text": "Hi"}],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 9, "output_tokens": 7},
    }
    events = decoded(b" \n", json.dumps(answer).encode())
    assert events[1:] == [PartStart(0, "text"), TextDelta(0, "Hi"), PartStop(0), *FINISH]


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b'{"type":"error","error":{"type":"overloaded_error","message":"Busy"}}', "overloaded"),
        (b'{"type":"message"}', "garbled"),
        (b"{cut", "garbled"),
    ],
)
def test_an_error_in_place_of_a_stream_is_reported(body: bytes, kind: str) -> None:
    assert why_it_failed(decoded(body)) == kind


def test_a_done_line_and_other_garbage_are_passed_over() -> None:
    garbage = b": comment\n\nevent: data\ndata: [DONE]\n\ndata: 5\n\nevent: x\ndata: {}\n\n"
    assert decoded(garbage + HELLO + garbage) == decoded(HELLO)


def test_an_event_that_was_cut_fails_the_stream_rather_than_leave_a_hole() -> None:
    cut = b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"ty\n\n'
    assert why_it_failed(decoded(start(), delta(0, "text_delta", text="Hi"), cut, ended())) == "garbled"
    assert decoded(HELLO + cut) == decoded(HELLO)


def test_deltas_without_their_blocks_start_are_not_lost() -> None:
    events = decoded(
        start(), delta(0, "text_delta", text="Hi"), delta(5, "input_json_delta", partial_json="{"), ended()
    )
    assert events == [START, PartStart(0, "text"), TextDelta(0, "Hi"), PartStop(0), *FINISH]


def test_blocks_left_open_are_closed_at_the_end() -> None:
    assert PartStop(0) in decoded(start(), opened(0, type="text", text="Hi"), ended())


def test_a_stream_that_lost_its_start_gets_one() -> None:
    assert decoded(opened(0, type="text", text="Hi"))[0] == Start("", "")


def test_a_message_given_whole_at_its_start_is_read_in_full() -> None:
    call = {"type": "tool_use", "id": "t", "name": "look", "input": {"a": 1}}
    events = decoded(
        start(content=[call], stop_reason="tool_use", usage={"input_tokens": 9, "output_tokens": 7}),
        event("message_stop"),
    )
    assert events[1:] == [
        PartStart(0, "tool_call", "t", "look"),
        ArgumentsDelta(0, '{"a":1}'),
        PartStop(0),
        *CALL_FINISH,
    ]


def test_a_second_message_goes_on_with_the_next_parts() -> None:
    events = decoded(HELLO, start(id="msg_2"), opened(0, type="text", text="More"), closed(0), ended())
    assert [e.part for e in events if isinstance(e, PartStart)] == [0, 1]
    assert sum(isinstance(e, Start) for e in events) == 1
    assert sum(isinstance(e, End) for e in events) == 2


def test_a_restarted_message_closes_what_was_open() -> None:
    events = decoded(
        start(), opened(0, type="text", text="Hel"), start(id="msg_2"), opened(0, type="text", text="Hello"), ended()
    )
    assert events[1:7] == [
        PartStart(0, "text"),
        TextDelta(0, "Hel"),
        PartStop(0),
        PartStart(1, "text"),
        TextDelta(1, "Hello"),
        PartStop(1),
    ]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
KINDS = st.sampled_from(
    ["message_start", "content_block_start", "content_block_delta", "content_block_stop", "message_delta", "error"]
)


@given(
    st.lists(
        st.fixed_dictionaries(
            {"type": KINDS | JSON},
            optional={
                "index": JSON,
                "delta": JSON | st.fixed_dictionaries({"type": KINDS, "text": JSON}),
                "content_block": JSON | st.fixed_dictionaries({"type": JSON}),
                "message": JSON | st.fixed_dictionaries({"content": JSON, "usage": JSON}),
                "usage": JSON,
            },
        ),
        max_size=6,
    )
)
def test_no_event_is_too_odd(odd: list[dict[str, Any]]) -> None:
    body = b"".join(b"data: " + json.dumps(item).encode() + b"\n\n" for item in odd)
    for item in decoded(body):
        assert isinstance(item, StreamEvent)


@pytest.mark.parametrize("body", [b"", b"\n\n\n", b"data:", b"\xff\xfe\n\n"])
def test_a_stream_of_nothing_fails(body: bytes) -> None:
    events = [event for event in decoded(body) if not isinstance(event, Idle)]
    assert len(events) == 1
    assert why_it_failed(events) == "garbled"
