"""Writes parts as items of a `content_list`."""

from __future__ import annotations

import json

from sluice.dialects.edits import Edits
from sluice.dialects.snowflake_complete.names import NAME
from sluice.dialects.snowflake_complete.parts_in import ANTHROPIC, OPENAI
from sluice.types.chat import CacheMark, Image, Json, Opaque, Part, Refusal, Text, Thinking, ToolCall, ToolResult

_DETAILS = frozenset({"auto", "low", "high"})
_PICTURES = frozenset({"jpeg", "jpg", "png", "gif", "webp", "heic", "heif"})
Item = dict[str, Json]


class PartWriter:
    """Writes the parts of one request or answer; `native` says that they came in this dialect.

    Results of tools must name their tool, so the names of the calls before them are remembered.
    """

    __slots__ = ("_edits", "_names", "_native", "_reasons")

    def __init__(self, native: bool, edits: Edits, reasons: str = "") -> None:
        self._native = native
        self._edits = edits
        self._reasons = reasons
        self._names: dict[str, str] = {}

    def item(self, part: Part) -> Item | None:
        """Return the item of a part, None for one that is left out.

        Raises:
            UnsupportedParameter: leaving it out would change what is said.
        """
        if isinstance(part, Text):
            return _marked({"type": "text", "text": part.text}, part.cache)
        if isinstance(part, Refusal):
            return {"type": "text", "text": part.text}
        if isinstance(part, Image):
            return self._image(part)
        if isinstance(part, ToolCall):
            return self._call(part)
        if isinstance(part, ToolResult):
            return self._result(part)
        if isinstance(part, Thinking):
            return self._thinking(part)
        if not isinstance(part, Opaque) or part.dialect != NAME:
            self._edits.refuse("messages", "This model takes text, pictures and tool results only; send them as such.")
        return dict(part.payload)

    def _image(self, part: Image) -> Item:
        form = (part.media_type or "").rpartition("/")[2]
        if part.data is None or (form not in _PICTURES and not self._native):
            self._edits.refuse(
                "messages", "This model takes pictures as base64 (JPEG, PNG, GIF, WebP, HEIC) only; send them so."
            )
        details: Item = {"type": "base64", "content": part.data}
        if part.media_type is not None:
            details["content_type"] = part.media_type
        if part.detail in _DETAILS or (self._native and part.detail is not None):
            details["detail"] = part.detail
        return _marked({"type": "image", "details": details}, part.cache)

    def _call(self, part: ToolCall) -> Item:
        self._names[part.id] = part.name
        try:
            given = json.loads(part.arguments or "{}")
        except (ValueError, RecursionError):
            given = None
        if self._native and not isinstance(given, dict):
            given = part.arguments
        elif part.custom or not isinstance(given, dict):
            self._edits.refuse("messages", f"The arguments of call {part.id[:60]!r} are no JSON object.")
        held = {"tool_use_id": part.id, "name": part.name, "input": given}
        return _marked({"type": "tool_use", "tool_use": held}, part.cache)

    def _result(self, part: ToolResult) -> Item:
        content: list[Json] = []
        for inner in part.parts:
            if isinstance(inner, Text):
                content.append({"type": "text", "text": inner.text})
            elif isinstance(inner, Opaque) and inner.dialect == NAME:
                content.append(dict(inner.payload))
            else:
                self._edits.refuse("messages", "Results of tools can be text only at this model; send them so.")
        named = self._names.get(part.call_id, "")
        kept = dict(part.extras) if self._native else {"name": named, **({"status": "error"} if part.is_error else {})}
        return _marked(
            {"type": "tool_results", "tool_results": {"tool_use_id": part.call_id, "content": content, **kept}},
            part.cache,
        )

    def _thinking(self, part: Thinking) -> Item | None:
        """Reasoning goes back to the kind of model that can verify it, and to no other."""
        if part.signature is not None or (self._native and part.field == ANTHROPIC):
            if self._native or self._reasons == ANTHROPIC:
                return {"type": "anthropic", "thinking": {"thinking": part.text, "signature": part.signature or ""}}
        elif self._native and part.field == OPENAI:
            return {"type": "openai", "reasoning": {"summary": part.text, "encrypted_content": part.redacted or ""}}
        self._edits.note("dropped:reasoning")
        return None


def _marked(item: Item, mark: CacheMark | None) -> Item:
    if mark is not None:
        item["cache_control"] = {"type": "ephemeral"}
    return item
