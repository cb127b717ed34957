"""Writes canonical messages as contents.

Rules of the vendor that other dialects do not have: instructions stand apart in `systemInstruction`; the results of a
turn's calls stand together in the turn right behind it, name their function and are objects; the first call of a turn
carries a signature, a placeholder where no Gemini model made the call. Requests that came in this dialect keep their
turns as they are.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from sluice.dialects.base import JsonObject
from sluice.dialects.edits import Edits
from sluice.dialects.gemini.ids import wire_id
from sluice.dialects.gemini.media import Block
from sluice.dialects.gemini.names import NAME, PLACEHOLDER
from sluice.dialects.gemini.parts_out import PartWriter
from sluice.errors import BadRequest
from sluice.types.chat import ChatRequest, Json, Message, Part, Text, ToolCall, ToolResult

_SYSTEM = ("system", "developer")


class Contents:
    """The turns of one request, built message by message."""

    def __init__(self, native: bool, quirks: JsonObject, edits: Edits) -> None:
        self.system: list[Block] = []
        self.system_extras: Mapping[str, Json] = {}
        self._turns: list[tuple[str, list[Block], Mapping[str, Json]]] = []
        self._native = native
        self._quirks = quirks
        self._edits = edits
        self._names: dict[str, str] = {}

    def add(self, message: Message) -> None:
        """Take the next message. Raises BadRequest for a result without a call, UnsupportedParameter."""
        self._note_extras(message)
        if message.role in _SYSTEM:
            if self._turns:
                self._edits.note("moved:system")
            self.system += self._written(message.parts)
            self.system_extras = message.extras if self._native else {}
            return
        if self._native:
            self._turns.append((_role(message), self._written(message.parts), message.extras))
        elif message.role == "assistant":
            self._append("model", self._signed(self._written(message.parts)))
        else:
            self._add_user(message.parts)

    def finish(self) -> list[Block]:
        """Return the turns once all messages are in. Raises BadRequest when there is none."""
        if not self._turns:
            if not self.system:
                raise BadRequest("messages must hold at least one message with content.", param="messages")
            # A lone system message is legal elsewhere; here somebody has to speak.
            self._edits.note("moved:system")
            self._turns.append(("user", self.system, {}))
            self.system = []
        return [{"role": "user" if role == "results" else role, "parts": parts, **extras}
                for role, parts, extras in self._turns]  # fmt: skip

    def _add_user(self, parts: tuple[Part, ...]) -> None:
        results = [part for part in parts if isinstance(part, ToolResult)]
        files: list[Part] = []
        if results:
            self._append("results", [self._result(result, files) for result in results])
        rest = (*files, *(part for part in parts if not isinstance(part, ToolResult)))
        self._append("user", self._written(rest))

    def _written(self, parts: tuple[Part, ...]) -> list[Block]:
        writer = PartWriter(self._native, self._edits)
        for part in parts:
            if isinstance(part, ToolCall):
                self._names[part.id] = part.name
            if isinstance(part, ToolResult):
                writer.written.append(self._result(part, []))
            else:
                if part_mark(part):
                    self._edits.note("dropped:cache_control")  # the vendor caches by itself
                writer.add(part)
        writer.end()
        return writer.written

    def _result(self, result: ToolResult, files: list[Part]) -> Block:
        """Return a function's response; files that it cannot hold are added to `files`."""
        kept = result.extras if self._native else {}
        name = kept.get("name") or self._names.get(result.call_id)
        if not isinstance(name, str):
            raise BadRequest(
                f"A tool result answers call {result.call_id[:64]!r}, but no earlier assistant message made that "
                "call; send that message too, or leave the result out.",
                param="messages",
            )
        held: Block = {"name": name, "response": kept.get("response")}
        if identity := wire_id(result.call_id):
            held = {"id": identity, **held}
        inside = [part for part in result.parts if not isinstance(part, Text)]
        if not isinstance(held["response"], Mapping):
            held["response"] = self._response(result, bool(inside))
        if inside and (self._native or self._quirks.get("tool_images") is True):
            held["parts"] = self._written(tuple(inside))
        elif inside:
            files.append(Text(f"Result of tool call {result.call_id}:"))
            files += inside
            self._edits.note("moved:tool_result_files")
        held.update({key: value for key, value in kept.items() if key not in held})
        return {"functionResponse": held}

    def _response(self, result: ToolResult, files: bool) -> Block:
        text = "".join(part.text for part in result.parts if isinstance(part, Text))
        if result.is_error:
            return {"error": text}
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            value = None
        if isinstance(value, dict):
            return value
        return {"output": "The result follows in the next message." if files and not text else text}

    def _signed(self, parts: list[Block]) -> list[Block]:
        first = next((part for part in parts if "functionCall" in part), None)
        if first is not None and self._quirks.get("signed_calls") is not False:
            first.setdefault("thoughtSignature", PLACEHOLDER)
        return parts

    def _append(self, role: str, parts: list[Block]) -> None:
        if not parts:
            return
        if self._turns and self._turns[-1][0] == role:
            self._turns[-1][1].extend(parts)
        else:
            self._turns.append((role, parts, {}))

    def _note_extras(self, message: Message) -> None:
        if not self._native:
            for name in (*(("name",) if message.name else ()), *message.extras):
                self._edits.note(f"dropped:messages.{name}")


def write_contents(request: ChatRequest, quirks: JsonObject, edits: Edits) -> Contents:
    """Return the turns of a request. Raises BadRequest, UnsupportedParameter."""
    contents = Contents(request.dialect == NAME, quirks, edits)
    for message in request.messages:
        contents.add(message)
    return contents


def part_mark(part: Part) -> bool:
    """Return whether a part carries a cache breakpoint."""
    return getattr(part, "cache", None) is not None


def _role(message: Message) -> str:
    return "model" if message.role == "assistant" else "user"
