"""Writes canonical messages.

Rules of the vendor that other dialects do not have: documents stand beside the messages, in `documents`, and are text
or fields of text; earlier reasoning goes back as the plan of the calls it led to; a tool's result is text. What a tool
message cannot hold follows in a user message.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from sluice.dialects.cohere_chat.names import NAME, PLAN
from sluice.dialects.cohere_chat.parts_in import KEPT
from sluice.dialects.edits import Edits
from sluice.dialects.foreign import document_text, signed_elsewhere, transcript
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

_ROLES = {"developer": "system"}
_MAGIC = (("iVBOR", "image/png"), ("/9j/", "image/jpeg"), ("R0lG", "image/gif"), ("UklG", "image/webp"))


class MessageWriter:
    """Writes the messages of one request and gathers its documents; `native` says that it came in this dialect."""

    def __init__(self, native: bool, edits: Edits) -> None:
        self.documents: list[Json] = []
        self.cited = False
        self._native = native
        self._edits = edits

    def write(self, messages: Iterable[Message]) -> list[Block]:
        """Return the wire messages. Raises UnsupportedParameter."""
        return [written for message in messages for written in self._message(message)]

    def _message(self, message: Message) -> Iterator[Block]:
        for name in (*(("name",) if message.name else ()), *message.extras) if not self._native else ():
            self._edits.note(f"dropped:messages.{name}")
        extras = message.extras if self._native else {}
        if message.role == "assistant":
            yield {**self._assistant(message), **extras}
            return
        followers: list[Part] = []
        results = [part for part in message.parts if isinstance(part, ToolResult)]
        for result in results:
            yield {**self._result(result, followers), **extras}
        rest = (*followers, *(part for part in message.parts if not isinstance(part, ToolResult)))
        content = self._content(rest)
        if content or not results:
            role = "user" if message.role == "tool" else _ROLES.get(message.role, message.role)
            yield {"role": role, "content": content, **({} if results else extras)}

    def _assistant(self, message: Message) -> Block:
        calls = [part for part in message.parts if isinstance(part, ToolCall)]
        said = tuple(part for part in message.parts if not self._apart(part, bool(calls)))
        content = self._content(said)
        written: Block = {"role": "assistant"}
        if content or not calls:
            written["content"] = content
        plan = "".join(part.text for part in message.parts if isinstance(part, Thinking) and self._planned(part))
        if plan and (calls or self._native):
            written[PLAN] = plan
        if calls:
            written["tool_calls"] = [write_call(call, self._native) for call in calls]
        return written

    def _apart(self, part: Part, calls: bool) -> bool:
        """Return whether a part stands in no content: a call, a plan, and what another vendor's model thought."""
        if isinstance(part, Thinking):
            if not self._native and not (calls and self._planned(part)):
                self._edits.note("dropped:reasoning")
            return not self._native or part.field == PLAN
        return isinstance(part, ToolCall)

    def _planned(self, part: Thinking) -> bool:
        if self._native:
            return part.field == PLAN
        return bool(part.text) and not signed_elsewhere(part)

    def _content(self, parts: tuple[Part, ...]) -> Json:
        """Return a message's content: a string for one text and for none, else a list."""
        blocks = [block for part in parts if (block := self.part(part)) is not None]
        if not blocks:
            return ""
        return blocks[0]["text"] if len(blocks) == 1 and blocks[0].keys() == {"type", "text"} else blocks

    def part(self, part: Part) -> Block | None:
        """Return one content part; None when it is left out or stands elsewhere."""
        if getattr(part, "cache", None) is not None:
            self._edits.note("dropped:cache_control")  # the vendor caches by itself
        if isinstance(part, Text | Refusal):
            return {"type": "text", "text": part.text} if part.text else None
        if isinstance(part, Thinking):
            return {"type": "thinking", "thinking": part.text}
        if isinstance(part, Image):
            return self._image(part)
        if isinstance(part, Document):
            self.documents.append(self._document(part))
            self.cited = self.cited or part.citations
            return None
        if isinstance(part, Audio):
            return {"type": "text", "text": transcript(part, self._edits)}
        if isinstance(part, Opaque):
            if part.dialect == NAME:
                return dict(part.payload)
            self._edits.drop(f"messages.{part.payload.get('type', 'part')}")
        return None

    def _image(self, part: Image) -> Block:
        if part.data is not None:
            url = f"data:{part.media_type or _sniffed(part.data)};base64,{part.data}"
        elif part.url is not None:
            url = part.url
        else:
            self._edits.refuse("messages", "A picture is given as another vendor's file id; send its data or its URL.")
        detail = {} if part.detail is None else {"detail": part.detail}
        return {"type": "image_url", "image_url": {"url": url, **detail}}

    def _document(self, part: Document) -> Json:
        if self._native and KEPT in part.extras:
            return part.extras[KEPT]
        fields = {"title": part.name, "context": part.context, "text": document_text(part, self._edits)}
        self._edits.note("moved:documents")
        return {"data": {name: value for name, value in fields.items() if value is not None}}

    def _result(self, result: ToolResult, followers: list[Part]) -> Block:
        written: Block = {"role": "tool", "tool_call_id": result.call_id}
        if self._native and "content" in result.extras:
            return {**written, "content": result.extras["content"]}
        blocks: list[Block] = []
        moved: list[Part] = []
        for part in result.parts:
            if isinstance(part, Text | Refusal):
                blocks += [{"type": "text", "text": part.text}] if part.text else []
            elif isinstance(part, Document):
                blocks.append({"type": "document", "document": self._document(part)})
            else:
                moved.append(part)
        if moved:
            followers += [Text(f"Result of tool call {result.call_id}:"), *moved]
            self._edits.note("moved:tool_result_files")
            if not blocks:
                blocks.append({"type": "text", "text": "The result follows in the next message."})
        if result.is_error:
            self._edits.note("dropped:is_error")
        return {**written, "content": _joined(blocks)}


def _joined(blocks: list[Block]) -> Json:
    if all(block["type"] == "text" for block in blocks):
        texts = [str(block["text"]) for block in blocks]
        return texts[0] if len(texts) == 1 else blocks if texts else ""
    return blocks


def write_call(call: ToolCall, native: bool) -> Block:
    """Return one tool call; a call without arguments gets the empty object."""
    extras = dict(call.extras) if native else {}
    more = extras.pop("function", None)
    arguments = call.arguments or ("" if native else "{}")
    if call.custom:
        arguments = _custom(call.arguments)
    function: Block = {"name": call.name, "arguments": arguments, **(more if isinstance(more, Mapping) else {})}
    return {"id": call.id, "type": "function", "function": function, **extras}


def _custom(text: str) -> str:
    from sluice.dialects.cohere_chat.parts_in import json_text

    return json_text({"input": text})


def _sniffed(data: str) -> str:
    return next((kind for magic, kind in _MAGIC if data.startswith(magic)), "image/png")
