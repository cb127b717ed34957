"""Writes canonical messages.

Rules of the format that other dialects do not have: content is one string, pictures stand beside it as base64; a call's
arguments are an object; a tool's answer names its tool. What a tool message cannot hold follows in a user message.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress

from sluice.dialects.edits import Edits
from sluice.dialects.foreign import document_text, signed_elsewhere, transcript
from sluice.dialects.ollama_chat.ids import wire_id
from sluice.types.chat import (
    Audio,
    Document,
    Image,
    Json,
    Message,
    Opaque,
    Part,
    Refusal,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)

Block = dict[str, Json]


class MessageWriter:
    """Writes the messages of one request; `native` says that it came in this dialect."""

    def __init__(self, native: bool, edits: Edits) -> None:
        self._native = native
        self._edits = edits
        self._names: dict[str, str] = {}

    def write(self, messages: Iterable[Message]) -> list[Block]:
        """Return the wire messages. Raises UnsupportedParameter."""
        return [written for message in messages for written in self._message(message)]

    def _message(self, message: Message) -> Iterator[Block]:
        for name in (*(("name",) if message.name else ()), *message.extras) if not self._native else ():
            self._edits.note(f"dropped:messages.{name}")
        extras = message.extras if self._native else {}
        followers: list[Part] = []
        results = [part for part in message.parts if isinstance(part, ToolResult)]
        for result in results:
            yield self._result(result, followers)
        rest = [*followers, *(part for part in message.parts if not isinstance(part, ToolResult))]
        if rest or not results:
            role = "user" if message.role == "tool" else message.role
            if role == "developer" and not self._native:
                role = "system"
            yield {"role": role, **self._said(rest), **extras}

    def _said(self, parts: Iterable[Part]) -> Block:
        """Return what parts say: `content`, and where there are any `thinking`, `images` and `tool_calls`."""
        texts: list[str] = []
        thoughts: list[str] = []
        images: list[Json] = []
        calls: list[Json] = []
        for part in parts:
            if getattr(part, "cache", None) is not None:
                self._edits.note("dropped:cache_control")  # the host caches by itself
            if isinstance(part, ToolCall):
                self._names[part.id] = part.name
                calls.append(write_call(part, self._native, self._edits))
            elif isinstance(part, Image):
                images.append(self._picture(part))
            elif isinstance(part, Thinking):
                thoughts += self._thought(part)
            else:
                texts += self._text(part)
        written: Block = {"content": "\n".join(texts)}
        for name, found in (("thinking", "".join(thoughts)), ("images", images), ("tool_calls", calls)):
            if found:
                written[name] = found
        return written

    def _thought(self, part: Thinking) -> list[str]:
        if signed_elsewhere(part) and not self._native:
            self._edits.note("dropped:reasoning")  # another vendor's, which only it can read
            return []
        return [part.text] if part.text else []

    def _text(self, part: Part) -> list[str]:
        if isinstance(part, Text | Refusal):
            return [part.text] if part.text else []
        if isinstance(part, Document):
            return [*([part.name] if part.name else ()), document_text(part, self._edits)]
        if isinstance(part, Audio):
            return [transcript(part, self._edits)]
        if isinstance(part, Opaque):
            self._edits.drop(f"messages.{part.payload.get('type', 'part')}")
        return []

    def _picture(self, part: Image) -> str:
        if part.data is None:
            self._edits.refuse(
                "messages", "This model takes pictures as data only, no URL and no file id; send the picture in base64."
            )
        if part.detail not in (None, "auto"):
            self._edits.note("dropped:image_url.detail")  # a hint about cost, never refused
        return part.data

    def _result(self, result: ToolResult, followers: list[Part]) -> Block:
        held: list[Part] = []
        moved: list[Part] = []
        for part in result.parts:
            (moved if isinstance(part, Image) and not self._native else held).append(part)
        if moved:
            followers += [Text(f"Result of tool call {result.call_id}:"), *moved]
            self._edits.note("moved:tool_result_files")
            if not held:
                held.append(Text("The result follows in the next message."))
        if result.is_error:
            self._edits.note("dropped:is_error")
        written: Block = {"role": "tool", **self._said(held)}
        name, identity = self._names.get(result.call_id), wire_id(result.call_id)
        if self._native:
            written.update(result.extras)
        elif name is not None:
            written["tool_name"] = name
        if identity is not None:
            written["tool_call_id"] = identity
        return written


def write_call(call: ToolCall, native: bool, edits: Edits | None = None) -> Block:
    """Return one tool call; arguments that are no object are kept under one member, and the edit is reported."""
    extras = dict(call.extras) if native else {"type": "function"}
    more = extras.pop("function", None)
    function: Block = {**(more if isinstance(more, Mapping) else {}), "name": call.name}
    function["arguments"] = _arguments(call, native, edits)
    identity = wire_id(call.id)
    return {**({} if identity is None else {"id": identity}), **extras, "function": function}


def _arguments(call: ToolCall, native: bool, edits: Edits | None) -> Json:
    if not call.arguments.strip():
        return call.arguments if native else {}
    if call.custom:
        return {"input": call.arguments}
    with suppress(ValueError, RecursionError):
        value = json.loads(call.arguments)
        if native or isinstance(value, dict):
            return value
        if value is None:
            return {}
    if native:
        return call.arguments
    if edits is not None:
        edits.change("wrapped:tool_calls.arguments", "messages")
    return {"invalid_arguments": call.arguments}
