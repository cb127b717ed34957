"""Requests of another dialect for the tests of writing them in this one."""

from __future__ import annotations

from typing import Any

import pytest

from sluice.dialects import anthropic_messages as wire
from sluice.errors import UnsupportedParameter
from sluice.types.chat import ChatRequest, Message, Part, Text, Tool

LOOK = Tool("look", "Looks.", {"type": "object", "properties": {}})


def user(*parts: Part) -> Message:
    return Message("user", parts)


def request(*messages: Message, **members: Any) -> ChatRequest:
    turns = messages or (user(Text("Hello")),)
    members = {"max_tokens": 4000, "dialect": "openai_chat", **members}
    return ChatRequest(model="m", messages=turns, **members)


def encode(
    asked: ChatRequest, quirks: dict[str, Any] | None = None, strict: bool = False
) -> tuple[dict[str, Any], Any]:
    encoded = wire.encode_request(asked, "claude", quirks or {}, strict)
    return encoded.body, encoded.edits


def refused(asked: ChatRequest, quirks: dict[str, Any] | None = None, strict: bool = False) -> UnsupportedParameter:
    with pytest.raises(UnsupportedParameter) as caught:
        encode(asked, quirks, strict)
    return caught.value


def turns_of(*messages: Message) -> Any:
    return encode(request(*messages))[0]["messages"]
