"""Turns and parts of another dialect, written for a Messages provider: what is changed is reported or refused."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.errors import BadRequest
from sluice.types.chat import (
    Audio,
    CacheMark,
    Document,
    Image,
    Message,
    Opaque,
    Part,
    Refusal,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)
from tests.unit.dialects.anthropic_messages.foreign import encode, refused, request, turns_of, user

# --- max_tokens ------------------------------------------------------------------------------------------------


def test_max_tokens_is_required_there_so_it_is_defaulted_and_reported() -> None:
    body, edits = encode(request(max_tokens=None))
    assert (body["max_tokens"], edits) == (4096, ("default:max_tokens",))


def test_the_models_own_maximum_is_the_better_default() -> None:
    assert encode(request(max_tokens=None), {"max_output": 64000})[0]["max_tokens"] == 64000


def test_more_than_the_model_can_write_is_clamped() -> None:
    body, edits = encode(request(max_tokens=100_000), {"max_output": 8192})
    assert (body["max_tokens"], edits) == (8192, ("clamped:max_tokens",))


# --- turns -----------------------------------------------------------------------------------------------------


def test_instructions_are_gathered_into_system() -> None:
    body, edits = encode(
        request(
            Message("system", (Text("Be brief."),)),
            Message("developer", (Text("Be kind.", CacheMark("1h")),)),
            user(Text("Hello")),
        )
    )
    assert body["system"] == [
        {"type": "text", "text": "Be brief."},
        {"type": "text", "text": "Be kind.", "cache_control": {"type": "ephemeral", "ttl": "1h"}},
    ]
    assert body["messages"] == [{"role": "user", "content": "Hello"}]
    assert edits == ()


def test_later_instructions_move_to_the_front_and_that_is_reported() -> None:
    asked = request(user(Text("Hello")), Message("system", (Text("In French."),)))
    body, edits = encode(asked)
    assert (body["system"], body["messages"]) == ("In French.", [{"role": "user", "content": "Hello"}])
    assert edits == ("moved:system",)


def test_later_instructions_keep_their_place_where_the_model_takes_them() -> None:
    asked = request(user(Text("Hello")), Message("system", (Text("In French."),)))
    body, edits = encode(asked, {"system_turns": True})
    assert body["messages"][1] == {"role": "system", "content": "In French."}
    assert "system" not in body
    assert edits == ()


def test_instructions_that_no_answer_follows_cannot_keep_their_place() -> None:
    asked = request(user(Text("Hello")), Message("system", (Text("In French."),)), user(Text("Go on")))
    body, edits = encode(asked, {"system_turns": True})
    assert body["system"] == "In French."
    assert [turn["role"] for turn in body["messages"]] == ["user"]
    assert edits == ("moved:system",)


def test_a_lone_system_message_becomes_the_users() -> None:
    body, edits = encode(request(Message("system", (Text("Tell a joke."),))))
    assert body["messages"] == [{"role": "user", "content": "Tell a joke."}]
    assert "system" not in body
    assert edits == ("moved:system",)


def test_turns_of_one_role_are_merged() -> None:
    turns = turns_of(
        user(Text("One")), user(Text("Two")), Message("assistant", (Text("A"),)), Message("assistant", (Text("B"),))
    )
    assert [turn["role"] for turn in turns] == ["user", "assistant"]
    assert [block["text"] for block in turns[0]["content"]] == ["One", "Two"]


def test_blank_texts_are_left_out() -> None:
    turns = turns_of(user(Text("")), user(Text("  \n")), user(Text("Hello"), Text("")))
    assert turns == [{"role": "user", "content": "Hello"}]


def test_a_conversation_of_blanks_is_refused() -> None:
    with pytest.raises(BadRequest) as caught:
        encode(request(user(Text(" "))))
    assert caught.value.param == "messages"


def test_an_answer_to_be_continued_does_not_end_in_white_space() -> None:
    body, edits = encode(request(user(Text("Hello")), Message("assistant", (Text("I say: "),))))
    assert body["messages"][1]["content"] == "I say:"
    assert edits == ("trimmed:messages",)


def test_results_of_parallel_calls_are_one_user_turn_and_come_first() -> None:
    turns = turns_of(
        user(Text("Hello")),
        Message("assistant", (ToolCall("a", "look", '{"x":1}'), ToolCall("b", "look", ""))),
        Message("tool", (ToolResult("a", (Text("1"),)),)),
        user(Text("Quick!")),
        Message("tool", (ToolResult("b", (Text("2"), Image(url="https://example.com/p.png"))),)),
    )
    assert [turn["role"] for turn in turns] == ["user", "assistant", "user"]
    assert [block["input"] for block in turns[1]["content"]] == [{"x": 1}, {}]
    assert [block["type"] for block in turns[2]["content"]] == ["tool_result", "tool_result", "text"]
    assert turns[2]["content"][0] == {"type": "tool_result", "tool_use_id": "a", "content": "1"}
    assert turns[2]["content"][1]["content"][1]["type"] == "image"


def test_a_result_without_a_call_is_refused() -> None:
    with pytest.raises(BadRequest) as caught:
        encode(request(user(Text("Hello")), Message("tool", (ToolResult("ghost", (Text("boo"),)),))))
    assert "'ghost'" in caught.value.message


@given(st.lists(st.text(max_size=12), min_size=1, max_size=6))
def test_ids_are_cleaned_kept_apart_and_still_match(ids: list[str]) -> None:
    asked = [user(Text("Hello"))]
    for identity in ids:
        asked += [
            Message("assistant", (ToolCall(identity, "look", "{}"),)),
            Message("tool", (ToolResult(identity, (Text("ok"),)),)),
        ]
    turns = turns_of(*asked)
    calls = [turn["content"][0]["id"] for turn in turns if turn["role"] == "assistant"]
    results = [turn["content"][0]["tool_use_id"] for turn in turns[2::2]]
    assert calls == results
    assert len(set(calls)) == len(ids)
    assert all(re.fullmatch(r"[a-zA-Z0-9_-]+", call) for call in calls)
    assert turns_of(*asked) == turns


def test_an_id_that_is_fine_is_left_alone() -> None:
    turns = turns_of(user(Text("x")), Message("assistant", (ToolCall("call_1-A", "look", "{}"),)))
    assert turns[1]["content"][0]["id"] == "call_1-A"


@pytest.mark.parametrize("arguments", ["[1]", "{cut", "5", '{"a": NaN}', "[" * 100_000])
def test_arguments_that_are_no_object_are_wrapped_and_reported(arguments: str) -> None:
    asked = request(user(Text("x")), Message("assistant", (ToolCall("a", "look", arguments),)))
    body, edits = encode(asked)
    assert body["messages"][1]["content"][0]["input"] == {"invalid_arguments": arguments}
    assert edits == ("wrapped:tool_calls.arguments",)


def test_arguments_of_null_are_none() -> None:
    asked = request(user(Text("x")), Message("assistant", (ToolCall("a", "look", "null"),)))
    body, edits = encode(asked, strict=True)
    assert (body["messages"][1]["content"][0]["input"], edits) == ({}, ())


def test_a_free_text_call_becomes_an_input() -> None:
    turns = turns_of(user(Text("x")), Message("assistant", (ToolCall("a", "run", "ls -l", custom=True),)))
    assert turns[1]["content"][0]["input"] == {"input": "ls -l"}


def test_a_cache_mark_on_a_message_is_one_on_its_last_part() -> None:
    marked = Message("user", (Text("Long"), Text("Short")), extras={"cache_control": {"type": "ephemeral"}})
    body, edits = encode(request(marked))
    assert [block.get("cache_control") for block in body["messages"][0]["content"]] == [None, {"type": "ephemeral"}]
    assert edits == ()


def test_names_of_speakers_are_dropped_and_reported() -> None:
    asked = request(Message("user", (Text("Hi"),), name="Ann", extras={"weight": 1}))
    assert encode(asked)[1] == ("dropped:messages.name", "dropped:messages.weight")


# --- parts -----------------------------------------------------------------------------------------------------


def block_of(part: Part) -> tuple[dict[str, Any], Any]:
    body, edits = encode(request(user(part, Text("?"))))
    return body["messages"][0]["content"][0], edits


def test_a_picture_without_a_type_is_told_by_its_first_bytes() -> None:
    assert block_of(Image(data="/9j/4AAQ"))[0]["source"]["media_type"] == "image/jpeg"


def test_the_hint_of_detail_is_dropped() -> None:
    assert block_of(Image(url="https://example.com/a.png", detail="high"))[1] == ("dropped:image_url.detail",)


def test_a_pdf_is_a_document() -> None:
    block, _ = block_of(Document(data="JVBE", media_type="application/pdf", name="a.pdf"))
    assert block == {
        "type": "document",
        "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBE"},
        "title": "a.pdf",
    }


def test_a_text_file_is_read_out() -> None:
    block, _ = block_of(Document(data="w5xiZXI=", media_type="text/markdown"))
    assert block["source"] == {"type": "text", "media_type": "text/plain", "data": "Über"}


@pytest.mark.parametrize(
    "part",
    [
        Audio(data="UklG", format="wav"),
        Image(file_id="file-1"),
        Document(file_id="file-1"),
        Document(data="UEsD", media_type="application/vnd.ms-excel"),
        Document(data="/w==", media_type="text/plain"),
    ],
)
def test_what_the_model_could_not_read_is_refused(part: Part) -> None:
    assert refused(request(user(part))).param == "messages"


def test_sound_with_a_transcript_is_read_out() -> None:
    block, edits = block_of(Audio(audio_id="a", transcript="Good day"))
    assert (block["text"], edits) == ("Good day", ("transcribed:messages.audio",))


def test_another_dialects_own_block_is_dropped_and_reported() -> None:
    asked = request(user(Opaque("openai_chat", {"type": "hologram"}), Text("?")))
    assert encode(asked)[1] == ("dropped:messages.hologram",)
    assert refused(asked, strict=True).param == "messages.hologram"


@pytest.mark.parametrize(
    "thinking",
    [Thinking("Hm."), Thinking("Hm.", "sluice1.e30="), Thinking(redacted="sluice1.e30=")],
)
def test_thinking_the_vendor_did_not_sign_is_dropped(thinking: Thinking) -> None:
    asked = request(user(Text("x")), Message("assistant", (thinking, Text("Yes."))))
    body, edits = encode(asked)
    assert body["messages"][1]["content"] == "Yes."
    assert edits == ("dropped:reasoning",)


def test_thinking_the_vendor_signed_is_sent_back() -> None:
    details = ({"format": "anthropic-claude-v1", "signature": "sig"},)
    asked = request(user(Text("x")), Message("assistant", (Thinking("Hm.", "sig", details=details), Text("Yes."))))
    assert encode(asked)[0]["messages"][1]["content"][0] == {
        "type": "thinking",
        "thinking": "Hm.",
        "signature": "sig",
    }


def test_a_refusal_is_repeated_as_text() -> None:
    assert turns_of(user(Text("x")), Message("assistant", (Refusal("No."),)))[1]["content"] == "No."
