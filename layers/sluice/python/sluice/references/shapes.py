"""Where each dialect takes a file, as one table: how a reference is found there and what takes its place.

A shape looks at one object of the request. `find` returns the text that may be a reference; `inline` returns the object
with the file's bytes in that dialect's own form; `address` returns it with a URL, where the dialect has a form for one.
What stands beside the file in the object (detail, cache marks, titles) stays.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sluice.errors import BadRequest
from sluice.references.media import FORMATS, family

Node = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Content:
    """An upload as it goes into a request: `data` is base64 text, and `filename` asks for the declared name."""

    id: str
    mime_type: str
    filename: Callable[[], str]
    data: str = field(default="", repr=False)

    @property
    def data_url(self) -> str:
        """The file as a data URL."""
        return f"data:{self.mime_type};base64,{self.data}"


@dataclass(frozen=True, slots=True)
class Shape:
    """One form of one dialect. `families` are the kinds of media it takes; `quirk` declares that it takes URLs."""

    path: str
    families: tuple[str, ...]
    find: Callable[[Node], object]
    inline: Callable[[Node, Content], Node]
    address: Callable[[Node, Content, str], Node] | None = None
    quirk: str = "input_urls"


def _inner(node: Node, name: str) -> Node:
    found = node.get(name)
    return found if isinstance(found, dict) else {}


def _format(content: Content, said: object) -> str:
    """Return the word for the upload's type. Raises BadRequest where there is none or the request says another."""
    kind = family(content.mime_type)
    word = FORMATS[kind].get(content.mime_type)
    if word is None:
        known = ", ".join(FORMATS[kind])
        raise BadRequest(
            f"Upload {content.id} is {content.mime_type}, which has no format here; it may be one of {known}.",
            code="upload_wrong_type",
        )
    if isinstance(said, str) and said and said != word and {said, word} != {"jpg", "jpeg"}:
        raise BadRequest(
            f"The request calls upload {content.id} {said!r}, but it is {content.mime_type} ({word}).",
            code="upload_wrong_type",
        )
    return word


# --- OpenAI chat, Cohere, and whoever took their parts over ------------------------------------------------------
def _url_part(name: str, families: tuple[str, ...]) -> Shape:
    """Return the shape of {name: {"url": ...}}, and of {name: "..."} as Mistral and the Responses API have it."""

    def find(node: Node) -> object:
        held = node.get(name)
        return held.get("url") if isinstance(held, dict) else held

    def put(node: Node, url: str) -> Node:
        held = node[name]
        return {**node, name: {**held, "url": url} if isinstance(held, dict) else url}

    return Shape(
        name, families, find, lambda node, content: put(node, content.data_url), lambda node, _, url: put(node, url)
    )


def _chat_file(node: Node, content: Content) -> Node:
    held = _inner(node, "file")
    # The name is required beside the data (OpenAI API reference, chat completions, 2026-11).
    name = held.get("filename") or content.filename()
    return {**node, "file": {**held, "filename": name, "file_data": content.data_url}}


def _chat_file_address(node: Node, content: Content, url: str) -> Node:
    held = _inner(node, "file")
    return {**node, "file": {**held, "filename": held.get("filename") or content.filename(), "file_data": url}}


def _sound(node: Node, content: Content) -> Node:
    held = _inner(node, "input_audio")
    word = _format(content, held.get("format"))
    return {**node, "input_audio": {**held, "data": content.data, "format": word}}


_PICTURE_URL = _url_part("image_url", ("image",))
_SOUND = Shape("input_audio.data", ("audio",), lambda node: _inner(node, "input_audio").get("data"), _sound)
_OPENAI_CHAT = (
    _PICTURE_URL,
    _url_part("document_url", ("document", "image")),
    _url_part("video_url", ("video",)),
    _SOUND,
    Shape(
        "file.file_data",
        ("document", "image", "audio", "video"),
        lambda node: _inner(node, "file").get("file_data"),
        _chat_file,
        _chat_file_address,
        "file_urls",
    ),
)


# --- OpenAI Responses ---------------------------------------------------------------------------------------------
def _input_file(node: Node) -> object:
    return node.get("file_url") or node.get("file_data") if node.get("type") == "input_file" else None


def _input_file_inline(node: Node, content: Content) -> Node:
    kept = {name: value for name, value in node.items() if name != "file_url"}
    return {**kept, "filename": node.get("filename") or content.filename(), "file_data": content.data_url}


def _input_file_address(node: Node, _: Content, url: str) -> Node:
    return {**{name: value for name, value in node.items() if name not in ("file_data", "filename")}, "file_url": url}


_RESPONSES = (
    _PICTURE_URL,
    _SOUND,
    Shape(
        "file_data",
        ("document", "image", "audio", "video"),
        _input_file,
        _input_file_inline,
        _input_file_address,
    ),
)


# --- Anthropic ----------------------------------------------------------------------------------------------------
def _source(kind: str) -> Callable[[Node], object]:
    def find(node: Node) -> object:
        held = _inner(node, "source") if node.get("type") == kind else {}
        return held.get("url") or held.get("data")

    return find


def _base64_source(node: Node, content: Content) -> Node:
    return {**node, "source": {"type": "base64", "media_type": content.mime_type, "data": content.data}}


def _document_source(node: Node, content: Content) -> Node:
    """Write a PDF as base64 and a text as itself: other documents are not taken (PDF support, 2026-11)."""
    if content.mime_type == "application/pdf":
        return _base64_source(node, content)
    if not content.mime_type.startswith("text/"):
        raise BadRequest(
            f"Upload {content.id} is {content.mime_type}; a document is application/pdf or text here.",
            code="upload_wrong_type",
        )
    import binascii

    try:
        text = binascii.a2b_base64(content.data).decode()
    except UnicodeDecodeError:
        raise BadRequest(
            f"Upload {content.id} is declared {content.mime_type} and is not UTF-8.", code="upload_wrong_type"
        ) from None
    return {**node, "source": {"type": "text", "media_type": "text/plain", "data": text}}


def _source_address(node: Node, content: Content, url: str) -> Node:
    if family(content.mime_type) == "document" and content.mime_type != "application/pdf":
        raise BadRequest(
            f"Upload {content.id} is {content.mime_type} and too large to stand in the request; by URL a document must "
            "be application/pdf here.",
            code="upload_wrong_type",
        )
    return {**node, "source": {"type": "url", "url": url}}


_ANTHROPIC = (
    Shape("source.url", ("image",), _source("image"), _base64_source, _source_address),
    Shape("source.url", ("document",), _source("document"), _document_source, _source_address),
)


# --- Gemini: both spellings of its members ------------------------------------------------------------------------
_FILE_NAMES = ("fileData", "file_data")
_GEMINI_NAMES = (*_FILE_NAMES, "inlineData", "inline_data")


def _gemini_file(node: Node) -> object:
    for name in _GEMINI_NAMES:
        held = _inner(node, name)
        found = held.get("fileUri") or held.get("file_uri") or (held.get("data") if name not in _FILE_NAMES else None)
        if found:
            return found
    return None


def _gemini(node: Node, content: Content, name: str, members: Node) -> Node:
    for held in (_inner(node, spelling) for spelling in _GEMINI_NAMES):
        said = held.get("mimeType") or held.get("mime_type")
        if isinstance(said, str) and said.lower() != content.mime_type:
            raise BadRequest(
                f"The request calls upload {content.id} {said[:64]!r}, but it is {content.mime_type}.",
                code="upload_wrong_type",
            )
    kept = {key: value for key, value in node.items() if key not in _GEMINI_NAMES}
    return {**kept, name: {"mimeType": content.mime_type, **members}}


_GEMINI = (
    Shape(
        "fileData.fileUri",
        ("image", "audio", "video", "document"),
        _gemini_file,
        lambda node, content: _gemini(node, content, "inlineData", {"data": content.data}),
        lambda node, content, url: _gemini(node, content, "fileData", {"fileUri": url}),
    ),
)


# --- Bedrock Converse ---------------------------------------------------------------------------------------------
def _converse(kind: str) -> Shape:
    def find(node: Node) -> object:
        source = _inner(_inner(node, kind), "source")
        return source.get("bytes") or _inner(source, "s3Location").get("uri")

    def inline(node: Node, content: Content) -> Node:
        held = _inner(node, kind)
        word = _format(content, held.get("format"))
        if kind == "document":
            held = {"name": _converse_name(content.filename()), **held}
        return {**node, kind: {**held, "format": word, "source": {"bytes": content.data}}}

    return Shape(f"{kind}.source.bytes", (kind,), find, inline)


def _converse_name(filename: str) -> str:
    """Return a name of the characters that Converse allows (DocumentBlock, API reference, 2026-11)."""
    kept = "".join(c if c.isascii() and (c.isalnum() or c in "-()[]") else " " for c in filename)
    return " ".join(kept.split())[:200] or "document"


_BEDROCK = tuple(_converse(kind) for kind in ("image", "document", "video", "audio"))

SHAPES: Mapping[str, tuple[Shape, ...]] = {
    "openai_chat": _OPENAI_CHAT,
    "openai_responses": _RESPONSES,
    "anthropic_messages": _ANTHROPIC,
    "anthropic_count_tokens": _ANTHROPIC,
    "gemini": _GEMINI,
    "gemini_count_tokens": _GEMINI,
    "gemini_embed_content": _GEMINI,
    "gemini_embeddings": _GEMINI,
    "gemini_images": _GEMINI,
    "bedrock_converse": _BEDROCK,
    "bedrock_count_tokens": _BEDROCK,
    "bedrock_invoke": (*_ANTHROPIC, *_BEDROCK),
    "cohere_chat": (_PICTURE_URL,),
    "cohere_embeddings": (_PICTURE_URL,),
    "bedrock_embeddings": (_PICTURE_URL,),
    "openai_moderations": (_PICTURE_URL,),
    "snowflake_complete": (_PICTURE_URL,),
    "openai_image_edits": (_PICTURE_URL,),
}
"""The shapes of each dialect; the first one that finds a reference in an object is taken."""

LISTS: Mapping[str, Mapping[str, str]] = {
    "ollama_chat": {"images": "base64"},
    "cohere_embeddings": {"images": "data_url"},
    "bedrock_embeddings": {"images": "data_url"},
}
"""Members that are lists of pictures, each a text: how that is written (Ollama API, Cohere Embed API, 2026-11)."""

FIELDS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "openai_transcriptions": {"file": ("audio", "video")},
    "openai_translations": {"file": ("audio", "video")},
    "openai_image_edits": {"image": ("image",), "mask": ("image",)},
}
"""Fields of forms that are files, and the kinds of media they take; a text in their place may be a reference."""

LEFT: frozenset[str] = frozenset(
    {
        "arguments",
        "functionCall",
        "functionDeclarations",
        "function_call",
        "toolConfig",
        "toolUse",
        "tool_calls",
        "tools",
    }
)
"""Members that hold a tool's schema or what a model wrote to a tool: their texts are nobody's file."""
LEFT_TYPES: frozenset[str] = frozenset({"function_call", "custom_tool_call", "server_tool_use", "tool_use"})
"""Types of objects that are all of that kind."""
