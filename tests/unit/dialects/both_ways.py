"""Requests and answers that the translation tests tell in both dialects."""

from __future__ import annotations

from typing import Any

from sluice.dialects import anthropic_messages as messages
from sluice.dialects import openai_chat as chat
from sluice.dialects.base import Encoded

SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
ASKED_CHAT = chat.decode_request(
    {"model": "m", "messages": [{"role": "user", "content": "x"}], "stream_options": {"include_usage": True}}
)
ASKED_MESSAGES = messages.decode_request(
    {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "x"}]}
)


def to_messages(body: dict[str, Any], quirks: dict[str, Any] | None = None, strict: bool = False) -> Encoded:
    """A Chat Completions request, as a Messages provider gets it."""
    return messages.encode_request(chat.decode_request({"model": "r", **body}), "claude", quirks or {}, strict)


def to_chat(body: dict[str, Any], quirks: dict[str, Any] | None = None, strict: bool = False) -> Encoded:
    """A Messages request, as a Chat Completions provider gets it."""
    request = messages.decode_request({"model": "r", "max_tokens": 99, **body})
    return chat.encode_request(request, "gpt", quirks or {}, strict)


def user(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


CLAUDE_ANSWER = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude",
    "content": [
        {"type": "thinking", "thinking": "Hm.", "signature": "EqQB+/="},
        {"type": "redacted_thinking", "data": "Emwk"},
        {"type": "text", "text": "Let me look."},
        {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"city": "Rome"}},
        {"type": "tool_use", "id": "toolu_2", "name": "look", "input": {}},
    ],
    "stop_reason": "tool_use",
    "stop_sequence": None,
    "usage": {
        "input_tokens": 10,
        "cache_read_input_tokens": 200,
        "cache_creation_input_tokens": 30,
        "cache_creation": {"ephemeral_5m_input_tokens": 30, "ephemeral_1h_input_tokens": 0},
        "output_tokens": 40,
        "output_tokens_details": {"thinking_tokens": 15},
        "service_tier": "standard",
    },
}
GPT_ANSWER = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "gpt",
    "choices": [
        {
            "index": 0,
            "message": {
                "role": "assistant",
                "content": "Let me look.",
                "reasoning_content": "Hm.",
                "tool_calls": [
                    {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": '{"city": "Rome"}'}},
                    {"id": "call_2", "type": "function", "function": {"name": "look", "arguments": ""}},
                ],
            },
            "finish_reason": "tool_calls",
        }
    ],
    "usage": {
        "prompt_tokens": 240,
        "completion_tokens": 40,
        "total_tokens": 280,
        "prompt_tokens_details": {"cached_tokens": 200},
        "completion_tokens_details": {"reasoning_tokens": 15},
    },
}


def from_claude(**changes: Any) -> Any:
    return chat.encode_response(messages.decode_response({**CLAUDE_ANSWER, **changes}), ASKED_CHAT)


def from_gpt(message: dict[str, Any] | None = None, finish: str = "stop") -> Any:
    body = GPT_ANSWER
    if message is not None:
        body = {**body, "choices": [{"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish}]}
    return messages.encode_response(chat.decode_response(body), ASKED_MESSAGES)
