"""What recorded Gemini traffic says, computed twice: plainly from the wire JSON, and from the canonical form.

The plain reading shares no code with the dialect, so that the two can be held against each other.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from typing import Any

from sluice.types.chat import Audio, ChatResponse, Document, Image, Opaque, Part, Text, Thinking, ToolCall, ToolResult
from sluice.types.stream import (
    ArgumentsDelta,
    Finish,
    PartStart,
    SignatureDelta,
    StreamEvent,
    TextDelta,
    UsageReport,
)

STOPS = {"STOP": "stop", "MAX_TOKENS": "length"}
FILTERS = (
    "SAFETY", "RECITATION", "LANGUAGE", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "IMAGE_SAFETY", "MODEL_ARMOR",
    "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION",
)  # fmt: skip
FAULTS = (
    "MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS", "MISSING_THOUGHT_SIGNATURE",
    "MALFORMED_RESPONSE",
)  # fmt: skip


def either(found: Any, name: str) -> Any:
    """A member under its camelCase or its snake_case name."""
    if not isinstance(found, dict):
        return None
    value = found.get(name)
    if value is None:
        value = found.get("".join(f"_{sign.lower()}" if sign.isupper() else sign for sign in name))
    return value


def plainly(parts: Any) -> list[Any]:
    """What a `parts` member says."""
    said: list[Any] = []
    for part in parts if isinstance(parts, list) else [parts]:
        if isinstance(part, dict):
            _part(part, said)
    return said


def _part(part: dict[str, Any], said: list[Any]) -> None:
    signature, text = either(part, "thoughtSignature"), part.get("text")
    call, result = either(part, "functionCall"), either(part, "functionResponse")
    data = either(part, "inlineData") or either(part, "fileData")
    if call is not None:
        _sign(signature, said)
        said.append(("call", call.get("name"), call.get("args") or {}))
    elif part.get("thought"):
        _join(said, "thought", text or "")
        _sign(signature, said)
    elif result is not None:
        said.append(("result", result["name"], result.get("response")))
        said.extend(plainly(result.get("parts") or []))
    elif data is not None:
        said.append(("media", data.get("data") or either(data, "fileUri")))
    elif text is not None or (signature and set(part) <= {"thoughtSignature", "thought_signature", "thought"}):
        _join(said, "text", text or "")
        _sign(signature, said)
    else:
        kept = {name for name, value in part.items() if value is not None} - {"thoughtSignature", "thought_signature"}
        if kept - {"thought"}:
            said.append(("other", sorted(name.replace("_", "").lower() for name in kept - {"thought"})))


def _sign(signature: str | None, said: list[Any]) -> None:
    if signature:
        said.append(("signature", signature))


def _join(said: list[Any], kind: str, text: str) -> None:
    if not text:
        return
    if said and said[-1][0] == kind:
        said[-1] = (kind, said[-1][1] + text)
    else:
        said.append((kind, text))


def canonically(parts: Iterable[Part]) -> list[Any]:
    """The same of canonical parts."""
    said: list[Any] = []
    for part in parts:
        if isinstance(part, Text):
            _join(said, "text", part.text)
        elif isinstance(part, Thinking):
            _join(said, "thought", part.text)
            _sign(opened(part.redacted or part.signature), said)
        elif isinstance(part, ToolCall):
            said.append(("call", part.name, json.loads(part.arguments)))
        elif isinstance(part, ToolResult):
            said.append(("result", part.extras["name"], part.extras.get("response")))
            said.extend(item for item in canonically(part.parts) if item[0] != "text")
        elif isinstance(part, Opaque):
            said.extend(plainly([part.payload]))
        elif isinstance(part, Image | Document | Audio):
            address = None if isinstance(part, Audio) else part.url or part.file_id
            said.append(("media", part.data or address))
    return said


def opened(secret: str | None) -> str | None:
    """The vendor's signature inside a sealed one."""
    if secret is None:
        return None
    entry = json.loads(base64.b64decode(secret.removeprefix("sluice1.")))
    return str(entry.get("data") or entry.get("signature"))


def usage_plainly(raw: Any) -> tuple[int, int, int, int] | None:
    """Fresh input, input from the cache, output, and thoughts of a `usageMetadata` member."""
    if not isinstance(raw, dict):
        return None
    names = (
        "promptTokenCount", "cachedContentTokenCount", "toolUsePromptTokenCount", "candidatesTokenCount",
        "thoughtsTokenCount",
    )  # fmt: skip
    if not any(either(raw, name) is not None for name in (*names, "totalTokenCount")):
        return None
    prompt, cached, tools, candidates, thoughts = (either(raw, name) or 0 for name in names)
    return prompt - cached + tools, cached, candidates + thoughts, thoughts


def usage_canonically(usage: Any) -> tuple[int, int, int, int] | None:
    return None if usage is None else (usage.input, usage.cache_read, usage.output, usage.reasoning)


def stop_plainly(reason: Any, calls: bool) -> str:
    """The canonical stop reason of a finish reason."""
    if isinstance(reason, int):
        reason = {1: "STOP", 2: "MAX_TOKENS", 3: "SAFETY", 4: "RECITATION"}.get(reason)
    if reason == "STOP" and calls:
        return "tool_calls"
    if reason in FILTERS:
        return "content_filter"
    return STOPS.get(reason, "error" if reason in FAULTS else "unknown")


def chunks_plainly(body: bytes) -> list[Any]:
    """The JSON objects of a stream in any framing."""
    text = body.decode().strip()
    if text[:1] == "[":
        return list(json.loads(text))
    return [json.loads(line[5:]) for line in text.splitlines() if line.startswith("data:")]


def stream_plainly(body: bytes) -> tuple[dict[int, list[Any]], dict[int, Any], Any]:
    """What each candidate of a stream says, why it ended, and the last report of usage."""
    said: dict[int, list[Any]] = {}
    reasons: dict[int, Any] = {}
    raw: Any = None
    growing: dict[int, dict[str, Any]] = {}
    for chunk in chunks_plainly(body):
        report = either(chunk, "usageMetadata")
        raw = report if usage_plainly(report) is not None else raw
        for candidate in chunk.get("candidates") or ():
            number = candidate.get("index", 0)
            mine = said.setdefault(number, [])
            for part in (candidate.get("content") or {}).get("parts") or ():
                call = either(part, "functionCall")
                if call is None:
                    _part(part, mine)
                else:
                    _growing_call(call, either(part, "thoughtSignature"), mine, growing, number)
            reasons[number] = either(candidate, "finishReason") or reasons.get(number)
    return said, reasons, raw


def _growing_call(
    call: dict[str, Any], signature: str | None, mine: list[Any], growing: dict[int, Any], number: int
) -> None:
    """A call that is whole, or grows piece by piece; its arguments by their paths."""
    if call.get("name"):
        _sign(signature, mine)
        growing[number] = flat(call.get("args") or {})
        mine.append(("call", call["name"], growing[number]))
    for piece in call.get("partialArgs") or ():
        path = piece["jsonPath"]
        if "stringValue" in piece:
            growing[number][path] = growing[number].get(path, "") + piece["stringValue"]
        else:
            growing[number][path] = piece.get("numberValue", piece.get("boolValue"))


def flat(value: Any, path: str = "$") -> dict[str, Any]:
    """The values inside a JSON value by their paths, as `$.a[0].b`."""
    if isinstance(value, dict) and (value or path != "$"):
        inner = [flat(item, f"{path}.{name}") for name, item in value.items()]
    elif isinstance(value, list):
        inner = [flat(item, f"{path}[{place}]") for place, item in enumerate(value)]
    else:
        return {} if value == {} else {path: value}
    return {name: item for found in inner for name, item in found.items()}


def stream_canonically(events: Iterable[StreamEvent]) -> tuple[dict[int, list[Any]], dict[int, Any], Any]:
    """The same of canonical events: what each choice says, why it ended, and its usage."""
    said: dict[int, list[Any]] = {}
    reasons: dict[int, Any] = {}
    usage: Any = None
    kinds: dict[tuple[int, int], PartStart] = {}
    for event in events:
        if isinstance(event, UsageReport):
            usage = event.usage
        elif isinstance(event, Finish):
            reasons[event.choice] = event.stop
            said.setdefault(event.choice, [])
        elif isinstance(event, PartStart):
            kinds[event.choice, event.part] = event
            _begun(event, said.setdefault(event.choice, []))
        elif isinstance(event, TextDelta):
            kind = kinds[event.choice, event.part].kind
            _join(said[event.choice], "thought" if kind == "thinking" else "text", event.text)
        elif isinstance(event, ArgumentsDelta):
            start = kinds[event.choice, event.part]
            said[event.choice].append(("call", start.name, flat(json.loads(event.fragment))))
        elif isinstance(event, SignatureDelta):
            _sign(opened(event.signature), said[event.choice])
    return said, reasons, usage


def _begun(event: PartStart, mine: list[Any]) -> None:
    if event.kind == "thinking" and isinstance(event.payload, str):
        _sign(opened(event.payload), mine)
    elif event.kind == "opaque":
        mine.extend(plainly([event.payload]))


def response_canonically(response: ChatResponse) -> list[list[Any]]:
    return [canonically(choice.parts) for choice in response.choices]


def gathered(events: Iterable[StreamEvent]) -> dict[int, list[Any]]:
    """Texts and calls of a stream of any dialect, calls as ("call", name, JSON text)."""
    found: dict[int, list[Any]] = {}
    calls: dict[tuple[int, int], list[Any]] = {}
    kinds: dict[tuple[int, int], str] = {}
    for event in events:
        if isinstance(event, PartStart):
            kinds[event.choice, event.part] = event.kind
            if event.kind == "tool_call":
                calls[event.choice, event.part] = ["call", event.name, ""]
                found.setdefault(event.choice, []).append(calls[event.choice, event.part])
        elif isinstance(event, TextDelta) and kinds[event.choice, event.part] in ("text", "refusal"):
            found.setdefault(event.choice, []).append(("text", event.text))
        elif isinstance(event, ArgumentsDelta):
            calls[event.choice, event.part][2] += event.fragment
    return found


def stop_of(events: Iterable[StreamEvent]) -> Any:
    return next((event.stop for event in events if isinstance(event, Finish) and event.choice == 0), None)


def usage_of(events: Iterable[StreamEvent]) -> Any:
    reports = [event.usage for event in events if isinstance(event, UsageReport)]
    return reports[-1] if reports else None


def messages_body(written: bytes) -> dict[str, Any]:
    """The message that a Messages client gathers from a stream."""
    blocks: list[dict[str, Any]] = []
    for event in chunks_plainly(written):
        if event["type"] == "content_block_start":
            blocks.append({**event["content_block"], "json": ""})
        elif event["type"] == "content_block_delta":
            _grow(blocks[event["index"]], event["delta"])
    for block in blocks:
        text = block.pop("json")
        if block["type"] == "tool_use":
            block["input"] = json.loads(text or "{}")
    return {"content": [block for block in blocks if block.get("text") != ""]}


def _grow(block: dict[str, Any], delta: dict[str, Any]) -> None:
    for name in ("text", "thinking", "signature"):
        block.update({name: block.get(name, "") + delta[name]} if name in delta else {})
    block["json"] += delta.get("partial_json", "")


def chat_body(written: bytes) -> dict[str, Any]:
    """The message that a Chat Completions client gathers from a stream."""
    message: dict[str, Any] = {"role": "assistant", "content": "", "reasoning_details": [], "tool_calls": []}
    for line in written.decode().splitlines():
        if not line.startswith("data: {"):
            continue
        choices = json.loads(line[6:])["choices"]
        delta = choices[0]["delta"] if choices and choices[0]["index"] == 0 else {}
        message["content"] += delta.get("content") or ""
        message["reasoning_details"] += delta.get("reasoning_details") or []
        for call in delta.get("tool_calls") or ():
            if call.get("id"):
                message["tool_calls"].append({**call, "function": dict(call["function"])})
            else:
                message["tool_calls"][call["index"]]["function"]["arguments"] += call["function"]["arguments"]
    return {"choices": [{"message": {name: value for name, value in message.items() if value or name == "role"}}]}
