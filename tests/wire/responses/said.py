"""Gathers what an answer says, from canonical events or parts and, independently, from raw JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sluice.types.chat import ChatResponse, Opaque, Refusal, Text, Thinking, ToolCall
from sluice.types.stream import (
    ArgumentsDelta,
    End,
    Finish,
    OpaqueDelta,
    PartStart,
    SignatureDelta,
    StreamEvent,
    StreamFailed,
    TextDelta,
    UsageReport,
)
from sluice.types.usage import Usage

CALLS = ("function_call", "custom_tool_call")


@dataclass
class Said:
    """What an answer says: texts joined, reasoning joined without the blank lines between its parts."""

    text: str = ""
    refusal: str = ""
    thinking: str = ""
    encrypted: int = 0
    calls: list[tuple[str, str, str]] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    citations: int = 0

    def comparable(self) -> tuple[Any, ...]:
        """Everything but the blank lines between parts of reasoning."""
        thinking = self.thinking.replace("\n\n", "")
        return (self.text, self.refusal, thinking, self.encrypted, self.calls, self.others, self.citations)


@dataclass
class Answer:
    """What an answer says and how it ended."""

    said: Said = field(default_factory=Said)
    stop: str = ""
    usage: Usage | None = None
    failed: Exception | None = None
    ended: bool = False

    def comparable(self) -> tuple[Any, ...]:
        """What must survive a round trip."""
        return (self.said.comparable(), self.stop, self.usage, type(self.failed), self.ended)


def of_response(response: ChatResponse) -> Answer:
    """Gather a whole answer."""
    choice = response.choices[0]
    answer = Answer(stop=str(choice.stop), usage=response.usage, ended=True)
    for part in choice.parts:
        said = answer.said
        if isinstance(part, Text):
            said.text += part.text
            said.citations += len(part.citations)
        elif isinstance(part, Refusal):
            said.refusal += part.text
        elif isinstance(part, Thinking):
            said.thinking += part.text
            said.encrypted += part.signature is not None
        elif isinstance(part, ToolCall):
            said.calls.append((part.id, part.name, part.arguments))
        elif isinstance(part, Opaque):
            said.others.append(str(part.payload.get("type")))
    return answer


def of_events(events: Iterable[StreamEvent]) -> Answer:
    """Gather a stream."""
    answer = Answer()
    said, starts, arguments = answer.said, dict[int, PartStart](), dict[int, str]()
    for event in events:
        if isinstance(event, PartStart):
            starts[event.part] = event
            if event.kind == "opaque":
                assert isinstance(event.payload, dict)
                said.others.append(str(event.payload.get("type")))
        elif isinstance(event, TextDelta):
            name = {"text": "text", "refusal": "refusal", "thinking": "thinking"}[starts[event.part].kind]
            setattr(said, name, getattr(said, name) + event.text)
        elif isinstance(event, ArgumentsDelta):
            arguments[event.part] = arguments.get(event.part, "") + event.fragment
        elif isinstance(event, SignatureDelta):
            said.encrypted += 1
        elif isinstance(event, OpaqueDelta) and isinstance(event.payload, dict):
            said.citations += event.payload.get("type") == "response.output_text.annotation.added"
        elif isinstance(event, Finish):
            answer.stop = str(event.stop)
        elif isinstance(event, UsageReport):
            answer.usage = event.usage
        elif isinstance(event, StreamFailed):
            answer.failed = event.error
        elif isinstance(event, End):
            answer.ended = True
    for number, start in sorted(starts.items()):
        if start.kind == "tool_call":
            said.calls.append((start.id, start.name, arguments.get(number, "")))
    return answer


def of_output(output: Iterable[Mapping[str, Any]]) -> Said:
    """Gather raw output items."""
    said = Said()
    for item in output:
        kind = item.get("type")
        if kind == "message":
            for part in item.get("content") or ():
                said.text += part.get("text") or ""
                said.refusal += part.get("refusal") or ""
                said.citations += len(part.get("annotations") or ())
        elif kind == "reasoning":
            parts = [*(item.get("content") or ()), *(item.get("summary") or ())]
            said.thinking += "".join(part.get("text") or "" for part in parts)
            said.encrypted += bool(item.get("encrypted_content"))
        elif kind in CALLS:
            text = item.get("input") if kind == "custom_tool_call" else item.get("arguments")
            said.calls.append((item["call_id"], item["name"], text or ""))
        else:
            said.others.append(str(kind))
    return said


def events_of(body: bytes) -> Iterator[dict[str, Any]]:
    """Yield the JSON objects of a stream, read the simple way: one `data:` line each."""
    for line in body.replace(b"\r\n", b"\n").split(b"\n"):
        data = line[5:].strip() if line.startswith(b"data:") else b""
        if data.startswith(b"{"):
            yield json.loads(data)


def first_answer(events: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the events up to the end of the first answer; some recordings hold several turns one behind the other."""
    found: list[dict[str, Any]] = []
    for event in events:
        found.append(event)
        if event.get("type") in ("response.completed", "response.incomplete"):
            break
    return found


def output_of(events: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the items that a stream's `output_item.done` events hold."""
    done = [event for event in events if event.get("type") == "response.output_item.done"]
    return [event["item"] for event in sorted(done, key=lambda event: event.get("output_index", 0))]


def order_problems(events: list[dict[str, Any]]) -> Iterator[str]:
    """Yield where a written stream breaks the order that clients of this dialect rely on."""
    if [event.get("sequence_number") for event in events] != list(range(len(events))):
        yield "the events are not numbered one after the other"
    if not events or events[0]["type"] != "response.created":
        yield "the stream does not begin with response.created"
        return
    if events[-1]["type"] not in ("response.completed", "response.incomplete", "response.failed"):
        yield f"the stream ends with {events[-1]['type']}"
    announced: dict[int, str] = {}
    contents: set[tuple[int, int]] = set()
    arguments: set[int] = set()
    for event in events[1:]:
        kind, place = event["type"], event.get("output_index")
        if kind == "response.output_item.added" and isinstance(place, int):
            if place != len(announced):
                yield f"item {place} is announced out of order"
            announced[place] = str(event["item"].get("id"))
            continue
        if not isinstance(place, int):
            continue
        if place not in announced:
            yield f"{kind} for item {place}, which is not open"
        elif "item_id" in event and str(event["item_id"]) != announced[place]:
            yield f"{kind} names {event['item_id']}, not {announced[place]}"
        if kind == "response.content_part.added":
            contents.add((place, event["content_index"]))
        elif kind.startswith(("response.output_text.", "response.refusal.")):
            if (place, event["content_index"]) not in contents:
                yield f"{kind} for a content part that is not open"
        elif kind == "response.function_call_arguments.done":
            arguments.add(place)
        elif kind == "response.output_item.done":
            if event["item"].get("type") == "function_call" and place not in arguments:
                yield "a call ended before its arguments did"
            del announced[place]
            announced[place] = "closed"
