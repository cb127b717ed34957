"""Writes the messages of a request.

A turn with tool results is split: each result is a message of its own, right behind the calls it answers; pictures and
documents that a tool message cannot hold follow in a user message, next to what else the turn said.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from sluice.dialects.openai_chat.parts_out import Block, PartWriter, thinking_block
from sluice.dialects.openai_chat.reasoning import DETAILS, write_details
from sluice.types.chat import (
    Audio,
    Json,
    Message,
    Part,
    Refusal,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)


def write_messages(messages: Iterable[Message], writer: PartWriter) -> list[Block]:
    """Return the wire messages. Raises UnsupportedParameter."""
    return [written for message in messages for written in _write(message, writer)]


def _write(message: Message, writer: PartWriter) -> Iterator[Block]:
    if message.role == "assistant":
        yield _assistant(message, writer)
        return
    followers: list[Part] = []
    results = False
    for part in message.parts:
        if isinstance(part, ToolResult):
            results = True
            yield _tool(part, message, writer, followers)
    rest = (*followers, *(part for part in message.parts if not isinstance(part, ToolResult)))
    if rest or not results:
        role = "user" if message.role == "tool" else message.role
        yield {"role": role, "content": writer.content(rest), **_outer(message, writer)}


def _outer(message: Message, writer: PartWriter) -> Block:
    named: Block = {} if message.name is None else {"name": message.name}
    return {**named, **message.extras} if writer.native else named


def _tool(result: ToolResult, message: Message, writer: PartWriter, followers: list[Part]) -> Block:
    held: list[Part] = []
    moved: list[Part] = []
    pictures = writer.native or writer.quirks.get("tool_images") is True
    for part in result.parts:
        (held if pictures or isinstance(part, Text) else moved).append(part)
    if moved:
        followers.append(Text(f"Result of tool call {result.call_id}:"))
        followers.extend(moved)
        writer.edits.note("moved:tool_result_files")
        if not held:
            held.append(Text("The result follows in the next message."))
    if result.is_error:
        writer.edits.note("dropped:is_error")
    content = writer.content(tuple(held))
    written: Block = {"role": "tool", "tool_call_id": result.call_id, "content": content}
    if message.role == "tool":
        written.update(_outer(message, writer))
    return writer.mark(written, result.cache)


def _assistant(message: Message, writer: PartWriter) -> Block:
    thoughts = [part for part in message.parts if isinstance(part, Thinking)]
    calls = [part for part in message.parts if isinstance(part, ToolCall)]
    said = tuple(part for part in message.parts if not isinstance(part, Thinking | ToolCall | Refusal | Audio))
    members, blocks = write_reasoning(thoughts, writer)
    content = writer.content(said)
    if blocks:
        content = blocks + ([{"type": "text", "text": content}] if isinstance(content, str) else list(_items(content)))
        content = [block for block in content if block != {"type": "text", "text": ""}]
    written: Block = {"role": "assistant", "content": None if content == "" and calls else content, **members}
    refusals = [part.text for part in message.parts if isinstance(part, Refusal)]
    if refusals:
        written["refusal"] = "".join(refusals)
    for part in message.parts:
        if isinstance(part, Audio) and part.audio_id is not None and writer.native:
            written["audio"] = {"id": part.audio_id}
        elif isinstance(part, Audio):
            writer.edits.note("dropped:messages.audio")
    if calls:
        written["tool_calls"] = [writer.mark(write_call(call, writer.native), call.cache) for call in calls]
    return {**written, **_outer(message, writer)}


def _items(content: Json) -> Iterable[Json]:
    return content if isinstance(content, list) else ()


def write_call(call: ToolCall, native: bool) -> Block:
    """Return one tool call; a call without arguments gets the empty object, which every host can parse."""
    extras = call.extras if native else {}
    if call.custom:
        return {"id": call.id, "type": "custom", "custom": {"name": call.name, "input": call.arguments}, **extras}
    function = {"name": call.name, "arguments": call.arguments or "{}"}
    return {"id": call.id, "type": "function", "function": function, **extras}


def write_reasoning(thoughts: list[Thinking], writer: PartWriter) -> tuple[Block, list[Json]]:
    """Return the members that hold earlier reasoning, and content parts that do (Mistral).

    The quirk `reasoning_field` decides; without it reasoning goes back where it came from, and what came from
    another dialect is left out.
    """
    field = writer.quirks.get("reasoning_field")
    if not thoughts:
        return {}, []
    if field == "" or (field is None and not writer.native):
        writer.edits.note("dropped:reasoning")
        return {}, []
    if field == "content" or (field is None and any(part.field == "content" for part in thoughts)):
        return {}, [
            dict(part.details[0])
            if part.field == "content" and part.details and isinstance(part.details[0], Mapping)
            else thinking_block(part)
            for part in thoughts
        ]
    name = field if isinstance(field, str) else next((part.field for part in thoughts if part.field), DETAILS)
    members: Block = {}
    text = "".join(part.text for part in thoughts)
    if text and name != DETAILS:
        members[name] = text
    if (field is None or name in (DETAILS, "reasoning")) and (details := write_details(thoughts)):
        members[DETAILS] = details
    return members, []
