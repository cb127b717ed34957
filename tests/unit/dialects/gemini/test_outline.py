"""What the gateway reads of a request before anything is translated, and what it refuses."""

from __future__ import annotations

from typing import Any

import pytest

from sluice.dialects import gemini as wire
from sluice.dialects.base import REMOVED
from sluice.dialects.gemini.signatures import pack
from sluice.dialects.splice import Document
from sluice.errors import BadRequest, UnsupportedParameter

HELLO = [{"role": "user", "parts": [{"text": "Hi"}]}]


def body(**members: Any) -> dict[str, Any]:
    return {"model": "gemini-3-flash", "contents": HELLO, **members}


def test_model_and_stream_come_from_the_members_that_the_inbound_side_added() -> None:
    seen = wire.outline(body(model="models/gemini-3-flash", stream=True), 77)
    assert (seen.model, seen.stream, seen.prompt_bytes, seen.include_usage) == ("gemini-3-flash", True, 77, True)
    assert wire.outline(body(), 1).stream is False


@pytest.mark.parametrize("name", ["generationConfig", "generation_config"])
def test_bounds_are_read_in_either_case(name: str) -> None:
    seen = wire.outline(body(**{name: {"max_output_tokens": 64.0, "candidateCount": "3"}}), 1)
    assert (seen.max_output, seen.choices) == (64, 3)


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"model": ""}, "model"),
        ({"contents": []}, "contents"),
        ({"contents": "Hi"}, "contents"),
        ({"contents": ["Hi"]}, "contents[0]"),
        ({"contents": [{"role": "assistant", "parts": []}]}, "contents[0].role"),
        ({"contents": [{"parts": ["Hi"]}]}, "contents[0].parts[0]"),
        ({"generationConfig": []}, "generationConfig"),
        ({"generationConfig": {"maxOutputTokens": "many"}}, "generationConfig.maxOutputTokens"),
        ({"generationConfig": {"candidateCount": -1}}, "generationConfig.candidateCount"),
        ({"tools": "search"}, "tools"),
        ({"toolConfig": "AUTO"}, "toolConfig"),
    ],
)
def test_what_nobody_can_serve_is_refused_by_its_name(members: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequest) as refused:
        wire.outline(body(**members), 1)
    assert refused.value.param == param


def test_unknown_members_and_parts_pass() -> None:
    assert wire.outline(body(novelty=1, contents=[{"parts": [{"novelPart": {}}]}, {"parts": {"text": "x"}}]), 1)


def test_passing_takes_away_the_members_of_the_path_and_nothing_else() -> None:
    assert wire.pass_edits(body(stream=True), {}) == {"model": REMOVED, "stream": REMOVED}


def test_what_the_inbound_side_added_to_the_parsed_body_leaves_the_bytes_as_they_were() -> None:
    text = '{ "contents" : [ {"parts": [{"text": "Hi"}]} ] }'
    document = Document(text)
    document.members.update(model="gemini-3-flash", stream=True)
    assert document.edited(wire.pass_edits(document.members, {})) == text


def test_passing_takes_away_thinking_that_another_vendor_signed() -> None:
    foreign = {"text": "Hm.", "thought": True, "thoughtSignature": pack("EqQB", None)}
    own = {"functionCall": {"name": "look"}, "thoughtSignature": "CiQB"}
    contents = [*HELLO, {"role": "model", "parts": [foreign, own]}, {"role": "model", "parts": [foreign]}]
    assert wire.pass_edits(body(contents=contents), {})["contents"] == [*HELLO, {"role": "model", "parts": [own]}]


def test_passing_follows_the_declared_quirks() -> None:
    quirks = {"drop": ["labels"], "defaults": {"safetySettings": [1]}, "refuse": ["cachedContent"]}
    edits = wire.pass_edits(body(labels={}), quirks)
    assert edits == {"model": REMOVED, "labels": REMOVED, "safetySettings": [1]}
    with pytest.raises(UnsupportedParameter, match="cachedContent"):
        wire.pass_edits(body(cachedContent="c"), quirks)


def test_nothing_of_a_stream_is_swallowed_and_silence_is_filled_with_a_chunk_without_text() -> None:
    assert wire.stream_filter(body()) is None
    assert list(wire.decode_stream([wire.keep_alive()]))[1:-1] == []
