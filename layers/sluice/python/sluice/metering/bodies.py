"""Reads the parsed body of a request, in any dialect, for all that its model will read.

Rules. Members are known by their names, which no two dialects use for different things. Text never passes for a
picture: only the members that hold media are looked at for them. What is unknown counts as text.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from sluice.metering.attachments import pdf_tokens, sound_ms, video_ms
from sluice.metering.families import Family
from sluice.metering.member_names import MARKS, QUIET, SETTINGS
from sluice.metering.picture_sizes import size_of

_ENCODED = json.JSONEncoder(ensure_ascii=False, default=str).encode
_SCHEMAS = ("response_format", "output_format", "output_config", "format")
_CONFIGS = ("generationConfig", "generation_config")
_PLAIN_FORM = frozenset(("effort", "verbosity"))
"""Members of an answer's form that ask for no JSON."""
_TOOLS = ("tools", "functions")
_OPEN = {
    "previous_response_id": "kept conversation",
    "conversation": "kept conversation",
    "thread": "kept conversation",
    "cachedContent": "cached content",
    "cached_content": "cached content",
    "web_search_options": "web search",
    "search_parameters": "web search",
    "enable_search": "web search",
    "plugins": "plugins",
    "connectors": "connectors",
    "data_sources": "data sources",
    "mcp_servers": "server tools",
    "container": "server tools",
    "context_management": "compaction",
    "promptVariables": "kept prompt",
    "variables": "kept prompt",
}
_UNSPOKEN = frozenset(("role", "type", "status", "detail", "media_type", "mimeType", "mime_type", "format", "object"))
"""Members whose text is not put before the model."""
_SEALED = frozenset(("signature", "thoughtSignature", "thought_signature"))
_SEALED_ITEMS = ("reasoning", "compaction")
"""Thoughts that only their vendor can read, in base64: what a model wrote, of which two bytes are at most a token."""
_CLIENT_TOOLS = ("bash", "text_editor", "computer", "memory", "local_shell", "shell", "apply_patch")
"""Tools whose definition is the vendor's own, while the caller runs them: nothing is fetched."""
_OWN_TOOLS = (None, "function", "custom", "tool")
_DECLARED = ("functionDeclarations", "function_declarations", "toolSpec", "cachePoint")
_MAGIC = (
    ("iVBORw0", "image/"), ("/9j/", "image/"), ("_9j_", "image/"), ("R0lGOD", "image/"), ("UklGR", "riff"),
    ("JVBERi", "application/pdf"), ("SUQz", "audio/"), ("//", "audio/"), ("__", "audio/"), ("T2dnUw", "audio/"),
    ("ZkxhQw", "audio/"), ("AAAA", "video/"), ("GkXfo", "video/"), ("UEsDB", "packed"),
)  # fmt: skip
_ADDRESSES = ("http://", "https://", "gs://", "s3://")
_FAITHFUL = 6_240
"""What high input fidelity adds for a picture to be edited (OpenAI, "Image generation", 2026-11)."""
_TEXT_FORMATS = ("txt", "md", "csv", "html")
"""Documents that Bedrock takes as they are written."""
_WRITTEN = ("application/json", "application/xml", "application/yaml", "application/csv", "application/x-")


class Reading:
    """What was found in one body. `open` keeps its order; `counted` are tokens sent as such."""

    __slots__ = ("audio", "audio_ms", "citations", "counted", "faithful", "family",
                 "forms", "long_cache", "messages", "open", "pictures", "query",
                 "repeated", "schema", "texts", "tools", "typed")  # fmt: skip

    def __init__(self, family: Family) -> None:
        self.family = family
        self.texts: list[str] = []
        self.forms: list[str] = []
        self.open: dict[str, None] = {}
        self.pictures = self.audio = self.audio_ms = self.counted = 0
        self.messages = self.tools = self.typed = self.repeated = 0
        self.query = ""
        self.schema = self.long_cache = self.citations = self.faithful = False

    def body(self, body: Mapping[str, object]) -> None:
        """Read all members of a request."""
        self.faithful = body.get("input_fidelity") == "high"
        for name, value in body.items():
            if value is None or name in SETTINGS:
                continue
            if name in _TOOLS and isinstance(value, list):
                self._offered(value)
            elif name == "toolConfig" and isinstance(value, dict):
                self._offered(value.get("tools") or [])
            elif name in _SCHEMAS or (name == "text" and isinstance(value, dict)):
                self._form(value)
            elif name in _CONFIGS and isinstance(value, dict):
                self._form({part: inner for part, inner in value.items() if "chema" in part})
            elif name in ("input", "prompt", "texts", "documents", "inputs") and isinstance(value, list):
                self._items(value, body)
            else:
                if value and name in _OPEN:
                    self.open[_OPEN[name]] = None
                elif name == "prompt" and isinstance(value, dict):
                    self.open["kept prompt"] = None
                self._walk({name: value})

    def _items(self, items: list[object], body: Mapping[str, object]) -> None:
        """Read a list of inputs, which may be token numbers instead of text; a reranker reads its query with each."""
        if items and type(items[0]) is int:
            self.counted += len(items)
            return
        query = body.get("query")
        if isinstance(query, str):
            self.query, self.repeated = query, len(items)
        for item in items:
            if type(item) is str:
                self.messages += 1
                self.texts.append(item)
            elif type(item) is list and item and type(item[0]) is int:
                self.counted += len(item)
            else:
                self.messages += 1
                self._walk(item)

    def _offered(self, tools: list[object]) -> None:
        """Read the tools offered: the caller's own as JSON, the vendor's by what they add."""
        self.forms.append(_ENCODED(tools))
        for tool in tools:
            if not isinstance(tool, dict):
                continue
            self.tools += 1
            kind = tool.get("type")
            declared = next((tool[name] for name in _DECLARED if name in tool), None)
            if isinstance(declared, list):
                self.tools += len(declared)
            elif kind not in _OWN_TOOLS or (declared is None and not tool.keys() & {"function", "name"}):
                self.typed += 1
                if not str(kind).startswith(_CLIENT_TOOLS):
                    self.open["server tools"] = None
            if "cache_control" in tool:
                self._cached(tool["cache_control"])

    def _form(self, value: object) -> None:
        """Read the form that the answer is to have."""
        if value and value != {"type": "text"}:
            self.schema = self.schema or not isinstance(value, dict) or bool(value.keys() - _PLAIN_FORM)
            self.forms.append(_ENCODED(value))

    def _walk(self, value: object) -> None:
        kind = type(value)
        if kind is dict:
            assert isinstance(value, dict)  # noqa: S101 - for the type checker
            self._node(value)
        elif kind is list:
            for item in value:  # type: ignore[attr-defined]
                self._walk(item)
        elif kind is str:
            self.texts.append(value)  # type: ignore[arg-type]
        elif value is not None:
            self._atom(value)

    def _atom(self, value: object) -> None:
        if isinstance(value, bool | int | float):
            self.texts.append(str(value))
        else:
            self.open["file"] = None  # an uploaded file

    def _node(self, node: dict[str, object]) -> None:
        if "role" in node:
            self.messages += 1
        marked = not MARKS.isdisjoint(node)
        for name, value in node.items():
            kind = type(value)
            if name == "citations" and kind is dict:
                self.citations = True
            if marked and name in MARKS and self._attached(name, value, node):
                continue
            if kind is str:
                if name in _SEALED or (name == "encrypted_content" and node.get("type") in _SEALED_ITEMS):
                    self.counted += len(value) * 3 // 8  # type: ignore[arg-type]
                elif name not in _UNSPOKEN:
                    self.texts.append(value)  # type: ignore[arg-type]
                    if name not in QUIET:
                        self.texts.append(name)
            elif value is not None:
                if name not in QUIET:
                    self.texts.append(name)
                self._walk(value)

    def _attached(self, name: str, value: object, node: dict[str, object]) -> bool:
        """Take a member that may hold media; False where it is plain structure."""
        if name in ("cache_control", "cachePoint"):
            self._cached(value)
            return True
        if name == "images":
            for each in value if isinstance(value, list) else ():
                if isinstance(each, str):
                    self._content(each, "image/", node)
                else:
                    self._walk(each)
            return isinstance(value, list)
        hint = next((kind for kind in ("image", "video", "audio") if kind in name), str(node.get("type", "")))
        holder = value if isinstance(value, dict) else node
        if isinstance(value, str):
            return self._content(value, "file" if name == "file_id" else _kind(node, hint), node)
        if not isinstance(value, dict):
            return False
        if name == "source" and (value.get("type") in ("text", "content") or not value.keys() & _HELD):
            return False
        if node.get("format") in _TEXT_FORMATS:
            hint = "text/plain"
        for part in _HELD_IN_ORDER:
            if value.get(part) is not None and part in value:
                inner = value[part]
                if isinstance(inner, dict):  # {"image": {"source": {"bytes": ...}}}
                    return self._attached(part, inner, {**value, "type": hint})
                return self._content(inner, "file" if part == "file_id" else _kind(holder, hint), value)
        return False

    def _cached(self, mark: object) -> None:
        self.long_cache = self.long_cache or (isinstance(mark, dict) and mark.get("ttl") == "1h")

    def _content(self, payload: object, kind: str, holder: dict[str, object]) -> bool:
        """Count one picture, document, sound or video."""
        if not isinstance(payload, str) or not payload:
            return False
        if payload.startswith("data:"):
            head, _, payload = payload.partition(",")
            kind = head[5:].partition(";")[0] or kind
        elif payload.startswith(_ADDRESSES) or kind == "file":
            if kind.startswith("image"):
                self.pictures += self.family.picture(None, holder.get("detail") == "low")
            else:
                self.open["file"] = None
            return True
        if kind in ("", "file", "document", "input_file") or "/" not in kind:
            kind = next((found for start, found in _MAGIC if payload.startswith(start)), "packed")
        if kind == "riff":
            kind = "audio/" if payload[10:16] == "XQVZF" else "image/"
        self._counted(payload, kind, holder)
        return True

    def _counted(self, payload: str, kind: str, holder: dict[str, object]) -> None:
        if kind.startswith("image/"):
            self.pictures += self.family.picture(size_of(payload), holder.get("detail") == "low")
            self.pictures += _FAITHFUL * self.faithful
        elif kind == "application/pdf":
            found = pdf_tokens(payload, self.family)
            if found is None:
                self.open["document"] = None
            else:
                self.pictures += found
        elif kind.startswith("audio/"):
            length = sound_ms(payload)
            self.audio_ms += length
            self.audio += -(-length * self.family.second // 1_000) + self.family.second
        elif kind.startswith("video/"):
            lasts = video_ms(payload)
            if lasts is None:
                self.open["video"] = None
            else:
                self.pictures += (lasts // 1_000 + 2) * self.family.frame
                self.audio += (lasts // 1_000 + 2) * self.family.second
        elif kind.startswith(("text/", *_WRITTEN)):
            self.texts.append(payload)  # base64 has more tokens than what it encodes
        else:
            self.open["document"] = None


_HELD_IN_ORDER = (
    "data", "bytes", "url", "file_data", "fileUri", "file_uri", "file_url", "file_id", "image_url", "source",
    "s3Location", "uri",
)  # fmt: skip
_HELD = frozenset(_HELD_IN_ORDER)


def _kind(holder: Mapping[str, object], hint: str) -> str:
    """Return the content type that a holder states, else one from the name it stands under."""
    for name in ("mimeType", "mime_type", "media_type", "mediaType"):
        stated = holder.get(name)
        if isinstance(stated, str) and stated:
            return stated
    return {
        "image": "image/",
        "input_image": "image/",
        "image_url": "image/",
        "audio": "audio/",
        "video": "video/",
    }.get(hint, hint)
