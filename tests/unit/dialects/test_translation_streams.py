"""Streams of both chat dialects against each other, cut anywhere."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sluice.dialects import anthropic_messages as messages
from sluice.dialects import openai_chat as chat
from tests.unit.dialects.both_ways import (
    ASKED_CHAT,
    ASKED_MESSAGES,
    CLAUDE_ANSWER,
    GPT_ANSWER,
    from_claude,
    from_gpt,
    to_messages,
    user,
)


def claude_stream() -> bytes:
    """CLAUDE_ANSWER as its vendor streams it."""
    empty = {
        **CLAUDE_ANSWER,
        "content": [],
        "stop_reason": None,
        "usage": {**CLAUDE_ANSWER["usage"], "output_tokens": 1},
    }  # type: ignore[dict-item]
    found = [{"type": "message_start", "message": empty}, {"type": "ping"}]
    for index, block in enumerate(CLAUDE_ANSWER["content"]):  # type: ignore[arg-type]
        found += _claude_block(index, block)
    end = {"stop_reason": "tool_use", "stop_sequence": None}
    found.append(
        {
            "type": "message_delta",
            "delta": end,
            "usage": {"output_tokens": 40, "output_tokens_details": {"thinking_tokens": 15}},
        }
    )
    found.append({"type": "message_stop"})
    return b"".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in found)


def _claude_block(index: int, block: Any) -> list[dict[str, Any]]:
    empty: dict[str, Any] = {"text": {"text": ""}, "thinking": {"thinking": "", "signature": ""}}.get(block["type"], {})
    deltas: list[dict[str, Any]] = []
    if block["type"] == "text":
        deltas = [{"type": "text_delta", "text": piece} for piece in ("Let me ", "look.")]
    elif block["type"] == "thinking":
        deltas = [
            {"type": "thinking_delta", "thinking": "Hm."},
            {"type": "signature_delta", "signature": block["signature"]},
        ]
    elif block["type"] == "tool_use":
        empty = {"input": {}}
        text = json.dumps(block["input"]) if block["input"] else ""
        deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in ("", text[:5], text[5:])]
    return [
        {"type": "content_block_start", "index": index, "content_block": {**block, **empty}},
        *({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": index},
    ]


def gpt_stream(*deltas: dict[str, Any], finish: str | None = "tool_calls", usage: Any = None) -> bytes:
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "gpt"}
    chunks = [{**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
    if finish is not None:
        chunks.append({**head, "choices": [{"index": 0, "delta": {}, "finish_reason": finish}]})
        chunks.append({**head, "choices": [], "usage": usage or GPT_ANSWER["usage"]})
    body = b"".join(f"data: {json.dumps(chunk)}\n\n".encode() for chunk in chunks)
    return body + (b"data: [DONE]\n\n" if finish is not None else b"")


def call(index: int, **held: Any) -> dict[str, Any]:
    return {"tool_calls": [{"index": index, **held}]}


GPT_STREAM = gpt_stream(
    {"role": "assistant", "content": ""},
    {"reasoning_content": "Hm."},
    {"content": "Let me "},
    {"content": "look."},
    call(0, id="call_1", type="function", function={"name": "look", "arguments": ""}),
    call(0, function={"arguments": '{"city":'}),
    call(1, id="call_2", type="function", function={"name": "look", "arguments": ""}),
    call(0, function={"arguments": ' "Rome"}'}),
)


def to_chat_stream(body: bytes, size: int = 64) -> bytes:
    return b"".join(chat.encode_stream(messages.decode_stream(pieces(body, size)), ASKED_CHAT))


def to_messages_stream(body: bytes, size: int = 64) -> bytes:
    return b"".join(messages.encode_stream(chat.decode_stream(pieces(body, size)), ASKED_MESSAGES))


def pieces(body: bytes, size: int) -> list[bytes]:
    return [body[at : at + size] for at in range(0, len(body), size)]


def gathered_chat(body: bytes) -> dict[str, Any]:
    """What a Chat Completions client puts together from a stream."""
    text, reasoning, calls, finish, usage = "", "", {}, None, None
    assert body.rstrip().endswith(b"data: [DONE]")
    for line in body.decode().splitlines():
        if not line.startswith("data: {"):
            continue
        chunk = json.loads(line[6:])
        usage = chunk.get("usage") or usage
        for choice in chunk["choices"]:
            delta, finish = choice["delta"], choice["finish_reason"] or finish
            text += delta.get("content") or ""
            reasoning += delta.get("reasoning_content") or ""
            for part in delta.get("tool_calls") or ():
                known = calls.setdefault(part["index"], {"id": part.get("id"), "name": "", "arguments": ""})
                known["name"] += part["function"].get("name") or ""
                known["arguments"] += part["function"].get("arguments") or ""
    return {"text": text, "reasoning": reasoning, "calls": list(calls.values()), "finish": finish, "usage": usage}


def gathered_messages(body: bytes) -> dict[str, Any]:
    """What a Messages client puts together from a stream; blocks must come one after the other."""
    blocks: list[dict[str, Any]] = []
    ended: dict[str, Any] = {}
    current = -1
    for line in body.decode().splitlines():
        event = json.loads(line[6:]) if line.startswith("data: ") else {"type": ""}
        if event["type"] == "content_block_start":
            assert (current, event["index"]) == (-1, len(blocks))
            current = event["index"]
            blocks.append({**event["content_block"], "json": ""})
        elif event["type"] == "content_block_delta":
            assert event["index"] == current
            for source, name in (
                ("text", "text"),
                ("thinking", "thinking"),
                ("signature", "signature"),
                ("partial_json", "json"),
            ):
                blocks[-1][name] = blocks[-1].get(name, "") + event["delta"].get(source, "")
        elif event["type"] == "content_block_stop":
            assert event["index"] == current
            current = -1
        elif event["type"] == "message_delta":
            ended = {**event["delta"], "usage": event["usage"]}
    assert b"[DONE]" not in body
    assert body.rstrip().endswith(b'{"type":"message_stop"}')
    return {"blocks": blocks, **ended}


@pytest.mark.parametrize("size", [1, 7, 64, 100_000])
def test_claudes_stream_reaches_a_chat_caller(size: int) -> None:
    found = gathered_chat(to_chat_stream(claude_stream(), size))
    assert (found["text"], found["reasoning"], found["finish"]) == ("Let me look.", "Hm.", "tool_calls")
    assert [(known["id"], known["name"], json.loads(known["arguments"])) for known in found["calls"]] == [
        ("toolu_1", "look", {"city": "Rome"}),
        ("toolu_2", "look", {}),
    ]
    usage = found["usage"]
    assert (usage["prompt_tokens"], usage["completion_tokens"]) == (240, 40)
    assert usage["prompt_tokens_details"]["cached_tokens"] == 200


@pytest.mark.parametrize("size", [1, 7, 64, 100_000])
def test_gpts_stream_reaches_a_messages_caller(size: int) -> None:
    found = gathered_messages(to_messages_stream(GPT_STREAM, size))
    thinking, text, first, second = found["blocks"]
    assert (thinking["thinking"], text["text"]) == ("Hm.", "Let me look.")
    assert (first["id"], first["name"], json.loads(first["json"])) == ("call_1", "look", {"city": "Rome"})
    assert (second["id"], second["name"], json.loads(second["json"] or "{}")) == ("call_2", "look", {})
    assert found["stop_reason"] == "tool_use"
    usage = found["usage"]
    assert (usage["input_tokens"], usage["cache_read_input_tokens"], usage["output_tokens"]) == (40, 200, 40)


def test_a_stream_says_what_the_whole_answer_says_both_ways() -> None:
    whole = from_claude()["choices"][0]["message"]
    streamed = gathered_chat(to_chat_stream(claude_stream()))
    assert streamed["text"] == whole["content"]
    assert [known["arguments"] and json.loads(known["arguments"]) for known in streamed["calls"]] == [
        json.loads(made["function"]["arguments"]) for made in whole["tool_calls"]
    ]
    other = from_gpt()["content"]
    blocks = gathered_messages(to_messages_stream(GPT_STREAM))["blocks"]
    assert [block["type"] for block in blocks] == [block["type"] for block in other]


def test_signatures_survive_a_stream_through_a_chat_caller() -> None:
    details: list[Any] = []
    for line in to_chat_stream(claude_stream()).decode().splitlines():
        if line.startswith("data: {"):
            for choice in json.loads(line[6:])["choices"]:
                details += choice["delta"].get("reasoning_details") or []
    said = {"role": "assistant", "content": "Let me look.", "reasoning_details": details}
    sent: Any = to_messages({"max_tokens": 9, "messages": [user("x"), said, user("y")]}).body
    assert sent["messages"][1]["content"] == CLAUDE_ANSWER["content"][:3]  # type: ignore[index]


def test_a_refusal_streams_to_a_messages_caller() -> None:
    body = gpt_stream({"role": "assistant", "refusal": "I "}, {"refusal": "cannot."}, finish="stop")
    found = gathered_messages(to_messages_stream(body))
    assert (found["blocks"][0]["text"], found["stop_reason"]) == ("I cannot.", "refusal")


def test_an_answer_broken_off_ends_with_the_callers_own_error() -> None:
    to_claude_caller = to_messages_stream(gpt_stream({"content": "Hel"}, finish=None))
    assert to_claude_caller.split(b"\n\n")[-2].startswith(b"event: error\ndata: ")
    assert b"message_stop" not in to_claude_caller
    to_gpt_caller = to_chat_stream(claude_stream()[:900])
    assert b'"error"' in to_gpt_caller.split(b"\n\n")[-2]
    assert b"[DONE]" not in to_gpt_caller


def test_an_error_inside_a_stream_ends_with_the_callers_own_error() -> None:
    busy = b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"Busy"}}\n\n'
    assert b'"message":"Busy"' in to_chat_stream(claude_stream()[:900].rpartition(b"\n\n")[0] + b"\n\n" + busy)
    filtered = b'data: {"error":{"message":"Filtered","type":"invalid_request_error","code":"content_filter"}}\n\n'
    last = to_messages_stream(gpt_stream({"content": "Hel"}, finish=None) + filtered).split(b"\n\n")[-2]
    assert last.startswith(b"event: error")
    assert json.loads(last.partition(b"data: ")[2])["error"]["message"] == "Filtered"
