"""What the gateway reads of a request and an answer that pass through, and the quirks it applies."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sluice.dialects import cohere_chat as wire
from sluice.dialects.base import REMOVED
from sluice.errors import BadRequest, ProviderGarbled, UnsupportedParameter
from sluice.types.usage import Usage

ASK: dict[str, Any] = {"model": "command-a", "messages": [{"role": "user", "content": "Hi"}]}
ENDED = {
    "type": "message-end",
    "delta": {"finish_reason": "COMPLETE", "usage": {"billed_units": {"input_tokens": 9, "output_tokens": 2}}},
}


def event(data: dict[str, Any]) -> bytes:
    return f"event: {data['type']}\ndata: {json.dumps(data)}\n\n".encode()


START = event({"type": "message-start", "id": "a", "delta": {"message": {"role": "assistant"}}})
DELTA = event({"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": "Hi"}}}})


def test_a_request_is_outlined() -> None:
    seen = wire.outline({**ASK, "stream": True, "max_tokens": 64.0}, 321)
    assert (seen.model, seen.stream, seen.max_output, seen.choices, seen.prompt_bytes) == (
        "command-a",
        True,
        64,
        1,
        321,
    )
    assert seen.include_usage
    assert wire.outline(ASK, 1).stream is False


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"model": ""}, "model"),
        ({"messages": []}, "messages"),
        ({"messages": "hi"}, "messages"),
        ({"messages": ["hi"]}, "messages[0]"),
        ({"messages": [{"role": "bot", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user", "content": 3}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": ["x"]}]}, "messages[0].content[0]"),
        ({"stream": "yes"}, "stream"),
        ({"tools": {}}, "tools"),
        ({"documents": "x"}, "documents"),
        ({"max_tokens": -1}, "max_tokens"),
        ({"max_tokens": "9"}, "max_tokens"),
    ],
)
def test_what_no_provider_could_serve_is_refused_by_name(change: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequest) as refused:
        wire.outline({**ASK, **change}, 1)
    assert refused.value.param == param


def test_a_request_passes_untouched_but_for_declared_quirks() -> None:
    body = {**ASK, "safety_mode": "STRICT", "k": 3}
    assert wire.pass_edits(body, {}) == {}
    quirks = {"drop": ["safety_mode"], "defaults": {"k": 1, "p": 0.5}}
    assert wire.pass_edits(body, quirks) == {"safety_mode": REMOVED, "p": 0.5}
    with pytest.raises(UnsupportedParameter, match="k"):
        wire.pass_edits(body, {"refuse": ["k"]})
    assert wire.stream_filter(body) is None


def test_usage_is_read_from_the_last_event_alone() -> None:
    meter = wire.meter()
    meter.feed(START + DELTA)
    assert (meter.usage, meter.finished) == (None, False)
    meter.feed(DELTA)
    assert meter.estimate() == Usage(output=2, estimated=True)
    meter.feed(event(ENDED) + b"data: [DONE]\n\n")
    assert (meter.usage, meter.finished) == (Usage(input=9, output=2), True)


def test_a_last_event_that_cannot_be_read_ends_without_usage() -> None:
    meter = wire.meter()
    meter.feed(b'data: {"type":"message-end",\n\ndata: {"type":"message-end","delta":7}\n\n')
    assert (meter.usage, meter.finished) == (None, True)


def test_usage_of_a_whole_answer() -> None:
    body = json.dumps({"message": {}, "usage": ENDED["delta"]["usage"]}).encode()  # type: ignore[index]
    assert wire.read_usage(body) == Usage(input=9, output=2)
    assert wire.read_usage(b"{}") is None
    assert wire.read_usage(b"[") is None
    assert wire.read_usage(b"[]") is None


def test_an_answer_has_begun_once_more_than_its_announcement_came() -> None:
    framing = wire.framing()
    assert not framing.begun(b": hello\n\n")
    assert not framing.begun(START)
    assert framing.begun(START + DELTA)
    assert framing.begun(event(ENDED))
    with pytest.raises(ProviderGarbled):
        framing.begun(b"data: {oops\n\n")


def test_the_line_that_keeps_a_stream_open_is_a_comment() -> None:
    assert list(wire.decode_stream([wire.keep_alive(), START, DELTA, event(ENDED)])) == list(
        wire.decode_stream([START, DELTA, event(ENDED)])
    )
