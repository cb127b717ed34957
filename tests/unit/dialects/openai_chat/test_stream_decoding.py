"""Reading the streams of providers, with all their habits."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from sluice.dialects.openai_chat import decode_stream
from sluice.errors import ProviderError, ProviderGarbled, ProviderUnreachable
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

DONE = b"data: [DONE]\n\n"
START = Start("c1", "gpt", 5)


def chunk(delta: Any = None, finish: Any = None, **members: Any) -> bytes:
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish}]
    body = {"id": "c1", "object": "chat.completion.chunk", "created": 5, "model": "gpt", "choices": choices, **members}
    return b"data: " + json.dumps(body).encode() + b"\n\n"


def call(index: Any = None, name: Any = None, arguments: Any = None, **members: Any) -> dict[str, Any]:
    function = {key: value for key, value in (("name", name), ("arguments", arguments)) if value is not None}
    numbered = {} if index is None else {"index": index}
    return {"tool_calls": [{**numbered, "function": function, **members}]}


def read(*chunks: bytes) -> list[StreamEvent]:
    return list(decode_stream(chunks))


def calls_of(events: Iterable[StreamEvent]) -> list[tuple[str, str, str]]:
    found: dict[int, list[str]] = {}
    for event in events:
        if isinstance(event, PartStart) and event.kind == "tool_call":
            found[event.part] = [event.id, event.name, ""]
        elif isinstance(event, ArgumentsDelta):
            found[event.part][2] += event.fragment
    return [(one, two, three) for one, two, three in found.values()]


def test_a_plain_stream_is_read() -> None:
    usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    events = read(
        chunk({"role": "assistant", "content": ""}, usage=None),
        chunk({"content": "Hel"}, usage=None),
        chunk({"content": "lo"}, usage=None),
        chunk({}, "stop", usage=None),
        chunk(usage=usage, service_tier="default"),
        DONE,
    )
    assert events == [
        START,
        PartStart(0, "text"),
        TextDelta(0, "Hel"),
        TextDelta(0, "lo"),
        PartStop(0),
        Finish("stop"),
        UsageReport(Usage(input=3, output=2, service_tier="default")),
        End(),
    ]


def test_azures_first_chunk_does_not_start_the_answer() -> None:
    events = read(
        chunk(id="", model="", prompt_filter_results=[{}]),
        chunk({"content": "x"}),
        chunk({}, "stop"),
        DONE,
    )
    assert events[0] == START


def test_comments_white_space_and_crlf_are_no_hindrance() -> None:
    stream = b": OPENROUTER PROCESSING\n\n\n" + chunk({"content": "x"}, "stop") + b"data: [DONE] \n\n"
    assert read(stream.replace(b"\n", b"\r\n")) == read(chunk({"content": "x"}, "stop"), DONE)


def test_idle_ticks_are_told() -> None:
    events = read(b"", chunk({"content": "x"}), b"", chunk({}, "stop"), DONE)
    assert [type(event) for event in events[:5]] == [Idle, Start, PartStart, TextDelta, Idle]


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
def test_reasoning_comes_before_text_in_a_part_of_its_own(field: str) -> None:
    events = read(
        chunk({field: "Hm.", "content": None}), chunk({"content": "Yes", field: None}), chunk({}, "stop"), DONE
    )
    assert events[1:7] == [
        PartStart(0, "thinking", field=field),
        TextDelta(0, "Hm."),
        PartStop(0),
        PartStart(1, "text"),
        TextDelta(1, "Yes"),
        PartStop(1),
    ]


def test_reasoning_details_do_not_say_the_text_twice() -> None:
    entry = {"type": "reasoning.text", "text": "Hm.", "format": "anthropic-claude-v1", "index": 0}
    signed = {**entry, "text": "", "signature": "sig"}
    events = read(
        chunk({"reasoning": "Hm.", "reasoning_details": [entry]}),
        chunk({"reasoning_details": [signed]}),
        chunk({"content": "Yes"}, "stop"),
        DONE,
    )
    assert events[1:7] == [
        PartStart(0, "thinking", field="reasoning"),
        TextDelta(0, "Hm."),
        OpaqueDelta(0, "openai_chat", {"reasoning_details": [entry]}),
        OpaqueDelta(0, "openai_chat", {"reasoning_details": [signed]}),
        SignatureDelta(0, "sig"),
        PartStop(0),
    ]


def test_details_alone_are_the_text() -> None:
    events = read(chunk({"reasoning_details": [{"type": "reasoning.summary", "summary": "Hm."}]}, "stop"), DONE)
    assert TextDelta(0, "Hm.") in events


def test_encrypted_reasoning_is_a_part_of_its_own() -> None:
    entry = {"type": "reasoning.encrypted", "data": "xyz", "format": "anthropic-claude-v1"}
    events = read(chunk({"reasoning_details": [entry]}), chunk({"content": "Yes"}, "stop"), DONE)
    assert events[1:4] == [
        PartStart(0, "thinking", payload="xyz", field="reasoning_details"),
        OpaqueDelta(0, "openai_chat", {"reasoning_details": [entry]}),
        PartStop(0),
    ]


def test_mistrals_content_lists_are_read() -> None:
    thinking = [
        {"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]},
        {"type": "thinking", "thinking": []},
    ]
    events = read(chunk({"content": thinking}), chunk({"content": [{"type": "text", "text": "Yes"}]}, "stop"), DONE)
    assert events[1:6] == [
        PartStart(0, "thinking", field="content"),
        TextDelta(0, "Hm."),
        PartStop(0),
        PartStart(1, "text"),
        TextDelta(1, "Yes"),
    ]


def test_fragments_of_parallel_calls_are_put_in_their_parts() -> None:
    events = read(
        chunk(call(0, "f", "", id="a", type="function")),
        chunk(call(0, arguments='{"x"')),
        chunk(call(0, arguments=":1}")),
        chunk(call(1, "g", "{}", id="b", type="function")),
        chunk({}, "tool_calls"),
        DONE,
    )
    assert events[1:9] == [
        PartStart(0, "tool_call", "a", "f"),
        ArgumentsDelta(0, '{"x"'),
        ArgumentsDelta(0, ":1}"),
        PartStop(0),
        PartStart(1, "tool_call", "b", "g"),
        ArgumentsDelta(1, "{}"),
        PartStop(1),
        Finish("tool_calls"),
    ]


def test_alternating_fragments_keep_their_parts_open() -> None:
    events = read(
        chunk(call(0, "f", '{"x"', id="a")),
        chunk(call(1, "g", '{"y"', id="b")),
        chunk(call(0, arguments=":1}")),
        chunk(call(1, arguments=":2}")),
        chunk({}, "tool_calls"),
        DONE,
    )
    assert calls_of(events) == [("a", "f", '{"x":1}'), ("b", "g", '{"y":2}')]
    assert [event for event in events if isinstance(event, PartStop)] == [PartStop(0), PartStop(1)]


@pytest.mark.parametrize(
    "deltas",
    [
        [call(None, "f", '{"x":1}', id="a"), call(None, "g", "{}", id="b")],
        [call(0, "f", '{"x":1}', id="a"), call(0, "g", "{}", id="b")],
        [call(0, "f", '{"x":', id="a"), call(0, None, "1}", id="a"), call(1, "g", {}, id="b")],
        [call(0, "f", '{"x":', id="a"), call(0, "f", "1}", id="a"), call(1, "g", "{}", id="b")],
        [call(0, None, None, id="a"), call(0, "f", '{"x":1}'), call(1, "g", "{}", id="b")],
        [call(None, "f", '{"x":', id="a"), call(None, None, "1}"), call(None, "g", "{}", id="b")],
        [call(None, "f", '{"x":', id="a"), call(None, None, "1}", id="a"), call(None, "g", "{}", id="b")],
        [
            {
                "tool_calls": [
                    *call(0, "f", '{"x":1}', id="a")["tool_calls"],
                    *call(1, "g", "{}", id="b")["tool_calls"],
                ]
            }
        ],
    ],
    ids=[
        "no index", "one index", "id repeated", "id and name repeated", "name after the id", "no index, fragments",
        "no index, id repeated", "both in one delta",
    ],
)  # fmt: skip
def test_every_way_to_cut_calls_gives_the_same_calls(deltas: list[dict[str, Any]]) -> None:
    events = read(*(chunk(delta) for delta in deltas), chunk({}, "tool_calls"), DONE)
    assert calls_of(events) == [("a", "f", '{"x":1}'), ("b", "g", "{}")]


def test_calls_without_ids_get_ids_of_their_own_each_time_the_same() -> None:
    stream = [chunk(call(0, "f", "{}", id="")), chunk(call(0, "g", "{}", id="")), chunk({}, "stop"), DONE]
    (first, _, _), (second, _, _) = calls_of(read(*stream))
    assert first != second
    assert first.startswith("call_")
    assert calls_of(read(b"".join(stream)[:-20], b"".join(stream)[-20:]))[0][0] == first


def test_a_call_that_never_gets_a_name_is_left_out() -> None:
    events = read(chunk(call(0, None, "{}", id="a")), chunk({"content": "x"}), chunk({}, "stop"), DONE)
    assert calls_of(events) == []
    assert Finish("stop") in events


def test_free_text_calls_are_read() -> None:
    opening = {"index": 0, "id": "a", "type": "custom", "custom": {"name": "f", "input": ""}}
    more = {"index": 0, "custom": {"input": "words"}}
    events = read(chunk({"tool_calls": [opening]}), chunk({"tool_calls": [more]}), chunk({}, "tool_calls"), DONE)
    assert events[1:3] == [PartStart(0, "tool_call", "a", "f", custom=True), ArgumentsDelta(0, "words")]


def test_what_a_host_signs_on_a_call_is_kept() -> None:
    signed = {"google": {"thought_signature": "sig"}}
    events = read(chunk(call(0, "f", "{}", id="a", type="function", extra_content=signed)), chunk({}, "stop"), DONE)
    payload = {"extra_content": signed}
    assert events[1] == PartStart(0, "tool_call", "a", "f", payload=payload, dialect="openai_chat")


def test_the_old_function_call_is_read() -> None:
    events = read(
        chunk({"function_call": {"name": "f", "arguments": ""}}),
        chunk({"function_call": {"arguments": "{}"}}),
        chunk({}, "function_call"),
        DONE,
    )
    assert [(name, arguments) for _, name, arguments in calls_of(events)] == [("f", "{}")]
    assert Finish("tool_calls") in events


@pytest.mark.parametrize(
    ("finishes", "stop"),
    [
        (["stop"], "stop"),
        (["stop", "stop"], "stop"),
        ([""], "stop"),
        ([None], "stop"),
        (["length"], "length"),
        (["content_filter"], "content_filter"),
    ],
)
def test_the_finish_reason_is_told_once(finishes: list[Any], stop: Any) -> None:
    events = read(chunk({"content": "x"}), *(chunk({"role": "assistant"}, word) for word in finishes), DONE)
    assert [event for event in events if isinstance(event, Finish)] == [Finish(stop)]


def test_calls_overrule_stop_but_not_length() -> None:
    made = chunk(call(0, "f", "{", id="a"))
    assert Finish("tool_calls") in read(made, chunk({}, "stop"), DONE)
    assert Finish("length") in read(made, chunk({}, "length"), DONE)


def test_refusals_are_a_part_of_their_own() -> None:
    events = read(chunk({"refusal": "No."}), chunk({}, "stop"), DONE)
    assert events[1:] == [PartStart(0, "refusal"), TextDelta(0, "No."), PartStop(0), Finish("refusal"), End()]


def test_usage_is_told_once_wherever_it_came() -> None:
    usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    partly = {**usage, "completion_tokens": 1}
    expected = [UsageReport(Usage(input=3, output=2))]
    for chunks in (
        [chunk({"content": "x"}, usage=partly), chunk({}, "stop", usage=usage)],
        [chunk({"content": "x"}), chunk({}, "stop", x_groq={"usage": usage})],
        [chunk({"content": "x"}), chunk({}, "stop", usage=partly), chunk(usage=usage)],
    ):
        assert [event for event in read(*chunks, DONE) if isinstance(event, UsageReport)] == expected


def test_several_choices_are_kept_apart() -> None:
    def numbered(index: int, delta: Any, finish: Any = None) -> bytes:
        return chunk(choices=[{"index": index, "delta": delta, "finish_reason": finish}])

    first, second = numbered(0, {"content": "a"}), numbered(1, {"content": "b"})
    events = read(first, second, numbered(1, {}, "length"), numbered(0, {}, "stop"), DONE)
    assert TextDelta(0, "b", 1) in events
    assert [event for event in events if isinstance(event, Finish)] == [Finish("stop"), Finish("length", choice=1)]


def test_logprobs_ride_on_their_text() -> None:
    found = {"content": [{"token": "x"}]}
    one = chunk(choices=[{"index": 0, "delta": {"content": "x"}, "logprobs": found, "finish_reason": "stop"}])
    none = chunk(choices=[{"index": 0, "delta": {"content": "y"}, "logprobs": {"content": None}}])
    events = read(none, one, DONE)
    assert events[2:4] == [TextDelta(0, "y"), TextDelta(0, "x", 0, found)]


def test_sound_pictures_and_citations_are_opaque() -> None:
    drawn = [{"type": "image_url", "image_url": {"url": "data:x"}}]
    events = read(chunk({"images": drawn}), chunk({"audio": {"id": "a", "data": "AAAA"}}), chunk({}, "stop"), DONE)
    assert events[1:5] == [
        PartStart(0, "opaque", payload={"images": drawn}, dialect="openai_chat"),
        PartStop(0),
        PartStart(1, "audio"),
        OpaqueDelta(1, "openai_chat", {"audio": {"id": "a", "data": "AAAA"}}),
    ]


def test_a_stream_without_done_is_whole_when_it_was_finished() -> None:
    assert read(chunk({"content": "x"}), chunk({}, "stop"))[-2:] == [Finish("stop"), End()]


@pytest.mark.parametrize(
    "chunks",
    [[], [b": comment\n\n"], [chunk({"content": "x"})], [chunk({"content": "x"}), b'data: {"id":"c1","cho'], [DONE]],
)
def test_a_stream_that_was_cut_off_failed(chunks: list[bytes]) -> None:
    last = read(*chunks)[-1]
    assert isinstance(last, StreamFailed)
    assert isinstance(last.error, ProviderGarbled)


def test_a_chunk_that_is_no_json_is_a_failure() -> None:
    events = read(chunk({"content": "x"}), b"data: {broken\n\n", chunk({}, "stop"), DONE)
    assert isinstance(events[-1], StreamFailed)
    assert TextDelta(0, "x") in events


def test_odd_events_are_skipped() -> None:
    events = read(
        b"data: ping\n\n", b"event: heartbeat\ndata:\n\n", b'data: "text"\n\n', chunk({"content": "x"}),
        chunk(choices=[None, 5, {"index": "x"}, {"index": 0, "delta": []}]), chunk({"tool_calls": [None, {}]}, "stop"),
        DONE,
    )  # fmt: skip
    assert events[-1] == End()
    assert TextDelta(0, "x") in events


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        (b'data: {"error":{"message":"x","type":"server_error"}}\n\n', "server"),
        (
            b'event: error\ndata: {"error":{"message":"x","code":"tool_use_failed","status_code":400}}\n\n',
            "bad_request",
        ),
        (b"event: error\ndata: Too many requests\n\n", "rate_limit"),
        (b'event: error\ndata: {"message":"Overloaded"}\n\n', "overloaded"),
        (chunk({}, "error", error={"code": 502, "message": "x"}), "server"),
    ],
)
def test_an_error_ends_the_stream(event: bytes, kind: str) -> None:
    events = read(chunk({"content": "x"}), event, chunk({"content": "y"}), DONE)
    last = events[-1]
    assert isinstance(last, StreamFailed)
    assert isinstance(last.error, ProviderError)
    assert last.error.kind == kind
    assert TextDelta(0, "y") not in events


def test_a_whole_answer_in_the_place_of_a_stream_is_read() -> None:
    message = {"content": "Hi", "tool_calls": [{"id": "a", "function": {"name": "f", "arguments": "{}"}}]}
    usage = {"prompt_tokens": 1, "completion_tokens": 1}
    body = {"id": "c1", "model": "gpt", "created": 5, "choices": [{"message": message}], "usage": usage}
    assert read(b"\n", json.dumps(body).encode()) == [
        START,
        PartStart(0, "text"),
        TextDelta(0, "Hi"),
        PartStop(0),
        PartStart(1, "tool_call", "a", "f"),
        ArgumentsDelta(1, "{}"),
        PartStop(1),
        Finish("tool_calls"),
        UsageReport(Usage(input=1, output=1)),
        End(),
    ]


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b'{"error":{"message":"Rate limit reached","code":429}}', "rate_limit"),
        (b'[{"error":{"message":"x","code":503}}]', "overloaded"),
        (b"{broken", "garbled"),
        (b"[]", "garbled"),
    ],
)
def test_an_error_in_the_place_of_a_stream_is_read(body: bytes, kind: str) -> None:
    (failed,) = read(body[:5], body[5:])
    assert isinstance(failed, StreamFailed)
    assert isinstance(failed.error, ProviderError)
    assert failed.error.kind == kind


def cut(*chunks: bytes) -> Iterator[bytes]:
    yield from chunks
    raise ProviderUnreachable("The connection was cut.")


def test_a_cut_after_the_finish_reason_harms_nothing() -> None:
    assert list(decode_stream(cut(chunk({"content": "x"}, "stop"))))[-1] == End()


def test_a_cut_before_the_finish_reason_is_raised() -> None:
    with pytest.raises(ProviderUnreachable):
        list(decode_stream(cut(chunk({"content": "x"}))))


def test_what_follows_done_is_read_but_not_told() -> None:
    left = iter([chunk({"content": "x"}, "stop"), DONE, chunk({"content": "late"}), b": bye\n\n"])
    assert TextDelta(0, "late") not in list(decode_stream(left))
    assert next(left, None) is None


def test_a_silent_connection_is_not_waited_for_after_done() -> None:
    left = iter([chunk({"content": "x"}, "stop"), DONE, b"", b"never"])
    assert list(decode_stream(left))[-1] == End()
    assert next(left) == b"never"


def test_quirks_reach_the_usage() -> None:
    usage = {"prompt_tokens": 1, "completion_tokens": 2, "completion_tokens_details": {"reasoning_tokens": 5}}
    events = list(decode_stream([chunk({}, "stop", usage=usage), DONE], {"reasoning_outside_completion": True}))
    assert UsageReport(Usage(input=1, output=7, reasoning=5)) in events
