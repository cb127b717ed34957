"""Writes canonical messages as turns of the Converse API.

Rules of the vendor that other dialects do not have: instructions stand apart in `system`; turns alternate and the first
is the user's; all results of one turn's calls stand together in the next turn, before anything else; every result
answers a call made before it; ids have at most 64 of [A-Za-z0-9_.:-]; no text is blank, and a document stands beside
text. Requests that came in this dialect keep their turns as they are (AWS docs, "Converse API", 2026-11).
"""

from __future__ import annotations

import re
from typing import cast
from zlib import crc32

from sluice.dialects.bedrock_converse.blocks_out import Block, BlockWriter, mark
from sluice.dialects.bedrock_converse.names import NAME
from sluice.dialects.edits import Edits
from sluice.errors import BadRequest
from sluice.types.chat import CacheMark, ChatRequest, Json, Message, Part, Text, ToolCall, ToolResult

_SYSTEM = ("system", "developer")
_BAD_IN_ID = re.compile(r"[^A-Za-z0-9_.:-]")
_ID_LIMIT = 64
_BESIDE_DOCUMENT = "The document is attached."


class Turns:
    """The turns of one request, built message by message."""

    def __init__(self, native: bool, edits: Edits) -> None:
        self.system: list[Block] = []
        self.messages: list[Block] = []
        self.called: dict[str, None] = {}
        """Names of the tools that earlier turns called."""
        self._native = native
        self._edits = edits
        self._writer = BlockWriter(native, edits)
        self._wire_ids: dict[str, str] = {}
        self._used: set[str] = set()

    def add(self, message: Message) -> None:
        """Take the next message. Raises BadRequest for a result without a call, UnsupportedParameter."""
        extras = dict(message.extras)
        guarded = extras.pop("guardContent", {}) if self._native else {}
        blocks = self._blocks(message.parts, guarded if isinstance(guarded, dict) else {})
        if self._native:
            turn = extras.pop("role", message.role)
            if message.role in _SYSTEM and "role" not in message.extras:
                self.system += blocks
            else:
                self.messages.append({"role": turn, "content": blocks, **extras})
            return
        for name in (*(("name",) if message.name else ()), *extras):
            if name == "cache_control" and blocks:
                blocks.append(mark(_mark_of(extras[name])))  # on a message it means the last part
            else:
                self._edits.note(f"dropped:messages.{name}")
        if message.role in _SYSTEM:
            if self.messages:
                self._edits.note("moved:system")
            self.system += blocks
        else:
            self._append("assistant" if message.role == "assistant" else "user", blocks)

    def finish(self) -> list[Block]:
        """Return the turns once all messages are in. Raises BadRequest when there is none."""
        if self._native:
            return self.messages
        if not self.messages:
            if not self.system:
                raise BadRequest("messages must hold at least one message with content.", param="messages")
            # A lone system message is legal elsewhere; here somebody has to speak.
            self._edits.note("moved:system")
            self.messages.append({"role": "user", "content": self.system})
            self.system = []
        if self.messages[0]["role"] == "assistant":
            self._edits.change("added:messages", "messages")
            self.messages.insert(0, {"role": "user", "content": [{"text": "(continued)"}]})
        for turn in self.messages:
            content = cast(list[Block], turn["content"])
            if any("document" in block for block in content) and not any("text" in block for block in content):
                self._edits.note("added:messages.text")
                content.append({"text": _BESIDE_DOCUMENT})
        return self.messages

    def _blocks(self, parts: tuple[Part, ...], guarded: dict[str, Json]) -> list[Block]:
        blocks: list[Block] = []
        for place, part in enumerate(parts):
            kept = guarded.get(str(place))
            block = dict(kept) if isinstance(kept, dict) and isinstance(part, Text) else self._block(part)
            if block is not None:
                blocks.append(block)
            cache = getattr(part, "cache", None)
            if isinstance(cache, CacheMark) and blocks:
                blocks.append(mark(cache))
        return blocks

    def _block(self, part: Part) -> Block | None:
        if isinstance(part, ToolCall):
            self.called[part.name] = None
            return self._writer.call(part, part.id if self._native else self._new_id(part.id))
        if not isinstance(part, ToolResult):
            return self._writer.write(part)
        wire_id = part.call_id if self._native else self._wire_ids.get(part.call_id)
        if wire_id is None:
            raise BadRequest(
                f"A tool result answers call {part.call_id[:64]!r}, but no earlier assistant message made that "
                "call; send that message too, or leave the result out.",
                param="messages",
            )
        return self._writer.result(part, wire_id)

    def _new_id(self, identity: str) -> str:
        wanted = wire_id = clean_id(identity)
        repeat = 1
        while wire_id in self._used:  # some models count their calls from zero in every turn
            repeat += 1
            wire_id = f"{wanted[: _ID_LIMIT - 4]}_{repeat}"
        self._used.add(wire_id)
        self._wire_ids[identity] = wire_id
        return wire_id

    def _append(self, role: str, blocks: list[Block]) -> None:
        if not blocks:
            return
        if self.messages and self.messages[-1]["role"] == role:
            blocks = [*cast(list[Block], self.messages.pop()["content"]), *blocks]
        self.messages.append({"role": role, "content": _results_first(blocks) if role == "user" else blocks})


def write_turns(request: ChatRequest, edits: Edits) -> Turns:
    """Return the turns of a request. Raises BadRequest, UnsupportedParameter."""
    turns = Turns(request.dialect == NAME, edits)
    for message in request.messages:
        turns.add(message)
    return turns


def clean_id(identity: str) -> str:
    """Return a tool call's id in what the vendor allows; the same id always becomes the same."""
    cleaned = _BAD_IN_ID.sub("_", identity)
    if cleaned == identity and 0 < len(identity) <= _ID_LIMIT:
        return identity
    return f"{cleaned[: _ID_LIMIT - 9] or 'call'}_{crc32(identity.encode('utf-8', 'surrogatepass')):08x}"


def _mark_of(value: Json) -> CacheMark:
    ttl = value.get("ttl") if isinstance(value, dict) else None
    return CacheMark(ttl if isinstance(ttl, str) else None)


def _results_first(blocks: list[Block]) -> list[Block]:
    """Put results, each with the mark behind it, before anything else."""
    first: list[Block] = []
    rest: list[Block] = []
    for block in blocks:
        behind = "cachePoint" in block and bool(first) and not rest
        (first if "toolResult" in block or behind else rest).append(block)
    return first + rest
