"""Writes the parts of a stream as output items: the events that announce, fill and end them, and the items."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from sluice.dialects.openai_responses.ids import item_id
from sluice.dialects.openai_responses.items_out import free_text
from sluice.dialects.openai_responses.names import FORMAT, NAME, UNSIGNED
from sluice.dialects.openai_responses.reasoning import opened, sealed_secret
from sluice.types.chat import Json, Thinking
from sluice.types.stream import (
    ArgumentsDelta,
    OpaqueDelta,
    PartStart,
    PartStop,
    SignatureDelta,
    StreamEvent,
    TextDelta,
)

Event = dict[str, Json]


@dataclass(slots=True)
class _Part:
    """One part: its item and that item's place, its place among the item's contents, what it said so far."""

    start: PartStart
    item: Event
    index: int
    content: int = 0
    said: list[str] = field(default_factory=list)
    signature: str | None = None
    logprobs: list[Json] = field(default_factory=list)
    annotations: list[Json] = field(default_factory=list)
    stopped: bool = False

    def at(self, kind: str, **members: Json) -> Event:
        """Return an event about this part's item."""
        return {"type": kind, "item_id": self.item.get("id"), "output_index": self.index, **members}


class Output:
    """The output items of one answer. `items` are those that are complete, in order of their place."""

    __slots__ = ("_custom", "_done", "_homes", "_message", "_parts", "_places", "_seed", "calls", "refused")

    def __init__(self, seed: str, custom: frozenset[str], homes: Mapping[str, tuple[str, str]]) -> None:
        self.calls = False
        self.refused = False
        self._seed = seed
        self._custom = custom
        self._homes = homes
        self._parts: dict[int, _Part] = {}
        self._message: list[_Part] = []
        self._places = 0
        self._done: dict[int, Event] = {}

    @property
    def items(self) -> list[Json]:
        """The items that are complete."""
        return [self._done[place] for place in sorted(self._done)]

    def take(self, event: StreamEvent) -> Iterator[Event]:
        """Yield the events of one canonical event."""
        if isinstance(event, PartStart):
            yield from self._start(event)
            return
        number = getattr(event, "part", -1)
        part = self._parts.get(number)
        if part is None or part.stopped:
            return
        if isinstance(event, TextDelta):
            yield from self._text(part, event)
        elif isinstance(event, ArgumentsDelta):
            yield from self._arguments(part, event.fragment)
        elif isinstance(event, SignatureDelta):
            part.signature = event.signature
        elif isinstance(event, OpaqueDelta):
            yield from self._opaque(part, event)
        elif isinstance(event, PartStop):
            yield from self._stop(part)

    def end(self) -> Iterator[Event]:
        """Yield the ends of everything that is open."""
        for part in list(self._parts.values()):
            yield from self._stop(part)
        yield from self._end_message()

    def _start(self, start: PartStart) -> Iterator[Event]:
        if start.part in self._parts or start.kind == "audio":
            return
        if start.kind in ("text", "refusal"):
            yield from self._start_said(start)
            return
        item = self._first_form(start)
        if item is None:
            return
        yield from self._end_message()
        part = self._parts[start.part] = _Part(start, item, self._places)
        self._places += 1
        yield {"type": "response.output_item.added", "output_index": part.index, "item": item}

    def _first_form(self, start: PartStart) -> Event | None:
        """Return an item as it is announced; None for a part this dialect has no item for."""
        if start.kind == "thinking":
            return {"type": "reasoning", "id": self._id("rs", start.id), "summary": []}
        if start.kind == "tool_call":
            self.calls = True
            custom = start.custom or start.name in self._custom
            own = start.payload if start.dialect == NAME and isinstance(start.payload, dict) else {}
            identity = self._id("ctc" if custom else "fc", own.get("id"))
            member = "input" if custom else "arguments"
            head: Event = {"type": "custom_tool_call" if custom else "function_call", "id": identity}
            space, name = self._homes.get(start.name, ("", start.name))
            said: Event = {"status": "in_progress", "call_id": start.id, "name": name, member: ""}
            if space:
                said["namespace"] = space
            return {**head, **said, **{name: value for name, value in own.items() if name != "id"}}
        if start.kind == "opaque" and start.dialect == NAME and isinstance(start.payload, dict):
            return dict(start.payload)
        return None

    def _id(self, prefix: str, own: Json) -> str:
        return own if isinstance(own, str) and own else item_id(prefix, self._seed, self._places)

    def _start_said(self, start: PartStart) -> Iterator[Event]:
        own = start.id if start.dialect == NAME else ""
        if self._message and own and own != self._message[0].item["id"]:
            yield from self._end_message()
        if not self._message:
            item: Event = {"type": "message", "id": self._id("msg", own), "status": "in_progress", "role": "assistant"}
            item["content"] = []
            yield {"type": "response.output_item.added", "output_index": self._places, "item": item}
            self._places += 1
        else:
            for earlier in self._message:
                yield from self._stop(earlier)
            item = self._message[0].item
        index = self._message[0].index if self._message else self._places - 1
        part = self._parts[start.part] = _Part(start, item, index, len(self._message))
        self._message.append(part)
        yield part.at("response.content_part.added", content_index=part.content, part=_held(part))

    def _text(self, part: _Part, event: TextDelta) -> Iterator[Event]:
        if part.start.kind == "thinking":
            if not part.said:
                empty: Json = {"type": "summary_text", "text": ""}
                yield part.at("response.reasoning_summary_part.added", summary_index=0, part=empty)
            part.said.append(event.text)
            yield part.at("response.reasoning_summary_text.delta", summary_index=0, delta=event.text)
        elif part.start.kind == "refusal":
            self.refused = True
            part.said.append(event.text)
            yield part.at("response.refusal.delta", content_index=part.content, delta=event.text)
        elif part.start.kind == "text":
            entries = event.logprobs.get("content") if isinstance(event.logprobs, Mapping) else None
            logprobs = entries if isinstance(entries, list) else []
            part.logprobs.extend(logprobs)
            part.said.append(event.text)
            yield part.at("response.output_text.delta", content_index=part.content, delta=event.text, logprobs=logprobs)

    def _arguments(self, part: _Part, fragment: str) -> Iterator[Event]:
        if part.start.kind != "tool_call" or not fragment:
            return
        part.said.append(fragment)
        if part.start.custom:
            yield part.at("response.custom_tool_call_input.delta", delta=fragment)
        elif part.item["type"] == "function_call":
            yield part.at("response.function_call_arguments.delta", delta=fragment)

    def _opaque(self, part: _Part, event: OpaqueDelta) -> Iterator[Event]:
        if event.dialect != NAME or not isinstance(event.payload, Mapping):
            return
        kind = str(event.payload.get("type", ""))
        if kind == "response.output_item.done":
            held = event.payload.get("item")
            part.item = dict(held) if isinstance(held, Mapping) else part.item
        elif kind == "response.output_text.annotation.added":
            place, annotation = len(part.annotations), event.payload.get("annotation")
            part.annotations.append(annotation)
            yield part.at(kind, content_index=part.content, annotation_index=place, annotation=annotation)
        elif kind.startswith("response.") and part.start.kind == "opaque":
            yield {**event.payload, **part.at(kind)}

    def _stop(self, part: _Part) -> Iterator[Event]:
        if part.stopped:
            return
        part.stopped = True
        kind, text = part.start.kind, "".join(part.said)
        if kind == "text":
            yield part.at("response.output_text.done", content_index=part.content, text=text, logprobs=part.logprobs)
            yield part.at("response.content_part.done", content_index=part.content, part=_held(part))
        elif kind == "refusal":
            yield part.at("response.refusal.done", content_index=part.content, refusal=text)
            yield part.at("response.content_part.done", content_index=part.content, part=_held(part))
        elif kind == "thinking":
            yield from self._end_thinking(part, text)
        elif kind == "tool_call":
            yield from self._end_call(part, text)
        else:
            yield self._done_item(part.index, part.item)

    def _end_thinking(self, part: _Part, text: str) -> Iterator[Event]:
        summary: list[Json] = []
        if text:
            whole: Json = {"type": "summary_text", "text": text}
            summary.append(whole)
            yield part.at("response.reasoning_summary_text.done", summary_index=0, text=text)
            yield part.at("response.reasoning_summary_part.done", summary_index=0, part=whole)
        redacted = part.start.payload if isinstance(part.start.payload, str) else None
        entry = opened(part.signature) or opened(redacted)
        item: Event = {**part.item, "summary": summary}
        if entry is not None and entry.get("format") == FORMAT:
            item["encrypted_content"] = entry.get("data")
        else:
            secret = sealed_secret(Thinking(text, signature=part.signature, redacted=redacted))
            if secret != UNSIGNED or part.start.dialect != NAME:
                item["encrypted_content"] = secret
        yield self._done_item(part.index, item)

    def _end_call(self, part: _Part, text: str) -> Iterator[Event]:
        if part.item["type"] == "function_call":
            if not text and part.start.dialect != NAME:
                text = "{}"
                yield part.at("response.function_call_arguments.delta", delta=text)
            yield part.at("response.function_call_arguments.done", arguments=text, name=part.item["name"])
            yield self._done_item(part.index, {**part.item, "status": "completed", "arguments": text})
            return
        if not part.start.custom:  # a function that stands for a free-text tool
            text = free_text(text)
            yield part.at("response.custom_tool_call_input.delta", delta=text)
        yield part.at("response.custom_tool_call_input.done", input=text)
        yield self._done_item(part.index, {**part.item, "status": "completed", "input": text})

    def _end_message(self) -> Iterator[Event]:
        for part in self._message:
            yield from self._stop(part)
        if self._message:
            first = self._message[0]
            content: Json = [_held(part) for part in self._message]
            yield self._done_item(first.index, {**first.item, "status": "completed", "content": content})
            self._message = []

    def _done_item(self, place: int, item: Event) -> Event:
        self._done[place] = item
        return {"type": "response.output_item.done", "output_index": place, "item": item}


def _held(part: _Part) -> Event:
    """Return a message's content part as it stands."""
    text = "".join(part.said)
    if part.start.kind == "refusal":
        return {"type": "refusal", "refusal": text}
    annotations: Json = list(part.annotations)
    return {"type": "output_text", "text": text, "annotations": annotations, "logprobs": list(part.logprobs)}
