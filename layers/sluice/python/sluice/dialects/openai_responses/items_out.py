"""Writes canonical messages as input items, and the parts of an answer as output items.

Item ids of an answer are made from the answer's id and the item's place, so that the same answer always gets the same.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping

from sluice.dialects.openai_responses.content import CONTENT, Block, PartWriter
from sluice.dialects.openai_responses.ids import item_id
from sluice.dialects.openai_responses.items_in import LAYOUT
from sluice.dialects.openai_responses.names import NAME
from sluice.dialects.openai_responses.reasoning import own_entries, own_items
from sluice.types.chat import Json, Message, Opaque, Part, Thinking, ToolCall, ToolResult

_SPOKEN = {"assistant": "output_text"}


class ItemWriter:
    """Writes the input items of one request."""

    __slots__ = ("_custom", "_writer", "items")

    def __init__(self, writer: PartWriter) -> None:
        self.items: list[Json] = []
        self._writer = writer
        self._custom: set[str] = set()

    def add(self, message: Message) -> None:
        """Take the next message. Raises UnsupportedParameter."""
        writer = self._writer
        role = "user" if message.role == "tool" else message.role
        if message.name is not None:
            writer.edits.note("dropped:messages.name")
        for name in () if writer.native else message.extras:
            writer.edits.note(f"dropped:messages.{name}")
        extras = message.extras if writer.native and role != "assistant" else {}
        for run, members in segments(message.parts, message.extras.get(LAYOUT) if writer.native else None):
            first = run[0] if run else None
            if isinstance(first, Thinking):
                self._add_thinking([part for part in run if isinstance(part, Thinking)])
            elif isinstance(first, ToolCall):
                self.items.append(self._call(first))
            elif isinstance(first, ToolResult):
                self.items.append(self._result(first))
            elif first is not None and is_item(first):
                self._add_opaque(first)
            else:
                content = writer.content(tuple(run), _SPOKEN.get(role, "input_text"))
                if content or writer.native:
                    self.items.append({"type": "message", "role": role, "content": content, **members, **extras})
        if not message.parts and not message.extras.get(LAYOUT) and writer.native:
            self.items.append({"type": "message", "role": role, "content": [], **extras})

    def _add_opaque(self, part: Part) -> None:
        if isinstance(part, Opaque) and part.dialect == NAME:
            self.items.append(dict(part.payload))
        elif isinstance(part, Opaque):
            self._writer.edits.drop(f"messages.{part.payload.get('type', 'part')}")

    def _add_thinking(self, parts: list[Thinking]) -> None:
        """Write earlier reasoning that the vendor can verify; other reasoning only where it is declared to be taken."""
        writer = self._writer
        way = writer.quirks.get("reasoning_items", "encrypted")
        for item in own_items(parts, writer.native):
            if writer.native or (way != "none" and ("encrypted_content" in item or way == "text")):
                self.items.append(item)
            else:
                writer.edits.note("dropped:reasoning")
        for part in parts:
            if own_entries(part) is not None:
                continue
            if way != "text" or not part.text:
                writer.edits.note("dropped:reasoning")
                continue
            thought: Json = [{"type": "reasoning_text", "text": part.text}]
            self.items.append(
                {"type": "reasoning", "id": item_id("rs", part.text, 0), "summary": [], "content": thought}
            )

    def _call(self, call: ToolCall) -> Block:
        extras = dict(call.extras) if self._writer.native else {}
        if call.cache is not None:
            self._writer.edits.note("dropped:cache_control")
        if call.custom or extras.pop("type", None) == "custom_tool_call":
            self._custom.add(call.id)
            text = call.arguments if call.custom else free_text(call.arguments)
            return {"type": "custom_tool_call", "call_id": call.id, "name": call.name, "input": text, **extras}
        return {
            "type": "function_call",
            "call_id": call.id,
            "name": call.name,
            "arguments": call.arguments if self._writer.native else call.arguments or "{}",
            **extras,
        }

    def _result(self, result: ToolResult) -> Block:
        extras = dict(result.extras) if self._writer.native else {}
        own = extras.pop("type", None) == "custom_tool_call_output"
        custom = own if self._writer.native else result.call_id in self._custom
        if result.is_error:
            self._writer.edits.note("dropped:is_error")
        if result.cache is not None:
            self._writer.edits.note("dropped:cache_control")
        return {
            "type": "custom_tool_call_output" if custom else "function_call_output",
            "call_id": result.call_id,
            "output": self._writer.output(result.parts),
            **extras,
        }


def runs(parts: Iterable[Part]) -> Iterator[list[Part]]:
    """Yield the parts that belong together: thoughts in a row, what is said in a row, any other part alone."""
    run: list[Part] = []
    for part in parts:
        kind = _sort(part)
        if run and (kind == "alone" or kind != _sort(run[0])):
            yield run
            run = []
        run.append(part)
    if run:
        yield run


def _sort(part: Part) -> str:
    if isinstance(part, Thinking):
        return "thought"
    return "alone" if isinstance(part, ToolCall | ToolResult) or is_item(part) else "said"


def is_item(part: Part) -> bool:
    """Return whether an opaque part is an item of its own rather than content of a message."""
    return isinstance(part, Opaque) and CONTENT not in part.payload


def segments(parts: Iterable[Part], layouts: Json) -> Iterator[tuple[list[Part], dict[str, Json]]]:
    """Yield the parts of each item and the item's own members, cutting what is said as the layouts tell.

    A message that says nothing has no parts; without layouts, all that is said in a row is one message.
    """
    queue = [layout for layout in layouts if isinstance(layout, Mapping)] if isinstance(layouts, list | tuple) else []
    position = 0
    for run in runs(parts):
        rest = run
        while rest:
            held = _sort(rest[0]) != "said"
            layout = queue[0] if queue and (not held or queue[0].get("at") == position) else None
            if layout is not None:
                queue.pop(0)
            size = layout.get("parts") if layout is not None else None
            count = size if isinstance(size, int) else len(rest)
            if held and layout is None and queue and isinstance(ahead := queue[0].get("at"), int):
                count = min(count, max(ahead - position, 1))  # a message that says nothing may cut thoughts in a row
            yield rest[:count], _members(layout)
            position += count
            rest = rest[count:]
    for layout in queue:
        yield [], _members(layout)


def _members(layout: Mapping[str, Json] | None) -> dict[str, Json]:
    return {name: value for name, value in (layout or {}).items() if name not in ("at", "parts")}


def free_text(arguments: str) -> str:
    """Return the text inside the arguments of a function that stands for a free-text tool."""
    try:
        value = json.loads(arguments)
    except (ValueError, RecursionError):
        return arguments
    held = value.get("input") if isinstance(value, dict) else value
    return held if isinstance(held, str) else arguments
