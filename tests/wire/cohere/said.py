"""What recorded Cohere traffic says, computed twice: plainly from the wire JSON, and from the canonical form.

The plain reading shares no code with the dialect, so that the two can be held against each other.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from sluice.types.chat import ChatRequest, Document, Image, Part, Text, Thinking, ToolCall, ToolResult
from sluice.types.stream import (
    ArgumentsDelta,
    Finish,
    OpaqueDelta,
    PartStart,
    StreamEvent,
    StreamFailed,
    TextDelta,
    UsageReport,
)

STOPS = {"COMPLETE": "stop", "MAX_TOKENS": "length", "TOOL_CALL": "tool_calls", "STOP_SEQUENCE": "stop_sequence"}


def plainly(message: dict[str, Any]) -> list[Any]:
    """What a message says, in order."""
    content = message.get("content") or []
    if isinstance(content, str):
        content = [{"type": "text", "text": content}]
    said: list[Any] = [item for part in content if (item := _plain_part(part))[1]]
    if message.get("tool_plan"):
        said.append(("plan", message["tool_plan"]))
    for call in message.get("tool_calls") or ():
        said.append(("call", call["id"], call["function"]["name"], call["function"]["arguments"]))
    return said


def _plain_part(part: dict[str, Any]) -> tuple[str, Any]:
    kind = part["type"]
    if kind == "image_url":
        url = part["image_url"]["url"]
        return "image", url.partition(";base64,")[2] or url
    return kind, part[kind]


def canonically(parts: Iterable[Part]) -> list[Any]:
    """The same of canonical parts."""
    said: list[Any] = []
    for part in parts:
        if isinstance(part, Text):
            said.append(("text", part.text))
        elif isinstance(part, Thinking):
            said.append(("plan" if part.field == "tool_plan" else "thinking", part.text))
        elif isinstance(part, Image):
            said.append(("image", part.data or part.url))
        elif isinstance(part, ToolCall):
            said.append(("call", part.id, part.name, part.arguments))
    return said


def messages_plainly(messages: list[Any]) -> list[Any]:
    """Role and content of each message; of a tool's, the call it answers and its texts."""
    found: list[Any] = []
    for message in messages:
        if message["role"] != "tool":
            found.append((message["role"], plainly(message)))
            continue
        content = message["content"]
        parts = [content] if isinstance(content, str) else content
        found.append(("tool", message["tool_call_id"], [value for part in parts for value in _values(part)]))
    return found


def _values(part: Any) -> list[str]:
    """The texts in a tool's result, wherever they stand."""
    if isinstance(part, str):
        return [part]
    if part["type"] == "text":
        return [part["text"]]
    return [str(value) for value in part["document"]["data"].values()]


def messages_canonically(request: ChatRequest) -> list[Any]:
    """The same of a canonical request; a result's texts are cut out of what is told to other dialects."""
    found: list[Any] = []
    for message in request.messages:
        result = next((part for part in message.parts if isinstance(part, ToolResult)), None)
        if result is None:
            found.append((message.role, canonically(message.parts)))
        elif "content" in result.extras:
            values = [value for part in result.extras["content"] for value in _values(part)]  # type: ignore[attr-defined]
            told = " ".join(part.text for part in result.parts if isinstance(part, Text))
            found.append((message.role, result.call_id, [value for value in values if value in told]))
        else:
            texts = [part.text for part in result.parts if isinstance(part, Text)]
            found.append((message.role, result.call_id, texts))
    return found


def documents_plainly(documents: Any) -> list[Any]:
    """Each document's name and texts."""
    return [list(document["data"].values()) for document in documents or ()]


def documents_canonically(request: ChatRequest) -> list[Any]:
    """The same, as far as what other dialects are told holds them."""
    found: list[Any] = []
    for message in request.messages:
        for part in message.parts:
            if isinstance(part, Document):
                data = part.extras["document"]["data"]  # type: ignore[index]
                told = f"{part.name}\n{part.text}"
                found.append([value for value in data.values() if value in told])
    return found


def meaning(value: Any) -> Any:
    """Return a body without what may be written in two ways: strings or lists, nulls, empty lists, a schema's name."""
    if isinstance(value, list):
        return [meaning(item) for item in value]
    if not isinstance(value, dict):
        return value
    kept = {key: meaning(item) for key, item in value.items() if item is not None and item not in ([], "")}
    if isinstance(content := kept.get("content"), list):
        blocks = [block for block in content if block != {"type": "text"}]
        kept["content"] = blocks[0]["text"] if [set(block) for block in blocks] == [{"type", "text"}] else blocks
        if not blocks:
            del kept["content"]
    if kept.get("type") == "json_object" and "schema" in kept:
        kept["json_schema"] = kept.pop("schema")
    if kept.get("stream") is False:
        del kept["stream"]
    return kept


def usage_plainly(raw: Any) -> tuple[int, int, int, int] | None:
    """Billed input, output, reasoning and pictures of a `usage` member."""
    if not raw:
        return None
    billed, tokens = raw["billed_units"], raw["tokens"]
    return (
        billed["input_tokens"],
        billed["output_tokens"],
        min(tokens.get("reasoning_tokens", 0), billed["output_tokens"]),
        tokens.get("image_tokens", 0),
    )


def usage_canonically(usage: Any) -> tuple[int, int, int, int] | None:
    return None if usage is None else (usage.prompt, usage.output, usage.reasoning, usage.image_input)


def totals(usage: Any) -> tuple[int, int]:
    """The totals that every dialect can tell."""
    return usage.prompt, usage.output


def stream_plainly(body: bytes) -> tuple[list[Any], Any, Any, Any]:
    """What a stream says, why it ended, its usage, and the error it reports."""
    said: list[Any] = []
    calls: dict[int, list[Any]] = {}
    ended: dict[str, Any] = {}
    fresh = True
    for line in body.decode().splitlines():
        event: dict[str, Any] = json.loads(line[5:]) if line.startswith("data: {") else {"type": ""}
        kind, message = event["type"], (event.get("delta") or {}).get("message") or {}
        if kind == "content-start":
            fresh = True
        if kind in ("content-start", "content-delta"):
            for name in ("thinking", "text"):
                fresh = not _add(said, name, message["content"].get(name) or "", fresh) and fresh
        elif kind == "tool-plan-delta":
            _add(said, "plan", message["tool_plan"], False)
        elif kind == "tool-call-start":
            call = message["tool_calls"]
            calls[event["index"]] = ["call", call["id"], call["function"]["name"], call["function"]["arguments"]]
            said.append(calls[event["index"]])
        elif kind == "tool-call-delta":
            calls[event["index"]][3] += message["tool_calls"]["function"]["arguments"]
        elif kind == "citation-start":
            said.append(("citation", message["citations"]["text"]))
        elif kind == "message-end":
            ended = event["delta"]
    return [tuple(item) for item in said], ended.get("finish_reason"), ended.get("usage"), ended.get("error")


def _add(said: list[Any], kind: str, text: str, fresh: bool) -> bool:
    if text and not fresh and said and said[-1][0] == kind:
        said[-1] = (kind, said[-1][1] + text)
    elif text:
        said.append((kind, text))
    return bool(text)


def stream_canonically(events: Iterable[StreamEvent]) -> tuple[list[Any], Any, Any, Any]:
    """The same of canonical events."""
    said: list[Any] = []
    parts: dict[int, list[Any]] = {}
    stop = usage = failure = None
    for event in events:
        if isinstance(event, PartStart):
            kind = "plan" if event.field == "tool_plan" else event.kind
            parts[event.part] = ["call", event.id, event.name, ""] if kind == "tool_call" else [kind, ""]
            said.append(parts[event.part])
        elif isinstance(event, TextDelta):
            parts[event.part][-1] += event.text
        elif isinstance(event, ArgumentsDelta):
            parts[event.part][-1] += event.fragment
        elif isinstance(event, OpaqueDelta) and isinstance(event.payload, dict) and "citation" in event.payload:
            said.append(("citation", event.payload["citation"]["text"]))
        elif isinstance(event, Finish):
            stop = event.stop
        elif isinstance(event, UsageReport):
            usage = event.usage
        elif isinstance(event, StreamFailed):
            failure = event.error
    return [tuple(item) for item in said if item[-1] != "" or item[0] == "call"], stop, usage, failure


def unnamed(said: list[Any]) -> list[Any]:
    """What another dialect can tell: texts joined, reasoning under one name, calls with their arguments' value."""
    text = "".join(item[1] for item in said if item[0] == "text")
    thought = "".join(item[1] for item in said if item[0] in ("plan", "thinking"))
    return [
        text,
        thought,
        [(item[1], item[2], json.loads(item[3] or "{}") or {}) for item in said if item[0] == "call"],
    ]


def spoken(parts: Iterable[Part]) -> list[Any]:
    """The same of the parts of a whole answer."""
    return unnamed(canonically(parts))


def calls(request: ChatRequest) -> list[Any]:
    """The calls of a conversation and the results that answer them."""
    found: list[Any] = []
    for message in request.messages:
        for part in message.parts:
            if isinstance(part, ToolCall):
                found.append((part.id, part.name, json.loads(part.arguments or "{}") or {}))
            elif isinstance(part, ToolResult):
                texts = "".join(inner.text for inner in part.parts if isinstance(inner, Text))
                found.append((part.call_id, _flat(texts)))
    return found


def lost(heard: ChatRequest, asked: ChatRequest) -> list[str]:
    """The texts that were not heard; white space around them does not count, nor does where they are parted."""
    sent = _flat("".join(_texts(heard)))
    return [text for text in _texts(asked) if _flat(text) not in sent]


def _texts(request: ChatRequest) -> list[str]:
    found: list[str] = []
    for message in request.messages:
        for part in message.parts:
            if isinstance(part, Text):
                found.append(part.text)
            elif isinstance(part, Document):
                found.append(part.text or "")
    return found


def _flat(text: str) -> str:
    return "".join(text.split())
