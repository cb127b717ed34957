"""Writes canonical messages as Messages-API turns.

Rules of the vendor that other dialects do not have: instructions stand apart in `system`; turns alternate; all
results of one turn's parallel calls stand together in the next user turn, before anything else; every result answers
a call made before it; ids are unique and made of [a-zA-Z0-9_-]; no text block is blank; an answer to be continued does
not end in white space. Requests that came in this dialect keep their turns as they are.
"""

from __future__ import annotations

from typing import cast

from sluice.dialects.anthropic_messages.block_writer import (
    Block,
    clean_id,
    is_plain,
    mark,
    write_call,
    write_part,
    write_result,
)
from sluice.dialects.anthropic_messages.blocks import cache_mark
from sluice.dialects.anthropic_messages.names import NAME
from sluice.dialects.edits import Edits
from sluice.errors import BadRequest
from sluice.types.chat import ChatRequest, Json, Message, Part, ToolCall, ToolResult

_SYSTEM = ("system", "developer")


class Turns:
    """The turns of one request, built message by message."""

    def __init__(self, native: bool, system_turns: bool, edits: Edits) -> None:
        self.system: list[Block] = []
        self.messages: list[Block] = []
        self._native = native
        self._system_turns = system_turns
        self._edits = edits
        self._wire_ids: dict[str, str] = {}
        self._used: set[str] = set()

    def add(self, message: Message) -> None:
        """Take the next message. Raises BadRequest for a result without a call, UnsupportedParameter."""
        if message.role in _SYSTEM:
            self._add_system(message)
            return
        role = "assistant" if message.role == "assistant" else "user"
        blocks = [block for part in message.parts if (block := self._block(part)) is not None]
        if self._native:
            self.messages.append({"role": role, "content": blocks, **message.extras})
            return
        for name in (*(("name",) if message.name else ()), *message.extras):
            if name == "cache_control" and blocks:
                mark(blocks[-1], cache_mark(message.extras[name]))  # on a message it means the last part
            else:
                self._edits.note(f"dropped:messages.{name}")
        self._append(role, blocks)

    def finish(self) -> list[Block]:
        """Return the turns once all messages are in. Raises BadRequest when there is none."""
        if not self.messages:
            if not self.system:
                raise BadRequest("messages must hold at least one message with content.", param="messages")
            # A lone system message is legal elsewhere; here somebody has to speak.
            self._edits.note("moved:system")
            self.messages.append({"role": "user", "content": self.system})
            self.system = []
        if not self._native:
            self._trim_last()
        return [{**turn, "content": _content(turn["content"])} for turn in self.messages]

    def _add_system(self, message: Message) -> None:
        texts = [block for part in message.parts if (block := write_part(part, self._native, self._edits))]
        if self._native and (self.messages or self.system):
            self.messages.append({"role": "system", "content": texts, **message.extras})
            return
        last = self.messages[-1]["role"] if self.messages else None
        if self._system_turns and last in ("user", "system") and not self._native:
            self._append("system", texts)
            return
        if self.messages:
            self._edits.note("moved:system")
        self.system += texts

    def _block(self, part: Part) -> Block | None:
        if isinstance(part, ToolCall):
            return write_call(part, part.id if self._native else self._new_id(part.id), self._native, self._edits)
        if isinstance(part, ToolResult):
            wire_id = part.call_id if self._native else self._wire_ids.get(part.call_id)
            if wire_id is None:
                raise BadRequest(
                    f"A tool result answers call {part.call_id[:64]!r}, but no earlier assistant message made that "
                    "call; send that message too, or leave the result out.",
                    param="messages",
                )
            return write_result(part, wire_id, self._native, self._edits)
        return write_part(part, self._native, self._edits)

    def _new_id(self, identity: str) -> str:
        wanted = wire_id = clean_id(identity)
        repeat = 1
        while wire_id in self._used:  # some models count their calls from zero in every turn
            repeat += 1
            wire_id = f"{wanted}_{repeat}"
        self._used.add(wire_id)
        self._wire_ids[identity] = wire_id
        return wire_id

    def _append(self, role: str, blocks: list[Block]) -> None:
        if not blocks:
            return
        last = self.messages[-1] if self.messages else None
        if role == "user" and last is not None and last["role"] == "system":
            # Instructions between turns must be followed by an answer (vendor docs, "Mid-conversation system
            # messages", 2026-11); otherwise they can only stand at the front.
            self._edits.note("moved:system")
            self.system += cast(list[Block], self.messages.pop()["content"])
            last = self.messages[-1]
        if last is not None and last["role"] == role:
            blocks = [*cast(list[Block], last["content"]), *blocks]
            self.messages.pop()
        self.messages.append({"role": role, "content": _results_first(blocks) if role == "user" else blocks})

    def _trim_last(self) -> None:
        last = self.messages[-1]
        content = last["content"]
        if last["role"] != "assistant" or not isinstance(content, list) or not content:
            return
        block = content[-1]
        text = block.get("text")
        if isinstance(text, str) and text != text.rstrip():
            self._edits.note("trimmed:messages")
            content[-1] = {**block, "text": text.rstrip()}


def write_turns(request: ChatRequest, system_turns: bool, edits: Edits) -> Turns:
    """Return the turns of a request. Raises BadRequest, UnsupportedParameter."""
    turns = Turns(request.dialect == NAME, system_turns, edits)
    for message in request.messages:
        turns.add(message)
    return turns


def write_system(blocks: list[Block]) -> Json:
    """Return the `system` member: a string where one plain text is all there is."""
    return _content(blocks)


def _content(blocks: Json) -> Json:
    if isinstance(blocks, list) and len(blocks) == 1 and is_plain(blocks[0]):
        return blocks[0]["text"]
    return blocks


def _results_first(blocks: list[Block]) -> list[Block]:
    return sorted(blocks, key=lambda block: block["type"] != "tool_result")
