"""What recorded Bedrock traffic says, computed twice: plainly from the wire JSON, and from the canonical form.

The plain reading shares no code with the dialect, so that the two can be held against each other. Frames are cut by
botocore's reader.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from typing import Any

from botocore.eventstream import EventStreamBuffer

from sluice.types.chat import Audio, Document, Image, Opaque, Part, Text, Thinking, ToolCall, ToolResult
from sluice.types.stream import (
    ArgumentsDelta,
    Finish,
    OpaqueDelta,
    PartStart,
    SignatureDelta,
    StreamEvent,
    TextDelta,
    UsageReport,
)
from sluice.types.usage import Usage

STOPS = {
    "end_turn": "stop",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "stop_sequence": "stop_sequence",
    "guardrail_intervened": "content_filter",
    "content_filtered": "content_filter",
    "malformed_model_output": "error",
    "malformed_tool_use": "error",
    "model_context_window_exceeded": "length",
    None: None,
}


def plainly(content: Any, answer: bool = False) -> list[Any]:
    """What a list of content blocks says."""
    said: list[Any] = []
    for block in content or []:
        _block(block, said, answer)
    return said


def _block(block: dict[str, Any], said: list[Any], answer: bool) -> None:
    call, result = block.get("toolUse"), block.get("toolResult")
    reasoning = block.get("reasoningContent") or {}
    cited = block.get("citationsContent")
    media = block.get("image") or block.get("document") or block.get("video") or block.get("audio")
    if isinstance(block.get("text"), str):
        said.append(("text", block["text"]))
    elif call is not None and call.get("type") != "server_tool_use":
        said.append(("call", call["toolUseId"], call["name"], call.get("input") or {}))
    elif result is not None and not answer:
        inner = [item for raw in result["content"] for item in _result(raw)]
        said.append(("result", result["toolUseId"], result.get("status") == "error", inner))
    elif "reasoningText" in reasoning:
        text = reasoning["reasoningText"]
        said.append(("thought", text["text"], text.get("signature") or None))
    elif "redactedContent" in reasoning:
        said.append(("secret", base64.b64decode(reasoning["redactedContent"]).decode()))
    elif cited is not None and cited.get("content"):
        said.append(("text", "".join(piece["text"] for piece in cited["content"])))
        said.append(("citations", len(cited["citations"])))
    elif media is not None:
        source = media["source"]
        said.append(("media", source.get("bytes") or source.get("text") or source["s3Location"]["uri"]))
    elif "guardContent" in block:
        said.append(("text", block["guardContent"]["text"]["text"]))
    elif "cachePoint" in block:
        said.append(("mark",))
    else:
        said.append(("other", sorted(block)))


def _result(raw: dict[str, Any]) -> list[Any]:
    if "json" in raw:
        return [("text", json.dumps(raw["json"], ensure_ascii=False, separators=(",", ":")))]
    return plainly([raw])


def canonically(parts: Iterable[Part]) -> list[Any]:
    """What canonical parts say, in the same form."""
    said: list[Any] = []
    for part in parts:
        if isinstance(part, Text):
            said.append(("text", part.text))
            if part.citations:
                said.append(("citations", len(part.citations)))
        elif isinstance(part, ToolCall):
            said.append(("call", part.id, part.name, json.loads(part.arguments)))
        elif isinstance(part, ToolResult):
            said.append(("result", part.call_id, part.is_error, canonically(part.parts)))
        elif isinstance(part, Thinking):
            secret = part.redacted
            said.append(("thought", part.text, part.signature) if secret is None else ("secret", secret))
        elif isinstance(part, Image | Document):
            said.append(("media", part.data or part.url or getattr(part, "text", None)))
        elif isinstance(part, Audio):
            said.append(("media", part.data))
        elif isinstance(part, Opaque):
            _opaque(part.payload, said)
        if getattr(part, "cache", None) is not None:
            said.append(("mark",))
    return said


def _opaque(payload: Any, said: list[Any]) -> None:
    media = payload.get("video") or payload.get("image")
    if media is not None:
        source = media["source"]
        said.append(("media", source.get("bytes") or source["s3Location"]["uri"]))
    else:
        said.append(("mark",) if "cachePoint" in payload else ("other", sorted(payload)))


def usage_plainly(raw: Any) -> tuple[int, ...] | None:
    """Input, read, written and output tokens of a `usage` member."""
    if not raw:
        return None
    read = raw.get("cacheReadInputTokens") or raw.get("cacheReadInputTokenCount") or 0
    written = raw.get("cacheWriteInputTokens") or raw.get("cacheWriteInputTokenCount") or 0
    counts = (raw.get("inputTokens") or 0, read, written, raw.get("outputTokens") or 0)
    if "totalTokens" in raw and sum(counts) != raw["totalTokens"]:
        raise AssertionError(f"the recorded total is not the sum: {raw}")
    return counts


def usage_canonically(usage: Usage | None) -> tuple[int, ...] | None:
    """The same of canonical usage."""
    if usage is None:
        return None
    return usage.input, usage.cache_read, usage.cache_write_5m + usage.cache_write_1h, usage.output


def frames(body: bytes) -> list[tuple[dict[str, Any], Any]]:
    """Headers and JSON payload of each frame, as botocore reads them."""
    buffer = EventStreamBuffer()
    buffer.add_data(body)
    return [(frame.headers, json.loads(frame.payload or b"{}")) for frame in buffer]


def stream_plainly(body: bytes) -> tuple[list[Any], str | None, Any]:
    """What a stream says: its blocks in order, why it ended, its `usage` member."""
    blocks: dict[int, dict[str, Any]] = {}
    reason, usage = None, None
    for _, event in frames(body):
        index = event.get("contentBlockIndex")
        if "start" in event:
            blocks[index] = {"start": event["start"]}
        elif "delta" in event:
            _delta(event["delta"], blocks.setdefault(index, {}))
        elif "stopReason" in event:
            reason = event["stopReason"]
        usage = event.get("usage", usage)
    return [item for _, block in sorted(blocks.items()) for item in _told(block)], reason, usage


def _delta(delta: dict[str, Any], block: dict[str, Any]) -> None:
    reasoning = delta.get("reasoningContent") or {}
    for name, value in (
        ("text", delta.get("text")),
        ("input", (delta.get("toolUse") or {}).get("input")),
        ("thought", reasoning.get("text")),
        ("signature", reasoning.get("signature")),
        ("secret", reasoning.get("redactedContent")),
    ):
        if value is not None:
            block[name] = block.get(name, "") + value
    if "citation" in delta:
        block["citations"] = block.get("citations", 0) + 1


def _told(block: dict[str, Any]) -> list[Any]:
    call = (block.get("start") or {}).get("toolUse")
    if call is not None and call.get("type") != "server_tool_use":
        return [("call", call["toolUseId"], call["name"], json.loads(block.get("input") or "{}"))]
    if "secret" in block:
        return [("secret", base64.b64decode(block["secret"]).decode())]
    if "thought" in block or "signature" in block:
        return [("thought", block.get("thought", ""), block.get("signature"))]
    if "start" in block:
        return [("other",)]
    cited = [("citations", block["citations"])] if "citations" in block else []
    return [("text", block.get("text", "")), *cited]


def stream_canonically(events: Iterable[StreamEvent]) -> tuple[list[Any], str | None, Usage | None]:
    """The same of canonical events."""
    parts: dict[int, dict[str, Any]] = {}
    reason: str | None = None
    usage: Usage | None = None
    for event in events:
        if isinstance(event, PartStart):
            parts[event.part] = {"start": event, "text": "", "signature": None, "citations": 0}
        elif isinstance(event, TextDelta):
            parts[event.part]["text"] += event.text
        elif isinstance(event, ArgumentsDelta):
            parts[event.part]["text"] += event.fragment
        elif isinstance(event, SignatureDelta):
            parts[event.part]["signature"] = event.signature
        elif isinstance(event, OpaqueDelta) and event.part in parts:
            parts[event.part]["citations"] += 1
        elif isinstance(event, Finish):
            reason = event.stop
        elif isinstance(event, UsageReport):
            usage = event.usage
    return [item for _, part in sorted(parts.items()) for item in _heard(part)], reason, usage


def _heard(part: dict[str, Any]) -> list[Any]:
    start: PartStart = part["start"]
    if start.kind == "tool_call":
        return [("call", start.id, start.name, json.loads(part["text"]))]
    if start.kind == "thinking":
        return [("secret", start.payload)] if start.payload else [("thought", part["text"], part["signature"])]
    if start.kind == "opaque":
        return [("other",)]
    cited = [("citations", part["citations"])] if part["citations"] else []
    return [("text", part["text"]), *cited]
