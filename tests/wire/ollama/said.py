"""What recorded Ollama traffic says, computed twice: plainly from the wire JSON, and from the canonical form.

The plain reading shares no code with the dialect, so that the two can be held against each other.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from sluice.types.chat import ChatRequest, Image, Part, Text, Thinking, ToolCall, ToolResult
from sluice.types.stream import (
    ArgumentsDelta,
    Finish,
    PartStart,
    StreamEvent,
    TextDelta,
    UsageReport,
)


def plainly(message: dict[str, Any]) -> list[Any]:
    """What a message says: thinking, text, pictures, calls."""
    said: list[Any] = [(kind, message[name]) for kind, name in _MEMBERS if message.get(name)]
    said += [("image", data) for data in message.get("images") or ()]
    for call in message.get("tool_calls") or ():
        said.append(("call", call["function"]["name"], call["function"]["arguments"]))
    return said


_MEMBERS = (("thinking", "thinking"), ("text", "content"))


def canonically(parts: Iterable[Part]) -> list[Any]:
    """The same of canonical parts."""
    said: list[Any] = []
    for part in parts:
        if isinstance(part, Text):
            said.append(("text", part.text))
        elif isinstance(part, Thinking):
            said.append(("thinking", part.text))
        elif isinstance(part, Image):
            said.append(("image", part.data))
        elif isinstance(part, ToolCall):
            said.append(("call", part.name, json.loads(part.arguments)))
        elif isinstance(part, ToolResult):
            said.append(("result", "".join(inner.text for inner in part.parts if isinstance(inner, Text))))
    return said


def messages_plainly(messages: list[Any]) -> list[Any]:
    """Role and content of each message."""
    return [
        (message["role"], [("result", message["content"])] if message["role"] == "tool" else plainly(message))
        for message in messages
    ]


def messages_canonically(request: ChatRequest) -> list[Any]:
    """The same of a canonical request."""
    return [(message.role, canonically(message.parts)) for message in request.messages]


def answered(request: ChatRequest) -> list[str]:
    """The ids of results that no call has; there should be none."""
    made = {part.id for message in request.messages for part in message.parts if isinstance(part, ToolCall)}
    results = [part for message in request.messages for part in message.parts if isinstance(part, ToolResult)]
    return [result.call_id for result in results if result.call_id not in made]


def meaning(value: Any) -> Any:
    """Return a body without what may be written in two ways: nulls, empty members, the default of `stream`."""
    if isinstance(value, list):
        return [meaning(item) for item in value]
    if not isinstance(value, dict):
        return value
    kept = {key: meaning(item) for key, item in value.items() if item is not None and item not in ([], "")}
    if kept.get("options") == {}:
        del kept["options"]
    if kept.get("stream") is True:
        del kept["stream"]
    return kept


def stop_plainly(answer: dict[str, Any], calls: bool) -> str:
    """The canonical stop reason of a last line."""
    word = answer.get("done_reason", "stop")
    if word == "stop" and calls:
        return "tool_calls"
    return {"stop": "stop", "length": "length"}.get(word, "unknown")


def usage_plainly(answer: dict[str, Any]) -> tuple[int, int] | None:
    """Prompt and output of a last line."""
    if "eval_count" not in answer:
        return None
    return answer.get("prompt_eval_count", 0), answer["eval_count"]


def usage_canonically(usage: Any) -> tuple[int, int] | None:
    return None if usage is None else (usage.prompt, usage.output)


def stream_plainly(body: bytes) -> tuple[list[Any], dict[str, Any]]:
    """What a stream says, and its last line."""
    said: list[Any] = []
    last: dict[str, Any] = {}
    for line in body.decode().splitlines():
        last = json.loads(line) if line.strip() else last
        for item in plainly(last["message"]) if line.strip() else ():
            if said and said[-1][0] == item[0] and item[0] in ("text", "thinking"):
                said[-1] = (item[0], said[-1][1] + item[1])
            else:
                said.append(item)
    return said, last


def stream_canonically(events: Iterable[StreamEvent]) -> tuple[list[Any], Any, Any]:
    """The same of canonical events: what was said, why it ended, its usage."""
    said: list[Any] = []
    parts: dict[int, list[Any]] = {}
    stop = usage = None
    for event in events:
        if isinstance(event, PartStart):
            parts[event.part] = ["call", event.name, ""] if event.kind == "tool_call" else [event.kind, ""]
            said.append(parts[event.part])
        elif isinstance(event, TextDelta):
            parts[event.part][-1] += event.text
        elif isinstance(event, ArgumentsDelta):
            parts[event.part][-1] += event.fragment
        elif isinstance(event, Finish):
            stop = event.stop
        elif isinstance(event, UsageReport):
            usage = event.usage
    return [_settled(item) for item in said if item[-1] or item[0] == "call"], stop, usage


def _settled(item: list[Any]) -> tuple[Any, ...]:
    return ("call", item[1], json.loads(item[2] or "{}")) if item[0] == "call" else tuple(item)


def ids(events: Iterable[StreamEvent]) -> list[str]:
    """The ids of a stream's calls."""
    return [event.id for event in events if isinstance(event, PartStart) and event.kind == "tool_call"]


def joined(said: list[Any]) -> list[Any]:
    """What another dialect can tell, whatever its order of thinking and text."""
    return [
        "".join(item[1] for item in said if item[0] == "text"),
        "".join(item[1] for item in said if item[0] == "thinking"),
        [item[1:] for item in said if item[0] == "call"],
    ]
