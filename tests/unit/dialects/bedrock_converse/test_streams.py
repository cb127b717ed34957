"""ConverseStream answers for callers of other dialects, and other vendors' streams in Converse's frames."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sluice.dialects import anthropic_messages, bedrock_converse, eventstream, openai_chat
from sluice.errors import ProviderError, ProviderUnreachable
from sluice.types.stream import End, Finish, Idle, PartStart, Start, StreamEvent, StreamFailed, TextDelta, UsageReport
from sluice.types.usage import Usage
from tests.unit.dialects.both_ways import ASKED_CHAT, ASKED_MESSAGES


def frame(name: str, **members: Any) -> bytes:
    return eventstream.event(name, json.dumps({**members, "p": "abcdefgh"}).encode())


def delta(index: int, **members: Any) -> bytes:
    return frame("contentBlockDelta", contentBlockIndex=index, delta=members)


START = frame("messageStart", role="assistant")
STOP = frame("messageStop", stopReason="tool_use")
META = frame(
    "metadata",
    usage={"inputTokens": 10, "outputTokens": 5, "totalTokens": 45, "cacheReadInputTokens": 20,
           "cacheWriteInputTokens": 10,
           "cacheDetails": [{"ttl": "1h", "inputTokens": 4}, {"ttl": "5m", "inputTokens": 6}]},
    metrics={"latencyMs": 7},
    serviceTier={"type": "flex"},
)  # fmt: skip
USE = {"toolUse": {"toolUseId": "t1", "name": "look"}}
WHOLE = (
    START,
    delta(0, reasoningContent={"text": "H"}),
    delta(0, reasoningContent={"text": "m."}),
    delta(0, reasoningContent={"signature": "EqQB"}),
    frame("contentBlockStop", contentBlockIndex=0),
    delta(1, reasoningContent={"redactedContent": "RW13aw=="}),
    frame("contentBlockStop", contentBlockIndex=1),
    delta(2, text="Let me "),
    delta(2, text="look."),
    frame("contentBlockStop", contentBlockIndex=2),
    frame("contentBlockStart", contentBlockIndex=3, start=USE),
    delta(3, toolUse={"input": '{"city":'}),
    delta(3, toolUse={"input": '"Rome"}'}),
    frame("contentBlockStop", contentBlockIndex=3),
    frame("contentBlockStart", contentBlockIndex=4, start={"toolUse": {"toolUseId": "t2", "name": "look"}}),
    frame("contentBlockStop", contentBlockIndex=4),
    STOP,
    META,
)


def read(*frames: bytes) -> list[StreamEvent]:
    return list(bedrock_converse.decode_stream(frames))


def told(body: bytes) -> list[tuple[str, Any]]:
    return [(found.name, json.loads(found.payload)) for found in eventstream.frames(body)]


def test_a_claude_caller_reads_a_converse_stream() -> None:
    body = b"".join(anthropic_messages.encode_stream(read(*WHOLE), ASKED_MESSAGES))
    response = anthropic_messages.decode_response(_joined(body))
    assert [type(part).__name__ for part in response.choices[0].parts] == [
        "Thinking", "Thinking", "Text", "ToolCall", "ToolCall",
    ]  # fmt: skip
    thought, secret, text, first, second = response.choices[0].parts
    assert (thought.text, thought.signature, secret.redacted) == ("Hm.", "EqQB", "Emwk")  # type: ignore[union-attr]
    assert (text.text, first.arguments, second.arguments) == ("Let me look.", '{"city":"Rome"}', "{}")  # type: ignore[union-attr]
    assert response.choices[0].stop == "tool_calls"


def _joined(body: bytes) -> dict[str, Any]:
    """A Messages stream as the whole answer it tells."""
    content: list[dict[str, Any]] = []
    message: dict[str, Any] = {}
    for line in body.splitlines():
        event = json.loads(line[6:]) if line.startswith(b"data: ") else {}
        if event.get("type") == "message_start":
            message = event["message"]
        elif event.get("type") == "content_block_start":
            content.append({**event["content_block"], "input_text": ""})
        elif event.get("type") == "content_block_delta":
            for name, value in event["delta"].items():
                key = {
                    "text": "text",
                    "thinking": "thinking",
                    "signature": "signature",
                    "partial_json": "input_text",
                }.get(name)
                if key:
                    content[-1][key] = content[-1].get(key, "") + value
        elif event.get("type") == "message_delta":
            message.update(event["delta"])
    for block in content:
        text = block.pop("input_text")
        if block["type"] == "tool_use":
            block["input"] = json.loads(text)
    return {**message, "content": content}


def test_an_openai_caller_reads_a_converse_stream_with_usage() -> None:
    body = b"".join(openai_chat.encode_stream(read(*WHOLE), ASKED_CHAT))
    chunks = [json.loads(line[6:]) for line in body.splitlines() if line.startswith(b"data: {")]
    text = "".join(c["choices"][0]["delta"].get("content") or "" for c in chunks if c["choices"])
    assert text == "Let me look."
    assert chunks[-1]["usage"]["prompt_tokens"] == 40
    assert chunks[-1]["usage"]["prompt_tokens_details"]["cached_tokens"] == 20


def test_usage_comes_after_the_end_and_splits_what_was_cached() -> None:
    events = read(*WHOLE)
    usage = Usage(input=10, cache_read=20, cache_write_5m=6, cache_write_1h=4, output=5, service_tier="flex")
    assert events[-2:] == [UsageReport(usage), End()]
    assert isinstance(events[-3], Finish)
    meter = bedrock_converse.meter()
    meter.feed(b"".join(WHOLE))
    assert (meter.usage, meter.finished) == (usage, True)


def test_a_stream_without_a_report_is_estimated_without_its_padding() -> None:
    meter = bedrock_converse.meter()
    padded = json.dumps({"contentBlockIndex": 0, "delta": {"text": "x" * 400}, "p": "a" * 5000}).encode()
    meter.feed(eventstream.event("contentBlockDelta", padded))
    assert (meter.usage, meter.finished) == (None, False)
    assert 90 < meter.estimate().output < 110
    meter.feed(META)
    assert meter.estimate().output == 5


def test_what_was_read_is_written_back_the_same() -> None:
    events = read(*WHOLE)
    written = b"".join(bedrock_converse.encode_stream(events, ASKED_CHAT))
    assert read(written) == events
    names = [name for name, _ in told(written)]
    assert (names[0], names[-2:]) == ("messageStart", ["messageStop", "metadata"])


def test_a_grounded_answer_keeps_its_server_tools_and_citations() -> None:
    start = {"toolUse": {"toolUseId": "t", "name": "nova_grounding", "type": "server_tool_use"}}
    result = {"toolResult": {"toolUseId": "t", "type": "nova_grounding_result", "status": "success"}}
    events = read(
        START,
        frame("contentBlockStart", contentBlockIndex=0, start=start),
        delta(0, toolUse={"input": "{}"}),
        frame("contentBlockStop", contentBlockIndex=0),
        frame("contentBlockStart", contentBlockIndex=1, start=result),
        delta(1, toolResult=[{"text": "[HIDDEN]"}]),
        frame("contentBlockStop", contentBlockIndex=1),
        delta(2, text="4.0"),
        frame("contentBlockStop", contentBlockIndex=2),
        delta(3, citation={"location": {"web": {"url": "https://example.com"}}}),
        frame("contentBlockStop", contentBlockIndex=3),
        frame("messageStop", stopReason="end_turn"),
        META,
    )
    assert [e.kind for e in events if isinstance(e, PartStart)] == ["opaque", "opaque", "text", "text"]
    written = b"".join(bedrock_converse.encode_stream(events, ASKED_CHAT))
    assert read(written) == events
    assert b"nova_grounding" not in b"".join(openai_chat.encode_stream(events, ASKED_CHAT))


@pytest.mark.parametrize(
    ("broken", "kind"),
    [
        (eventstream.exception("throttlingException", b'{"message":"slow"}'), "rate_limit"),
        (eventstream.exception("serviceUnavailableException", b'{"message":"later"}'), "overloaded"),
        (eventstream.exception("internalServerException", b'{"message":"oh"}'), "server"),
        (eventstream.exception("validationException", b'{"message":"no"}'), "bad_request"),
        (eventstream.exception("modelTimeoutException", b'{"message":"slow"}'), "timeout"),
        (
            eventstream.exception(
                "modelStreamErrorException",
                b'{"message":"The system failed.","originalStatusCode":529,"originalMessage":"Overloaded"}',
            ),
            "server",
        ),
        (
            eventstream.encode(
                {":message-type": "error", ":error-code": "InternalFailure", ":error-message": "Something broke."}, b""
            ),
            "server",
        ),
        (eventstream.exception("throttlingException", b"not json"), "rate_limit"),
    ],
)
def test_an_error_inside_a_stream_ends_it_with_its_kind(broken: bytes, kind: str) -> None:
    events = read(START, delta(0, text="Hel"), broken, delta(0, text="lo"))
    failed = events[-1]
    assert isinstance(failed, StreamFailed)
    assert isinstance(failed.error, ProviderError)
    assert (failed.error.kind, bool(failed.error.message)) == (kind, True)
    assert sum(isinstance(event, TextDelta) for event in events) == 1
    seen = bedrock_converse.stream_error(START + broken)
    assert seen is not None
    assert (seen.kind, seen.message) == (failed.error.kind, failed.error.message)
    (again,) = eventstream.frames(bedrock_converse.stream_error_bytes(failed.error, "r"))
    assert (again.kind, again.name.endswith("Exception")) == ("exception", True)


@pytest.mark.parametrize(
    "frames",
    [
        (START, delta(0, text="Hel")),
        (START, delta(0, text="Hel")[:-3]),
        (START, b"\x00" * 40),
        (START, eventstream.event("contentBlockDelta", b'{"delta":{"te')),
    ],
)
def test_a_stream_that_is_cut_or_damaged_fails(frames: tuple[bytes, ...]) -> None:
    assert isinstance(read(*frames)[-1], StreamFailed)


def test_a_cut_behind_the_stop_reason_is_an_end_without_usage() -> None:
    assert [type(event) for event in read(START, delta(0, text="Hi"), STOP)[-2:]] == [Finish, End]
    assert isinstance(read(START, delta(0, text="Hi"), STOP, META[:20])[-1], End)


def test_a_broken_connection_is_the_callers_to_handle() -> None:
    def chunks() -> Any:
        yield START
        raise ProviderUnreachable("gone")

    with pytest.raises(ProviderUnreachable):
        list(bedrock_converse.decode_stream(chunks()))


def test_silence_is_told_and_answered_with_a_frame_that_clients_pass_over() -> None:
    assert read(START, b"")[1] == Idle()
    (found,) = told(
        b"".join(bedrock_converse.encode_stream([Idle()], ASKED_CHAT))[: len(bedrock_converse.keep_alive())]
    )
    assert found == ("ping", {})


def test_interleaved_calls_are_written_one_after_the_other() -> None:
    from sluice.types.stream import ArgumentsDelta, PartStop

    events: list[StreamEvent] = [
        Start("", ""),
        PartStart(0, "tool_call", "a", "f"),
        PartStart(1, "tool_call", "b b", "g"),
        ArgumentsDelta(1, "{}"),
        ArgumentsDelta(0, '{"x":1}'),
        PartStop(1),
        PartStop(0),
        PartStart(2, "text"),
        PartStop(2),
        PartStart(0, "text", choice=1),
        Finish("stop"),
        End(),
    ]
    written = told(b"".join(bedrock_converse.encode_stream(events, ASKED_CHAT)))
    blocks = [(name, event["contentBlockIndex"]) for name, event in written if "contentBlockIndex" in event]
    assert blocks == [
        ("contentBlockStart", 0), ("contentBlockDelta", 0), ("contentBlockStop", 0),
        ("contentBlockStart", 1), ("contentBlockDelta", 1), ("contentBlockStop", 1),
        ("contentBlockDelta", 2), ("contentBlockStop", 2),
    ]  # fmt: skip
    assert written[-2][1]["stopReason"] == "tool_use"


def test_a_stream_that_ends_without_a_finish_ends_with_an_exception() -> None:
    events: list[StreamEvent] = [Start("", ""), PartStart(0, "text"), TextDelta(0, "Hel")]
    *_, last = eventstream.frames(b"".join(bedrock_converse.encode_stream(events, ASKED_CHAT)))
    assert (last.kind, last.name) == ("exception", "modelStreamErrorException")


def test_a_second_answer_in_the_stream_is_told_as_well() -> None:
    first: list[StreamEvent] = [Start("", ""), PartStart(0, "text"), TextDelta(0, "a"), Finish("stop"), End()]
    written = told(b"".join(bedrock_converse.encode_stream([*first, *first], ASKED_CHAT)))
    assert [name for name, _ in written].count("messageStop") == 2
    assert written[-1][0] == "metadata"
    again = read(b"".join(bedrock_converse.encode_stream([*first, *first], ASKED_CHAT)))
    assert "".join(event.text for event in again if isinstance(event, TextDelta)) == "aa"
    assert [event.part for event in again if isinstance(event, PartStart)] == [0, 1]


def test_a_later_report_counts_anew() -> None:
    events: list[StreamEvent] = [
        Start("", "", usage=Usage(input=9, output=1)), UsageReport(Usage(input=7, output=2)),
        UsageReport(Usage(output=3)), Finish("stop"), End(),
    ]  # fmt: skip
    usage = told(b"".join(bedrock_converse.encode_stream(events, ASKED_CHAT)))[-1][1]["usage"]
    assert (usage["inputTokens"], usage["outputTokens"]) == (7, 3)


def test_a_stop_sequence_is_told_where_sdks_look_for_it() -> None:
    events: list[StreamEvent] = [Start("", ""), Finish("stop_sequence", "END"), End()]
    written = told(b"".join(bedrock_converse.encode_stream(events, ASKED_CHAT)))
    assert written[1][1] == {
        "stopReason": "stop_sequence", "additionalModelResponseFields": {"stop_sequence": "END"},
    }  # fmt: skip
    finish = next(
        event
        for event in read(b"".join(bedrock_converse.encode_stream(events, ASKED_CHAT)))
        if isinstance(event, Finish)
    )
    assert finish.stop_sequence == "END"
