"""Read and check the content blocks of Anthropic messages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from sluice.local.simulator import conversation, signing, tokens
from sluice.local.simulator.conversation import Attachment, Outcome, Refused
from sluice.local.simulator.shape import Json, Object, attachment, by_url, expect, one_of, optional, required, typed

_USER = frozenset({"text", "image", "document", "tool_result", "search_result", "container_upload"})
_ASSISTANT = frozenset(
    {"text", "thinking", "redacted_thinking", "tool_use", "server_tool_use", "web_search_tool_result"}
)
_IMAGES = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"})


def text_size(text: str) -> int:
    """Return the tokens of a text block."""
    return tokens.count(text)


def mark(block: Mapping[str, Json], path: str) -> str | None:
    """Return the cache breakpoint behind a block: "5m", "1h" or None."""
    control = block.get("cache_control")
    if control is None:
        return None
    one_of(typed(control, dict, f"{path}.cache_control").get("type"), {"ephemeral"}, f"{path}.cache_control.type")
    return one_of(control.get("ttl") or "5m", {"5m", "1h"}, f"{path}.cache_control.ttl")


@dataclass(slots=True)
class Reading:
    """Follows the blocks of a conversation: what the last turn brought and which calls wait for an answer."""

    attachments: list[Attachment] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    _open: dict[str, str] = field(default_factory=dict)
    _texts: list[str] = field(default_factory=list)

    def message(self, role: str, blocks: list[Json], path: str) -> tuple[str, list[tuple[int, str | None]]]:
        """Read one message; return its text, and the tokens and cache mark of each block.

        Raises:
            Refused: a block is not what it should be.
        """
        self._texts = []
        self.outcomes.clear()
        self.attachments.clear()
        waiting = dict(self._open)
        self._open.clear()
        if role == "user" or waiting:
            self._check_answered(role, blocks, waiting, path)
        sizes = []
        for position, block in enumerate(blocks):
            where = f"{path}.content.{position}"
            allowed = _ASSISTANT if role == "assistant" else _USER if role == "user" else {"text"}
            kind = one_of(typed(block, dict, where).get("type"), allowed, f"{where}.type")
            size = self._block(kind, block, where, waiting)
            sizes.append((size + (4 if position == 0 else 0), mark(block, where)))
        return "\n".join(self._texts), sizes

    def finish(self, path: str) -> None:
        """Check that no call was left without an answer."""
        self._check_answered("user", [], self._open, path)

    def _check_answered(self, role: str, blocks: list[Json], waiting: Mapping[str, str], path: str) -> None:
        results = [b.get("tool_use_id") for b in blocks if isinstance(b, dict) and b.get("type") == "tool_result"]
        missing = [call for call in waiting if call not in results or role != "user"]
        expect(
            not missing,
            f"{path}: `tool_use` ids were found without `tool_result` blocks immediately after: {', '.join(missing)}. "
            "Each `tool_use` block must have a corresponding `tool_result` block in the next message.",
        )

    def _block(self, kind: str, block: Object, where: str, waiting: Mapping[str, str]) -> int:
        if kind == "tool_result":
            return self._tool_result(block, where, waiting)
        reader: Callable[[Object, str], int] | None = {
            "text": self._text,
            "image": self._image,
            "document": self._document,
            "thinking": _thinking,
            "redacted_thinking": _redacted,
            "tool_use": self._tool_use,
        }.get(kind)
        return reader(block, where) if reader else conversation.size_of(block)

    def _text(self, block: Object, where: str) -> int:
        text = required(block, "text", str, f"{where}.text.")
        expect(text, f"{where}: text content blocks must be non-empty")
        self._texts.append(text)
        return text_size(text)

    def _image(self, block: Object, where: str) -> int:
        source = required(block, "source", dict, f"{where}.image.")
        found = _source("image", source, f"{where}.image.source", _IMAGES)
        self.attachments.append(found)
        return found.tokens

    def _document(self, block: Object, where: str) -> int:
        source = required(block, "source", dict, f"{where}.document.")
        kind = source.get("type")
        path = f"{where}.document.source"
        if kind == "text":
            text = required(source, "data", str, f"{path}.")
            self.attachments.append(Attachment("document", "text/plain", len(text.encode())))
            return tokens.count(text)
        if kind == "content":
            self.attachments.append(Attachment("document", "text/plain", len(str(source.get("content")))))
            return conversation.size_of(source.get("content"))
        found = _source("document", source, path, frozenset({"application/pdf"}))
        self.attachments.append(found)
        return found.tokens

    def _tool_use(self, block: Object, where: str) -> int:
        name = required(block, "name", str, f"{where}.tool_use.")
        expect("input" in block, f"{where}.tool_use.input: Field required")
        typed(block["input"], dict, f"{where}.tool_use.input")
        identity = required(block, "id", str, f"{where}.tool_use.")
        expect(identity not in self._open, f"{where}.tool_use.id: `tool_use` ids must be unique")
        self._open[identity] = name
        return conversation.size_of(block["input"]) + tokens.count(name)

    def _tool_result(self, block: Object, where: str, waiting: Mapping[str, str]) -> int:
        identity = required(block, "tool_use_id", str, f"{where}.tool_result.")
        expect(
            identity in waiting,
            f"{where}: unexpected `tool_use_id` found in `tool_result` blocks: {identity}. Each `tool_result` block "
            "must have a corresponding `tool_use` block in the previous message.",
        )
        content = block.get("content")
        failed = optional(block, "is_error", bool, f"{where}.") is True
        if content is None or isinstance(content, str):
            text, size = content or "", tokens.count(content or "")
        else:
            text, size = self._nested(typed(content, list, f"{where}.content"), f"{where}.content")
        self.outcomes.append(Outcome(waiting[identity], text, failed))
        return size

    def _nested(self, blocks: list[Json], where: str) -> tuple[str, int]:
        """Read the content of a tool result: text, images and documents."""
        outer, self._texts = self._texts, []
        size = 0
        for position, block in enumerate(blocks):
            path = f"{where}.{position}"
            kind = one_of(
                typed(block, dict, path).get("type"), {"text", "image", "document", "search_result"}, f"{path}.type"
            )
            size += self._block(kind, block, path, {})
        inner, self._texts = self._texts, outer
        return "\n".join(inner), size


def _source(kind: str, source: Object, path: str, media_types: frozenset[str]) -> Attachment:
    way = one_of(source.get("type"), {"base64", "url", "file"}, f"{path}.type")
    if way == "url":
        return by_url(kind, source.get("url"), f"{path}.url")
    if way == "file":
        return Attachment(kind, "", source=str(required(source, "file_id", str, f"{path}.")))
    media_type = one_of(source.get("media_type"), media_types, f"{path}.base64.media_type")
    return attachment(kind, source.get("data"), media_type, f"{path}.base64.data")


def _thinking(block: Object, where: str) -> int:
    text = required(block, "thinking", str, f"{where}.thinking.")
    if not signing.is_genuine(text, block.get("signature")):
        raise Refused(400, f"{where}: Invalid `signature` in `thinking` block")
    return 0  # Earlier thinking is not part of the prompt.


def _redacted(block: Object, where: str) -> int:
    if not signing.is_sealed(block.get("data")):
        raise Refused(400, f"{where}: Invalid `data` in `redacted_thinking` block")
    return 0
