"""What an answer or request says, read twice: plainly from the recorded JSON, and from the canonical form.

The plain reading shares no code with the dialect, so that a mistake there shows here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sluice.types import stream as events
from sluice.types.chat import ChatResponse, Document, Image, Opaque, Part, Text, Thinking, ToolCall, ToolResult
from sluice.types.usage import Usage

STOPS = {
    "end_turn": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "pause_turn": "pause",
}


@dataclass
class Said:
    """The content of one answer or one list of turns, in order."""

    texts: list[str] = field(default_factory=list)
    thinking: list[tuple[str, str]] = field(default_factory=list)
    redacted: list[str] = field(default_factory=list)
    calls: list[tuple[str, str, Any]] = field(default_factory=list)
    results: list[tuple[str, bool]] = field(default_factory=list)
    media: int = 0
    others: list[str] = field(default_factory=list)
    citations: int = 0
    stop: str | None = None


def plainly(blocks: Any) -> Said:
    """Read content blocks."""
    said = Said()
    _add_plain(said, blocks)
    return said


def _add_plain(said: Said, blocks: Any) -> None:
    if isinstance(blocks, str):
        if blocks:
            said.texts.append(blocks)
        return
    for block in blocks or ():
        match block["type"]:
            case "text":
                said.texts.append(block["text"])
                said.citations += len(block.get("citations") or ())
            case "thinking":
                said.thinking.append((block["thinking"], block.get("signature") or ""))
            case "redacted_thinking":
                said.redacted.append(block["data"])
            case "tool_use":
                said.calls.append((block["id"], block["name"], block["input"]))
            case "tool_result":
                said.results.append((block["tool_use_id"], block.get("is_error") is True))
                _add_plain(said, block.get("content"))
            case "image" | "document" | "search_result":
                said.media += 1
            case other:
                said.others.append(other)


def request_plainly(body: Mapping[str, Any]) -> Said:
    """Read all turns of a request."""
    said = plainly(body.get("system"))
    for message in body["messages"]:
        _add_plain(said, message["content"])
    return said


def stream_plainly(data: bytes) -> tuple[Said, dict[str, Any]]:
    """Read a stream: what it says, and its usage members, later ones over earlier ones."""
    blocks: list[dict[str, Any]] = []
    open_blocks: dict[int, dict[str, Any]] = {}
    usage: dict[str, Any] = {}
    stop = None
    for event in _events(data):
        match event.get("type"):
            case "message_start":
                message = event["message"]
                blocks += message.get("content") or []
                stop = message.get("stop_reason") or stop
                _overlay(usage, message.get("usage"))
                open_blocks = {}
            case "content_block_start":
                block = open_blocks[event["index"]] = {**event["content_block"], "json": ""}
                blocks.append(block)
            case "content_block_delta":
                _grow(open_blocks[event["index"]], event["delta"])
            case "message_delta":
                stop = event["delta"].get("stop_reason") or stop
                _overlay(usage, event.get("usage"))
    for block in blocks:
        if block["type"] == "tool_use" and block.get("json"):
            block["input"] = _json_or_text(block["json"])
    said = plainly(blocks)
    said.stop = STOPS.get(stop, stop) if stop else None
    return said, usage


def _events(data: bytes) -> Iterable[dict[str, Any]]:
    for line in data.decode("utf-8", "replace").splitlines():
        if line.startswith("data:"):
            try:
                event = json.loads(line[5:])
            except ValueError:
                continue
            if isinstance(event, dict):
                yield event


def _overlay(usage: dict[str, Any], report: Mapping[str, Any] | None) -> None:
    usage.update({name: value for name, value in (report or {}).items() if value is not None})


def _grow(block: dict[str, Any], delta: Mapping[str, Any]) -> None:
    match delta["type"]:
        case "text_delta":
            block["text"] = block.get("text", "") + delta["text"]
        case "thinking_delta":
            block["thinking"] = block.get("thinking", "") + delta["thinking"]
        case "signature_delta":
            block["signature"] = delta["signature"]
        case "input_json_delta":
            block["json"] += delta["partial_json"]
        case "citations_delta":
            block["citations"] = [*(block.get("citations") or ()), delta["citation"]]


def canonically(parts: Iterable[Part]) -> Said:
    """Read canonical parts."""
    said = Said()
    _add_parts(said, parts)
    return said


def _add_parts(said: Said, parts: Iterable[Part]) -> None:
    for part in parts:
        if isinstance(part, Text):
            said.texts.append(part.text)
            said.citations += len(part.citations)
        elif isinstance(part, Thinking) and part.redacted is not None:
            said.redacted.append(part.redacted)
        elif isinstance(part, Thinking):
            said.thinking.append((part.text, part.signature or ""))
        elif isinstance(part, ToolCall):
            said.calls.append((part.id, part.name, _json_or_text(part.arguments)))
        elif isinstance(part, ToolResult):
            said.results.append((part.call_id, part.is_error))
            _add_parts(said, part.parts)
        elif isinstance(part, Image | Document):
            said.media += 1
        elif isinstance(part, Opaque):
            said.others.append(str(part.payload["type"]))


def response_canonically(response: ChatResponse) -> Said:
    """Read a canonical answer."""
    said = canonically(response.choices[0].parts)
    said.stop = response.choices[0].stop
    return said


def stream_canonically(stream: Iterable[events.StreamEvent]) -> tuple[Said, Usage | None, bool]:
    """Read canonical events: what they say, the last usage, and whether the end was said."""
    parts: dict[int, dict[str, Any]] = {}
    stop, usage, ended = None, None, False
    for event in stream:
        if isinstance(event, events.PartStart):
            parts[event.part] = {"start": event, "text": "", "json": "", "signature": "", "citations": 0}
        elif isinstance(event, events.TextDelta):
            parts[event.part]["text"] += event.text
        elif isinstance(event, events.ArgumentsDelta):
            parts[event.part]["json"] += event.fragment
        elif isinstance(event, events.SignatureDelta):
            parts[event.part]["signature"] = event.signature
        elif isinstance(event, events.OpaqueDelta):
            parts[event.part]["citations"] += "citation" in str(event.payload["type"])  # type: ignore[index]
        elif isinstance(event, events.Finish):
            stop = event.stop
        elif isinstance(event, events.UsageReport | events.Start):
            usage = event.usage
        elif isinstance(event, events.End):
            ended = True
    said = Said(stop=stop)
    for part in parts.values():
        _add_streamed(said, part)
    return said, usage, ended


def _add_streamed(said: Said, part: Mapping[str, Any]) -> None:
    start = part["start"]
    match start.kind:
        case "text":
            said.texts.append(part["text"])
            said.citations += part["citations"]
        case "thinking" if start.payload is not None:
            said.redacted.append(start.payload)
        case "thinking":
            said.thinking.append((part["text"], part["signature"]))
        case "tool_call":
            said.calls.append((start.id, start.name, _json_or_text(part["json"])))
        case _:
            said.others.append(start.payload["type"])


def usage_plainly(raw: Mapping[str, Any] | None) -> Usage | None:
    """Return the counts a usage object reports, compaction passes added (they are billed, but left out on top)."""
    if not raw:
        return None
    passes = [raw, *(entry for entry in raw.get("iterations") or () if entry["type"] == "compaction")]
    split = [entry.get("cache_creation") or {} for entry in passes]
    one_hour = sum(entry.get("ephemeral_1h_input_tokens") or 0 for entry in split)
    return Usage(
        input=sum(entry.get("input_tokens") or 0 for entry in passes),
        cache_read=sum(entry.get("cache_read_input_tokens") or 0 for entry in passes),
        cache_write_5m=sum(entry.get("cache_creation_input_tokens") or 0 for entry in passes) - one_hour,
        cache_write_1h=one_hour,
        output=sum(entry.get("output_tokens") or 0 for entry in passes),
        reasoning=(raw.get("output_tokens_details") or {}).get("thinking_tokens") or 0,
        search_requests=(raw.get("server_tool_use") or {}).get("web_search_requests") or 0,
        provider_cost_usd=None if raw.get("cost") is None else str(raw["cost"]),
        service_tier=raw.get("service_tier"),
    )


def _json_or_text(text: str) -> Any:
    try:
        return json.loads(text or "{}")
    except ValueError:
        return text
