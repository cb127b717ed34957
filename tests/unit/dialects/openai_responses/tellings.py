"""Requests and answers that the translation tests of the Responses dialect tell in every dialect."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from sluice.dialects import anthropic_messages as messages
from sluice.dialects import openai_chat as chat
from sluice.dialects import openai_responses as responses
from sluice.dialects.base import ChatDialect, Encoded
from sluice.types.chat import ChatRequest

SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
PNG = "data:image/png;base64,iVBORw0KGgo="
PDF = "data:application/pdf;base64,JVBERi0="
ASKED: dict[str, ChatRequest] = {
    "openai_chat": chat.decode_request(
        {
            "model": "m",
            "messages": [{"role": "user", "content": "x"}],
            "stream": True,
            "stream_options": {"include_usage": True},
        }
    ),
    "anthropic_messages": messages.decode_request(
        {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "x"}]}
    ),
    "openai_responses": responses.decode_request({"model": "m", "input": "x", "stream": True}),
}
OTHERS: list[Any] = [pytest.param(chat, id="openai_chat"), pytest.param(messages, id="anthropic_messages")]


def told(
    dialect: ChatDialect, body: dict[str, Any], quirks: dict[str, Any] | None = None, strict: bool = False
) -> Encoded:
    """A Responses request, as a provider of another dialect gets it."""
    request = responses.decode_request({"model": "r", "input": "x", **body})
    return dialect.encode_request(request, "m", quirks or {}, strict)


def asked(dialect: ChatDialect, body: dict[str, Any], quirks: dict[str, Any] | None = None) -> Encoded:
    """A request of another dialect, as a Responses provider gets it."""
    needed = {"max_tokens": 99} if dialect is messages else {}
    return responses.encode_request(
        dialect.decode_request({"model": "r", **needed, **body}), "gpt", quirks or {}, False
    )


def whole(source: ChatDialect, body: dict[str, Any], target: ChatDialect) -> Any:
    """A provider's answer, as a caller of another dialect gets it."""
    written = target.encode_response(source.decode_response(body), ASKED[target.NAME])
    return json.loads(json.dumps(written))


def streamed(source: ChatDialect, body: bytes, target: ChatDialect) -> bytes:
    """A provider's stream, as a caller of another dialect gets it."""
    return b"".join(target.encode_stream(source.decode_stream([body]), ASKED[target.NAME]))


def events_of(body: bytes) -> Iterator[dict[str, Any]]:
    for line in body.splitlines():
        if line.startswith(b"data: {"):
            yield json.loads(line[6:])


CLAUDE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude",
    "content": [
        {"type": "thinking", "thinking": "Hm.", "signature": "EqQB+/="},
        {"type": "redacted_thinking", "data": "Emwk"},
        {"type": "text", "text": "I look."},
        {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"city": "Rome"}},
    ],
    "stop_reason": "tool_use",
    "stop_sequence": None,
    "usage": {"input_tokens": 10, "cache_read_input_tokens": 200, "output_tokens": 40},
}
GPT: dict[str, Any] = {
    "id": "resp_1",
    "object": "response",
    "created_at": 1,
    "status": "completed",
    "model": "gpt",
    "error": None,
    "incomplete_details": None,
    "output": [
        {
            "type": "reasoning",
            "id": "rs_1",
            "summary": [{"type": "summary_text", "text": "Hm."}],
            "encrypted_content": "gAAAA",
        },
        {
            "type": "message",
            "id": "msg_1",
            "status": "completed",
            "role": "assistant",
            "content": [{"type": "output_text", "text": "I look.", "annotations": [], "logprobs": []}],
        },
        {
            "type": "function_call",
            "id": "fc_1",
            "call_id": "call_1",
            "name": "look",
            "arguments": '{"city":"Rome"}',
            "status": "completed",
        },
    ],
    "usage": {
        "input_tokens": 210,
        "input_tokens_details": {"cached_tokens": 200},
        "output_tokens": 40,
        "output_tokens_details": {"reasoning_tokens": 15},
        "total_tokens": 250,
    },
}


def gathered(stream: bytes) -> dict[str, Any]:
    """Gather a Messages stream as its clients do."""
    blocks: dict[int, dict[str, Any]] = {}
    answer: dict[str, Any] = {}
    for event in events_of(stream):
        if event["type"] == "message_start":
            answer = event["message"]
        elif event["type"] == "content_block_start":
            blocks[event["index"]] = {**event["content_block"], "partial": ""}
        elif event["type"] == "content_block_delta":
            block, delta = blocks[event["index"]], event["delta"]
            for member, part in (("text", "text"), ("thinking", "thinking"), ("partial", "partial_json")):
                block[member] = block.get(member, "") + delta.get(part, "") if part in delta else block.get(member, "")
            block.update({"signature": delta["signature"]} if "signature" in delta else {})
        elif event["type"] == "message_delta":
            answer.update(event["delta"])
    for block in blocks.values():
        partial = block.pop("partial")
        if block["type"] == "tool_use":
            block["input"] = json.loads(partial or "{}")
    return {**answer, "content": [blocks[index] for index in sorted(blocks)]}
