"""A request's input tokens are bound by its body, whatever its dialect and whatever it carries."""

from __future__ import annotations

import base64
import struct
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.errors import BadRequest
from sluice.metering.bounds import EXACT, InputBound, input_bound, learned
from sluice.metering.families import FAMILIES, family_of
from sluice.metering.text_bound import json_tokens, text_tokens

NAMES = st.sampled_from(
    [
        "messages",
        "content",
        "role",
        "text",
        "type",
        "image_url",
        "url",
        "source",
        "data",
        "tools",
        "tool",
        "function",
        "name",
        "input",
        "prompt",
        "documents",
        "query",
        "contents",
        "parts",
        "inlineData",
        "inline_data",
        "mimeType",
        "fileData",
        "file_data",
        "file_id",
        "file",
        "images",
        "image",
        "video",
        "audio",
        "bytes",
        "signature",
        "citations",
        "cache_control",
        "ttl",
        "response_format",
        "generationConfig",
        "toolConfig",
        "input_audio",
    ]
)
WORDS = "The gateway reads what was sent and passes it on. " * 40


def png(width: int, height: int) -> str:
    head = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + b"IHDR" + struct.pack(">II", width, height) + bytes(5)
    return base64.b64encode(head + zlib.compress(bytes(64))).decode()


def asked(content: object, model: str = "gpt-4o", **members: Any) -> InputBound:
    return input_bound({"model": model, "messages": [{"role": "user", "content": content}], **members}, model)


def pictured(url: str, model: str = "gpt-4o", **members: str) -> InputBound:
    return asked([{"type": "image_url", "image_url": {"url": url, **members}}], model)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("a" * 10, 5),
        ("AB", 2),
        ("2026", 4),
        ("{}();", 5),
        ("\n\n", 2),
        ("an old dog", 5),
        ("1 2 3", 5),
        ("é" * 10, 15),
        ("ж" * 10, 15),
        ("ש" * 10, 20),
        ("語" * 10, 20),
        ("த" * 10, 30),
        ("😀" * 10, 40),
        ("q" * 24, 18),
    ],
)
def test_each_kind_of_text_has_its_weight(text: str, tokens: int) -> None:
    assert text_tokens(text)[0] == tokens


@given(st.text())
def test_no_text_has_more_tokens_than_bytes(text: str) -> None:
    close, certain = text_tokens(text)
    assert 0 <= close <= certain == len(text.encode("utf-8", "surrogatepass"))
    assert 0 <= json_tokens(text)[0] <= close


@given(st.text(), st.text())
def test_more_text_has_no_fewer_tokens(one: str, more: str) -> None:
    assert text_tokens(one)[1] <= text_tokens(one + more)[1]
    assert text_tokens(one)[0] <= text_tokens(one + more)[0] + 1  # a space joins the word behind it


@pytest.mark.parametrize(
    "body",
    [
        {"messages": [{"role": "user", "content": WORDS}]},
        {"messages": [{"role": "user", "content": [{"type": "text", "text": WORDS}]}]},
        {"system": WORDS, "messages": []},
        {"system": [{"type": "text", "text": WORDS, "cache_control": {"type": "ephemeral"}}], "messages": []},
        {"input": WORDS},
        {"instructions": WORDS, "input": [{"role": "user", "content": "x"}]},
        {"input": [{"type": "function_call_output", "call_id": "c", "output": WORDS}]},
        {"contents": [{"role": "user", "parts": [{"text": WORDS}]}]},
        {"systemInstruction": {"parts": [{"text": WORDS}]}, "contents": []},
        {"messages": [{"role": "user", "content": [{"text": WORDS}]}], "inferenceConfig": {"maxTokens": 1}},
        {"messages": [{"role": "assistant", "tool_calls": [{"id": "1", "function": {"arguments": WORDS}}]}]},
        {"tools": [{"type": "function", "function": {"name": "f", "description": WORDS}}]},
        {"tools": [{"functionDeclarations": [{"name": "f", "description": WORDS}]}]},
        {"toolConfig": {"tools": [{"toolSpec": {"name": "f", "description": WORDS}}]}},
        {"response_format": {"type": "json_schema", "json_schema": {"description": WORDS}}},
        {"generationConfig": {"responseSchema": {"description": WORDS}}},
        {"text": {"format": {"type": "json_schema", "schema": {"description": WORDS}}}},
        {"documents": [{"text": WORDS}], "messages": []},
        {"prompt": WORDS},
        {"prompt": [WORDS, "x"]},
        {"input": [WORDS, "x"]},
        {"content": {"parts": [{"text": WORDS}]}},
        {"instances": [{"content": WORDS}]},
        {"something_new": {"deep": [WORDS]}},
        {"messages": [{"role": "user", "content": [{"type": "document", "source": {"type": "text", "data": WORDS}}]}]},
    ],
)
def test_text_counts_wherever_it_stands(body: dict[str, object]) -> None:
    found = input_bound(body, "gpt-4o")
    assert found.tokens >= len(WORDS.split()) * 1.3
    assert found.certain >= len(WORDS)
    assert found.tokens <= len(WORDS) * 0.7
    assert found.open == ()


def test_settings_are_not_read_by_the_model() -> None:
    plain = asked("hello")
    assert asked("hello", metadata={"note": WORDS}, user="x" * 400, stop=["a" * 50], temperature=0.25) == plain


def test_names_of_arguments_count() -> None:
    call = {"type": "tool_use", "name": "f", "input": {"a_rather_long_name_of_an_argument": 12_345, "b": True}}
    assert asked([call]).tokens >= asked([{**call, "input": {}}]).tokens + 20


def test_sealed_thoughts_count_as_what_a_model_wrote() -> None:
    sealed = "A" * 4_000
    for block in (
        {"type": "thinking", "thinking": "", "signature": sealed},
        {"text": "", "thoughtSignature": sealed},
        {"type": "reasoning", "encrypted_content": sealed},
    ):
        assert 1_500 <= asked([block]).tokens <= 1_600
    assert asked([{"type": "web_search_result", "encrypted_content": sealed}]).tokens > 2_500


def test_token_numbers_count_one_each() -> None:
    base = input_bound({"input": []}, "text-embedding-3-small").tokens
    assert input_bound({"input": [7_001] * 500}, "text-embedding-3-small").tokens == base + 500
    assert input_bound({"input": [[7_001] * 500, [3]]}, "text-embedding-3-small").tokens == base + 501


def test_a_reranker_reads_its_query_with_each_document() -> None:
    one = input_bound({"query": WORDS, "documents": ["a"]}, "rerank-v4").tokens
    four = input_bound({"query": WORDS, "documents": ["a", "b", "c", "d"]}, "rerank-v4").tokens
    assert four - one >= 3 * text_tokens(WORDS)[0]


def test_tools_bring_the_family_s_preamble() -> None:
    tool = {"name": "f", "input_schema": {"type": "object"}}
    family = family_of("claude-sonnet-4-5")
    more = asked("hi", "claude-sonnet-4-5", tools=[tool]).tokens - asked("hi", "claude-sonnet-4-5").tokens
    assert family.tools + family.tool < more < family.tools + family.tool + 40
    both = asked("hi", "claude-sonnet-4-5", tools=[tool, tool]).tokens - asked("hi", "claude-sonnet-4-5").tokens
    assert family.tool < both - more < family.tool + 40


def test_citations_and_schemas_bring_their_preambles() -> None:
    document = {"type": "document", "source": {"type": "text", "data": "x"}}
    cited = asked([{**document, "citations": {"enabled": True}}], "claude-sonnet-4-6").tokens
    assert cited - asked([document], "claude-sonnet-4-6").tokens >= 1_000
    form = {"type": "json_schema", "schema": {"type": "object"}}
    formed = asked("x", "claude-sonnet-4-6", output_config={"format": form}).tokens
    effort = asked("x", "claude-sonnet-4-6", output_config={"effort": "low"}).tokens
    assert formed - effort >= family_of("claude-sonnet-4-6").schema


@pytest.mark.parametrize(
    ("members", "name"),
    [
        ({"tools": [{"type": "web_search_20250305", "name": "web_search"}]}, "server tools"),
        ({"tools": [{"type": "web_search"}]}, "server tools"),
        ({"tools": [{"type": "mcp", "server_url": "https://x"}]}, "server tools"),
        ({"tools": [{"googleSearch": {}}]}, "server tools"),
        ({"tools": [{"code_execution": {}}]}, "server tools"),
        ({"web_search_options": {"search_context_size": "low"}}, "web search"),
        ({"plugins": [{"id": "web"}]}, "plugins"),
        ({"previous_response_id": "resp_1"}, "kept conversation"),
        ({"conversation": "conv_1"}, "kept conversation"),
        ({"cachedContent": "cachedContents/1"}, "cached content"),
        ({"prompt": {"id": "pmpt_1"}}, "kept prompt"),
        ({"mcp_servers": [{"url": "https://x"}]}, "server tools"),
    ],
)
def test_what_cannot_be_bounded_is_named(members: dict[str, object], name: str) -> None:
    assert asked("hello", **members).open == (name,)


@pytest.mark.parametrize(
    "members",
    [
        {"tools": [{"type": "function", "function": {"name": "f"}}]},
        {"tools": [{"type": "custom", "name": "f"}]},
        {"tools": [{"name": "f", "input_schema": {}}]},
        {"tools": [{"functionDeclarations": [{"name": "f"}]}]},
        {"tools": [{"type": "bash_20250124", "name": "bash"}]},
        {"tools": [{"type": "computer_20251124", "name": "computer"}]},
        {"toolConfig": {"tools": [{"toolSpec": {"name": "f"}}, {"cachePoint": {"type": "default"}}]}},
        {"previous_response_id": None, "web_search_options": None},
    ],
)
def test_the_callers_own_tools_leave_nothing_open(members: dict[str, object]) -> None:
    assert asked("hello", **members).open == ()


def test_models_that_search_by_themselves_are_open() -> None:
    assert asked("hi", "groq/compound-mini").open == ("server tools",)
    assert asked("hi", "openai/gpt-4o:online").open == ("server tools",)


@pytest.mark.parametrize(
    ("size", "model", "tokens"),
    [
        ((1_024, 1_024), "gpt-4o", 85 + 4 * 170),
        ((2_048, 4_096), "gpt-4o", 85 + 6 * 170),
        ((10_000, 100), "gpt-4o", 85 + 8 * 170),
        ((64, 64), "gpt-4.1-mini", -(-9 * 172 // 100)),
        ((1_000, 1_000), "claude-sonnet-4-5", 37 * 37),
        ((8_000, 8_000), "claude-sonnet-4-5", 1_640 + 287),
        ((8_000, 8_000), "claude-opus-5", 4_784 + 287),
        ((256, 256), "gemini-2.5-flash", 258),
        ((3_008, 2_000), "gemini-2.0-flash", 13 * 258),
        ((9_000, 9_000), "gemini-2.0-flash", 17 * 258),
        ((100, 100), "gemini-3-pro", 2_240),
    ],
)
def test_a_picture_counts_by_its_size_as_its_family_counts(size: tuple[int, int], model: str, tokens: int) -> None:
    assert pictured(f"data:image/png;base64,{png(*size)}", model).pictures == tokens


def test_pictures_count_in_every_dialect_and_as_nothing_else() -> None:
    data = png(1_024, 1_024)
    blocks: tuple[dict[str, Any], ...] = (
        {"type": "input_image", "image_url": f"data:image/png;base64,{data}"},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": data}},
        {"inlineData": {"mimeType": "image/png", "data": data}},
        {"inline_data": {"mime_type": "image/png", "data": data}},
        {"image": {"format": "png", "source": {"bytes": data}}},
        {"type": "file", "file": {"file_data": f"data:image/png;base64,{data}"}},
    )
    for block in blocks:
        found = asked([block])
        assert found.pictures == 85 + 4 * 170, block
        assert found.tokens < 85 + 4 * 170 + 100
        assert found.open == ()
    shown = input_bound({"messages": [{"role": "user", "content": "x", "images": [data, data]}]}, "gpt-4o")
    assert shown.pictures == 2 * (85 + 4 * 170)


def test_a_picture_of_unknown_size_is_taken_for_the_largest() -> None:
    most = 85 + 8 * 170
    assert pictured("https://example.com/a.png").pictures == most
    assert pictured("data:image/jpeg;base64,/9j/4AAQ").pictures == most
    assert pictured("https://example.com/a.png", detail="low").pictures == 85
    assert (
        asked([{"type": "image", "source": {"type": "url", "url": "https://x/a"}}], "claude-3-opus").pictures == 1_640
    )


def test_text_never_passes_for_a_picture() -> None:
    text = png(10, 10) + "a" * 40_000
    assert asked(text).tokens >= 20_000
    assert asked([{"type": "text", "text": "data:image/png;base64," + text}]).tokens >= 20_000


@pytest.mark.parametrize(
    ("block", "name"),
    [
        ({"type": "file", "file": {"file_id": "file_1"}}, "file"),
        ({"type": "input_file", "file_id": "file_1"}, "file"),
        ({"type": "input_file", "file_url": "https://x/a.pdf"}, "file"),
        ({"type": "document", "source": {"type": "url", "url": "https://x/a.pdf"}}, "file"),
        ({"type": "document", "source": {"type": "file", "file_id": "file_1"}}, "file"),
        ({"fileData": {"mimeType": "video/mp4", "fileUri": "https://x/a"}}, "file"),
        ({"type": "document_url", "document_url": "https://x/a.pdf"}, "file"),
        ({"inlineData": {"mimeType": "application/pdf", "data": "JVBERi0xLjcK"}}, "document"),
        ({"inlineData": {"mimeType": "video/mp4", "data": "AAAAHGZ0eXA="}}, "video"),
        ({"document": {"format": "docx", "source": {"bytes": "UEsDBBQA"}}}, "document"),
    ],
)
def test_what_is_elsewhere_or_unreadable_is_open(block: dict[str, object], name: str) -> None:
    assert asked([block]).open == (name,)


def test_a_document_counts_by_page() -> None:
    pages = b"".join(b"<< /Type /Page /Parent 1 0 R >>" for _ in range(3))
    plain = b"%PDF-1.4 << /Type /Pages /Count 3 >>" + pages + b"%%EOF"
    packed = plain.replace(b"%%EOF", b"/Filter /FlateDecode %%EOF")
    hidden = b"%PDF-1.5 /Filter /ObjStm" + b"stream x endstream " * 5 + b"%%EOF"

    def found(data: bytes) -> int:
        encoded = base64.b64encode(data).decode()
        return asked([{"inlineData": {"mimeType": "application/pdf", "data": encoded}}], "claude-3-opus").pictures

    page = family_of("claude-3-opus").picture((1_700, 2_200), False)
    assert found(plain) == len(plain) + 3 * page
    assert found(packed) == 3 * (3_000 + page)
    assert found(hidden) == 5 * (3_000 + page)


def test_sound_counts_by_its_length() -> None:
    wav = b"RIFF" + bytes(4) + b"WAVEfmt " + bytes(12) + struct.pack("<I", 16_000) + bytes(16) + bytes(32_000)
    heard = asked([{"type": "input_audio", "input_audio": {"data": base64.b64encode(wav).decode(), "format": "wav"}}])
    assert 2_000 <= heard.audio_ms <= 2_010
    assert 2 * 34 <= heard.audio <= 4 * 34
    mp3 = b"\xff\xfb\x90\x00" + bytes(16_000)  # MPEG 1, 128 kbit/s
    spoken = asked([{"inlineData": {"mimeType": "audio/mpeg", "data": base64.b64encode(mp3).decode()}}])
    assert 1_000 <= spoken.audio_ms <= 1_010
    opus = asked([{"inlineData": {"mimeType": "audio/ogg", "data": base64.b64encode(b"OggS" + bytes(4_996)).decode()}}])
    assert 5_000 <= opus.audio_ms <= 5_010


def test_a_video_counts_by_its_length() -> None:
    film = b"\x00\x00\x00\x1cftypisom" + bytes(8) + b"mvhd" + bytes(12) + struct.pack(">II", 1_000, 9_500) + bytes(32)
    found = asked([{"inlineData": {"mimeType": "video/mp4", "data": base64.b64encode(film).decode()}}], "gemini-3-pro")
    assert (found.pictures, found.audio, found.open) == (11 * 320, 11 * 34, ())


def test_documents_of_plain_text_count_as_text() -> None:
    encoded = base64.b64encode(WORDS.encode()).decode()
    blocks: tuple[dict[str, object], ...] = (
        {"inlineData": {"mimeType": "text/plain", "data": encoded}},
        {"document": {"format": "csv", "name": "n", "source": {"bytes": encoded}}},
        {"document": {"format": "txt", "name": "n", "source": {"text": WORDS}}},
        {"type": "input_file", "file_data": "data:text/csv;base64," + encoded},
    )
    for block in blocks:
        assert asked([block]).tokens >= len(WORDS) // 3, block
        assert asked([block]).open == (), block


def test_cache_marks_of_an_hour_are_told() -> None:
    def marked(mark: dict[str, str]) -> bool:
        return asked([{"type": "text", "text": "x", "cache_control": mark}]).long_cache

    assert marked({"type": "ephemeral", "ttl": "1h"})
    assert not marked({"type": "ephemeral", "ttl": "5m"})
    assert not marked({"type": "ephemeral"})
    assert asked([{"cachePoint": {"type": "default", "ttl": "1h"}}]).long_cache
    assert asked("x", tools=[{"name": "f", "cache_control": {"ttl": "1h"}}]).long_cache


def test_a_host_s_hidden_prompt_is_added() -> None:
    body = {"messages": [{"role": "user", "content": "hi"}]}
    assert input_bound(body, "m", quirks={"hidden_prompt": 900}).tokens == input_bound(body, "m").tokens + 900


def test_what_was_learned_only_ever_raises_the_bound() -> None:
    assert learned(EXACT, 100, 80) == EXACT
    assert learned(EXACT, 100, 130) == 13_000
    assert learned(13_000, 100, 120) == 13_000
    assert learned(EXACT, 3, 4) == 13_334
    assert learned(0, 0, 5) == EXACT
    body = {"messages": [{"role": "user", "content": WORDS}]}
    plain, raised = input_bound(body, "m"), input_bound(body, "m", correction=13_000)
    assert raised.tokens == -(-plain.tokens * 13 // 10)
    assert raised.certain == -(-plain.certain * 13 // 10)


def test_every_family_is_found_by_its_names() -> None:
    assert all(family_of(name).names for name in ("openai/GPT-5.2", "us.anthropic.claude-opus-5-v1", "Qwen/Qwen3"))
    assert family_of("somebody/new-model") is FAMILIES[-1]
    assert FAMILIES[-1].names == ()
    assert all(line.names for line in FAMILIES[:-1])


def test_an_uploaded_file_is_open() -> None:
    assert input_bound({"prompt": "x", "image": object()}, "gpt-image-2").open == ("file",)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES | st.text(max_size=8), inner, max_size=5),
    max_leaves=25,
)


@given(st.dictionaries(NAMES, JSON, max_size=6), st.sampled_from(("gpt-4o", "claude-opus-5", "gemini-3-pro", "new")))
def test_no_body_breaks_the_bound(body: dict[str, object], model: str) -> None:
    found = input_bound(body, model)
    assert 0 < found.tokens <= found.certain
    assert 0 <= found.audio + found.pictures <= found.tokens


def test_a_body_nested_too_deeply_is_refused() -> None:
    deep: object = "x"
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(BadRequest, match="nested too deeply"):
        input_bound({"messages": deep}, "m")
