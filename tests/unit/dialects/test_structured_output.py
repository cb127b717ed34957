"""Structured output where a model has none (`json_schema: false`): by a forced tool, or refused with the remedy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from sluice.dialects import chat_dialect
from sluice.errors import UnsupportedParameter
from sluice.types.chat import ChatRequest, ChatResponse, Choice, Message, OutputFormat, Text, ToolCall
from sluice.types.stream import ArgumentsDelta, End, Finish, PartStart, PartStop, Start, StreamEvent, TextDelta
from sluice.types.usage import Usage

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "additionalProperties": False}
WANTED = OutputFormat("json_schema", "answer", SCHEMA)
ASKED = ChatRequest("m", (Message("user", (Text("Where?"),)),), output_format=WANTED, max_tokens=99, dialect="other")
ANSWER = '{"city":"Bern"}'

NATIVE = {
    "openai_chat": "response_format",
    "openai_responses": "text",
    "anthropic_messages": "output_config",
    "gemini": "generationConfig",
    "bedrock_converse": "outputConfig",
    "cohere_chat": "response_format",
    "ollama_chat": "format",
    "snowflake_complete": "response_format",
}
EMULATED = ("anthropic_messages", "bedrock_converse")


@pytest.mark.parametrize(("dialect", "member"), NATIVE.items())
def test_a_schema_is_said_in_the_dialects_own_words(dialect: str, member: str) -> None:
    body = chat_dialect(dialect).encode_request(ASKED, "m", {}, True).body
    assert "city" in str(body[member])
    assert "tools" not in body


@pytest.mark.parametrize("dialect", sorted({*NATIVE, "openai_completions"} - {*EMULATED}))
def test_a_dialect_that_cannot_emulate_it_says_what_to_do(dialect: str) -> None:
    with pytest.raises(UnsupportedParameter, match=r"(?i)choose a") as refused:
        chat_dialect(dialect).encode_request(ASKED, "m", {"json_schema": False}, False)
    assert refused.value.param in {"response_format", "text.format"}


@pytest.mark.parametrize("dialect", EMULATED)
@pytest.mark.parametrize("strict", [False, True])
def test_elsewhere_one_forced_tool_takes_the_schema(dialect: str, strict: bool) -> None:
    encoded = chat_dialect(dialect).encode_request(ASKED, "m", {"json_schema": False, "forced_tools": True}, strict)
    body: Any = encoded.body
    config = body.get("toolConfig", body)
    assert "structured_answer" in str(config.get("toolChoice") or config.get("tool_choice"))
    assert "city" in str(config["tools"])
    assert "emulated:response_format" in encoded.edits


def called() -> ChatResponse:
    """Return an answer that is nothing but a call of the tool."""
    call = ToolCall("call_1", "structured_answer", ANSWER)
    return ChatResponse("r", "m", (Choice((call,), "tool_calls"),), Usage(input=1, output=1), 1, "other")


@pytest.mark.parametrize("dialect", EMULATED)
def test_its_call_is_read_back_as_text(dialect: str) -> None:
    wire = chat_dialect(dialect)
    answer = wire.decode_response(wire.encode_response(called(), ASKED), {"json_schema": False})
    (choice,) = answer.choices
    assert [type(part) for part in choice.parts] == [Text]
    assert choice.parts[0].text.replace(" ", "") == ANSWER  # type: ignore[union-attr]
    assert choice.stop == "stop"


@pytest.mark.parametrize("dialect", EMULATED)
def test_its_streamed_call_is_read_back_as_text(dialect: str) -> None:
    wire = chat_dialect(dialect)
    sent = list(wire.encode_stream(_streamed(), ASKED))
    events = list(wire.decode_stream(iter(sent), {"json_schema": False}))
    assert "".join(event.text for event in events if isinstance(event, TextDelta)) == ANSWER
    assert [event.kind for event in events if isinstance(event, PartStart)] == ["text"]


def _streamed() -> Iterator[StreamEvent]:
    yield Start("r", "m")
    yield PartStart(0, "tool_call", "call_1", "structured_answer")
    yield ArgumentsDelta(0, ANSWER[:7])
    yield ArgumentsDelta(0, ANSWER[7:])
    yield PartStop(0)
    yield Finish("tool_calls")
    yield End()
